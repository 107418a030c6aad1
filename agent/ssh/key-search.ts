// SPDX-License-Identifier: Apache-2.0

/** Which of the keys that a session's processes used opens the first packet of a direction. */
import type { SshCipherKey } from '../model/ssh-key.ts';
import type { PacketSpec } from './algorithms.ts';
import type { Direction } from './direction.ts';
import { newInflater } from './inflater.ts';
import type { SshKeyStore } from './key-pool.ts';
import { type PacketCipher, packetCipher } from './packet-cipher.ts';
import { isMessage, payloadOf } from './plausible.ts';

export type KeyFound =
  | { readonly kind: 'found'; readonly cipher: PacketCipher }
  /** One may be it: the rest of the packet tells. */
  | { readonly kind: 'need-more' }
  | { readonly kind: 'none' };

/** A key as a cipher needs it, and those of the store that it was made of. */
interface Candidate {
  readonly key: Buffer;
  readonly iv: Buffer;
  readonly from: readonly SshCipherKey[];
}

/** Try all keys of the store with what is in the direction's queue. What proves itself is taken, and its copy in the store zeroed. */
export function findKey(of: Direction, spec: PacketSpec, store: SshKeyStore): KeyFound {
  let answer: KeyFound = { kind: 'none' };
  for (const candidate of candidatesFor(spec, store)) {
    const outcome = tryKey(of, spec, candidate);
    if (outcome.kind === 'need-more') answer = outcome;
    if (outcome.kind !== 'found') continue;
    for (const key of candidate.from) {
      store.take(key);
      key.key.fill(0);
      key.iv.fill(0);
    }
    return outcome;
  }
  return answer;
}

/** A key of 64 bytes may come as two of 32, in either order. */
function* candidatesFor({ cipher }: PacketSpec, store: SshKeyStore): Generator<Candidate> {
  let before: SshCipherKey | undefined;
  for (const one of store.candidates()) {
    if (one.key.length === cipher.keyBytes) yield { key: one.key, iv: one.iv, from: [one] };
    if (cipher.kind !== 'chacha' || one.key.length !== 32 || one.cipher.startsWith('aes')) continue;
    // The newest come first, so the one before is the later one: lengths are given their key after contents.
    if (before !== undefined) {
      yield { key: Buffer.concat([one.key, before.key]), iv: one.iv, from: [one, before] };
      yield { key: Buffer.concat([before.key, one.key]), iv: one.iv, from: [one, before] };
    }
    before = one;
  }
}

function tryKey(of: Direction, spec: PacketSpec, { key, iv }: Candidate): KeyFound {
  const cipher = packetCipher(spec, key, iv);
  if (cipher === undefined) return { kind: 'none' };
  const { queue } = of;
  const bytes = queue.length < cipher.headBytes ? 0 : cipher.packetBytes(queue.peek(cipher.headBytes), of.sequence);
  if (bytes === 0 || (bytes !== undefined && bytes > queue.length)) {
    cipher.end();
    return { kind: 'need-more' };
  }
  const body = bytes === undefined ? undefined : cipher.open(queue.peek(bytes), of.sequence);
  cipher.end();
  const payload = body && payloadOf(body);
  // A tag needs no second proof.
  const isProof =
    payload !== undefined && (spec.cipher.kind === 'gcm' || spec.cipher.kind === 'chacha' || isPlausible(of, payload));
  if (!isProof) return { kind: 'none' };
  const fresh = packetCipher(spec, key, iv);
  return fresh === undefined ? { kind: 'none' } : { kind: 'found', cipher: fresh };
}

/** A compressed stream begins anew with each exchange of keys. */
function isPlausible({ inflater, keyExchanges }: Direction, payload: Buffer): boolean {
  const message = inflater === undefined ? payload : newInflater().inflate(payload);
  return message !== undefined && message.length > 0 && isMessage(message, keyExchanges === 1);
}
