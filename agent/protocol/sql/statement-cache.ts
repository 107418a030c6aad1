// SPDX-License-Identifier: Apache-2.0

import type { Statement } from './statement.ts';
import { type ScanOptions, scanStatements } from './statement-scan.ts';

/** What finds the statements of a text: `scanStatements`, or `readStatements` where the language is PostgreSQL's. */
export type Reads = (text: string, options: ScanOptions) => readonly Statement[];

/** Slots of the memory of texts that came once: the later of two in one slot makes the earlier one new again. */
const SEEN_SLOTS = 1024;
/** What texts are told apart by there: where programs put values into them. */
const SEEN_TAIL_LENGTH = 32;

/** Longer texts are scanned each time: they are mostly data, and seldom come twice. */
const CACHED_TEXT_LENGTH_MAX = 16 * 1024;

/**
 * The statements of texts, with a memory: programs send the same texts over and over.
 *
 * Texts live in two generations. New and used ones are in the young; when that is full it becomes the old one, and what
 * was old and not used since is forgotten. It keeps about what a list by last use would keep, at no cost for each use.
 * Only what comes a second time is kept at all: a program that writes values into its texts never repeats one, and to
 * keep them costs more than to scan them.
 *
 * Keeps    at most `entriesMax` texts of together `lengthMax` characters, and about as much again for what was found
 */
export class StatementCache {
  readonly #entriesMax: number;
  readonly #lengthMax: number;
  readonly #options: ScanOptions;
  readonly #reads: Reads;
  #young = new Map<string, readonly Statement[]>();
  #old: ReadonlyMap<string, readonly Statement[]> = new Map();
  #youngLength = 0;
  readonly #seen = new Int32Array(SEEN_SLOTS);

  constructor(entriesMax: number, lengthMax: number, options: ScanOptions = {}, reads: Reads = scanStatements) {
    this.#entriesMax = entriesMax;
    this.#lengthMax = lengthMax;
    this.#options = options;
    this.#reads = reads;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  statementsOf(text: string): readonly Statement[] {
    if (text.length > CACHED_TEXT_LENGTH_MAX) return this.#reads(text, this.#options);
    const known = this.#young.get(text);
    if (known !== undefined) return known;
    const old = this.#old.get(text);
    if (old === undefined && !this.#wasSeen(text)) return this.#reads(text, this.#options);
    const found = old ?? this.#reads(text, this.#options);
    if (2 * (this.#young.size + 1) > this.#entriesMax || 2 * (this.#youngLength + text.length) > this.#lengthMax) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngLength = 0;
    }
    this.#young.set(text, found);
    this.#youngLength += text.length;
    return found;
  }

  /** Whether it came before, not long ago, or one that looks like it. */
  #wasSeen(text: string): boolean {
    let mixed = text.length;
    for (let i = Math.max(0, text.length - SEEN_TAIL_LENGTH); i < text.length; i++) {
      mixed = (Math.imul(mixed, 31) + text.charCodeAt(i)) | 0;
    }
    const slot = (mixed ^ (mixed >>> 15)) & (SEEN_SLOTS - 1);
    if (this.#seen[slot] === mixed) return true;
    this.#seen[slot] = mixed;
    return false;
  }
}
