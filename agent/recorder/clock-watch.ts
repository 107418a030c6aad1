// SPDX-License-Identifier: Apache-2.0

/**
 * Clocks against each other, once a second: the wall clock that was set, and the host that slept.
 *
 * The kernel slews the wall clock and the time since boot alike, so the distance between the two changes only when somebody
 * sets the wall clock (or by a leap second). The monotonic clock stands still while the host sleeps, and boot time does not.
 * Small steps are added up: whoever moves the clock by half a second every second is told of as well.
 */

/** Nanoseconds, of one moment. */
export interface ClockReading {
  /** CLOCK_BOOTTIME. */
  readonly bootNs: bigint;
  /** CLOCK_REALTIME. */
  readonly wallNs: bigint;
  /** CLOCK_MONOTONIC. */
  readonly monotonicNs: bigint;
}

export type ClockNews =
  | {
      readonly kind: 'clock-jumped';
      /** Boot time of the looks between which it was set. */
      readonly sinceNs: number;
      readonly untilNs: number;
      /** Wall time of `untilNs` by the clock as it was, and as it is. */
      readonly beforeUnixNs: bigint;
      readonly afterUnixNs: bigint;
    }
  | {
      readonly kind: 'suspended';
      /** Boot time of the looks between which the host slept. */
      readonly sinceNs: number;
      readonly untilNs: number;
      readonly lengthNs: bigint;
    };

/** Less is what a time server corrects all the time, and a leap second is one second. */
const DIFFERENCE_NS_MAX = 1_000_000_000n;
/** Readings that lie further apart say nothing of one moment. */
const READING_NS_MAX = 10_000_000n;
const READINGS_MAX = 8;

export class ClockWatch {
  readonly #read: () => ClockReading | undefined;
  #last: ClockReading | undefined;
  /** The distances that were told last. */
  #wallMinusBootNs = 0n;
  #bootMinusMonotonicNs = 0n;

  /** `read` gives undefined when the clocks could not be read at one moment: the next look will do. */
  constructor(read: () => ClockReading | undefined) {
    this.#read = read;
    this.look();
  }

  look(): ClockNews[] {
    const now = this.#read();
    if (now === undefined) return [];
    const before = this.#last;
    this.#last = now;
    const wallMinusBootNs = now.wallNs - now.bootNs;
    const bootMinusMonotonicNs = now.bootNs - now.monotonicNs;
    const setByNs = wallMinusBootNs - this.#wallMinusBootNs;
    const sleptNs = bootMinusMonotonicNs - this.#bootMinusMonotonicNs;
    if (before === undefined) {
      this.#wallMinusBootNs = wallMinusBootNs;
      this.#bootMinusMonotonicNs = bootMinusMonotonicNs;
      return [];
    }
    const span = { sinceNs: Number(before.bootNs), untilNs: Number(now.bootNs) };
    const news: ClockNews[] = [];
    if (sleptNs > DIFFERENCE_NS_MAX) {
      this.#bootMinusMonotonicNs = bootMinusMonotonicNs;
      news.push({ kind: 'suspended', ...span, lengthNs: sleptNs });
    }
    if (setByNs > DIFFERENCE_NS_MAX || setByNs < -DIFFERENCE_NS_MAX) {
      this.#wallMinusBootNs = wallMinusBootNs;
      const beforeUnixNs = now.wallNs - setByNs;
      news.push({ kind: 'clock-jumped', ...span, beforeUnixNs, afterUnixNs: now.wallNs });
    }
    return news;
  }
}

/**
 * The three clocks at one moment, as near as it can be had: the monotonic one is read before and after the two others.
 *
 * Shape    `readClocks` gives boot time and wall time
 */
export function readAtOnce(readClocks: () => [bigint, bigint]): ClockReading | undefined {
  for (let reading = 0; reading < READINGS_MAX; reading++) {
    const monotonicNs = process.hrtime.bigint();
    const [bootNs, wallNs] = readClocks();
    if (process.hrtime.bigint() - monotonicNs <= READING_NS_MAX) return { bootNs, wallNs, monotonicNs };
  }
  return undefined;
}

/** What the record says of it. */
export function attributesOf(news: ClockNews): Readonly<Record<string, string>> {
  if (news.kind === 'suspended') {
    return { length_ns: String(news.lengthNs), message: 'The host slept: no process ran, and nothing was recorded.' };
  }
  const { beforeUnixNs, afterUnixNs } = news;
  return {
    before_ns: String(beforeUnixNs),
    after_ns: String(afterUnixNs),
    offset_ns: String(afterUnixNs - beforeUnixNs),
  };
}
