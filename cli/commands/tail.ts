// SPDX-License-Identifier: Apache-2.0

import type { Command } from 'commander';
import { addCollectorOptions, CollectorClient, type CollectorOptions } from '../collector-client.ts';
import { CliError } from '../exit.ts';
import { type ActivityRow, activityLine } from '../print/activity-line.ts';
import { colour, terminalWidth } from '../print/colour.ts';

const HELP = `
Activities as they are stored, until Ctrl-C. When this terminal is too slow it says how many it left out; the record
itself lacks nothing.

Examples:
  sworn tail
  sworn tail --kind command --identity invoice-agent
  sworn tail --status error
  sworn tail --json --kind alert`;

interface TailOptions extends CollectorOptions {
  readonly kind?: string[];
  readonly identity?: string;
  readonly session?: string;
  readonly protocol?: string;
  readonly status?: string;
  readonly json?: boolean;
}

type Message =
  | { readonly type: 'activity'; readonly activity: ActivityRow }
  | { readonly type: 'dropped'; readonly count: number }
  | { readonly type: 'opened' | 'heartbeat' };

export function addTail(program: Command): void {
  addCollectorOptions(program.command('tail'))
    .description('follow the record live')
    .option('--kind <kind...>', 'only these kinds: command, process, connection, token, loss, session, recorder, alert')
    .option('--identity <name>', 'of this identity (name or id)')
    .option('--session <id>', 'of this session')
    .option('--protocol <name>', 'commands of this protocol: postgresql, http, …')
    .option('--status <status>', 'commands that ended so: ok, error, unknown')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', HELP)
    .action(async (options: TailOptions) => {
      const { kind, identity, session, protocol, status, json } = options;
      const response = await new CollectorClient(options).get('/v1/tail', {
        kind,
        identity,
        session,
        protocol,
        status,
      });
      for await (const message of messages(response)) {
        if (message.type === 'activity') {
          const line = activityLine(message.activity, { identity: true, width: terminalWidth() });
          console.log(json ? JSON.stringify(message.activity) : line);
        } else if (message.type === 'dropped') {
          console.error(colour('yellow', `… ${message.count} left out: this reader is too slow`));
        }
      }
      throw new CliError('the collector ended the connection', 'It may be restarting; try again.');
    });
}

async function* messages(response: Response): AsyncGenerator<Message> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const part of response.body ?? []) {
    const lines = (rest + decoder.decode(part, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield JSON.parse(line) as Message;
  }
}
