// SPDX-License-Identifier: Apache-2.0

import type { ByteReader } from '../../bytes/byte-reader.ts';

/**
 * Numbers as the server writes them.
 *
 * Source   PostgreSQL manual, "Numeric Types": floats by their shortest digits that give the same number again, with an
 *          exponent below 1e-4 and from 15 (float8) or 6 (float4) digits on. A decimal that lies exactly between two
 *          floats does not count as giving one of them; of two that are equally near the even one is taken
 */

export function float8Text(value: number): string {
  const size = Math.abs(value);
  let digits = String(size);
  // Only among numbers too large for fractions can a decimal of 17 digits lie between two neighbours.
  if (size >= 2 ** 54 && Number.isFinite(size)) {
    for (let precision = digitCount(digits) + 1; isBetweenNeighbours(digits, size) && precision <= 17; precision++) {
      digits = size.toExponential(precision - 1);
    }
  }
  return floatText(value, digits, 15);
}

/** Does the decimal lie exactly in the middle between `size` and the next float8 below or above? */
function isBetweenNeighbours(shown: string, size: number): boolean {
  const [mantissa = '', power = '0'] = shown.split('e');
  const [whole = '', decimals = ''] = mantissa.split('.');
  const zeros = Number(power) - decimals.length;
  if (zeros < 0) return false;
  const distance = BigInt(whole + decimals) * 10n ** BigInt(zeros) - BigInt(size);
  const step = 2n ** BigInt(Math.floor(Math.log2(size)) - 52);
  // Below a power of two the neighbour is half as far away.
  const isPowerOfTwo = Math.log2(size) % 1 === 0;
  return 2n * distance === step || (isPowerOfTwo ? -4n : -2n) * distance === step;
}

function digitCount(shown: string): number {
  return (shown.split('e')[0] ?? '').replace('.', '').replace(/0+$/, '').length;
}

export function float4Text(value: number): string {
  if (!Number.isFinite(value) || value === 0) return floatText(value, '0', 6);
  const size = Math.abs(value);
  // Half way to the neighbours: a float4 and these are exact as float8.
  const step = 2 ** Math.max(-149, Math.floor(Math.log2(size)) - 23);
  const isPowerOfTwo = Math.log2(size) % 1 === 0 && step > 2 ** -149;
  const above = size + step / 2;
  const below = size - step / (isPowerOfTwo ? 4 : 2);
  for (let precision = 1; precision < 9; precision++) {
    const digits = nearestDigits(size, precision);
    const decimal = Number(digits);
    if (decimal > below && decimal < above) return floatText(value, digits, 6);
  }
  return floatText(value, nearestDigits(size, 9), 6);
}

/** The decimal of so many digits that is nearest; of two equally near ones the even one. */
function nearestDigits(size: number, precision: number): string {
  const up = size.toExponential(precision - 1);
  const isOdd = Number(up[up.indexOf('e') - 1]) % 2 === 1;
  if (!isOdd) return up;
  const exponent = Number(up.slice(up.indexOf('e') + 1));
  const down = (Number(up) - 10 ** (exponent - precision + 1)).toExponential(precision - 1);
  return Number(up) - size === size - Number(down) ? down : up;
}

/** `shown` is the size of the value in any of the ways in which JavaScript writes one. */
function floatText(value: number, shown: string, exponentFrom: number): string {
  if (Number.isNaN(value)) return 'NaN';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  if (!Number.isFinite(value)) return `${sign}Infinity`;
  if (value === 0) return `${sign}0`;
  const [mantissa = '', power = '0'] = shown.split('e');
  const [whole = '', decimals = ''] = mantissa.split('.');
  const all = whole + decimals;
  const leadingZeros = all.length - all.replace(/^0+/, '').length;
  const digits = all.slice(leadingZeros).replace(/0+$/, '') || '0';
  const exponent = Number(power) + whole.length - leadingZeros - 1;
  if (exponent < -4 || exponent >= exponentFrom) {
    const tail = digits.length > 1 ? `.${digits.slice(1)}` : '';
    return `${sign}${digits[0]}${tail}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  if (digits.length <= exponent + 1) return sign + digits.padEnd(exponent + 1, '0');
  return `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}

const POSITIVE = 0x0000;
const NEGATIVE = 0x4000;
const NOT_A_NUMBER = 0xc000;
const INFINITE = 0xd000;
const MINUS_INFINITE = 0xf000;
/** Digits before and behind the point that a numeric can have, in groups of four. */
const GROUPS_BEFORE_MAX = 32_768;
const SCALE_MAX = 16_383;

/**
 * Shape    groups i16 · weight i16 · sign u16 · scale u16 · groups × u16, each four decimal digits; the first group counts
 *          10000^weight, and scale is how many digits are shown behind the point
 * Errors   undefined when it is not a numeric
 */
export function numericText(reader: ByteReader): string | undefined {
  const count = reader.u16();
  const weight = reader.i16();
  const sign = reader.u16();
  const scale = reader.u16();
  if (sign === NOT_A_NUMBER) return 'NaN';
  if (sign === INFINITE) return 'Infinity';
  if (sign === MINUS_INFINITE) return '-Infinity';
  if (sign !== POSITIVE && sign !== NEGATIVE) return undefined;
  if (count * 2 !== reader.remaining || weight >= GROUPS_BEFORE_MAX || scale > SCALE_MAX) return undefined;
  let before = '';
  let behind = '';
  for (let group = 0; group < count; group++) {
    const value = reader.u16();
    if (value > 9999) return undefined;
    const digits = String(value).padStart(4, '0');
    if (group <= weight) before += digits;
    else behind += digits;
  }
  if (weight < -1) behind = '0'.repeat(Math.min((-1 - weight) * 4, scale)) + behind;
  if (weight + 1 > count) before += '0'.repeat((weight + 1 - count) * 4);
  before = before.replace(/^0+/, '') || '0';
  const shownBehind = scale === 0 ? '' : `.${behind.padEnd(scale, '0').slice(0, scale)}`;
  return `${sign === NEGATIVE ? '-' : ''}${before}${shownBehind}`;
}
