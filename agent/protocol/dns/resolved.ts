// SPDX-License-Identifier: Apache-2.0

/**
 * Which addresses a reply gives to the name that was asked for: its A and AAAA records at the end of the chain of CNAMEs.
 * Only what was asked for counts: a reply that nobody asked for, what anybody may say (mDNS, LLMNR), and records beside the
 * chain name nothing.
 */
import { asBuffer } from '../bytes/byte-reader.ts';
import type { Exchange } from '../decoder.ts';
import { readMessage } from './message.ts';
import { sameCase } from './name.ts';
import { TYPE } from './record-types.ts';

export interface ResolvedAddress {
  readonly address: string;
  /** As it was asked for, in lower case. */
  readonly name: string;
  /** Seconds; of a chain the shortest. */
  readonly ttl: number;
}

/** Of an exchange of protocol 'dns'. */
export function resolvedBy({ status, attributes, resource, response }: Exchange): readonly ResolvedAddress[] {
  if (status !== 'ok' || ['unasked', 'reversed', 'variant'].some((key) => attributes[key] !== undefined)) return [];
  if (resource === '' || response.bytes.length < response.totalBytes) return [];
  const reply = readMessage(asBuffer(response.bytes));
  if (reply === undefined || !reply.isWhole) return [];
  let ttl = Number.POSITIVE_INFINITY;
  const chain = new Set([resource]);
  // Servers write a chain in its order; one that does not is followed as far as it is in order.
  for (const { name, type, data, ttl: own } of reply.answers) {
    if (type !== TYPE.CNAME || !chain.has(sameCase(name))) continue;
    chain.add(sameCase(data));
    ttl = Math.min(ttl, own);
  }
  return reply.answers
    .filter(({ name, type }) => (type === TYPE.A || type === TYPE.AAAA) && chain.has(sameCase(name)))
    .filter(({ data }) => !data.startsWith('\\'))
    .map(({ data, ttl: own }) => ({ address: data, name: resource, ttl: Math.min(ttl, own) }));
}
