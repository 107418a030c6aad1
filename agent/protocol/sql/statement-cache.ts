// SPDX-License-Identifier: Apache-2.0

import type { Statement } from './statement.ts';
import { type ScanOptions, scanStatements } from './statement-scan.ts';

/** Longer texts are scanned each time: they are mostly data, and seldom come twice. */
const CACHED_TEXT_LENGTH_MAX = 16 * 1024;

/**
 * `scanStatements` with a memory: programs send the same texts over and over.
 *
 * Texts live in two generations. New and used ones are in the young; when that is full it becomes the old one, and what
 * was old and not used since is forgotten. It keeps about what a list by last use would keep, at no cost for each use.
 *
 * Keeps    at most `entriesMax` texts of together `lengthMax` characters, and about as much again for what was found
 */
export class StatementCache {
  readonly #entriesMax: number;
  readonly #lengthMax: number;
  readonly #options: ScanOptions;
  #young = new Map<string, readonly Statement[]>();
  #old: ReadonlyMap<string, readonly Statement[]> = new Map();
  #youngLength = 0;

  constructor(entriesMax: number, lengthMax: number, options: ScanOptions = {}) {
    this.#entriesMax = entriesMax;
    this.#lengthMax = lengthMax;
    this.#options = options;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  statementsOf(text: string): readonly Statement[] {
    if (text.length > CACHED_TEXT_LENGTH_MAX) return scanStatements(text, this.#options);
    const known = this.#young.get(text);
    if (known !== undefined) return known;
    const found = this.#old.get(text) ?? scanStatements(text, this.#options);
    if (2 * (this.#young.size + 1) > this.#entriesMax || 2 * (this.#youngLength + text.length) > this.#lengthMax) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngLength = 0;
    }
    this.#young.set(text, found);
    this.#youngLength += text.length;
    return found;
  }
}
