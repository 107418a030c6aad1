// SPDX-License-Identifier: Apache-2.0

/** Columns for a terminal: as wide as they must be, the last one cut when the terminal ends. */
import { stripVTControlCharacters } from 'node:util';

/** Control characters in what was recorded must not act on the terminal of who reads it. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => {
    if (character === '\n') return '⏎';
    if (character === '\t') return ' ';
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

export interface TableOptions {
  /** Columns of the terminal; undefined: nothing is cut. */
  readonly width?: number | undefined;
  /** Names of columns whose values stand to the right. */
  readonly right?: ReadonlySet<string>;
}

const CELL_MAX = 60;

export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  options: TableOptions = {},
): string {
  const shown = (cell: string): number => [...stripVTControlCharacters(cell)].length;
  const last = header.length - 1;
  const widths = header.map((name, column) => {
    const widest = Math.max(shown(name), ...rows.map((row) => shown(row[column] ?? '')));
    return options.width === undefined || column === last ? widest : Math.min(widest, CELL_MAX);
  });
  const line = (cells: readonly string[]): string => {
    const text = cells
      .map((cell, column) => {
        const width = widths[column] as number;
        const cut = column === last ? cell : cutTo(cell, width);
        const fill = ' '.repeat(Math.max(0, width - shown(cut)));
        return options.right?.has(header[column] as string) ? fill + cut : column === last ? cut : cut + fill;
      })
      .join('  ')
      .trimEnd();
    return options.width === undefined ? text : cutTo(text, options.width);
  };
  return [line(header), ...rows.map(line)].join('\n');
}

function cutTo(text: string, width: number): string {
  const plain = stripVTControlCharacters(text);
  if ([...plain].length <= width) return text;
  // Colours end with what they colour; a cut line gives them up.
  return `${[...plain].slice(0, Math.max(0, width - 1)).join('')}…`;
}
