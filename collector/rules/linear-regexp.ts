// SPDX-License-Identifier: Apache-2.0

/**
 * Regular expressions that cannot hang the collector: their time grows with the text, not with its square or worse.
 *
 * V8 has, beside its backtracking engine, one that runs all alternatives at once, behind a flag and the regex flag `l`.
 * It refuses at compile time what it cannot do in linear time: look-around, back-references, and counted repetition of
 * more than a few times. Rules come from people, but the text they run on comes from anyone; so only this engine is
 * used, and texts beyond TEXT_CHARACTERS_MAX are cut before it sees them. It knows no case-insensitive mode: for `i` each
 * letter of the pattern becomes a class of both its cases.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--enable-experimental-regexp-engine');

/** 64 Ki characters at some 10 million characters a second: at most a few milliseconds for a pattern and a value. */
export const TEXT_CHARACTERS_MAX = 65_536;
const SOURCE_CHARACTERS_MAX = 1024;

export class LinearRegExpError extends Error {}

function bothCases(character: string): string {
  const lower = character.toLowerCase();
  const upper = character.toUpperCase();
  return lower === upper || lower.length > 1 || upper.length > 1 ? character : lower + upper;
}

/** The characters of an escape that starts at `at`: \x41, A, \u{41}, \cA, \k<name>, or two. */
function escapeLength(source: string, at: number): number {
  const match = /^\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]+\}|c[A-Za-z]|k<[^>]*>|.)/s.exec(
    source.slice(at, at + 64),
  );
  return match === null ? 1 : match[0].length;
}

/** The pattern with each letter standing for both its cases. */
export function foldCase(source: string): string {
  let folded = '';
  let inClass = false;
  for (let at = 0; at < source.length; at++) {
    const character = source[at]!;
    if (character === '\\') {
      const length = escapeLength(source, at);
      folded += source.slice(at, at + length);
      at += length - 1;
    } else if (!inClass && character === '(' && source[at + 1] === '?') {
      // (?: and (?<name>: their letters are not text.
      const head = /^\(\?(?:<[A-Za-z_$][\w$]*>|:|[=!]|<[=!])/.exec(source.slice(at, at + 80))?.[0] ?? '(?';
      folded += head;
      at += head.length - 1;
    } else if (!inClass) {
      const both = bothCases(character);
      folded += both.length > 1 ? `[${both}]` : both;
      inClass = character === '[';
    } else {
      const range = /^([a-z])-([a-z])|^([A-Z])-([A-Z])/.exec(source.slice(at, at + 3));
      if (range !== null) {
        folded += range[0].toLowerCase() + range[0].toUpperCase();
        at += 2;
      } else {
        folded += bothCases(character);
      }
      inClass = character !== ']';
    }
  }
  return folded;
}

/**
 * Errors   LinearRegExpError when it is no regular expression, or one that cannot be matched in linear time
 */
export function linearRegExp(source: string, flags: string): RegExp {
  if (source.length > SOURCE_CHARACTERS_MAX) {
    throw new LinearRegExpError(`a regular expression of more than ${SOURCE_CHARACTERS_MAX} characters`);
  }
  const folded = flags.includes('i') ? foldCase(source) : source;
  try {
    return new RegExp(folded, `l${flags.replace('i', '')}`);
  } catch (error) {
    const message = (error as Error).message.replace(/^Invalid regular expression: .*\/: /s, '');
    throw new LinearRegExpError(`the regular expression cannot be used: ${message}`);
  }
}
