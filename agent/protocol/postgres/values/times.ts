// SPDX-License-Identifier: Apache-2.0

/**
 * Dates and times as the server writes them with DateStyle ISO and IntervalStyle postgres; timestamptz in UTC.
 *
 * Shape    date: days since 2000-01-01; time and timestamp: microseconds; the extreme values are ±infinity
 * Source   PostgreSQL manual, "Date/Time Types"; the calendar is the proleptic Gregorian one, without a year 0
 */
const MICROS_PER_SECOND = 1_000_000n;
const MICROS_PER_DAY = 86_400n * MICROS_PER_SECOND;
const DATE_INFINITY = 0x7fff_ffff;
const DATE_MINUS_INFINITY = -0x8000_0000;
const INT64_MAX = 0x7fff_ffff_ffff_ffffn;
const INT64_MIN = -0x8000_0000_0000_0000n;
/** Days from 1970-01-01 to 2000-01-01. */
const EPOCH_DAYS = 10_957;

export function dateText(days: number): string {
  if (days === DATE_INFINITY) return 'infinity';
  if (days === DATE_MINUS_INFINITY) return '-infinity';
  const { date, isBc } = calendar(days);
  return isBc ? `${date} BC` : date;
}

export function timestampText(micros: bigint, zone: '' | '+00'): string {
  if (micros === INT64_MAX) return 'infinity';
  if (micros === INT64_MIN) return '-infinity';
  let days = micros / MICROS_PER_DAY;
  let rest = micros % MICROS_PER_DAY;
  if (rest < 0n) {
    rest += MICROS_PER_DAY;
    days -= 1n;
  }
  const { date, isBc } = calendar(Number(days));
  return `${date} ${timeText(rest)}${zone}${isBc ? ' BC' : ''}`;
}

export function timeText(micros: bigint): string {
  const seconds = Number(micros / MICROS_PER_SECOND);
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return `${two(hours)}:${two(minutes)}:${two(seconds % 60)}${fraction(micros % MICROS_PER_SECOND)}`;
}

/** `west` counts seconds west of Greenwich, as the wire has it. */
export function timeZoneText(west: number): string {
  const seconds = Math.abs(west);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  while (parts.length > 1 && parts.at(-1) === 0) parts.pop();
  return (west > 0 ? '-' : '+') + parts.map(two).join(':');
}

export function intervalText(months: number, days: number, micros: bigint): string {
  if (months === DATE_INFINITY && days === DATE_INFINITY && micros === INT64_MAX) return 'infinity';
  if (months === DATE_MINUS_INFINITY && days === DATE_MINUS_INFINITY && micros === INT64_MIN) return '-infinity';
  const parts: string[] = [];
  // Behind a negative part a positive one carries its sign.
  let isBehindNegative = false;
  const part = (count: number, unit: string) => {
    if (count === 0) return;
    const sign = isBehindNegative && count > 0 ? '+' : '';
    parts.push(`${sign}${count} ${unit}${count === 1 ? '' : 's'}`);
    isBehindNegative = count < 0;
  };
  part(Math.trunc(months / 12), 'year');
  part(months % 12, 'mon');
  part(days, 'day');
  if (micros !== 0n || parts.length === 0) {
    const sign = micros < 0n ? '-' : isBehindNegative ? '+' : '';
    parts.push(sign + timeText(micros < 0n ? -micros : micros));
  }
  return parts.join(' ');
}

/** Year, month and day of a day counted from 2000-01-01: the civil calendar turned by years that begin in March. */
function calendar(days: number): { date: string; isBc: boolean } {
  const day = days + EPOCH_DAYS + 719_468;
  const era = Math.floor(day / 146_097);
  const dayOfEra = day - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const dayOfMonth = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const isBc = year <= 0;
  const shownYear = String(isBc ? 1 - year : year).padStart(4, '0');
  return { date: `${shownYear}-${two(month)}-${two(dayOfMonth)}`, isBc };
}

function fraction(micros: bigint): string {
  if (micros === 0n) return '';
  return `.${String(micros).padStart(6, '0').replace(/0+$/, '')}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
