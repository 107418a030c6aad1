// SPDX-License-Identifier: Apache-2.0

import type { Command } from 'commander';
import {
  ADMIN_TOKEN_VARIABLE,
  addAdminOptions,
  addCollectorOptions,
  CollectorClient,
  type CollectorOptions,
} from '../collector-client.ts';
import { print } from '../output.ts';
import { terminalWidth } from '../print/colour.ts';
import { table } from '../print/table.ts';
import { printable, printableJson } from '../print/terminal-text.ts';

const KEY_HELP = `
One line a key: whose it is, since when, how it came to count, and the key as C2SP signed notes write it. Of the keys of an agent
the latest counts. An auditor should have them from their owners, not from here; this is what to compare them with.

Examples:
  sworn collector key
  sworn collector key --agent web-1
  sworn collector key --json | jq -r .verifier > keys      for: sworn verify --key keys`;

const ACCEPT_HELP = `
An agent whose checkpoints are signed by another key than before is refused, and an alert says so. When you know why (a host
made anew, a key rotated), say here that the new one counts. It is written into the collector's own record. The line is what
the agent prints with its status; 'none' is for an agent of a version that seals nothing.

Examples:
  sworn collector accept-key web-1 sworn/web-1+1a2b3c4d+AV5n…
  sworn collector accept-key web-1 none`;

interface KeyRow {
  readonly agent_id: string;
  readonly verifier: string;
  readonly origin: string;
  readonly time: string;
}

const SQL =
  'SELECT agent_id, verifier, origin, time FROM log_keys WHERE {agent:String} = {all:String} OR agent_id = {agent:String} ORDER BY agent_id, time';

export function defineLogKeys(collector: Command): void {
  addCollectorOptions(collector.command('key'))
    .description('print the keys that sign: of the collectors and of the agents')
    .option('--agent <id>', 'only of this agent or collector', '')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', KEY_HELP)
    .action(async (options: CollectorOptions & { agent: string; json?: boolean }) => {
      const rows = await new CollectorClient(options).rows<KeyRow>(SQL, { agent: options.agent, all: '' });
      if (options.json) for (const row of rows) await print(printableJson(JSON.stringify(row)));
      else await show(rows);
    });
  addAdminOptions(collector.command('accept-key'))
    .description("from now on another key signs an agent's log")
    .argument('<agent>', 'id of the agent')
    .argument('<key>', "the key's line, or none")
    .addHelpText('after', ACCEPT_HELP)
    .action(async (agent: string, key: string, options: CollectorOptions) => {
      const client = new CollectorClient({ ...options, tokenVariable: ADMIN_TOKEN_VARIABLE });
      const verifier = key === 'none' ? '' : key;
      await client.postJson<object>('/v1/log-keys', { agent_id: agent, verifier });
      await print(
        `From now on the log of ${printable(agent)} is signed by ${printable(key === 'none' ? 'no key' : key)}.`,
      );
    });
}

async function show(rows: readonly KeyRow[]): Promise<void> {
  if (rows.length === 0) {
    await print('No key is known.');
    return;
  }
  const cells = rows.map(({ agent_id, time, origin, verifier }) =>
    [agent_id, time, origin, verifier || 'none'].map(printable),
  );
  await print(table(['of', 'since', 'how', 'key'], cells, { width: terminalWidth() }));
}
