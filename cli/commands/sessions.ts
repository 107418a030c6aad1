// SPDX-License-Identifier: Apache-2.0

import type { Command } from 'commander';
import { addCollectorOptions, CollectorClient, type CollectorOptions } from '../collector-client.ts';
import { colour, terminalWidth } from '../print/colour.ts';
import { printable, table } from '../print/table.ts';
import { parseSince } from '../since.ts';

const HELP = `
A session is one run of a workload, from its first process to its last. Newest first.

Examples:
  sworn sessions
  sworn sessions --identity invoice-agent --since 2h
  sworn sessions --json | jq -r .session_id`;

interface SessionsOptions extends CollectorOptions {
  readonly identity?: string;
  readonly workload?: string;
  readonly host?: string;
  readonly since?: string;
  readonly limit: string;
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
  readonly alerts: string;
}

export function addSessions(program: Command): void {
  addCollectorOptions(program.command('sessions'))
    .description('list what ran')
    .option('--identity <name>', 'of this identity (name or id)')
    .option('--workload <name>', 'of this workload')
    .option('--host <name>', 'on this host')
    .option('--since <time>', 'begun since: 30m, 2h, 7d, or a time')
    .option('--limit <number>', 'at most so many', '50')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', HELP)
    .action(async (options: SessionsOptions) => {
      const { identity, workload, host, since, limit } = options;
      const query = { identity, workload, host, limit, since: since === undefined ? undefined : parseSince(since) };
      const { sessions } = await new CollectorClient(options).getJson<{ sessions: SessionRow[] }>(
        '/v1/sessions',
        query,
      );
      if (options.json) {
        for (const session of sessions) console.log(JSON.stringify(session));
        return;
      }
      if (sessions.length === 0) {
        console.log('No sessions. Start one: sworn run --identity NAME -- COMMAND');
        return;
      }
      const header = ['session', 'start', 'identity', 'state', 'cmds', 'errors', 'losses', 'alerts', '', 'command'];
      const right = new Set(['cmds', 'errors', 'losses', 'alerts']);
      console.log(table(header, sessions.map(rowOf), { width: terminalWidth(), right }));
    });
}

function rowOf(session: SessionRow): string[] {
  const count = (value: string): string => (Number(value) > 0 ? colour('red', value) : '0');
  return [
    session.session_id,
    session.start.slice(0, 19),
    session.identity_name || '-',
    session.identity_state,
    session.commands,
    count(session.errors),
    count(session.losses),
    count(session.alerts),
    Number(session.ended) === 0 ? colour('green', 'running') : '',
    printable(session.command_line),
  ];
}
