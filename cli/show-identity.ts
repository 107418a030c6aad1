// SPDX-License-Identifier: Apache-2.0

/** `sworn show --identity`: what an identity did, as `sworn show` tells a session. */
import type { CollectorClient } from './collector-client.ts';
import { findIdentity, type IdentityRow, identityActivities } from './identity-question.ts';
import { print } from './output.ts';
import { activityBlock } from './print/activity-block.ts';
import { type ActivityRow, shownAt } from './print/activity-line.ts';
import { colour } from './print/colour.ts';
import { printable, printableJson } from './print/terminal-text.ts';
import { inReadingOrder } from './session-rows.ts';

export interface ShowIdentityOptions {
  readonly since?: string;
  readonly kind?: readonly string[];
  readonly full?: boolean;
  readonly json?: boolean;
}

export async function showIdentity(
  client: CollectorClient,
  given: string,
  options: ShowIdentityOptions,
): Promise<void> {
  const identities = await findIdentity(client, given);
  const kinds = options.kind === undefined ? undefined : new Set(options.kind);
  const full = options.full === true;
  const rows = identityActivities(client, given, { since: options.since, full: full || options.json === true });
  if (!options.json) for (const identity of identities) await print(headOf(identity));
  let heading = '';
  for await (const row of options.json ? rows : inReadingOrder(rows)) {
    if (kinds?.has(String(row['kind'])) === false) continue;
    if (options.json) {
      await print(printableJson(JSON.stringify(row)));
      continue;
    }
    // Sessions of several hosts go side by side: whose line it is stands above it.
    const own = headingOf(row);
    if (own !== heading) await print(`\n${colour('bold', own)}`);
    heading = own;
    for (const text of activityBlock(row, full)) await print(text);
  }
}

function headOf(row: IdentityRow): string {
  const text = (value: string): string => printable(value);
  const lines: [name: string, value: string][] = [
    [
      'identity',
      `${text(row.name) || '-'} ${text(row.identity)} (${[text(row.kind), row.state].filter(Boolean).join(', ')})`,
    ],
    ['tenant', [text(row.tenant), row.blueprint && `blueprint ${text(row.blueprint)}`].filter(Boolean).join(', ')],
    ['for', [row.on_behalf_of_name, row.on_behalf_of_id].map(text).filter(Boolean).join(' ')],
    ['seen', `${row.first_seen} to ${row.last_seen} UTC`],
    ['where', row.hosts.length === 0 ? '' : text(`${row.workloads.join(', ')} on ${row.hosts.join(', ')}`)],
    ['did', `${row.sessions} sessions, ${row.commands} commands, ${row.alerts} alerts`],
    [
      'tokens',
      `${row.tokens_issued} issued, ${row.tokens_refused} refused, ${row.tokens_observed} observed, ${row.tokens_suspicious} suspicious`,
    ],
    [
      'unproven',
      Number(row.unproven) > 0 ? `${row.unproven} lines claim to be it and prove nothing; not shown here` : '',
    ],
  ];
  const shown = lines.filter(([, value]) => value !== '');
  return `${shown.map(([name, value]) => `${colour('dim', name.padEnd(9))} ${value}`).join('\n')}\n`;
}

function headingOf(row: ActivityRow): string {
  const text = (name: string): string => printable(String(row[name] ?? ''));
  const session = text('session_id') === '' ? 'no session' : `session ${text('session_id')}`;
  return `${shownAt(row).slice(0, 10)}  ${session}  ${text('workload') || '-'} on ${text('host')}`;
}
