// SPDX-License-Identifier: Apache-2.0

import type { Command } from 'commander';
import { addCollectorOptions, CollectorClient, type CollectorOptions } from '../collector-client.ts';
import { countOf } from '../option-values.ts';
import { print } from '../output.ts';
import { colour, terminalWidth } from '../print/colour.ts';
import { table } from '../print/table.ts';
import { printable, printableJson } from '../print/terminal-text.ts';
import { parseSince } from '../since.ts';

const HELP = `
A session is one run of a workload, from its first process to its last. Newest first.

Examples:
  sworn sessions
  sworn sessions --identity invoice-agent --since 2h
  sworn sessions --json | jq -r .session_id`;

const SESSIONS_MAX = 10_000;

interface SessionsOptions extends CollectorOptions {
  readonly identity?: string;
  readonly workload?: string;
  readonly host?: string;
  readonly since?: string;
  readonly limit: number;
  readonly json?: boolean;
}

interface SessionRow {
  readonly session_id: string;
  readonly start: string;
  readonly identity_name: string;
  readonly identity_state: string;
  readonly workload: string;
  readonly host: string;
  readonly command_line: string;
  readonly ended: boolean | number;
  readonly commands: string;
  readonly errors: string;
  readonly losses: string;
  readonly findings: string;
  readonly alerts: string;
}

export function defineSessions(command: Command): void {
  addCollectorOptions(command)
    .option('--identity <name>', 'of this identity (name or id)')
    .option('--workload <name>', 'of this workload')
    .option('--host <name>', 'on this host')
    .option('--since <time>', 'begun since: 30m, 2h, 7d, or a time', (text) => parseSince(text))
    .option('--limit <number>', 'at most so many', countOf(SESSIONS_MAX), 50)
    .option('--json', 'one JSON object a line')
    .addHelpText('after', HELP)
    .action(async (options: SessionsOptions) => {
      const { identity, workload, host, since, limit } = options;
      const client = new CollectorClient(options);
      const { sessions } = await client.getJson<{ sessions: SessionRow[] }>('/v1/sessions', {
        ...{ identity, workload, host, since },
        limit: String(limit),
      });
      if (options.json) {
        for (const session of sessions) await print(printableJson(JSON.stringify(session)));
        return;
      }
      if (sessions.length === 0) {
        const narrowed = [identity, workload, host, since].some((option) => option !== undefined);
        await print(
          narrowed ? 'No sessions of this kind.' : 'No sessions. Start one: sworn run --identity NAME -- COMMAND',
        );
        return;
      }
      const header = [
        'session',
        'start (UTC)',
        'identity',
        'state',
        'cmds',
        'errors',
        'losses',
        'findings',
        'alerts',
        '',
        'command',
      ];
      const right = new Set(['cmds', 'errors', 'losses', 'findings', 'alerts']);
      await print(table(header, sessions.map(rowOf), { width: terminalWidth(), right }));
      if (sessions.length === limit) await print(colour('dim', `the newest ${limit}; --limit shows more`));
    });
}

function rowOf(session: SessionRow): string[] {
  const count = (value: string): string => (Number(value) > 0 ? colour('red', value) : '0');
  return [
    printable(session.session_id),
    session.start.slice(0, 19),
    printable(session.identity_name) || '-',
    session.identity_state,
    session.commands,
    count(session.errors),
    count(session.losses),
    count(session.findings),
    count(session.alerts),
    Number(session.ended) === 0 ? colour('green', 'running') : '',
    printable(session.command_line),
  ];
}
