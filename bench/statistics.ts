// SPDX-License-Identifier: Apache-2.0

/** The few statistics that the benches need. Medians, because a busy machine gives outliers and no symmetric noise. */

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Linear between neighbours. NaN for no values. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

const RESAMPLES = 2000;

/** Where the median lies with 95 % confidence, by resampling. The same values give the same answer. */
export function medianInterval(values: readonly number[]): readonly [number, number] {
  let state = 0x2545f491;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  const medians = Array.from({ length: RESAMPLES }, () =>
    median(values.map(() => values[Math.floor(next() * values.length)] as number)),
  );
  return [quantile(medians, 0.025), quantile(medians, 0.975)];
}

export function rounded(value: number, digits = 3): number {
  return Number(value.toFixed(digits));
}
