// SPDX-License-Identifier: Apache-2.0

/** An activity as `sworn show` prints it: its line and, when all is asked for, what it carried. */
import { type ActivityRow, activityLine } from './activity-line.ts';
import { colour, terminalWidth } from './colour.ts';
import { padTo, printable } from './terminal-text.ts';

const BLOCK_CHARACTERS_MAX = 4000;

export function activityBlock(row: ActivityRow, full: boolean): string[] {
  const block = [activityLine(row, { identity: false, width: full ? undefined : terminalWidth() })];
  if (!full || row['kind'] !== 'command') return block;
  for (const name of ['target', 'parameters', 'request', 'response']) {
    const value = String(row[name] ?? '').replace(/\n$/, '');
    if (value === '') continue;
    const shown = value.slice(0, BLOCK_CHARACTERS_MAX);
    const lines = shown.split('\n').map(printable);
    if (shown.length < value.length) lines.push(colour('yellow', `… ${value.length} characters; --json has them all`));
    for (const [i, text] of lines.entries()) {
      block.push(`    ${colour('dim', padTo(i === 0 ? name : '', 10))}  ${text}`.trimEnd());
    }
  }
  if (row['truncated'] === true) {
    block.push(
      `    ${colour('yellow', 'cut at the configured bound when it was recorded; the digests are of the whole')}`,
    );
  }
  return block;
}
