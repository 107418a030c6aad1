// SPDX-License-Identifier: Apache-2.0

/** What arrived and waits its turn: both directions in one queue, so that their order is kept. Bytes are copies. */
import type { Direction } from './direction.ts';
import type { Tried } from './key-search.ts';

export type Arrival =
  | { readonly kind: 'bytes'; readonly of: Direction; readonly bytes: Buffer; readonly at: number }
  /** A whole record. `tried` are the secrets that did not open it. */
  | {
      readonly kind: 'record';
      readonly of: Direction;
      readonly bytes: Buffer;
      readonly at: number;
      readonly tried: Tried;
    }
  | { readonly kind: 'gap'; readonly of: Direction; readonly missingBytes: number; readonly at: number };

/** What an arrival costs besides its bytes, about: many small ones are not free. */
const ARRIVAL_BYTES = 128;

export class Arrivals {
  #queue: Arrival[] = [];
  #heldBytes = 0;

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get empty(): boolean {
    return this.#queue.length === 0;
  }

  get head(): Arrival | undefined {
    return this.#queue[0];
  }

  push(arrival: Arrival): void {
    this.#count(arrival, 1);
    this.#queue.push(arrival);
  }

  /** In front of all others, in this order. */
  putBack(...arrivals: readonly Arrival[]): void {
    for (const arrival of arrivals) this.#count(arrival, 1);
    this.#queue.unshift(...arrivals);
  }

  shift(): Arrival | undefined {
    const arrival = this.#queue.shift();
    if (arrival !== undefined) this.#count(arrival, -1);
    return arrival;
  }

  /** All of them, in order; none is left. */
  takeAll(): readonly Arrival[] {
    const all = this.#queue;
    for (const arrival of all) this.#count(arrival, -1);
    this.#queue = [];
    return all;
  }

  #count(arrival: Arrival, sign: 1 | -1): void {
    const bytes = arrival.kind === 'gap' ? 0 : arrival.bytes.length;
    arrival.of.queuedBytes += sign * bytes;
    this.#heldBytes += sign * (bytes + ARRIVAL_BYTES);
  }
}
