// SPDX-License-Identifier: Apache-2.0

/** The attacks as a table of `npm run test:identity`. */
import { playApart } from '../apart.ts';
import type { Table } from '../tables.ts';
import { ATTACKS } from './attacks.ts';
import { documentOf } from './document.ts';
import type { AttackRow } from './judge.ts';

export const attackTable: Table = {
  names: (only) =>
    ATTACKS.map(({ name }) => name).filter((name) => only.length === 0 || only.some((word) => name.includes(word))),
  run: (names, say) => playApart<AttackRow>(`${import.meta.dirname}/play.ts`, { rows: names }, say),
  document: { file: 'ATTACKS.md', of: (rows) => documentOf(rows as readonly AttackRow[]) },
};
