// SPDX-License-Identifier: Apache-2.0

/** A log in memory that signs its checkpoints, and can lie: for tests of those who look at logs. */
import { generateKeyPairSync, hash, type KeyObject } from 'node:crypto';
import { formatCheckpoint } from '../../proto/log/checkpoint.ts';
import { consistencyProof, MerkleFrontier, nodeHash, type SubtreeHash } from '../../proto/log/merkle.ts';
import {
  createVerifier,
  formatNote,
  formatVerifier,
  type NoteVerifier,
  type SignedNote,
  signText,
} from '../../proto/log/note.ts';

export class TestLog {
  readonly origin: string;
  readonly privateKey: KeyObject;
  readonly verifier: NoteVerifier;
  readonly keyLine: string;
  readonly leaves: Buffer[] = [];
  readonly #frontier = new MerkleFrontier();

  constructor(origin: string, keys = generateKeyPairSync('ed25519')) {
    this.origin = origin;
    this.privateKey = keys.privateKey;
    this.verifier = createVerifier(origin, keys.publicKey);
    this.keyLine = formatVerifier(this.verifier);
  }

  /** Grow to so many leaves; another `branch` has other leaves. */
  grow(size: number, branch = ''): this {
    while (this.leaves.length < size) {
      this.append(hash('sha256', `${branch} ${this.leaves.length}`, 'buffer'));
    }
    return this;
  }

  append(leaf: Uint8Array): void {
    this.leaves.push(Buffer.from(leaf));
    this.#frontier.append(leaf);
  }

  /** As it was when it had so many leaves. */
  at(size: number): TestLog {
    const other = new TestLog(this.origin, { privateKey: this.privateKey, publicKey: this.verifier.publicKey });
    for (const leaf of this.leaves.slice(0, size)) other.append(leaf);
    return other;
  }

  /** The same log, so far; from here on they may differ. */
  fork(branch: string, size: number): TestLog {
    return this.at(this.size).grow(size, branch);
  }

  get size(): number {
    return this.leaves.length;
  }

  get root(): Buffer {
    return this.#frontier.root();
  }

  get text(): string {
    return formatCheckpoint({ origin: this.origin, size: this.size, root: this.root, extensions: [] });
  }

  get signed(): SignedNote {
    return { text: this.text, signatures: [signText(this.text, this.origin, this.privateKey)] };
  }

  /** The signed checkpoint at its size of now. */
  get note(): string {
    return formatNote(this.signed);
  }

  get subtree(): SubtreeHash {
    const hashOf: SubtreeHash = (level, index) =>
      level === 0
        ? (this.leaves[index] as Buffer)
        : nodeHash(hashOf(level - 1, 2 * index), hashOf(level - 1, 2 * index + 1));
    return hashOf;
  }

  proofFrom(oldSize: number): Buffer[] {
    return consistencyProof(oldSize, this.size, this.subtree);
  }
}
