// SPDX-License-Identifier: Apache-2.0

import type { Command } from 'commander';
import { hostChecks } from '../../agent/doctor/host-checks.ts';
import { policyProblems, policyWarnings, startAgent } from '../../agent/main.ts';
import { createLog } from '../../agent/telemetry/log.ts';
import { loadAgentConfig } from '../config-file.ts';
import { CliError, EXIT } from '../exit.ts';
import { DEFAULT_AGENT_CONFIG } from '../places.ts';
import { printChecks } from './doctor.ts';

const HELP = `
Runs until it is told to stop (SIGTERM, Ctrl-C), and then writes what it has. Usually systemd starts it. SIGHUP
makes it read policies and identities again, as \`sworn policy reload\` does; all else is read at a start only.

Examples:
  sworn agent                                  with ${DEFAULT_AGENT_CONFIG}
  sworn agent --config ./agent.yaml
  sworn agent --check --config ./agent.yaml    only say whether the file is valid`;

export function defineAgent(command: Command, version: string): void {
  command
    .option('--config <file>', 'configuration', DEFAULT_AGENT_CONFIG)
    .option('--check', 'check the configuration and end')
    .addHelpText('after', HELP)
    .action(async (options: { config: string; check?: boolean }) => {
      const config = loadAgentConfig(options.config);
      if (options.check) {
        const problems = policyProblems(config);
        if (problems.length > 0) throw new CliError(brokenPolicies(options.config, problems), '', EXIT.unusable);
        console.log(`${options.config} is valid`);
        for (const warning of policyWarnings(config)) console.log(`mind: ${warning}`);
        return;
      }
      const checks = hostChecks();
      if (checks.some(({ state }) => state === 'fail')) {
        printChecks(checks);
        process.exitCode = EXIT.unusable;
        return;
      }
      const log = createLog(config.log_level);
      const readConfig = () => loadAgentConfig(options.config);
      const agent = await startAgent({ config, version, log, readConfig });
      // The log says what became of it.
      const reload = (): void => void agent.reload();
      process.on('SIGHUP', reload);
      await stopSignal();
      process.off('SIGHUP', reload);
      await agent.stop();
    });
}

function brokenPolicies(file: string, problems: readonly string[]): string {
  return `${file} has policies that the broker cannot go by:\n${problems.map((problem) => `  ${problem}`).join('\n')}`;
}

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process as it would without us. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      process.off('SIGTERM', stop);
      process.off('SIGINT', stop);
      resolve();
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
}
