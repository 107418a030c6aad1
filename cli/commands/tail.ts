// SPDX-License-Identifier: Apache-2.0

import { type Command, Option } from 'commander';
import { addCollectorOptions, CollectorClient, type CollectorOptions, piecesOf } from '../collector-client.ts';
import { CliError } from '../exit.ts';
import { kindOption } from '../option-values.ts';
import { print } from '../output.ts';
import { type ActivityRow, activityLine } from '../print/activity-line.ts';
import { errorColour, terminalWidth } from '../print/colour.ts';
import { printableJson } from '../print/terminal-text.ts';

const HELP = `
Activities as they are stored, until Ctrl-C. When this terminal is too slow it says how many it left out; the record
itself lacks nothing.

Examples:
  sworn tail
  sworn tail --kind command --identity invoice-agent
  sworn tail --status error
  sworn tail --json --kind alert`;

interface TailOptions extends CollectorOptions {
  readonly kind?: readonly string[];
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

export function defineTail(command: Command): void {
  addCollectorOptions(command)
    .addOption(kindOption())
    .option('--identity <name>', 'of this identity (name or id)')
    .option('--session <id>', 'of this session')
    .option('--protocol <name>', 'commands of this protocol: postgresql, http, …')
    .addOption(new Option('--status <status>', 'commands that ended so').choices(['ok', 'error', 'unknown']))
    .option('--json', 'one JSON object a line')
    .addHelpText('after', HELP)
    .action(async (options: TailOptions) => {
      const { kind, identity, session, protocol, status, json } = options;
      const filter = { kind, identity, session, protocol, status };
      const response = await new CollectorClient(options).get('/v1/tail', filter);
      for await (const message of messages(response)) {
        if (message.type === 'activity') {
          await print(
            json
              ? printableJson(JSON.stringify(message.activity))
              : activityLine(message.activity, { identity: true, width: terminalWidth() }),
          );
        } else if (message.type === 'dropped') {
          console.error(errorColour('yellow', `… ${message.count} left out: this reader is too slow`));
        }
      }
      throw new CliError('the collector ended the connection', 'It may be restarting; try again.');
    });
}

async function* messages(response: Response): AsyncGenerator<Message> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of piecesOf(response)) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield JSON.parse(line) as Message;
  }
}
