// SPDX-License-Identifier: Apache-2.0

/** All that a session did, a line each, when it happened; what terminals showed as text in a frame. */
import type { ActivityRow } from '../print/activity-line.ts';
import { activityLine, shownAt } from '../print/activity-line.ts';
import { colour } from '../print/colour.ts';
import { cutTo, printable, printableJson } from '../print/terminal-text.ts';
import { TerminalFilter } from './terminal-filter.ts';
import { momentsOf } from './terminal-moments.ts';

/** Shown of one stretch of a terminal: a stretch is a second or so. */
const FRAME_LINES_MAX = 40;
const PIPE_COLUMNS = 200;

/** Unix nanoseconds of the place where a row is shown. */
export function shownAtNs(row: ActivityRow): bigint {
  const [, seconds = '', fraction = ''] = /^(\S+ [\d:]{8})(?:\.(\d+))?/.exec(shownAt(row)) ?? [];
  const ms = Date.parse(`${seconds.replace(' ', 'T')}Z`);
  if (Number.isNaN(ms)) return BigInt(String(row['time_ns'] ?? '0'));
  return BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9));
}

export function storyLines(row: ActivityRow, width: number | undefined): string[] {
  const columns = width ?? PIPE_COLUMNS;
  const input = Buffer.from(String(row['input_base64'] ?? ''), 'base64').toString();
  const line = activityLine({ ...row, input }, { identity: true, width: columns });
  if (row['kind'] === 'loss') return [colour('bold', line)];
  if (row['kind'] !== 'terminal') return [line];
  const cut = Number(row['cut_bytes'] ?? 0);
  const lost = cut > 0 ? [colour('red', `  ┆ ${cut} bytes of this terminal are not recorded`)] : [];
  return [line, ...frameOf(row, columns), ...lost];
}

/** What was shown, without what moves and colours: nothing of it acts on a terminal. */
function frameOf(row: ActivityRow, columns: number): string[] {
  const filter = new TerminalFilter(false);
  let text = '';
  for (const moment of momentsOf(row)) if (moment.what === 'shown') text += filter.take(moment.bytes);
  if (text.trim() === '') return [];
  const lines = text.replace(/[\r\n]+$/, '').split(/\r*\n/);
  const framed = lines.slice(0, FRAME_LINES_MAX).map((one) => cutTo(printable(lastWritten(one)), columns - 4));
  const more =
    lines.length > FRAME_LINES_MAX ? [`… ${lines.length - FRAME_LINES_MAX} lines more; --terminal shows them`] : [];
  return [...framed, ...more].map((one) => colour('dim', '  │ ') + one);
}

/** A line that was written over shows what was written last; letters that were taken back are gone. */
function lastWritten(line: string): string {
  const kept: string[] = [];
  for (const character of line.split('\r').at(-1) ?? '') {
    if (character === '\b') kept.pop();
    else kept.push(character);
  }
  return kept.join('');
}

const NUMBERS = ['rows', 'duration_ns', 'exit_code', 'signal', 'bytes', 'events', 'cut_bytes', 'hidden_bytes'] as const;
const TEXTS = [
  ...[
    'action',
    'identity_name',
    'exe',
    'protocol',
    'operation',
    'target',
    'resource',
    'statement',
    'status',
    'error_code',
  ],
  ...[
    'error_message',
    'place',
    'reason',
    'message',
    'audience',
    'rule_title',
    'level',
    'summary',
    'finding_kind',
    'subject',
  ],
  ...['terminal_id', 'terminal_name'],
];

/** An item for programs: what is said of its kind, and nothing empty. A terminal's moments are items of their own. */
export function storyJson(row: ActivityRow, startNs: bigint): string[] {
  const about = { kind: row['kind'], agent_id: row['agent_id'], seq: Number(row['seq']), pid: Number(row['pid']) };
  const item = (atNs: bigint, more: object): string =>
    printableJson(JSON.stringify({ at: secondsSince(startNs, atNs), time: row['time'], ...about, ...more }));
  const said: Record<string, unknown> = {};
  for (const name of TEXTS) if (row[name] !== '' && row[name] !== undefined) said[name] = row[name];
  for (const name of NUMBERS) if (Number(row[name] ?? 0) !== 0) said[name] = Number(row[name]);
  if (row['kind'] === 'process' && Array.isArray(row['argv'])) said['argv'] = row['argv'];
  if (row['kind'] !== 'terminal') return [item(shownAtNs(row), said)];
  return momentsOf(row).map((moment) => {
    if (moment.what === 'resized')
      return item(moment.atNs, { ...said, event: 'resized', columns: moment.columns, rows: moment.rows });
    if (moment.what === 'hidden') return item(moment.atNs, { ...said, event: 'hidden', count: moment.count });
    return item(moment.atNs, { ...said, event: moment.what, base64: moment.bytes.toString('base64') });
  });
}

function secondsSince(startNs: bigint, atNs: bigint): number {
  return Number(atNs - startNs) / 1e9;
}
