// SPDX-License-Identifier: Apache-2.0

/**
 * Text that others wrote, made fit for a terminal. What was recorded is chosen by the recorded: it must not move the
 * cursor, change colours or the title, hide what follows it, or turn the direction of a line.
 */
import { stripVTControlCharacters } from 'node:util';

/** Controls (C0, C1), formats (direction, zero width, tags), line and paragraph separators, halves of characters. */
const UNFIT = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** On one line: a line break becomes ⏎, whatever else could act on a terminal is written out. */
export function printable(text: string): string {
  return text.replace(UNFIT, (character) => {
    if (character === '\n') return '⏎';
    if (character === '\t') return ' ';
    const code = character.codePointAt(0) as number;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}

/** The same, with its line breaks: for messages. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** JSON means the same with these written out; JSON.stringify and ClickHouse leave them as they are. */
export function printableJson(json: string): string {
  return json.replace(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    [...character.split('')].map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
  );
}

/** East Asian wide characters and emoji take two columns, combining marks none. Near enough for a table. */
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\uff01-\uff60]/u;
const NO_WIDTH = /\p{Mn}|\p{Me}/u;
const PLAIN = /^[\x20-\x7e]*$/;

/** Columns that a text takes; colours count nothing. */
export function columnsOf(text: string): number {
  const plain = stripVTControlCharacters(text);
  if (PLAIN.test(plain)) return plain.length;
  let columns = 0;
  for (const character of plain) columns += widthOf(character);
  return columns;
}

function widthOf(character: string): number {
  if (character < '\u0300') return 1;
  if (NO_WIDTH.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** The beginning of a text, with … where it was cut. A text that is cut gives up its colours. */
export function cutTo(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let kept = '';
  let left = Math.max(0, columns - 1);
  for (const character of stripVTControlCharacters(text)) {
    left -= widthOf(character);
    if (left < 0) break;
    kept += character;
  }
  return `${kept}…`;
}

export function padTo(text: string, columns: number, side: 'left' | 'right' = 'right'): string {
  const fill = ' '.repeat(Math.max(0, columns - columnsOf(text)));
  return side === 'left' ? fill + text : text + fill;
}
