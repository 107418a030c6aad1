// SPDX-License-Identifier: Apache-2.0

import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import type { AgentConfig } from '../../agent/config/agent-config.ts';
import { type Check, fail, ok } from '../../agent/doctor/check.ts';
import { configChecks } from '../../agent/doctor/config-checks.ts';
import { hostChecks } from '../../agent/doctor/host-checks.ts';
import { loadAgentConfig } from '../config-file.ts';
import { CliError, EXIT } from '../exit.ts';
import { DEFAULT_AGENT_CONFIG } from '../places.ts';
import { colour, terminalWidth } from '../print/colour.ts';
import { table } from '../print/table.ts';
import { printable, printableLines } from '../print/terminal-text.ts';

const HELP = `
Exit code 0: recording works here. 2: something that it needs is missing, and the table says what to do.

Examples:
  sworn doctor
  sworn doctor --config ./agent.yaml
  sworn doctor --json | jq '.checks[] | select(.state != "ok")'`;

export function defineDoctor(command: Command): void {
  command
    .option('--config <file>', "the agent's configuration", DEFAULT_AGENT_CONFIG)
    .option('--json', 'one JSON object')
    .addHelpText('after', HELP)
    .action(async (options: { config: string; json?: boolean }) => {
      const checks = hostChecks();
      if (existsSync(options.config) || options.config !== DEFAULT_AGENT_CONFIG) {
        checks.push(...(await checksOf(options.config)));
      }
      const usable = checks.every(({ state }) => state !== 'fail');
      if (options.json) console.log(JSON.stringify({ usable, checks }));
      else printChecks(checks);
      process.exitCode = usable ? EXIT.ok : EXIT.unusable;
    });
}

/** A configuration that cannot be used is one more line of the table, not the end of it. */
async function checksOf(file: string): Promise<Check[]> {
  let config: AgentConfig;
  try {
    config = loadAgentConfig(file);
  } catch (error) {
    if (error instanceof CliError) return [fail('configuration', error.message, error.next)];
    throw error;
  }
  return [ok('configuration', file), ...(await configChecks(config))];
}

const SHOWN = { ok: ['green', 'ok'], warn: ['yellow', 'warn'], fail: ['red', 'FAIL'] } as const;

export function printChecks(checks: readonly Check[]): void {
  const rows = checks.map(({ name, state, found }) => [
    colour(SHOWN[state][0], SHOWN[state][1]),
    name,
    printable(found.split('\n')[0] as string),
  ]);
  console.log(table(['', 'check', 'found'], rows, { width: terminalWidth() }));
  for (const { name, state, found, next } of checks) {
    if (next === '') continue;
    console.log(`\n${colour(SHOWN[state][0], name)}: ${printableLines(found)}\n  ${next}`);
  }
}
