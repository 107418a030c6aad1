// SPDX-License-Identifier: Apache-2.0

/**
 * One line of a selection: a field with modifiers, and the value or values it is held against.
 *
 * Shape    field|modifier|modifier: value     several values mean any of them, with |all each of them
 * Source   Sigma specification 2.0, "Modifiers"; here: contains, startswith, endswith, all, cased, exists, cidr, re
 *          (with i, m, s), gt, gte, lt, lte
 */
import { isIP } from 'node:net';
import { findColumn } from '../model/activity-row.ts';
import { LinearRegExpError, linearRegExp } from './linear-regexp.ts';
import type { Comparison, Detection, Field, PatternPart, Test } from './rule.ts';

export class FieldError extends Error {}

const COMPARISONS = new Set<string>(['lt', 'lte', 'gt', 'gte']);
const PLACES = new Set(['contains', 'startswith', 'endswith']);
const REGEX_FLAGS = new Set(['i', 'm', 's']);
const MODIFIERS = new Set([...COMPARISONS, ...PLACES, ...REGEX_FLAGS, 're', 'all', 'cased', 'exists', 'cidr']);
/** Selections are written by people; a generated list of more belongs in a table. */
const VALUES_MAX = 1000;
/** Keeps the work of a pattern with many `?` on a long text small. */
const PATTERN_CHARACTERS_MAX = 1024;

export function parseField(name: string): Field {
  if (name.startsWith('attributes.')) {
    const attribute = name.slice('attributes.'.length);
    if (attribute === '') throw new FieldError('attributes. needs a name behind the dot');
    return { column: 'attributes', attribute };
  }
  const column = findColumn(name);
  if (column === undefined)
    throw new FieldError(`there is no field "${name}"; fields are the columns of sworn.activities`);
  if (column.type.startsWith('Map')) throw new FieldError(`"${name}" needs a key: ${name}.<name>`);
  if (column.type.startsWith('DateTime') || column.type.startsWith('Fixed')) {
    throw new FieldError(`"${name}" is not a text or a number, and cannot be matched`);
  }
  return { column: name };
}

/** `*` is any run, `?` any one character; a backslash takes that away from them, and from a backslash before them. */
export function parsePattern(text: string): PatternPart[] {
  const parts: PatternPart[] = [];
  let literal = '';
  const flush = () => {
    if (literal !== '') parts.push({ text: literal });
    literal = '';
  };
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    const next = text[at + 1];
    if (character === '\\' && (next === '*' || next === '?' || next === '\\')) {
      literal += next;
      at += 1;
    } else if (character === '*' || character === '?') {
      flush();
      const part = character === '*' ? 'any' : 'one';
      if (part === 'one' || parts.at(-1) !== 'any') parts.push(part);
    } else {
      literal += character;
    }
  }
  flush();
  return parts;
}

function patternTest(value: string, modifiers: ReadonlySet<string>): Test {
  const parts = parsePattern(value);
  const openStart = modifiers.has('contains') || modifiers.has('endswith');
  const openEnd = modifiers.has('contains') || modifiers.has('startswith');
  if (openStart && parts[0] !== 'any') parts.unshift('any');
  if (openEnd && parts.at(-1) !== 'any') parts.push('any');
  return { kind: 'pattern', parts, cased: modifiers.has('cased') };
}

function cidrTest(value: string): Test {
  const [network = '', bits = ''] = value.split('/');
  const family = isIP(network);
  const prefix = Number(bits);
  const widest = family === 4 ? 32 : 128;
  if (family === 0 || !/^\d{1,3}$/.test(bits) || prefix > widest) {
    throw new FieldError(`"${value}" is not a network like 10.0.0.0/8 or fd00::/8`);
  }
  return { kind: 'cidr', network, prefix };
}

function scalarTest(value: unknown, modifiers: ReadonlySet<string>): Test {
  const comparison = [...modifiers].find((modifier) => COMPARISONS.has(modifier));
  if (comparison !== undefined) {
    if (typeof value !== 'number' || Number.isNaN(value)) throw new FieldError(`|${comparison} needs a number`);
    return { kind: 'number', comparison: comparison as Comparison, value };
  }
  if (modifiers.has('exists')) {
    if (typeof value !== 'boolean') throw new FieldError('|exists needs true or false');
    return { kind: 'exists', exists: value };
  }
  if (value === null) {
    if (modifiers.size > 0) throw new FieldError('null takes no modifiers');
    return { kind: 'null' };
  }
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
    throw new FieldError('a value must be a text, a number, true, false or null');
  }
  const text = String(value);
  if (text.length > PATTERN_CHARACTERS_MAX)
    throw new FieldError(`a value of more than ${PATTERN_CHARACTERS_MAX} characters`);
  if (modifiers.has('cidr')) return cidrTest(text);
  if (modifiers.has('re')) {
    const flags = [...modifiers].filter((modifier) => REGEX_FLAGS.has(modifier)).join('');
    try {
      linearRegExp(text, flags);
    } catch (error) {
      if (error instanceof LinearRegExpError) throw new FieldError(error.message);
      throw error;
    }
    return { kind: 'regex', source: text, flags };
  }
  return patternTest(text, modifiers);
}

function checkTogether(modifiers: ReadonlySet<string>): void {
  const main = [...modifiers].filter(
    (m) => COMPARISONS.has(m) || PLACES.has(m) || ['re', 'exists', 'cidr'].includes(m),
  );
  if (main.length > 1) throw new FieldError(`|${main.join('|')} do not go together`);
  const flag = [...modifiers].find((modifier) => REGEX_FLAGS.has(modifier));
  if (flag !== undefined && !modifiers.has('re')) throw new FieldError(`|${flag} goes with |re only`);
  if (modifiers.has('cased') && main.some((m) => !PLACES.has(m))) throw new FieldError('|cased goes with text only');
}

/**
 * Errors   FieldError with the cause
 */
export function parseFieldMatch(key: string, value: unknown): Detection {
  const [name = '', ...list] = key.split('|');
  for (const modifier of list) {
    if (!MODIFIERS.has(modifier)) throw new FieldError(`the modifier "${modifier}" is not supported`);
  }
  const modifiers = new Set(list);
  checkTogether(modifiers);
  const field = parseField(name);
  const each = modifiers.delete('all');
  const values = Array.isArray(value) ? value : [value];
  if (values.length === 0) throw new FieldError('the list of values is empty');
  if (values.length > VALUES_MAX) throw new FieldError(`more than ${VALUES_MAX} values`);
  const of = values.map((one): Detection => ({ kind: 'match', field, test: scalarTest(one, modifiers) }));
  return of.length === 1 ? of[0]! : { kind: each ? 'all' : 'any', of };
}
