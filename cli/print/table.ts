// SPDX-License-Identifier: Apache-2.0

/** Columns for a terminal: as wide as they must be, the last one cut where the terminal ends. */
import { columnsOf, cutTo, padTo } from './terminal-text.ts';

export interface TableOptions {
  /** Columns of the terminal; undefined: nothing is cut. */
  readonly width?: number | undefined;
  /** Names of columns whose values stand to the right. */
  readonly right?: ReadonlySet<string>;
}

const CELL_MAX = 60;

/** Cells may be coloured; what is in them must be printable. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  options: TableOptions = {},
): string {
  const last = header.length - 1;
  const widths = header.map((name, column) => {
    let widest = columnsOf(name);
    for (const row of rows) widest = Math.max(widest, columnsOf(row[column] ?? ''));
    return options.width === undefined || column === last ? widest : Math.min(widest, CELL_MAX);
  });
  const line = (cells: readonly string[]): string => {
    const parts = header.map((name, column) => {
      const width = widths[column] as number;
      const cell = cells[column] ?? '';
      if (options.right?.has(name)) return padTo(cutTo(cell, width), width, 'left');
      return column === last ? cell : padTo(cutTo(cell, width), width);
    });
    const text = parts.join('  ').trimEnd();
    return options.width === undefined ? text : cutTo(text, options.width);
  };
  return [line(header), ...rows.map(line)].join('\n');
}

/** One row after the other, a line for each column: for rows that are too wide for a table. */
export function listing(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const width = Math.max(0, ...header.map(columnsOf));
  return rows
    .map((row) => header.map((name, column) => `${padTo(name, width)}  ${row[column] ?? ''}`.trimEnd()).join('\n'))
    .join('\n\n');
}
