// SPDX-License-Identifier: Apache-2.0

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Command } from 'commander';
import { askAgent } from '../agent-client.ts';
import { CliError, EXIT } from '../exit.ts';
import { DEFAULT_SOCKET } from '../places.ts';

const HELP = `
The command runs in place of this one: same process, same terminal, same exit code. It and all that it starts are
recorded, and find tokens for the identity through the Azure SDKs (IDENTITY_ENDPOINT).

Examples:
  sworn run --identity invoice-agent -- node agent.js
  sworn run --identity report-agent -- psql -h db.example.net -c 'select 1'`;

export function addRun(program: Command): void {
  program
    .command('run')
    .description('start a command as a recorded workload')
    .requiredOption('--identity <name>', 'the identity that it acts for')
    .option('--workload <name>', 'the workload, when several may run for that identity')
    .option('--socket <path>', "the agent's control socket", DEFAULT_SOCKET)
    .argument('<command...>', 'what to run')
    .addHelpText('after', HELP)
    .action(async (command: string[], options: { identity: string; workload?: string; socket: string }) => {
      const file = findProgram(command[0] as string);
      const { identity, workload } = options;
      const inherited = { NO_PROXY: process.env['NO_PROXY'], no_proxy: process.env['no_proxy'] };
      const request = { identity, inherited, ...(workload !== undefined && { workload }) };
      const answer = (await askAgent(options.socket, 'POST', '/v1/runs', request)) as {
        session_id: string;
        environment: Record<string, string>;
      };
      const environment = { ...process.env, ...answer.environment, SWORN_SESSION: answer.session_id };
      try {
        process.execve?.(file, command, environment);
      } catch (error) {
        throw new CliError(`${file} cannot be executed: ${error instanceof Error ? error.message : String(error)}`);
      }
    });
}

/** As a shell looks for it. */
function findProgram(name: string): string {
  const candidates = name.includes('/')
    ? [name]
    : (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name));
  for (const candidate of candidates) {
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // The next one.
    }
  }
  throw new CliError(`there is no program '${name}'`, 'Name it by its path, or correct PATH.', EXIT.unusable);
}
