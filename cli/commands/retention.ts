// SPDX-License-Identifier: Apache-2.0

import type { Command } from 'commander';
import { ADMIN_TOKEN_VARIABLE, addAdminOptions, CollectorClient, type CollectorOptions } from '../collector-client.ts';
import { print } from '../output.ts';
import { terminalWidth } from '../print/colour.ts';
import { table } from '../print/table.ts';
import { printable, printableJson } from '../print/terminal-text.ts';

const HELP = `
The running collector does this by itself, at its start and once a day, by the section retention of its configuration.

Examples:
  sworn collector retention --dry-run           what would go now, and which days stay and why
  sworn collector retention                     begin a round now
  sworn erase --list                            the tombstones of what went`;

interface Plan {
  readonly payload: readonly {
    readonly identity: string | null;
    readonly except_identities: readonly string[];
    readonly received_before: string;
    readonly activities: number;
  }[];
  readonly days: readonly { readonly day: string; readonly activities: number; readonly kept_because: string }[];
}

export function defineRetention(collector: Command): void {
  addAdminOptions(collector.command('retention'))
    .description('say what would go by its age, or let it go now')
    .option('--dry-run', 'only say what would go')
    .option('--json', 'one JSON object')
    .addHelpText('after', HELP)
    .action(async (options: CollectorOptions & { dryRun?: boolean; json?: boolean }) => {
      const client = new CollectorClient({ ...options, tokenVariable: ADMIN_TOKEN_VARIABLE });
      const plan = await client.postJson<Plan>('/v1/retention', { dry_run: options.dryRun === true });
      if (options.json) await print(printableJson(JSON.stringify(plan)));
      else await show(plan, options.dryRun === true);
    });
}

async function show({ payload, days }: Plan, isDryRun: boolean): Promise<void> {
  const rows = [
    ...payload.map(({ identity, except_identities, received_before, activities }) => [
      `payload of ${identity ?? (except_identities.length === 0 ? 'all' : `all but ${except_identities.join(', ')}`)}`,
      `received before ${received_before.slice(0, 10)}`,
      String(activities),
      '',
    ]),
    ...days.map(({ day, activities, kept_because }) => [
      'activities',
      `received on ${day}`,
      String(activities),
      kept_because === '' ? '' : `stays: ${kept_because}`,
    ]),
  ];
  if (rows.length === 0) {
    await print('Nothing goes by its age: see the section retention of the configuration.');
    return;
  }
  const cells = rows.map((row) => row.map(printable));
  await print(
    table(['what', 'when', 'activities', ''], cells, { width: terminalWidth(), right: new Set(['activities']) }),
  );
  await print(isDryRun ? 'Nothing was changed.' : 'A round has begun; its tombstones: sworn erase --list');
}
