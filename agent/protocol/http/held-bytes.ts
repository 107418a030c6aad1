// SPDX-License-Identifier: Apache-2.0

/** Bytes that are kept while more are awaited: copies that grow, and copies that remember when each byte was seen. */

const NOTHING = Buffer.alloc(0);

/** Grows by doubling, never above `bytesMax`; the first append is allocated exactly, since most bodies are one chunk. */
export class GrowingBytes {
  readonly #bytesMax: number;
  #store: Buffer = NOTHING;
  #length = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get length(): number {
    return this.#length;
  }

  /** What it costs: the allocation, not only the part in use. */
  get heldBytes(): number {
    return this.#store.length;
  }

  /** Append as much as fits under the bound; answers how much that was. */
  append(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, this.#bytesMax - this.#length);
    if (taken <= 0) return 0;
    const needed = this.#length + taken;
    if (needed > this.#store.length) {
      const wanted = this.#length === 0 ? needed : Math.max(needed, 2 * this.#store.length);
      const grown = Buffer.allocUnsafe(Math.min(wanted, this.#bytesMax));
      grown.set(this.#store.subarray(0, this.#length));
      this.#store = grown;
    }
    this.#store.set(taken === bytes.length ? bytes : bytes.subarray(0, taken), this.#length);
    this.#length = needed;
    return taken;
  }

  /** The bytes, without a copy: good until the next append. */
  view(): Buffer {
    return this.#store.subarray(0, this.#length);
  }

  /** The bytes in an allocation of their own size; this one is empty afterwards. */
  take(): Buffer {
    const taken = this.#length === this.#store.length ? this.#store : Buffer.from(this.view());
    this.#store = NOTHING;
    this.#length = 0;
    return taken;
  }
}

/** Bytes with the label that each came with; may be dropped from the front. */
export class LabelledBytes {
  #store: Buffer = NOTHING;
  #from = 0;
  #to = 0;
  /** Each mark holds from its offset (counted from the first byte ever appended) to the next mark. */
  #marks: { offset: number; at: number }[] = [];
  #droppedBytes = 0;

  get length(): number {
    return this.#to - this.#from;
  }

  append(bytes: Uint8Array, at: number): void {
    if (bytes.length === 0) return;
    if (this.#to + bytes.length > this.#store.length) this.#grow(bytes.length);
    this.#store.set(bytes, this.#to);
    if (this.#marks.at(-1)?.at !== at) this.#marks.push({ offset: this.#droppedBytes + this.length, at });
    this.#to += bytes.length;
  }

  /** The bytes, without a copy: good until the next append or drop. */
  view(): Buffer {
    return this.#store.subarray(this.#from, this.#to);
  }

  drop(count: number): void {
    this.#from += count;
    this.#droppedBytes += count;
    if (this.#from === this.#to) {
      this.clear();
      return;
    }
    let passed = 0;
    while (passed + 1 < this.#marks.length && this.#marks[passed + 1]!.offset <= this.#droppedBytes) passed++;
    if (passed > 0) this.#marks.splice(0, passed);
  }

  clear(): void {
    this.#store = NOTHING;
    this.#from = this.#to = this.#droppedBytes = 0;
    this.#marks = [];
  }

  /** The first `length` bytes in runs of one label, as copies. */
  runs(length: number = this.length): { bytes: Buffer; at: number }[] {
    return this.#marks.flatMap((mark, index) => {
      const from = Math.max(0, mark.offset - this.#droppedBytes);
      const to = Math.min(length, (this.#marks[index + 1]?.offset ?? Number.POSITIVE_INFINITY) - this.#droppedBytes);
      return to > from ? [{ bytes: Buffer.from(this.view().subarray(from, to)), at: mark.at }] : [];
    });
  }

  #grow(more: number): void {
    const length = this.length;
    const grown = Buffer.allocUnsafe(Math.max(length + more, 2 * length));
    grown.set(this.view());
    this.#store = grown;
    this.#from = 0;
    this.#to = length;
  }
}
