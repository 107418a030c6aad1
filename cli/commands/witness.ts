// SPDX-License-Identifier: Apache-2.0

import type { Command } from 'commander';
import { keyLineOf, serveWitness } from '../../witness/main.ts';
import { knownLogs, readWitnessConfig, type WitnessConfig } from '../../witness/witness-config.ts';
import { WitnessError } from '../../witness/witness-error.ts';
import { readFileOrExplain } from '../config-file.ts';
import { CliError, EXIT } from '../exit.ts';
import { print } from '../output.ts';
import { DEFAULT_WITNESS_CONFIG } from '../places.ts';

const HELP = `
A witness cosigns the checkpoints of logs that it knows, as long as they only grow. Run it on a machine, and by people,
that the collector's are not: then the collector cannot show two records, or an older one, without it being seen.
It speaks C2SP tlog-witness; other logs may use it, and collectors other witnesses.

Examples:
  sworn witness --key --config ./witness.yaml      print its key line, for the collector's seal.witnesses
  sworn witness --check --config ./witness.yaml    only say whether the file is valid
  sworn witness --config ./witness.yaml            run until it is told to stop (SIGTERM, Ctrl-C)`;

const NEXT: Readonly<Record<WitnessError['code'], string>> = {
  config_invalid: 'witness/witness.example.yaml explains each key.',
  key_unusable: 'Restore the file, or begin anew: another state_dir makes another key, which those who trust it need.',
  state_unusable: 'It is only for the user that the witness runs as.',
  state_locked: 'End the other one, or give this one a state_dir of its own.',
  state_lost: 'Restore the newest copy if it is surely the last state; else begin anew with another state_dir.',
};

export function defineWitness(command: Command): void {
  command
    .option('--config <file>', 'configuration', DEFAULT_WITNESS_CONFIG)
    .option('--check', 'check the configuration, and end')
    .option('--key', 'print the key line, and end; makes the key if there is none')
    .addHelpText('after', HELP)
    .action(async (options: { config: string; check?: boolean; key?: boolean }) => {
      const text = readFileOrExplain(options.config);
      await explained(async () => {
        const config: WitnessConfig = readWitnessConfig(text, options.config);
        if (options.check) {
          const logs = knownLogs(config).length;
          await print(`${options.config} is valid, with ${logs} log${logs === 1 ? '' : 's'}`);
        } else if (options.key) await print(keyLineOf(config));
        else await serveWitness(config);
      });
    });
}

async function explained(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof WitnessError)) throw error;
    const { code, message } = error;
    throw new CliError(`${message} (${code})`, NEXT[code], code === 'config_invalid' ? EXIT.unusable : EXIT.failed);
  }
}
