// SPDX-License-Identifier: Apache-2.0

/**
 * Events that were found in the kernel side's tables wait until all that was written to the ring before they were found
 * has been handed over: the end of a connection comes after its bytes, also when the reader is behind.
 */
import type { KernelEvent } from '../../model/kernel-event.ts';

export class HeldEvents {
  readonly #held: { readonly position: number; readonly make: () => readonly KernelEvent[] }[] = [];

  /** `position`: up to where the ring was written when they had been found. `make` is called when their turn comes. */
  hold(position: number, make: () => readonly KernelEvent[]): void {
    this.#held.push({ position, make });
  }

  /** Appends those whose turn has come, the ring being handed over up to `position`. */
  release(position: number, into: KernelEvent[]): void {
    while (this.#held.length > 0 && (this.#held[0] as { position: number }).position <= position) {
      into.push(...(this.#held.shift() as { make: () => readonly KernelEvent[] }).make());
    }
  }
}
