// SPDX-License-Identifier: Apache-2.0

/**
 * Fills in the answers of `leaf.vectors.json` from its questions (title, agentId, host, activity). Run by hand when a case
 * is added. A case that is there already never changes: then the encoding would have, and every leaf in the world with it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { canonicalBytes, leafOf, payloadDigests } from './leaf.ts';
import { sworn } from './record.ts';

export interface LeafVector {
  readonly title: string;
  readonly agentId: string;
  readonly host: string;
  readonly activity: Readonly<Record<string, unknown>>;
  readonly encoded: string;
  readonly digests: Readonly<Record<string, string>>;
  readonly canonical: string;
  readonly leaf: string;
}

const file = join(import.meta.dirname, 'leaf.vectors.json');

export const recordProto = join(import.meta.dirname, 'sworn/v1/record.proto');

export function readVectors(): readonly LeafVector[] {
  return JSON.parse(readFileSync(file, 'utf8')) as LeafVector[];
}

/** By reflection over the .proto, so that the JSON form is read by a reader that knows nothing of leaves. */
export function encodeFromJson(activity: Readonly<Record<string, unknown>>): Uint8Array {
  const type = protobuf.loadSync(recordProto).lookupType('sworn.v1.Activity');
  return type.encode(type.fromObject({ ...activity })).finish();
}

function answer(vector: LeafVector): LeafVector {
  const { title, agentId, host, activity } = vector;
  const encoded = Buffer.from(encodeFromJson(activity));
  const message = sworn.v1.Activity.decode(encoded);
  const digests = [...payloadDigests(message)].map(([name, digest]) => [name, Buffer.from(digest).toString('hex')]);
  return {
    title,
    agentId,
    host,
    activity,
    encoded: encoded.toString('hex'),
    digests: Object.fromEntries(digests),
    canonical: canonicalBytes(message, agentId, host).toString('hex'),
    leaf: leafOf(message, agentId, host).toString('hex'),
  };
}

if (import.meta.main) {
  const answered = readVectors().map(answer);
  for (const [index, before] of readVectors().entries()) {
    if (before.leaf !== undefined && before.leaf !== answered[index]!.leaf) {
      console.error(`the leaf of "${before.title}" would change; the encoding needs a new version instead`);
      process.exit(1);
    }
  }
  writeFileSync(file, `${JSON.stringify(answered, null, 2)}\n`);
}
