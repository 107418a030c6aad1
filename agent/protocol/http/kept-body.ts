// SPDX-License-Identifier: Apache-2.0

/** A body as it arrives after transfer framing: its head kept up to a bound, all of it counted, and hashed once cut. */
import { createHash, type Hash } from 'node:crypto';
import { GrowingBytes } from './held-bytes.ts';

export interface WholeBody {
  /** The kept head of the body: all of it, or up to the bound, or up to the first gap. */
  readonly bytes: Buffer;
  readonly totalBytes: number;
  /** Bytes of `totalBytes` that were never seen. */
  readonly missingBytes: number;
  /** There is a gap in it. */
  readonly isBroken: boolean;
  /** `bytes` is not all of the body. */
  readonly cut: boolean;
  /** Of the whole body; absent when it was not cut, or has a gap. */
  readonly sha256?: Uint8Array;
}

export const NO_BODY: WholeBody = {
  bytes: Buffer.alloc(0),
  totalBytes: 0,
  missingBytes: 0,
  isBroken: false,
  cut: false,
};

/** Reads a body while it arrives, in place of who keeps it. */
export interface Following {
  /**
   * Content that comes next, `wireBytes` of its message before it. Answers how many bytes are not kept: of these, or of what
   * it held; undefined when it gives up, and the content is to be kept after all, from `held` on.
   */
  take(content: Uint8Array, wireBytes: number, at: number): number | undefined;
  /** Bytes are missing here. */
  gap(): void;
  /** It is sure that the body is its own. */
  readonly isSure: boolean;
  /** What came before it gave up, or before the body ended with it unsure. */
  held(): Buffer;
  readonly heldBytes: number;
}

export class KeptBody {
  readonly #kept: GrowingBytes;
  #following: Following | undefined;
  #totalBytes = 0;
  #missingBytes = 0;
  #hash: Hash | undefined;
  readonly #bytesMax: number;
  #isBroken = false;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#kept = new GrowingBytes(bytesMax);
  }

  get heldBytes(): number {
    return this.#kept.heldBytes + (this.#following?.heldBytes ?? 0);
  }

  /** Somebody reads it on. To be called before the first bytes. */
  follow(following: Following): void {
    this.#following = following;
  }

  get isFollowed(): boolean {
    return this.#following !== undefined;
  }

  /** Of the body as it came so far, those that are missing included. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** How many bytes more would be kept. */
  get room(): number {
    return this.#isBroken || this.#kept.length < this.#totalBytes ? 0 : this.#bytesMax - this.#kept.length;
  }

  /** Take the next bytes; answers how many of them were kept. Behind a gap none are: kept bytes are a head, unbroken. */
  append(bytes: Uint8Array, wireBytes = 0, at = 0): number {
    const following = this.#following;
    if (following === undefined) return this.#keep(bytes);
    const notKept = following.take(bytes, wireBytes, at);
    if (notKept !== undefined) return bytes.length - notKept;
    this.#following = undefined;
    const held = following.held();
    const lost = held.length - this.#keep(held);
    return this.#keep(bytes) - lost;
  }

  #keep(bytes: Uint8Array): number {
    const wasWhole = !this.#isBroken && this.#kept.length === this.#totalBytes;
    const kept = wasWhole ? this.#kept.append(bytes) : 0;
    this.#totalBytes += bytes.length;
    if (kept === bytes.length || this.#isBroken) return kept;
    // Most bodies are never cut, so hashing waits until this one is.
    if (wasWhole) this.#hash = createHash('sha256').update(this.#kept.view()).update(bytes.subarray(kept));
    else this.#hash?.update(bytes);
    return kept;
  }

  /** The kept head, without a copy: good until the next append. */
  view(): Buffer {
    return this.#kept.view();
  }

  /** Bytes are missing; 0 where nobody knows how many. */
  gap(missingBytes: number): void {
    this.#following?.gap();
    this.#giveUpUnsure();
    this.#isBroken = true;
    this.#totalBytes += missingBytes;
    this.#missingBytes += missingBytes;
    this.#hash = undefined;
  }

  /** Held bytes of who was never sure count as kept: they are far fewer than any bound. */
  #giveUpUnsure(): void {
    if (this.#following === undefined || this.#following.isSure) return;
    const held = this.#following.held();
    this.#following = undefined;
    this.#keep(held);
  }

  finish(): WholeBody {
    this.#giveUpUnsure();
    const bytes = this.#kept.take();
    const body = {
      bytes,
      totalBytes: this.#totalBytes,
      missingBytes: this.#missingBytes,
      cut: this.#isBroken || bytes.length < this.#totalBytes,
      isBroken: this.#isBroken,
    };
    return this.#hash === undefined ? body : { ...body, sha256: this.#hash.digest() };
  }
}
