// SPDX-License-Identifier: Apache-2.0

/** One activity as one line for a person: when, who did it, what it was, how it ended. */
import { colour } from './colour.ts';
import { printable } from './table.ts';

/** A row of the record as the API gives it: the columns of `sworn.activities`, 64-bit numbers as text. */
export type ActivityRow = Readonly<Record<string, unknown>>;

export interface LineOptions {
  /** With the identity: for lines of several sessions. */
  readonly identity: boolean;
  /** Columns of the terminal; undefined: whole lines. */
  readonly width: number | undefined;
}

export function activityLine(row: ActivityRow, options: LineOptions): string {
  const time = text(row, 'time').slice(11, 23);
  const who =
    options.identity && text(row, 'identity_name') !== '' ? `${colour('cyan', text(row, 'identity_name'))} ` : '';
  const exe = text(row, 'exe').split('/').at(-1) ?? '';
  const pid = number(row, 'pid') > 0 ? `${exe === '' ? '?' : exe}[${number(row, 'pid')}]` : '';
  const line = `${colour('dim', time)} ${who}${pid === '' ? '' : `${colour('dim', pid)} `}${printable(whatOf(row))}`;
  return `${cut(line, options.width)}${endOf(row)}`;
}

function whatOf(row: ActivityRow): string {
  const kind = text(row, 'kind');
  switch (kind) {
    case 'command':
      return `${text(row, 'protocol')} ${text(row, 'statement') || text(row, 'operation')}`;
    case 'process':
      return `${text(row, 'action')} ${argvOf(row)}`.trimEnd();
    case 'connection':
      return `${text(row, 'action')} ${text(row, 'transport')} ${placeOf(row)}`;
    case 'token':
      return `token ${text(row, 'action')} for ${text(row, 'audience') || '?'}${suffix(': ', text(row, 'reason'))}`;
    case 'loss':
      return `LOSS ${text(row, 'place')}/${text(row, 'reason')}: ${text(row, 'message')}`;
    case 'session':
      return `session ${text(row, 'action')}${suffix(': ', text(row, 'command_line'))}`;
    case 'recorder':
      return `recorder ${text(row, 'action')}`;
    case 'alert':
      return `ALERT ${text(row, 'level')} ${text(row, 'rule_title')}: ${text(row, 'summary')}`;
    default:
      return kind;
  }
}

/** What stands at the end of a line whatever its width: how it ended, how much, how long. */
function endOf(row: ActivityRow): string {
  switch (text(row, 'kind')) {
    case 'command': {
      const parts = [statusOf(row)];
      if (row['rows'] !== null && row['rows'] !== undefined) parts.push(`${row['rows']} rows`);
      parts.push(`${(number(row, 'duration_ns') / 1e6).toFixed(1)} ms`);
      return `  ${parts.join(colour('dim', ' · '))}`;
    }
    case 'process':
      if (text(row, 'action') !== 'exit') return '';
      if (number(row, 'signal') > 0) return `  ${colour('red', `signal ${number(row, 'signal')}`)}`;
      return number(row, 'exit_code') === 0 ? '' : `  ${colour('yellow', `exit ${number(row, 'exit_code')}`)}`;
    case 'connection': {
      const error = text(row, 'error_code');
      if (error !== '') return `  ${colour('red', error)}`;
      if (text(row, 'action') !== 'closed') return '';
      const lost = number(row, 'sent_lost') + number(row, 'received_lost');
      const moved = `${text(row, 'protocol')} ${number(row, 'sent_moved')} B out, ${number(row, 'received_moved')} B in`;
      return `  ${colour('dim', moved)}${lost > 0 ? colour('red', `, ${lost} B lost`) : ''}`;
    }
    case 'loss':
      return number(row, 'bytes') > 0 ? `  ${colour('red', `${number(row, 'bytes')} B`)}` : '';
    default:
      return '';
  }
}

function statusOf(row: ActivityRow): string {
  const status = text(row, 'status');
  const code = text(row, 'error_code');
  if (status === 'ok') return colour('green', attribute(row, 'status_code') || 'ok');
  if (status === 'error') return colour('red', `${code || 'error'} ${printable(text(row, 'error_message'))}`.trimEnd());
  return colour('yellow', 'no reply');
}

function attribute(row: ActivityRow, name: string): string {
  const attributes = row['attributes'] as Record<string, string> | undefined;
  return attributes?.[name] ?? '';
}

function argvOf(row: ActivityRow): string {
  const argv = (row['argv'] as string[] | undefined) ?? [];
  return argv.length > 0 ? argv.join(' ') : text(row, 'exe');
}

function placeOf(row: ActivityRow): string {
  if (text(row, 'transport') === 'unix')
    return text(row, 'remote_address') || text(row, 'local_address') || 'socket pair';
  const address = text(row, 'remote_address');
  return `${address.includes(':') ? `[${address}]` : address}:${number(row, 'remote_port')}`;
}

function suffix(before: string, value: string): string {
  return value === '' ? '' : before + value;
}

function text(row: ActivityRow, name: string): string {
  const value = row[name];
  return typeof value === 'string' ? value : '';
}

function number(row: ActivityRow, name: string): number {
  return Number(row[name] ?? 0);
}

/** Leaves room for the end of the line. */
function cut(line: string, width: number | undefined): string {
  if (width === undefined) return line;
  const room = Math.max(40, width - 36);
  // Colours count nothing: only plain lines are measured, and coloured ones are a little shorter than they could be.
  return line.length > room + 20 ? `${line.slice(0, room + 19)}…${colour('dim', '')}` : line;
}
