// SPDX-License-Identifier: Apache-2.0

/**
 * One activity as one line for a person, in columns: when, which process, what kind of thing, how it ended, how long it
 * took, how many rows, and what it was.
 *
 *   19:25:22.646  python3.11[25191]  postgresql  ok         0.3 ms       2  SELECT month, lines FROM reports …
 */
import { type Colour, colour } from './colour.ts';
import { columnsOf, cutTo, padTo, printable } from './terminal-text.ts';

/** A row of the record as the API gives it: the columns of `sworn.activities`, 64-bit numbers as text. */
export type ActivityRow = Readonly<Record<string, unknown>>;

export interface LineOptions {
  /** With the identity: for lines of several sessions. */
  readonly identity: boolean;
  /** Columns of the terminal; undefined: whole lines. */
  readonly width: number | undefined;
}

const WIDTH = { identity: 16, process: 20, what: 10, end: 9, took: 10, rows: 6 } as const;

/** When it is shown: what has a length and is told at its end (a connection closed, a session ended) has its place there. */
export function shownAt(row: ActivityRow): string {
  const kind = row['kind'];
  const action = row['action'];
  const isEnd = (kind === 'connection' && action !== 'opened') || (kind === 'session' && action === 'ended');
  return String((isEnd ? row['end_time'] : row['time']) ?? row['time']);
}

export function activityLine(row: ActivityRow, options: LineOptions): string {
  const { what, end, endColour, took, rows, text, dim } = meaningOf(row);
  const cells = [
    colour('dim', shownAt(row).slice(11, 23)),
    ...(options.identity ? [colour('cyan', cell(shown(row, 'identity_name') || '-', WIDTH.identity))] : []),
    colour('dim', cell(processOf(row), WIDTH.process)),
    cell(what, WIDTH.what),
    endColour === undefined ? cell(end, WIDTH.end) : colour(endColour, cell(end, WIDTH.end)),
    padTo(took, WIDTH.took, 'left'),
    padTo(rows, WIDTH.rows, 'left'),
  ];
  const head = `${cells.join('  ')}  `;
  const room = options.width === undefined ? undefined : Math.max(20, options.width - columnsOf(head));
  const tail = room === undefined ? text : cutTo(text, room);
  return (head + (dim === true ? colour('dim', tail) : tail)).trimEnd();
}

/** Longer ones push what follows to the right rather than lose something, unless they are very long. */
function cell(text: string, columns: number): string {
  return padTo(cutTo(text, columns * 2), columns);
}

interface Meaning {
  readonly what: string;
  readonly end: string;
  readonly endColour?: Colour;
  readonly took: string;
  readonly rows: string;
  readonly text: string;
  /** Of little interest: bookkeeping of the operating system. */
  readonly dim?: boolean;
}

/** Everything in it is printable. */
function meaningOf(row: ActivityRow): Meaning {
  const nothing = { end: '', took: '', rows: '' };
  const kind = shown(row, 'kind');
  const action = shown(row, 'action');
  switch (kind) {
    case 'command':
      return commandOf(row);
    case 'process':
      return { ...nothing, what: action, ...exitOf(row), text: argvOf(row), dim: action !== 'exec' };
    case 'connection':
      return { ...nothing, what: action, ...connectionOf(row) };
    case 'token': {
      const text = `for ${shown(row, 'audience') || '?'}${suffix('  ', shown(row, 'reason'))}`;
      return { ...nothing, what: 'token', end: action, ...(action === 'refused' && { endColour: 'red' }), text };
    }
    case 'loss': {
      const bytes = number(row, 'bytes') > 0 ? `  ${number(row, 'bytes')} bytes` : '';
      const text = `${shown(row, 'place')}/${shown(row, 'reason')}${bytes}  ${shown(row, 'message')}`;
      return { ...nothing, what: 'LOSS', end: '', text: colour('red', text) };
    }
    case 'finding': {
      const times = number(row, 'events') > 1 ? `  ${number(row, 'events')} times` : '';
      const bytes = number(row, 'bytes') > 0 ? `  ${number(row, 'bytes')} bytes` : '';
      const about = `${shown(row, 'finding_kind')}${suffix(' ', shown(row, 'subject'))}${times}${bytes}`;
      return { ...nothing, what: 'FINDING', text: colour('yellow', `${about}${suffix('  ', shown(row, 'message'))}`) };
    }
    case 'session':
      return { ...nothing, what: 'session', ...sessionOf(row) };
    case 'recorder':
      return { ...nothing, what: 'recorder', end: action, text: shown(row, 'version'), dim: action === 'heartbeat' };
    case 'alert': {
      const text = `${shown(row, 'rule_title')}: ${shown(row, 'summary')}`;
      return { ...nothing, what: 'ALERT', end: shown(row, 'level'), endColour: 'red', text: colour('red', text) };
    }
    case 'terminal':
      return { ...nothing, what: 'terminal', end: shown(row, 'terminal_name'), took: elapsed(row), text: typedOf(row) };
    case 'erasure':
      return { ...nothing, what: 'ERASURE', text: colour('yellow', erasureOf(row)) };
    default:
      return { ...nothing, what: kind, text: '' };
  }
}

function commandOf(row: ActivityRow): Meaning {
  const status = row['status'];
  const [end, endColour] =
    status === 'ok'
      ? ([attribute(row, 'status_code') || 'ok', 'green'] as const)
      : status === 'error'
        ? ([shown(row, 'error_code') || 'error', 'red'] as const)
        : (['no reply', 'yellow'] as const);
  const took = milliseconds(number(row, 'duration_ns'));
  const rows = row['rows'] === null || row['rows'] === undefined ? '' : shown(row, 'rows');
  const message = status === 'error' ? suffix('  ', shown(row, 'error_message')) : '';
  const parameters = shown(row, 'parameters');
  // Bound parameters are a list; those of a query string stand in the statement already.
  const bound = parameters.startsWith('[') && parameters !== '[]' ? parameters : '';
  const text = `${statementOf(row)}${colour('dim', suffix('  ', bound))}${colour('red', message)}`;
  return { what: shown(row, 'protocol'), end, endColour, took, rows, text };
}

