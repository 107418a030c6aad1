// SPDX-License-Identifier: Apache-2.0

/** Time as the broker sees it; tests hand in their own. */
export interface Clock {
  /** Milliseconds since 1970, may be fractional. It can jump. */
  wallMs(): number;
  /** Milliseconds since some moment. It only goes forward. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

/** Nanoseconds since 1970, as the record has them; split, because the product is beyond what a number holds exactly. */
export function nsOfMs(ms: number): bigint {
  const whole = Math.floor(ms);
  return BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1_000_000));
}
