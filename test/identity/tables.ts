// SPDX-License-Identifier: Apache-2.0

/**
 * Tables of rows besides the matrix of SDKs, which `main.ts` runs after it and tells in the same array. A table is a folder
 * with its rows, and a line here.
 */

import { attackTable } from './attacks/table.ts';

export interface TableRow {
  readonly name: string;
  readonly ok: boolean;
  /** Why it is not ok; '' when it is. */
  readonly reason: string;
}

export interface Table {
  /** The names of its rows that have one of the words; all without words. */
  readonly names: (only: readonly string[]) => readonly string[];
  /** A row for each name. */
  readonly run: (names: readonly string[], say: (text: string) => void) => Promise<readonly TableRow[]>;
  /** What `--write-docs` writes of its rows, beside the matrix's file. */
  readonly document?: { readonly file: string; readonly of: (rows: readonly TableRow[]) => string };
}

export const TABLES: readonly Table[] = [attackTable];
