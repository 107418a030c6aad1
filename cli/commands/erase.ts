// SPDX-License-Identifier: Apache-2.0

import { createInterface } from 'node:readline/promises';
import { type Command, Option } from 'commander';
import { ADMIN_TOKEN_VARIABLE, addAdminOptions, CollectorClient, type CollectorOptions } from '../collector-client.ts';
import { CliError, EXIT } from '../exit.ts';
import { kindOption } from '../option-values.ts';
import { print } from '../output.ts';
import { terminalWidth } from '../print/colour.ts';
import { table } from '../print/table.ts';
import { printable, printableJson } from '../print/terminal-text.ts';
import { parseSince } from '../since.ts';

const HELP = `
Takes the payload (statements, parameters, bodies, arguments, claims, what alerts quote of them) and the salts of all
activities that match out of ClickHouse. Who, when, where and how it ended stay, and so do the digests: the record still
verifies. A tombstone in the collector's own log says what was erased, by whom and why. It cannot be taken back.

All that is named must hold. --identity is an id or a name, of who acted or of the human for whom. What agents deliver later
is not erased; copies that went to alert sinks, exports and backups are out of reach.

Examples:
  sworn erase --identity invoice-agent --reason "contract ended" --dry-run
  sworn erase --identity ada@example.net --before 30d --reason "request 4711" --yes
  sworn erase --session 01a20481-0000-7000-8000-000000000001 --kind command --reason "held a password"
  sworn erase --list`;

const POLL_MS = 500;

interface EraseOptions extends CollectorOptions {
  readonly identity?: string;
  readonly session?: string;
  readonly agent?: string;
  readonly kind?: readonly string[];
  readonly since?: string;
  readonly before?: string;
  readonly reason?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly list?: boolean;
  readonly json?: boolean;
}

interface Begun {
  readonly seq: number | null;
  readonly activities: number;
  readonly agents: readonly {
    readonly agent_id: string;
    readonly activities: number;
    readonly first_seq: number;
    readonly last_seq: number;
  }[];
  readonly digest?: string;
}

interface Progress {
  readonly state: 'erasing' | 'erased' | 'completed' | 'differs';
  readonly activities: number;
  readonly activities_left: number;
  readonly parts_left: number;
  readonly old_parts: number;
  readonly failure: string;
}

export function defineErase(command: Command): void {
  addAdminOptions(command)
    .option('--identity <name>', 'of this identity: id or name')
    .option('--session <id>', 'of this session')
    .option('--agent <id>', 'recorded by this agent')
    .addOption(kindOption())
    .option('--since <time>', 'that began since: 30m, 2h, 7d, or a time', (text) => parseSince(text))
    .option('--before <time>', 'that began before: 30d ago, or a time', (text) => parseSince(text))
    .option('--reason <text>', 'why; it stands in the record for ever')
    .option('--dry-run', 'only count')
    .option('--yes', 'do not ask')
    .addOption(
      new Option('--list', 'show the tombstones of what was erased').conflicts(['identity', 'session', 'reason']),
    )
    .option('--json', 'JSON')
    .addHelpText('after', HELP)
    .action(async (options: EraseOptions) => {
      const client = new CollectorClient({ ...options, tokenVariable: ADMIN_TOKEN_VARIABLE });
      if (options.list) await list(client, options.json === true);
      else await erase(client, options);
    });
}

