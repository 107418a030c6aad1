// SPDX-License-Identifier: Apache-2.0

import { LONG_TYPES, TYPE_MODIFIERS } from './keywords.ts';

/** Commands of which the second word says what they do. */
const TWO_WORDS: ReadonlySet<string> = new Set([
  'start transaction',
  'prepare transaction',
  'commit prepared',
  'rollback prepared',
  'rollback to',
  'set role',
  'set transaction',
  'set constraints',
  'reset role',
  'alter system',
  'drop owned',
  'reassign owned',
  'security label',
]);

const THREE_WORDS: ReadonlySet<string> = new Set([
  'set session authorization',
  'reset session authorization',
  'refresh materialized view',
  'import foreign schema',
  'set session characteristics',
]);

/** A first word that is not SQL's may be anything; this much of it is kept. */
const FIRST_WORD_LENGTH_MAX = 64;

/** The name of a command that is no query, from its first words (lower case): CREATE TABLE, SET ROLE, VACUUM, … */
export function commandName(words: readonly string[]): string {
  const [first = '', second = '', third = ''] = words;
  if (THREE_WORDS.has(`${first} ${second} ${third}`)) return `${first} ${second} ${third}`.toUpperCase();
  if (TWO_WORDS.has(`${first} ${second}`)) return `${first} ${second}`.toUpperCase();
  if (first === 'set' && second === 'local' && third === 'role') return 'SET ROLE';
  if (first === 'create' || first === 'alter' || first === 'drop') {
    const type = objectType(words.slice(1));
    return (type === '' ? first : `${first} ${type}`).toUpperCase();
  }
  return first.slice(0, FIRST_WORD_LENGTH_MAX).toUpperCase();
}

/** The type of the object that CREATE, ALTER or DROP is about, from the words behind it. */
export function objectType(words: readonly string[]): string {
  // ALTER DEFAULT PRIVILEGES: here "default" is no modifier.
  const start =
    words[0] === 'default' && words[1] === 'privileges' ? 0 : words.findIndex((w) => !TYPE_MODIFIERS.has(w));
  if (start < 0) return '';
  let type = words[start] ?? '';
  for (const word of words.slice(start + 1)) {
    if (!extendsType(type, word)) break;
    type = `${type} ${word}`;
  }
  return type.slice(0, FIRST_WORD_LENGTH_MAX);
}

/** Is `type word` the name of a type of object, or the beginning of one? */
export function extendsType(type: string, word: string): boolean {
  const longer = `${type} ${word}`;
  return LONG_TYPES.some((known) => known === longer || known.startsWith(`${longer} `));
}
