// SPDX-License-Identifier: Apache-2.0

/**
 * The record against the server's own log: the same statements, with the same parameters and errors, once each, in the
 * same order, on each connection.
 */
import type { LoggedStatement } from './server-log.ts';

/** What the record says of one command, as `sworn.commands` has it. */
export interface RecordedCommand {
  readonly connectionId: string;
  /** The workload's port of that connection: the server's log has it as the client's. */
  readonly localPort: number;
  readonly operation: string;
  readonly statement: string;
  /** JSON array, or ''. */
  readonly parameters: string;
  readonly status: string;
  readonly errorCode: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly identityName: string;
}

export interface Difference {
  readonly clientPort: number;
  readonly logged: string | undefined;
  readonly recorded: string | undefined;
}

export interface Comparison {
  readonly matched: number;
  readonly missing: readonly Difference[];
  readonly doubled: readonly Difference[];
  readonly altered: readonly Difference[];
}

/** Of the record, and not statements that a server logs as such. */
const NOT_LOGGED = new Set(['LOGIN', 'PREPARE', 'CANCEL', 'CLOSE']);

interface Entry {
  readonly text: string;
  readonly parameters: string;
  readonly errorCode: string;
}

export function compareWithLog(logged: readonly LoggedStatement[], recorded: readonly RecordedCommand[]): Comparison {
  const missing: Difference[] = [];
  const doubled: Difference[] = [];
  const altered: Difference[] = [];
  let matched = 0;
  const ports = new Set([...logged.map((one) => one.clientPort), ...recorded.map((one) => one.localPort)]);
  for (const clientPort of ports) {
    const said = logged.filter((one) => one.clientPort === clientPort).map(entryOfLogged);
    const seen = joinParts(recorded.filter((one) => one.localPort === clientPort));
    const result = align(said, seen);
    matched += result.matched;
    for (const [kind, into] of [
      ['missing', missing],
      ['doubled', doubled],
      ['altered', altered],
    ] as const) {
      for (const [a, b] of result[kind]) into.push({ clientPort, logged: shown(a), recorded: shown(b) });
    }
  }
  return { matched, missing, doubled, altered };
}

function shown(entry: Entry | undefined): string | undefined {
  if (entry === undefined) return undefined;
  return `${entry.text}${entry.parameters === '[]' ? '' : ` ${entry.parameters}`}${entry.errorCode === '' ? '' : ` (${entry.errorCode})`}`;
}

function entryOfLogged(one: LoggedStatement): Entry {
  return { text: one.text, parameters: JSON.stringify(one.parameters), errorCode: one.error?.code ?? '' };
}

/**
 * A simple query of several statements is one line of the log and one command each in the record. They are put together
 * again: the text must be the whole, but for what stands between statements.
 */
function joinParts(commands: readonly RecordedCommand[]): (Entry & { readonly parts: readonly string[] })[] {
  const entries: (Entry & { parts: string[] })[] = [];
  let open: { text: string; parameters: string; errorCode: string; parts: string[]; left: number } | undefined;
  for (const command of commands) {
    if (NOT_LOGGED.has(command.operation) && command.status !== 'error') continue;
    const { attributes } = command;
    const count = Number(attributes['statement_count'] ?? 1);
    const index = Number(attributes['statement_index'] ?? 1);
    const parameters = JSON.stringify(textsOf(command.parameters));
    if (count <= 1) {
      entries.push({ text: command.statement, parameters, errorCode: command.errorCode, parts: [command.statement] });
      continue;
    }
    if (open === undefined || index === 1) {
      open = { text: '', parameters, errorCode: '', parts: [], left: count };
      entries.push(open);
    }
    open.parts.push(command.statement);
    open.left--;
    open.errorCode ||= command.errorCode;
    if (open.left === 0) open = undefined;
  }
  return entries;
}

/** Values as the server's log writes them: texts. */
function textsOf(parameters: string): (string | null)[] {
  if (parameters === '') return [];
  return (JSON.parse(parameters) as unknown[]).map((value) => (value === null ? null : String(value)));
}

function same(logged: Entry, recorded: Entry & { readonly parts: readonly string[] }): boolean {
  if (logged.parameters !== recorded.parameters || logged.errorCode !== recorded.errorCode) return false;
  if (recorded.parts.length === 1) return trimmed(logged.text) === trimmed(recorded.parts[0] as string);
  let rest = logged.text;
  for (const part of recorded.parts) {
    const text = trimmed(part);
    const at = rest.indexOf(text);
    if (at < 0 || !/^(?:[\s;]|--[^\n]*\n|\/\*[\s\S]*?\*\/)*$/.test(rest.slice(0, at))) return false;
    rest = rest.slice(at + text.length);
  }
  // What follows an error was never run, and is not part of what happened.
  return recorded.errorCode !== '' || /^(?:[\s;]|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*$/.test(rest);
}

/** The log leaves out white space and the semicolon at the end of a statement, now and then. */
function trimmed(text: string): string {
  return text.trim().replace(/(?:\s*;)+$/, '');
}

type Pair = readonly [Entry | undefined, Entry | undefined];

/** Walks both in step; where they part, the nearest place where they meet again decides what is missing or too much. */
function align(said: readonly Entry[], seen: readonly (Entry & { readonly parts: readonly string[] })[]) {
  const missing: Pair[] = [];
  const doubled: Pair[] = [];
  const altered: Pair[] = [];
  let matched = 0;
  let i = 0;
  let j = 0;
  while (i < said.length || j < seen.length) {
    const a = said[i];
    const b = seen[j];
    if (a !== undefined && b !== undefined && same(a, b)) {
      matched++;
      i++;
      j++;
    } else if (a !== undefined && b !== undefined) {
      const skipSeen = seen.findIndex((one, at) => at > j && at < j + 50 && same(a, one));
      const skipSaid = said.findIndex((one, at) => at > i && at < i + 50 && same(one, b));
      if (skipSeen > 0 && (skipSaid < 0 || skipSeen - j <= skipSaid - i)) doubled.push([undefined, seen[j++]]);
      else if (skipSaid > 0) missing.push([said[i++], undefined]);
      else altered.push([said[i++], seen[j++]]);
    } else if (a !== undefined) {
      missing.push([said[i++], undefined]);
    } else {
      doubled.push([undefined, seen[j++]]);
    }
  }
  return { matched, missing, doubled, altered };
}
