// SPDX-License-Identifier: Apache-2.0

import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Command } from 'commander';
import { askAgent } from '../agent-client.ts';
import { CliError } from '../exit.ts';
import { DEFAULT_SOCKET } from '../places.ts';

const HELP = `
The command runs in place of this one: same process, same terminal, same exit code. It and all that it starts are
recorded, and find tokens for the identity through the Azure SDKs (IDENTITY_ENDPOINT).

Exit codes: the command's own; when it does not come to that, 2 asked wrongly or no agent, 1 the agent refused,
126 the command cannot be executed, 127 there is no such command, as in a shell.

Examples:
  sworn run --identity invoice-agent -- node agent.js
  sworn run --identity report-agent -- psql -h db.example.net -c 'select 1'
  sworn run --identity report-agent -- nohup ./agent &`;

/** As shells say it. */
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;

interface RunOptions {
  readonly identity: string;
  readonly workload?: string;
  readonly socket: string;
}

export function defineRun(command: Command): void {
  command
    .requiredOption('--identity <name>', 'the identity that it acts for')
    .option('--workload <name>', 'the workload, when several may run for that identity')
    .option('--socket <path>', "the agent's control socket", DEFAULT_SOCKET)
    .argument('<command...>', 'what to run')
    .addHelpText('after', HELP)
    .action(async (words: [string, ...string[]], { identity, workload, socket }: RunOptions) => {
      const file = findProgram(words[0]);
      const inherited = { NO_PROXY: process.env['NO_PROXY'], no_proxy: process.env['no_proxy'] };
      const request = { identity, inherited, ...(workload !== undefined && { workload }) };
      const answer = (await askAgent(socket, 'POST', '/v1/runs', request)) as {
        session_id: string;
        environment: Record<string, string>;
      };
      const outside = withoutOtherFlavours(process.env, answer.environment);
      become(file, words, { ...outside, ...answer.environment, SWORN_SESSION: answer.session_id });
    });
}

/** What leads libraries to a broker of App Service would be taken, or asked too, beside a token file. */
const OTHER_FLAVOURS = ['IDENTITY_ENDPOINT', 'IDENTITY_HEADER', 'IMDS_ENDPOINT', 'AZURE_POD_IDENTITY_AUTHORITY_HOST'];

function withoutOtherFlavours(
  inherited: NodeJS.ProcessEnv,
  given: Readonly<Record<string, string>>,
): NodeJS.ProcessEnv {
  if (given['AZURE_FEDERATED_TOKEN_FILE'] === undefined) return inherited;
  return Object.fromEntries(Object.entries(inherited).filter(([name]) => !OTHER_FLAVOURS.includes(name)));
}

/** Does not return. */
function become(file: string, words: readonly string[], environment: NodeJS.ProcessEnv): void {
  // Node ignores these two, and what is ignored stays so for the next program: `yes | head` would not end. What is
  // caught goes back to its default instead.
  for (const signal of ['SIGPIPE', 'SIGXFSZ'] as const) process.on(signal, () => {});
  try {
    process.execve?.(file, words, environment);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // A script without a first line that names its interpreter is the shell's, as execvp(3) has it.
    if (code === 'ENOEXEC') process.execve?.('/bin/sh', ['sh', file, ...words.slice(1)], environment);
    throw new CliError(`${file} cannot be executed: ${message}`, '', NOT_EXECUTABLE);
  }
}

/** As a shell looks for it. */
function findProgram(name: string): string {
  const candidates = name.includes('/')
    ? [name]
    : (process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin')
        .split(delimiter)
        .map((folder) => join(folder || '.', name));
  let refused: string | undefined;
  for (const candidate of candidates) {
    if (!isFile(candidate)) continue;
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      refused ??= candidate;
    }
  }
  if (refused !== undefined)
    throw new CliError(`${refused} is not executable`, `Make it so: chmod +x ${refused}`, NOT_EXECUTABLE);
  throw new CliError(`there is no program '${name}'`, 'Name it by its path, or correct PATH.', NOT_FOUND);
}

/** False too where one may not look: PATH may name folders of others. */
function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