/** The operation stands before a statement that does not begin with it: PREPARE of an INSERT, LOGIN without any. */
function statementOf(row: ActivityRow): string {
  const statement = shown(row, 'statement');
  const operation = shown(row, 'operation');
  if (statement === '')
    return `${operation}${suffix(' ', attribute(row, 'user'))}${suffix(' at ', shown(row, 'target'))}`;
  if (operation === '' || statement.toLowerCase().startsWith(operation.toLowerCase())) return statement;
  return `${operation}: ${statement}`;
}

function exitOf(row: ActivityRow): { end: string; endColour?: Colour } {
  if (row['action'] !== 'exit') return { end: '' };
  if (number(row, 'signal') > 0) {
    return { end: `signal ${number(row, 'signal')}${row['core_dumped'] === true ? ' core' : ''}`, endColour: 'red' };
  }
  return number(row, 'exit_code') === 0 ? { end: '0' } : { end: String(number(row, 'exit_code')), endColour: 'yellow' };
}

function connectionOf(row: ActivityRow): {
  end: string;
  endColour?: Colour;
  took: string;
  text: string;
  dim?: boolean;
} {
  const place = `${shown(row, 'transport')} ${placeOf(row)}`;
  const error = shown(row, 'error_code');
  if (row['action'] === 'opened') return { end: '', took: '', text: place, dim: true };
  const lost = number(row, 'sent_lost') + number(row, 'received_lost');
  const moved = `${number(row, 'sent_moved')} B out, ${number(row, 'received_moved')} B in, ${shown(row, 'protocol') || 'unknown'}`;
  const text = `${colour('dim', `${place}  ${moved}`)}${lost > 0 ? colour('red', `  ${lost} B lost`) : ''}`;
  return { end: error, ...(error !== '' && { endColour: 'red' }), took: elapsed(row), text };
}

function sessionOf(row: ActivityRow): { end: string; took: string; text: string } {
  const line = shown(row, 'command_line');
  if (row['action'] !== 'ended') return { end: shown(row, 'action'), took: '', text: line };
  const counts = ['commands', 'processes', 'losses'].map((name) => `${number(row, `session_${name}`)} ${name}`);
  return { end: 'ended', took: elapsed(row), text: counts.join(', ') };
}

/** What was typed, or else how much was shown: the screen itself is for `sworn replay`. */
function typedOf(row: ActivityRow): string {
  const hidden = number(row, 'hidden_bytes') > 0 ? `${number(row, 'hidden_bytes')} B typed and not shown, ` : '';
  const input = shown(row, 'input');
  return `${input === '' ? '' : `typed ${JSON.stringify(input)}, `}${hidden}${number(row, 'output_bytes')} B shown`;
}

/** "payload_erased of 12 activities: a request of the person" */
function erasureOf(row: ActivityRow): string {
  if (row['action'] === 'completed') return `completed: tombstone ${shown(row, 'tombstone_seq')}`;
  const of = suffix(' of ', shown(row, 'erased_identity'));
  return `${shown(row, 'action')}${of}, ${number(row, 'erased_activities')} activities: ${shown(row, 'reason')}`;
}

function processOf(row: ActivityRow): string {
  const pid = number(row, 'pid');
  if (pid === 0) return '';
  return `${shown(row, 'exe').split('/').at(-1) || '?'}[${pid}]`;
}

function argvOf(row: ActivityRow): string {
  const argv = row['argv'];
  return Array.isArray(argv) && argv.length > 0 ? printable(argv.join(' ')) : shown(row, 'exe');
}

function placeOf(row: ActivityRow): string {
  if (row['transport'] === 'pipe') return shown(row, 'local_address');
  if (row['transport'] === 'unix') return shown(row, 'remote_address') || shown(row, 'local_address') || 'socket pair';
  const address = shown(row, 'remote_address');
  return `${address.includes(':') ? `[${address}]` : address}:${number(row, 'remote_port')}`;
}

function attribute(row: ActivityRow, name: string): string {
  const attributes = row['attributes'] as Record<string, unknown> | undefined;
  const value = attributes?.[name];
  return typeof value === 'string' ? printable(value) : '';
}

/** From the beginning to the end of what has a length. */
function elapsed(row: ActivityRow): string {
  const ms = millisecondsOf(row['end_time']) - millisecondsOf(row['time']);
  return Number.isFinite(ms) ? milliseconds(Math.max(0, ms) * 1e6) : '';
}

/** "2026-01-31 08:00:00.123456789" in UTC; NaN when it is something else. */
function millisecondsOf(time: unknown): number {
  const text = String(time);
  return Date.parse(`${text.slice(0, 10)}T${text.slice(11, 23)}Z`);
}

export function milliseconds(ns: number): string {
  const ms = ns / 1e6;
  if (ms < 10_000) return `${ms.toFixed(1)} ms`;
  const s = ms / 1000;
  return s < 10_000 ? `${s.toFixed(1)} s` : `${(s / 3600).toFixed(1)} h`;
}

function suffix(before: string, value: string): string {
  return value === '' ? '' : before + value;
}

/** A column, fit for a terminal. */
function shown(row: ActivityRow, name: string): string {
  const value = row[name];
  return typeof value === 'string' || typeof value === 'number' ? printable(String(value)) : '';
}

function number(row: ActivityRow, name: string): number {
  return Number(row[name] ?? 0);
}
