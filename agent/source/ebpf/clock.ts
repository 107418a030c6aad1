// SPDX-License-Identifier: Apache-2.0

import type { SourceClock } from '../kernel-event-source.ts';

/**
 * Boot time to wall time. The distance between the two changes when the wall clock is set or slewed, so it is measured
 * again and again; an event is given the distance of the measurement before it.
 */
export class BootClock implements SourceClock {
  readonly #readClocks: () => [bigint, bigint];
  #wallMinusBootNs: bigint;

  constructor(readClocks: () => [bigint, bigint]) {
    this.#readClocks = readClocks;
    const [boot, wall] = readClocks();
    this.#wallMinusBootNs = wall - boot;
  }

  toUnixNs(atNs: number): bigint {
    return BigInt(atNs) + this.#wallMinusBootNs;
  }

  fromUnixNs(unixNs: bigint): number {
    return Number(unixNs - this.#wallMinusBootNs);
  }

  now(): number {
    return Number(this.#readClocks()[0]);
  }

  /** Measures again. Returns by how much the wall clock moved against boot time since the last measurement. */
  calibrate(): bigint {
    const [boot, wall] = this.#readClocks();
    const jumpNs = wall - boot - this.#wallMinusBootNs;
    this.#wallMinusBootNs = wall - boot;
    return jumpNs;
  }
}
