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

export class KeptBody {
  readonly #kept: GrowingBytes;
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
    return this.#kept.heldBytes;
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
  append(bytes: Uint8Array): number {
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
    this.#isBroken = true;
    this.#totalBytes += missingBytes;
    this.#missingBytes += missingBytes;
    this.#hash = undefined;
  }

  finish(): WholeBody {
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
