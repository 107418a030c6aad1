// SPDX-License-Identifier: Apache-2.0

/** An agent's side of the seal, for tests: activities with their own leaves, a key, a tree that is computed anew each time. */
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { leafOf, SALT_BYTES } from '../../proto/leaf.ts';
import { formatCheckpoint } from '../../proto/log/checkpoint.ts';
import { MerkleFrontier, nodeHash, rootOf } from '../../proto/log/merkle.ts';
import { createVerifier, formatNote, formatVerifier, signText } from '../../proto/log/note.ts';
import type { sworn } from '../../proto/record.ts';
import type { ActivityProperties } from '../model/activity.ts';
import { makeActivity } from './activity-maker.ts';
import { encodeBatch } from './batch-maker.ts';

/** The root over leaves, by the definition of RFC 6962 and not by the tree that grows. */
export function rootOfLeaves(leaves: readonly Uint8Array[]): Buffer {
  const hashOf = (level: number, index: number): Uint8Array =>
    level === 0 ? leaves[index]! : nodeHash(hashOf(level - 1, index * 2), hashOf(level - 1, index * 2 + 1));
  return rootOf(leaves.length, hashOf);
}

export class SealedRecord {
  readonly agentId: string;
  readonly privateKey: KeyObject;
  readonly activities: ActivityProperties[] = [];
  /** Another one of the same agent, that says something else from here on. */
  readonly #word: string;

  constructor(agentId: string, options: { privateKey?: KeyObject; word?: string } = {}) {
    this.agentId = agentId;
    this.privateKey = options.privateKey ?? generateKeyPairSync('ed25519').privateKey;
    this.#word = options.word ?? '';
  }

  get origin(): string {
    return `sworn/${this.agentId}`;
  }

  get keyLine(): string {
    return formatVerifier(this.verifier);
  }

  get verifier() {
    return createVerifier(this.origin, createPublicKey(this.privateKey));
  }

  /** The same up to `size`; what it says behind that is its own. */
  fork(size: number, word = 'forked'): SealedRecord {
    const other = new SealedRecord(this.agentId, { privateKey: this.privateKey, word });
    other.activities.push(...this.activities.slice(0, size));
    return other;
  }

  grow(count: number): this {
    for (let at = 0; at < count; at++) {
      const seq = this.activities.length + 1;
      // Never zeros: those stand for an activity without one.
      const salt = Buffer.alloc(SALT_BYTES, 1 + (seq % 255));
      const activity = { ...makeActivity(seq), workload: this.#word || 'w', salt, leaf: Buffer.alloc(0) };
      this.activities.push({ ...activity, leaf: leafOf(activity, this.agentId, `host-of-${this.agentId}`) });
    }
    return this;
  }

  get leaves(): Uint8Array[] {
    return this.activities.map(({ leaf }) => leaf!);
  }

  batch(firstSeq: number, lastSeq = this.activities.length): Buffer {
    return encodeBatch(this.activities.slice(firstSeq - 1, lastSeq), firstSeq);
  }

  text(size = this.activities.length, root = rootOfLeaves(this.leaves.slice(0, size)), origin = this.origin): string {
    return formatCheckpoint({ origin, size, root, extensions: [] });
  }

  sign(text: string, name = this.origin, privateKey = this.privateKey): string {
    return formatNote({ text, signatures: [signText(text, name, privateKey)] });
  }

  note(size?: number): string {
    return this.sign(this.text(size));
  }

  subtrees(size = this.activities.length): Buffer[] {
    const tree = new MerkleFrontier();
    for (const leaf of this.leaves.slice(0, size)) tree.append(leaf);
    return tree.subtrees;
  }

  hello(fields: sworn.v1.Hello.$Properties = {}): sworn.v1.Hello.$Properties {
    return { sealKey: this.keyLine, firstSeq: 1, lastSeq: this.activities.length, ...fields };
  }
}
