// SPDX-License-Identifier: Apache-2.0

/**
 * What waits in a stream, by offset. Most comes at the end and all leaves at the head, so places are never moved for what
 * leaves: a list of many thousand small pieces costs as little a piece as a short one.
 */
export class WaitingList<T extends { readonly offset: number }> {
  #items: T[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  at(index: number): T | undefined {
    return index < 0 ? undefined : this.#items[this.#head + index];
  }

  *[Symbol.iterator](): Generator<T> {
    for (let i = this.#head; i < this.#items.length; i++) yield this.#items[i] as T;
  }

  /** Index of the first that begins behind `offset`. */
  behind(offset: number): number {
    const items = this.#items;
    let low = this.#head;
    let high = items.length;
    if (high === low || (items[high - 1] as T).offset <= offset) return high - this.#head;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((items[middle] as T).offset <= offset) low = middle + 1;
      else high = middle;
    }
    return low - this.#head;
  }

  /** Puts `item` in place of `count` others from `index` on; the caller keeps the order. */
  put(index: number, count: number, item: T): void {
    if (index === this.length) this.#items.push(item);
    else this.#items.splice(this.#head + index, count, item);
  }

  shift(): void {
    this.#head++;
    if (this.#head * 2 < this.#items.length) return;
    this.#items.splice(0, this.#head);
    this.#head = 0;
  }

  replaceAll(items: T[]): void {
    this.#items = items;
    this.#head = 0;
  }
}
