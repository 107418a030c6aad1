// SPDX-License-Identifier: Apache-2.0

/** What the tool server, sshd and the one at the terminal have written down, against the rows of the record. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { toldOf } from './shell-session.ts';
import type { Stage } from './stage.ts';
import type { CommandRow } from './verdict.ts';

export interface TerminalRow {
  readonly time: string;
  readonly identity_name: string;
  readonly session_id: string;
  readonly terminal_id: string;
  readonly kind: string;
  readonly name: string;
  readonly exe: string;
  readonly input: string;
  readonly output: string;
  readonly hidden_bytes: string;
}

/** The same of both sides: what it is about, and all of it. */
interface Line {
  readonly about: string;
  readonly whole: string;
}

export interface Told {
  readonly matched: number;
  readonly missing: readonly string[];
  readonly doubled: readonly string[];
  readonly altered: readonly string[];
}

export function compareWithTold(
  stage: Stage,
  commands: readonly CommandRow[],
  terminals: readonly TerminalRow[],
): readonly Told[] {
  const of = (protocol: string) => commands.filter((row) => row.protocol === protocol);
  return [
    compareLines(toolLines(stage.toolLog), of('mcp').map(seenTool)),
    compareLines(sshLines(stage), of('ssh').flatMap(seenSsh)),
    compareLines(shellLines(stage.shellLog), seenTerminals(terminals)),
  ];
}

/** Each line once, in any order; what is left over of both sides and about the same is altered. */
export function compareLines(told: readonly Line[], seen: readonly Line[]): Told {
  const left = [...seen];
  const take = (fits: (line: Line) => boolean): Line | undefined => {
    const at = left.findIndex(fits);
    return at < 0 ? undefined : left.splice(at, 1)[0];
  };
  const open = told.filter(({ whole }) => take((line) => line.whole === whole) === undefined);
  const missing: string[] = [];
  const altered: string[] = [];
  for (const { about, whole } of open) {
    const other = take((line) => line.about === about);
    if (other === undefined) missing.push(whole);
    else altered.push(`${whole}  ≠  ${other.whole}`);
  }
  return { matched: told.length - open.length, missing, altered, doubled: left.map(({ whole }) => whole) };
}

const line = (about: string, ...rest: readonly unknown[]): Line => ({ about, whole: [about, ...rest].join(' ') });

function toolLines(log: string): Line[] {
  if (!existsSync(log)) return [];
  const lines = readFileSync(log, 'utf8').split('\n').filter(Boolean);
  return lines.map((text) => {
    const said = JSON.parse(text) as { readonly name: string; readonly asked: string; readonly answered: string };
    return line(said.name, said.asked, said.answered);
  });
}

function seenTool({ operation, resource, request_hash, response_hash, identity_name }: CommandRow): Line {
  const isCall = operation === 'tools/call';
  return line(isCall ? `${operation} ${resource}` : operation, request_hash, response_hash, ...wrong(identity_name));
}

const EMPTY = createHash('sha256').digest('hex');

function sshLines({ ssh }: Stage): Line[] {
  if (ssh === undefined) return [];
  const logins = [...ssh.log().matchAll(/^Accepted (\w+) for (\w+) from .*?(SHA256:\S+)$/gm)];
  return [
    ...logins.map(([, method, user, key]) => line('login', method, user, key)),
    ...ssh
      .notes()
      .map(({ command, stdin, stdout, status }) =>
        line(command, stdin?.sha256 ?? EMPTY, stdout?.sha256 ?? EMPTY, status),
      ),
  ];
}

function seenSsh(row: CommandRow): Line[] {
  const { operation, statement, attributes, request_hash, response_hash, identity_name } = row;
  if (operation === 'login')
    return [line('login', attributes['auth_method'], attributes['user'], attributes['key_fingerprint'])];
  if (operation !== 'exec') return [];
  return [line(statement, request_hash, response_hash, attributes['exit_status'], ...wrong(identity_name))];
}

function shellLines(log: string): Line[] {
  const told = toldOf(log);
  return told === undefined ? [] : [line('terminal', JSON.stringify(told.typed), JSON.stringify(told.shown))];
}

function seenTerminals(terminals: readonly TerminalRow[]): Line[] {
  const byId = Map.groupBy(terminals, ({ terminal_id }) => terminal_id);
  return [...byId.values()].map((stretches) => {
    const all = (field: 'input' | 'output') => JSON.stringify(stretches.map((one) => one[field]).join(''));
    return line('terminal', all('input'), all('output'), ...wrong(stretches[0]?.identity_name));
  });
}

/** All of this is one workload's: said of another, it is not the same. */
const wrong = (identity: string | undefined): string[] => (identity === 'ops-agent' ? [] : [`by ${identity}`]);
