// SPDX-License-Identifier: Apache-2.0

/**
 * Which addresses systemd-resolved gives to the name that it was asked for, as nss-resolve asks it for getaddrinfo(3).
 *
 * Shape    addresses: [{ family i32 (2, 10) · address [u8] · ifindex }] · name text · flags u64
 * Source   systemd, io.systemd.Resolve (resolved-varlink.c); flags: resolved-def.h
 */
import { addressText } from '../bytes/address-text.ts';
import type { Exchange } from '../decoder.ts';
import type { ResolvedAddress } from '../dns/resolved.ts';
import { objectOf } from '../mcp/json-rpc.ts';
import { readReply, type VarlinkCall, type VarlinkReply } from './messages.ts';

const METHOD = 'io.systemd.Resolve.ResolveHostname';
/** LLMNR and mDNS, over IPv4 and IPv6: what anybody near may have said. */
const ASKED_AROUND = 0b11110;
/** AF_INET and AF_INET6: the version of IP, and how long its addresses are. */
const FAMILIES: Readonly<Record<number, readonly [version: number, bytes: number]>> = { 2: [4, 4], 10: [6, 16] };
/** Addresses of one answer. */
const ADDRESSES_MAX = 256;
const SHOWN_MAX = 64;
/** Whose reply it is may be another's; or there are several. */
const UNSURE = ['pairing_uncertain', 'replies'];

export function isResolving({ method }: VarlinkCall): boolean {
  return method === METHOD;
}

/** What a person wants to see of the answer. */
export function namesIn(reply: VarlinkReply): Readonly<Record<string, string>> {
  const addresses = addressesIn(reply);
  const { name } = reply.values;
  return {
    ...(addresses.length > 0 && { addresses: JSON.stringify(addresses.slice(0, SHOWN_MAX)) }),
    ...(typeof name === 'string' && name !== '' && { canonical_name: name.slice(0, 255) }),
  };
}

/** Of an exchange of protocol 'varlink'. `ttl` is 0: the answer has none. */
export function resolvedByVarlink(exchange: Exchange): readonly ResolvedAddress[] {
  const { operation, target, resource, status, attributes, response } = exchange;
  if (status !== 'ok' || `${target}.${operation}` !== METHOD || resource === '') return [];
  if (exchange.truncated || UNSURE.some((key) => attributes[key] !== undefined)) return [];
  const reply = readReply(Buffer.from(response.bytes).toString());
  if (reply === undefined || (Number(reply.values['flags'] ?? 0) & ASKED_AROUND) !== 0) return [];
  return addressesIn(reply).map((address) => ({ address, name: resource, ttl: 0 }));
}

function addressesIn(reply: VarlinkReply): string[] {
  const { addresses } = reply.values;
  if (!Array.isArray(addresses)) return [];
  return addresses.slice(0, ADDRESSES_MAX).flatMap((entry) => {
    const { family, address } = objectOf(entry) ?? {};
    const known = typeof family === 'number' ? FAMILIES[family] : undefined;
    if (known === undefined || !Array.isArray(address) || address.length !== known[1]) return [];
    if (!address.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255)) return [];
    return [addressText(Buffer.from(address as number[]), 0, known[0])];
  });
}
