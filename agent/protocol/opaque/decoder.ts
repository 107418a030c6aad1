// SPDX-License-Identifier: Apache-2.0

/**
 * The decoder for a connection that nobody understands, and for one that changed to a language that has no decoder: it
 * counts the bytes and keeps the first few of each side as a hint of what they were. It gives no exchange and, since
 * nothing was expected of the bytes, no trouble: the counts say it.
 */
import type { ByteCounts, Decoder, Side } from '../decoder.ts';

/** Enough for the greeting of most protocols; what a person needs to guess, and not more of what nobody redacts. */
export const HINT_BYTES_MAX = 256;

export class OpaqueDecoder implements Decoder {
  readonly counts: Readonly<Record<Side, ByteCounts>> = {
    client: { decoded: 0, notUnderstood: 0, cut: 0 },
    server: { decoded: 0, notUnderstood: 0, cut: 0 },
  };
  readonly #hintBytesMax: number;
  readonly #hints: Record<Side, Buffer> = { client: Buffer.alloc(0), server: Buffer.alloc(0) };
  readonly #ended = { client: false, server: false };
  /** Bytes behind a gap are not the first ones. */
  readonly #broken = { client: false, server: false };
  /** More followed than the hint has. */
  readonly #cut = { client: false, server: false };

  constructor(hintBytesMax: number = HINT_BYTES_MAX) {
    this.#hintBytesMax = hintBytesMax;
  }

  /** 0 after both sides ended, though the hints may still be read. */
  get heldBytes(): number {
    return this.#ended.client && this.#ended.server ? 0 : this.#hints.client.length + this.#hints.server.length;
  }

  /**
   * The first bytes that `side` sent. They may hold anything, also credentials: not for the record as they are. Where the bound or a
   * gap cuts them, the word that is cut is left out: of half a key nobody can tell that it is one.
   */
  hint(side: Side): Uint8Array {
    return this.#cut[side] ? wholeWords(this.#hints[side]) : this.#hints[side];
  }

  push(from: Side, bytes: Uint8Array, _at: number): void {
    this.counts[from].notUnderstood += bytes.length;
    const hint = this.#hints[from];
    const wanted = this.#hintBytesMax - hint.length;
    if (wanted > 0 && !this.#broken[from]) this.#hints[from] = Buffer.concat([hint, bytes.subarray(0, wanted)]);
    if (bytes.length > wanted) this.#cut[from] = true;
  }

  gap(from: Side, _missingBytes: number, _at: number): void {
    this.#broken[from] = true;
    this.#cut[from] = true;
  }

  end(from: Side, _at: number): void {
    this.#ended[from] = true;
  }
}

/** Without the printable characters at the end that no space ends. */
function wholeWords(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1]! > 0x20 && bytes[end - 1]! < 0x7f) end--;
  return bytes.subarray(0, end);
}
