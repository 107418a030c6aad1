// SPDX-License-Identifier: Apache-2.0

import type { Command } from 'commander';
import { addCollectorOptions, CollectorClient, type CollectorOptions } from '../collector-client.ts';
import {
  askOne,
  type CoverageSums,
  type OpenConnections,
  openQuestion,
  reasonsQuestion,
  sumsQuestion,
  type UnreadReason,
} from '../coverage-question.ts';
import { CliError, EXIT } from '../exit.ts';
import { findSession } from '../find-session.ts';
import { kindOption } from '../option-values.ts';
import { print } from '../output.ts';
import { activityBlock } from '../print/activity-block.ts';
import type { ActivityRow } from '../print/activity-line.ts';
import { colour } from '../print/colour.ts';
import { coverageLines, reasonLine, violationLine } from '../print/coverage-lines.ts';
import { printable, printableJson } from '../print/terminal-text.ts';
import { inReadingOrder } from '../session-rows.ts';
import { showIdentity } from '../show-identity.ts';
import { parseSince } from '../since.ts';

const HELP = `
Everything that the session did, in order: processes, connections, tokens, commands, losses, findings, alerts.
With --identity, everything that an identity did, over all its sessions and hosts; what only claims to be it is left out.
Times are UTC.

Examples:
  sworn show last
  sworn show 01a20481            the beginning of a session's id will do
  sworn show last --full         with parameters and what came back
  sworn show last --kind command,alert
  sworn show last --json | jq 'select(.status == "error")'
  sworn show --identity invoice-agent --since 2h
  sworn show --identity ada@contoso.example --kind command`;

const PAGE_ROWS = '1000';

interface ShowOptions extends CollectorOptions {
  readonly kind?: readonly string[];
  readonly full?: boolean;
  readonly identity?: string;
  readonly since?: string;
  readonly json?: boolean;
}

interface Page {
  readonly session: ActivityRow;
  readonly activities: readonly ActivityRow[];
  readonly next: string | null;
}

export function defineShow(command: Command): void {
  addCollectorOptions(command)
    .argument('[session]', "a session's id, the beginning of it, or 'last'")
    .option('--identity <name>', 'all that this identity did, or that was done for this human (name or id)')
    .option('--since <time>', 'with --identity: since 30m, 2h, 7d, or a time', (text) => parseSince(text))
    .addOption(kindOption())
    .option('--full', 'with parameters, requests and responses')
    .option('--json', 'one JSON object a line, in the order of the collector')
    .addHelpText('after', HELP)
    .action(async (given: string | undefined, options: ShowOptions) => {
      const client = new CollectorClient(options);
      if (options.identity !== undefined && given === undefined) {
        await showIdentity(client, options.identity, options);
        return;
      }
      if (given === undefined || options.identity !== undefined || options.since !== undefined)
        throw new CliError(
          'show takes a session or --identity, one of the two',
          'See: sworn show --help',
          EXIT.unusable,
        );
      const id = await findSession(client, given);
      const kinds = options.kind === undefined ? undefined : new Set(options.kind);
      const first = await pageOf(client, id, undefined);
      if (!options.json) await print([...headOf(first.session), ...(await coverageOf(client, id)), ''].join('\n'));
      const rows = allRows(client, id, first);
      for await (const row of options.json ? rows : inReadingOrder(rows)) {
        if (kinds?.has(String(row['kind'])) === false) continue;
        if (options.json) await print(printableJson(JSON.stringify(row)));
        else for (const text of activityBlock(row, options.full === true)) await print(text);
      }
    });
}

function pageOf(client: CollectorClient, id: string, after: string | undefined): Promise<Page> {
  return client.getJson(`/v1/sessions/${encodeURIComponent(id)}`, { after, limit: PAGE_ROWS });
}

async function* allRows(client: CollectorClient, id: string, first: Page): AsyncGenerator<ActivityRow> {
  for (let page = first; ; page = await pageOf(client, id, page.next)) {
    yield* page.activities;
    if (page.next === null) return;
  }
}

function headOf(session: ActivityRow): string[] {
  const text = (name: string): string => printable(String(session[name] ?? ''));
  const ended = Number(session['ended']) === 0 ? colour('green', 'still running') : `${text('end')} UTC`;
  return [
    line('session', colour('bold', text('session_id'))),
    line('identity', `${text('identity_name') || '-'} ${text('identity_id')} (${text('identity_state')})`),
    line('workload', `${text('workload') || '-'} on ${text('host')}`),
    line('command', text('command_line')),
    line('began', `${text('start')} UTC`),
    line('ended', ended),
    line(
      'did',
      ['commands', 'errors', 'processes', 'connections', 'losses', 'findings', 'alerts']
        .map((name) => `${text(name)} ${name}`)
        .join(', '),
    ),
  ];
}

function line(name: string, value: string): string {
  return `${colour('dim', name.padEnd(9))} ${value}`;
}

const REASONS_SHOWN = 3;

/** How much of what crossed its connections was read, and the largest parts that were not. */
async function coverageOf(client: CollectorClient, session: string): Promise<string[]> {
  const sums = await askOne<CoverageSums>(client, sumsQuestion({ session }));
  const open = await askOne<OpenConnections>(client, openQuestion({ session }));
  const { sql, parameters } = reasonsQuestion({ session }, REASONS_SHOWN);
  const reasons = await client.rows<UnreadReason>(sql, parameters);
  const warning = violationLine(sums);
  return [
    ...coverageLines(sums, open).map(([label, text]) => line(label, text)),
    ...reasons.map((reason) => line('', reasonLine(reason))),
    ...(warning === '' ? [] : [warning]),
  ];
}
