// SPDX-License-Identifier: Apache-2.0

import type { Command } from 'commander';
import { addCollectorOptions, CollectorClient, type CollectorOptions } from '../collector-client.ts';
import { CliError } from '../exit.ts';
import { type ActivityRow, activityLine } from '../print/activity-line.ts';
import { colour, terminalWidth } from '../print/colour.ts';
import { printable } from '../print/table.ts';

const HELP = `
Everything that the session did, in order: processes, connections, tokens, commands, losses, alerts.

Examples:
  sworn show last
  sworn show 01a20481            the beginning of a session's id will do
  sworn show last --full         with parameters and what came back
  sworn show last --kind command --kind alert
  sworn show last --json | jq 'select(.status == "error")'`;

interface ShowOptions extends CollectorOptions {
  readonly kind?: string[];
  readonly full?: boolean;
  readonly json?: boolean;
}

interface Page {
  readonly session: ActivityRow;
  readonly activities: readonly ActivityRow[];
  readonly next: string | null;
}

export function addShow(program: Command): void {
  addCollectorOptions(program.command('show'))
    .description('show everything that a session did, in order')
    .argument('<session>', "a session's id, the beginning of it, or 'last'")
    .option('--kind <kind...>', 'only these kinds: command, process, connection, token, loss, session, alert')
    .option('--full', 'with parameters, requests and responses')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', HELP)
    .action(async (given: string, options: ShowOptions) => {
      const client = new CollectorClient(options);
      const id = await findSession(client, given);
      const kinds = options.kind === undefined ? undefined : new Set(options.kind);
      let after: string | undefined;
      let first = true;
      do {
        const page: Page = await client.getJson(`/v1/sessions/${encodeURIComponent(id)}`, { after, limit: '1000' });
        if (first && !options.json) console.log(headOf(page.session));
        first = false;
        for (const row of page.activities) {
          if (kinds?.has(String(row['kind'])) === false) continue;
          if (options.json) console.log(JSON.stringify(row));
          else printRow(row, options.full === true);
        }
        after = page.next ?? undefined;
      } while (after !== undefined);
    });
}

async function findSession(client: CollectorClient, given: string): Promise<string> {
  const found = await client.rows<{ session_id: string }>(
    given === 'last'
      ? 'SELECT session_id FROM sworn.sessions ORDER BY start DESC LIMIT 1'
      : 'SELECT DISTINCT session_id FROM sworn.activities WHERE startsWith(session_id, {given:String}) LIMIT 10',
    given === 'last' ? {} : { given },
  );
  const [only, ...others] = found.map(({ session_id }) => session_id);
  if (only === undefined) {
    throw new CliError(
      given === 'last' ? 'there is no session yet' : `no session begins with '${given}'`,
      'See: sworn sessions',
    );
  }
  if (others.length > 0) throw new CliError(`several sessions begin with '${given}': ${[only, ...others].join(', ')}`);
  return only;
}

function headOf(session: ActivityRow): string {
  const line = (name: string, value: string): string => `${colour('dim', name.padEnd(9))} ${value}`;
  const identity = `${session['identity_name'] || '-'} ${session['identity_id']} (${session['identity_state']})`;
  return [
    line('session', colour('bold', String(session['session_id']))),
    line('identity', identity),
    line('workload', `${session['workload']} on ${session['host']}`),
    line('command', printable(String(session['command_line']))),
    line('began', `${session['start']} UTC`),
    line(
      'did',
      `${session['commands']} commands, ${session['errors']} errors, ${session['losses']} losses, ${session['alerts']} alerts`,
    ),
    '',
  ].join('\n');
}

const BLOCK_CHARACTERS_MAX = 4000;

function printRow(row: ActivityRow, full: boolean): void {
  console.log(activityLine(row, { identity: false, width: full ? undefined : terminalWidth() }));
  if (!full || row['kind'] !== 'command') return;
  for (const name of ['target', 'parameters', 'request', 'response']) {
    const value = String(row[name] ?? '');
    if (value === '') continue;
    const shown =
      value.length > BLOCK_CHARACTERS_MAX
        ? `${value.slice(0, BLOCK_CHARACTERS_MAX)} … (${value.length} characters)`
        : value;
    for (const line of shown.split('\n')) console.log(`    ${colour('dim', name.padEnd(10))} ${printable(line)}`);
  }
}
