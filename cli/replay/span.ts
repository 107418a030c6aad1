// SPDX-License-Identifier: Apache-2.0

/** Places in a session as people write them: seconds or `1m30s` after its start, or a time. */
import { InvalidArgumentError } from 'commander';

/** After the start of the session, or by the clock. */
export type Place = { readonly afterNs: bigint } | { readonly unixNs: bigint };

const UNIT_S: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1 };
const SECONDS_MAX = 1e9;

/** Errors: InvalidArgumentError. */
export function parsePlace(text: string): Place {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)([hms])/g)];
  const isDuration = parts.length > 0 && parts.map(([part]) => part).join('') === text;
  const seconds = isDuration
    ? parts.reduce((sum, [, number, unit]) => sum + Number(number) * (UNIT_S[unit as string] as number), 0)
    : /^\d+(\.\d+)?$/.test(text)
      ? Number(text)
      : Number.NaN;
  if (seconds <= SECONDS_MAX) return { afterNs: BigInt(Math.round(seconds * 1e9)) };
  const ms = Date.parse(!/^\d{4}-\d/.test(text) ? '' : /\d:\d.*(Z|[+-]\d\d:?\d\d)$/i.test(text) ? text : `${text}Z`);
  if (Number.isNaN(ms)) throw new InvalidArgumentError('Write 90, 1m30s, or a time like 2026-01-31T08:00:00Z.');
  return { unixNs: BigInt(ms) * 1_000_000n };
}

export function unixNsOf(place: Place | undefined, startNs: bigint): string | undefined {
  if (place === undefined) return undefined;
  return String('unixNs' in place ? place.unixNs : startNs + place.afterNs);
}

/** A number above 0. Errors: InvalidArgumentError. */
export function positive(max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !(value > 0) || value > max)
      throw new InvalidArgumentError(`It is a number above 0, up to ${max}.`);
    return value;
  };
}
