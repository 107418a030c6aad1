// SPDX-License-Identifier: Apache-2.0

/** Batches that were sent and are not acknowledged: bounded in number and bytes, so that a slow collector costs no memory. */
export class InFlightWindow {
  readonly #batchesMax: number;
  readonly #bytesMax: number;
  readonly #batches: { readonly lastSeq: number; readonly bytes: number }[] = [];
  #bytes = 0;
  #wake: (() => void) | undefined;

  constructor(batchesMax: number, bytesMax: number) {
    this.#batchesMax = batchesMax;
    this.#bytesMax = bytesMax;
  }

  get batches(): number {
    return this.#batches.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Room for one more of `bytes`. A batch above the bound is let in when nothing else is in flight. */
  hasRoomFor(bytes: number): boolean {
    if (this.#batches.length === 0) return true;
    return this.#batches.length < this.#batchesMax && this.#bytes + bytes <= this.#bytesMax;
  }

  /** Resolves at the next change: something was acknowledged, or `close` was called. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      const before = this.#wake;
      this.#wake = () => {
        before?.();
        resolve();
      };
    });
  }

  add(lastSeq: number, bytes: number): void {
    this.#batches.push({ lastSeq, bytes });
    this.#bytes += bytes;
  }

  /** Everything up to `seq` is acknowledged. */
  acknowledge(seq: number): void {
    while (this.#batches.length > 0 && this.#batches[0]!.lastSeq <= seq) this.#bytes -= this.#batches.shift()!.bytes;
    this.close();
  }

  /** Wakes whoever waits. */
  close(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
