// SPDX-License-Identifier: Apache-2.0

import { KEYWORDS } from './keywords.ts';

/** 64 Ki characters: a shape is for comparing and matching, and longer ones are of machine-made statements. */
export const SHAPE_LENGTH_MAX = 65_536;
/** The server cuts names at 63 bytes; a longer word is no name. */
const TOKEN_LENGTH_MAX = 256;
/** Lists up to this many tokens are compared with the one before them; it bounds the work for each closing bracket. */
const LIST_TOKENS_MAX = 256;
/** Nesting that is followed; the server's own limit on depth is of this order. */
const OPEN_LISTS_MAX = 4096;

/** A bracket that is open. */
interface OpenList {
  /** Where it stands in the parts. */
  readonly start: number;
  /** So far it holds values only; all but the first of them are counted and not written. */
  isValues: boolean;
  /** How many ", ?" are counted so, and whether another comma is. */
  heldValues: number;
  heldComma: boolean;
}

/**
 * Puts the shape of a statement together: tokens with one space where a reader expects one, whatever the original had,
 * and lists that differ only in how many values they hold made equal.
 *
 * `in (1, 2, 3)` and `in (4)` become `in (?)`; rows of VALUES that look alike become one.
 */
export class ShapeWriter {
  readonly #parts: string[] = [];
  readonly #open: OpenList[] = [];
  #length = 0;
  #last = '';
  /** The last token was a name that is not a keyword, so that a parenthesis behind it is a call. */
  #lastIsName = false;
  #isFull = false;

  /** Append a token; `isName` for names and words that are no keywords. */
  token(token: string, isName = false): void {
    if (this.#isFull) return;
    const list = this.#open[this.#open.length - 1];
    if (list?.isValues === true && this.#hold(list, token)) return;
    if (token === ')' || token === ']') {
      this.#close(token);
      return;
    }
    if (token === '?' && this.#last === '?') return;
    this.#append(token, isName);
    if ((token === '(' || token === '[') && this.#open.length < OPEN_LISTS_MAX) {
      this.#open.push({ start: this.#parts.length - 1, isValues: true, heldValues: 0, heldComma: false });
    }
  }

  /** A word, already in lower case. */
  word(word: string): void {
    this.token(word, !KEYWORDS.has(word));
  }

  /** A text that is a shape itself. */
  shape(text: string): void {
    if (this.#isFull || text === '') return;
    this.#push(` ${text}`);
    this.#last = ';';
    this.#lastIsName = false;
  }

  /** The shape; the writer is empty again. */
  take(): string {
    const shape = this.#parts.join('').trim();
    this.#parts.length = 0;
    this.#open.length = 0;
    this.#length = 0;
    this.#last = '';
    this.#lastIsName = false;
    this.#isFull = false;
    return shape;
  }

  /** In a list of values: is `token` one more of them, that need not be written? */
  #hold(list: OpenList, token: string): boolean {
    if (token === ')' || token === ']') return false;
    const isFirst = this.#parts.length === list.start + 1;
    if (token === '?' && !isFirst) {
      if (list.heldComma) list.heldValues++;
      list.heldComma = false;
      return true;
    }
    if (token === ',' && !isFirst && !list.heldComma) {
      list.heldComma = true;
      return true;
    }
    if (token === '?' && isFirst) return false;
    // Something else than values: write what was held back.
    list.isValues = false;
    for (let i = 0; i < Math.min(list.heldValues, LIST_TOKENS_MAX); i++) {
      this.#append(',', false);
      this.#append('?', false);
    }
    if (list.heldComma) this.#append(',', false);
    return false;
  }

  #append(token: string, isName: boolean): void {
    const shown = token.length > TOKEN_LENGTH_MAX ? `${token.slice(0, TOKEN_LENGTH_MAX)}…` : token;
    this.#push(this.#wantsSpace(token) ? ` ${shown}` : shown);
    this.#last = token;
    this.#lastIsName = isName;
  }

  #push(part: string): void {
    this.#parts.push(part);
    this.#length += part.length;
    if (this.#length <= SHAPE_LENGTH_MAX || this.#isFull) return;
    this.#parts.push(' …');
    this.#isFull = true;
  }

  #wantsSpace(token: string): boolean {
    const last = this.#last;
    if (last === '' || last === '(' || last === '[' || last === '.' || last === '::') return false;
    if (token === ',' || token === ';' || token === '.' || token === '::' || token === '[') return false;
    if (token === '(') return !this.#lastIsName;
    return true;
  }

  #close(bracket: string): void {
    const parts = this.#parts;
    const start = this.#open.pop()?.start;
    this.#push(bracket);
    this.#last = bracket;
    this.#lastIsName = false;
    if (start === undefined || this.#isFull) return;
    const size = parts.length - start;
    // "(…), (…)": the list before this one, a comma, this one.
    const isSecond =
      size <= LIST_TOKENS_MAX && parts[start - 1] === ',' && this.#sameList(start - 1 - size, start, size);
    if (isSecond) this.#cutTo(start - 1);
  }

  /** `parts[first…]` equals `parts[second…]`; only the space before the first token may differ. */
  #sameList(first: number, second: number, size: number): boolean {
    if (first < 0 || this.#parts[first]?.trimStart() !== this.#parts[second]?.trimStart()) return false;
    for (let i = 1; i < size; i++) if (this.#parts[first + i] !== this.#parts[second + i]) return false;
    return true;
  }

  #cutTo(count: number): void {
    for (let i = count; i < this.#parts.length; i++) this.#length -= this.#parts[i]?.length ?? 0;
    this.#parts.length = count;
  }
}