async function erase(client: CollectorClient, options: EraseOptions): Promise<void> {
  const { identity, session, agent, kind, since, before, reason, dryRun, json } = options;
  if ([identity, session, agent, before].every((one) => one === undefined)) {
    const next = 'Name at least one of --identity, --session, --agent, --before.';
    throw new CliError('nothing says what is to be erased', next, EXIT.unusable);
  }
  if (!dryRun && (reason ?? '').trim() === '') {
    throw new CliError('an erasure needs a reason', 'Write --reason TEXT; it stands in the record.', EXIT.unusable);
  }
  const asked = { identity, session, agent, kinds: kind, since, before, reason };
  const counted = await client.postJson<Begun>('/v1/erasures', { ...asked, dry_run: true });
  if (dryRun || counted.activities === 0) {
    if (json) await print(printableJson(JSON.stringify(counted)));
    else if (counted.activities === 0) await print('Nothing matches that still has its payload.');
    else await showAgents(counted, 'would be erased');
    return;
  }
  if (!options.yes) await confirm(counted.activities);
  const begun = await client.postJson<Begun>('/v1/erasures', asked);
  if (begun.seq === null) {
    await print(json ? printableJson(JSON.stringify(begun)) : 'Nothing matches that still has its payload.');
    return;
  }
  const end = await follow(client, begun.seq);
  if (json) await print(printableJson(JSON.stringify({ ...begun, state: end.state })));
  if (end.state === 'differs') {
    throw new CliError(
      `what was erased is not what tombstone ${begun.seq} announced`,
      "Somebody else changes the tables: verify the record, and look at the collector's log.",
    );
  }
  if (json) return;
  await showAgents(begun, 'erased');
  await print(`Tombstone: activity ${begun.seq} of the collector's own log.`);
  if (end.state === 'erased') {
    await print('No query finds it any more. Old files leave the disk within about ten minutes: sworn erase --list');
  }
}

async function confirm(activities: number): Promise<void> {
  if (process.stdin.isTTY !== true) {
    throw new CliError('an erasure asks first', 'Say --yes where nobody can answer.', EXIT.unusable);
  }
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await lines.question(`Erase the payload of ${activities} activities? It cannot be taken back. [y/N] `);
  lines.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new CliError('nothing was erased');
}

/** Until no query finds it any more. */
async function follow(client: CollectorClient, seq: number): Promise<Progress> {
  const isTerminal = process.stderr.isTTY === true;
  for (;;) {
    const progress = await client.getJson<Progress>(`/v1/erasures/${seq}`);
    if (isTerminal) {
      const { parts_left, failure } = progress;
      const why = failure === '' ? '' : `; trying again: ${printable(failure)}`;
      process.stderr.write(`\r\u001b[Kerasing: ${parts_left} parts left${why}`);
    }
    if (progress.state !== 'erasing') {
      if (isTerminal) process.stderr.write('\r\u001b[K');
      return progress;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function showAgents({ activities, agents }: Begun, verb: string): Promise<void> {
  const rows = agents.map((one) => [
    printable(one.agent_id),
    String(one.activities),
    `${one.first_seq} to ${one.last_seq}`,
  ]);
  await print(
    table(['agent', 'activities', 'of seq'], rows, { width: terminalWidth(), right: new Set(['activities']) }),
  );
  await print(`${activities} activities ${verb}.`);
}

interface TombstoneRow {
  readonly time: string;
  readonly agent_id: string;
  readonly seq: string;
  readonly action: string;
  readonly identity: string;
  readonly predicate: string;
  readonly reason: string;
  readonly requested_by: string;
  readonly activities: string;
  readonly completed: number;
}

async function list(client: CollectorClient, json: boolean): Promise<void> {
  const rows = await client.rows<TombstoneRow>(
    `SELECT time, agent_id, seq, action, identity, predicate, reason, requested_by, activities, agents, digest, completed
     FROM sworn.erasures ORDER BY time, seq`,
  );
  if (json) {
    for (const row of rows) await print(printableJson(JSON.stringify(row)));
    return;
  }
  if (rows.length === 0) {
    await print('Nothing was erased.');
    return;
  }
  const cells = rows.map((row) => [
    row.time.slice(0, 19),
    row.seq,
    row.action.replaceAll('_', ' '),
    printable(row.predicate),
    row.activities,
    row.completed === 1 ? 'gone' : 'under way',
    printable(row.requested_by),
    printable(row.reason),
  ]);
  const header = ['time', 'tombstone', 'what', 'of', 'activities', '', 'by', 'reason'];
  await print(table(header, cells, { width: terminalWidth(), right: new Set(['tombstone', 'activities']) }));
}
