// SPDX-License-Identifier: Apache-2.0

import { type Command, Option } from 'commander';
import { addCollectorOptions, CollectorClient, type CollectorOptions } from '../collector-client.ts';
import { type IdentityRow, identityRows } from '../identity-question.ts';
import { countOf } from '../option-values.ts';
import { print } from '../output.ts';
import { colour, terminalWidth } from '../print/colour.ts';
import { table } from '../print/table.ts';
import { printable, printableJson } from '../print/terminal-text.ts';
import { parseSince } from '../since.ts';

const HELP = `
One line an identity, and one for each human that it acted for; those seen last first. Times are UTC. The state is the best
there was: verified (a token's signature was checked), unverifiable (the broker had the token from Entra, and nobody can check
it), policy (the configuration says so) or unproven (it was only claimed; such claims are in no other column).

Examples:
  sworn identities
  sworn identities --since 24h --kind agent
  sworn identities --host db-7
  sworn identities --json | jq -r 'select(.tokens_suspicious != "0") | .name'
  sworn show --identity invoice-agent`;

const IDENTITIES_MAX = 10_000;
const KINDS = ['app', 'agent', 'agent-user', 'user', 'host'];

interface IdentitiesOptions extends CollectorOptions {
  readonly kind?: string;
  readonly host?: string;
  readonly since?: string;
  readonly limit: number;
  readonly json?: boolean;
}

export function defineIdentities(command: Command): void {
  addCollectorOptions(command)
    .addOption(new Option('--kind <kind>', 'only of this kind').choices(KINDS))
    .option('--host <name>', 'seen on this host')
    .option('--since <time>', 'seen since: 30m, 2h, 7d, or a time', (text) => parseSince(text))
    .option('--limit <number>', 'at most so many', countOf(IDENTITIES_MAX), 100)
    .option('--json', 'one JSON object a line')
    .addHelpText('after', HELP)
    .action(async (options: IdentitiesOptions) => {
      const { kind, host, since, limit } = options;
      const rows = await identityRows(new CollectorClient(options), { kind, host, since }, limit);
      if (options.json) {
        for (const row of rows) await print(printableJson(JSON.stringify(row)));
        return;
      }
      if (rows.length === 0) {
        const narrowed = [kind, host, since].some((option) => option !== undefined);
        await print(narrowed ? 'No identities of this kind.' : 'No identities were seen yet.');
        return;
      }
      await print(table(HEADER, rows.map(cellsOf), { width: terminalWidth(), right: RIGHT }));
      if (rows.length === limit) await print(colour('dim', `the ${limit} seen last; --limit shows more`));
    });
}

const HEADER = [
  'identity',
  'kind',
  'state',
  'for',
  'first (UTC)',
  'last (UTC)',
  'sessions',
  'cmds',
  'issued',
  'refused',
  'observed',
  'suspicious',
  'where',
];
const RIGHT = new Set(['sessions', 'cmds', 'issued', 'refused', 'observed', 'suspicious']);

function cellsOf(row: IdentityRow): string[] {
  const red = (count: string): string => (Number(count) > 0 ? colour('red', count) : '0');
  return [
    printable(row.name || row.identity),
    printable(row.kind) || '-',
    row.state === 'unproven' ? colour('yellow', row.state) : row.state,
    printable(row.on_behalf_of_name || row.on_behalf_of_id) || '-',
    row.first_seen.slice(0, 19),
    row.last_seen.slice(0, 19),
    row.sessions,
    row.commands,
    row.tokens_issued,
    red(row.tokens_refused),
    row.tokens_observed,
    red(row.tokens_suspicious),
    printable(placesOf(row)),
  ];
}

const NAMES_SHOWN = 3;

function placesOf({ workloads, hosts }: IdentityRow): string {
  return hosts.length === 0 ? '-' : `${shortened(workloads)} on ${shortened(hosts)}`;
}

function shortened(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN).join(', ');
  return names.length > NAMES_SHOWN ? `${shown} and ${names.length - NAMES_SHOWN} more` : shown;
}
