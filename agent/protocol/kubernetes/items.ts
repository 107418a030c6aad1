// SPDX-License-Identifier: Apache-2.0

/** How many objects an answer has: items of a list, rows of a Table; undefined when it is neither. */
import type { Plain } from './object.ts';

export function itemsOf(answer: Plain | undefined): number | undefined {
  if (answer === undefined) return undefined;
  const { kind, items, rows } = answer;
  if (typeof kind !== 'string') return undefined;
  if (kind === 'Table') return Array.isArray(rows) ? rows.length : 0;
  if (!kind.endsWith('List')) return undefined;
  return Array.isArray(items) ? items.length : items === null ? 0 : undefined;
}
