// SPDX-License-Identifier: Apache-2.0

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { loadAddon } from '../../agent/source/ebpf/addon.ts';
import type { CollectorConfig } from '../../collector/config/collector-config.ts';
import { readCollectorConfig } from '../../collector/config/read-config.ts';
import { issueAgentCertificate, readRulesOf, serveCollector } from '../../collector/main.ts';
import { CollectorError } from '../../collector/model/error.ts';
import { readFileOrExplain } from '../config-file.ts';
import { CliError, EXIT } from '../exit.ts';
import { DEFAULT_COLLECTOR_CONFIG } from '../places.ts';
import { defineLogKeys } from './log-keys.ts';
import { defineRetention } from './retention.ts';

const HELP = `
Runs until it is told to stop (SIGTERM, Ctrl-C); what was acknowledged to agents is stored. Usually systemd starts it.

Examples:
  sworn collector                                  with ${DEFAULT_COLLECTOR_CONFIG}
  sworn collector --config ./collector.yaml
  sworn collector --check --config ./collector.yaml    only say whether the file and its rules are valid
  sworn collector retention --dry-run                  what would go by its age
  sworn collector key                                  the keys that sign, of collector and agents
  sworn collector issue-certificate --agent web-1 --out /etc/sworn`;

export function defineCollector(collector: Command, version: string): void {
  collector
    .option('--config <file>', 'configuration', DEFAULT_COLLECTOR_CONFIG)
    .option('--check', 'check the configuration and its rules, and end')
    .addHelpText('after', HELP)
    .action(async (options: { config: string; check?: boolean }) => {
      const config = load(options.config);
      if (options.check) {
        const { rules } = await explained(() => readRulesOf(config, { onError: () => {}, onCut: () => {} }));
        console.log(`${options.config} is valid, with ${rules.length} rule${rules.length === 1 ? '' : 's'}`);
        return;
      }
      const notify = toServiceManager();
      await explained(() => serveCollector({ config, version, ...(notify !== undefined && { notify }) }));
    });
  defineLogKeys(collector);
  defineRetention(collector);
  collector
    .command('issue-certificate')
    .description('make the certificate with which an agent delivers')
    .requiredOption('--agent <id>', 'id of the agent; it becomes the name in the certificate')
    .requiredOption('--out <folder>', 'where agent.pem, agent.key and collector-ca.pem go')
    .option('--force', 'write over files that are there')
    .action(async (options: { agent: string; out: string; force?: boolean }) => {
      const config = load(collector.opts<{ config: string }>().config);
      await explained(() => writeCertificate(config, options));
    });
}

async function writeCertificate(
  config: CollectorConfig,
  { agent, out, force }: { agent: string; out: string; force?: boolean },
): Promise<void> {
  const issued = await issueAgentCertificate(config, agent);
  const files = [
    ['agent.pem', issued.certificatePem, 0o644],
    ['agent.key', issued.privateKeyPem, 0o600],
    ['collector-ca.pem', issued.caPem, 0o644],
  ] as const;
  mkdirSync(out, { recursive: true });
  const there = files.map(([name]) => join(out, name)).filter((path) => existsSync(path));
  if (there.length > 0 && !force) {
    throw new CliError(
      `${there.join(', ')} exists already`,
      'Name another folder with --out, or write over it with --force.',
    );
  }
  for (const [name, pem, mode] of files) {
    writeFileSync(join(out, name), pem, { mode });
    console.log(join(out, name));
  }
}

/** Where systemd listens, if it does; the native addon can tell it. */
function toServiceManager(): ((state: string) => void) | undefined {
  const address = process.env['NOTIFY_SOCKET'] ?? '';
  if (address === '') return undefined;
  const { notify } = loadAddon();
  return (state) => notify(address, state);
}

function load(file: string): CollectorConfig {
  try {
    return readCollectorConfig(readFileOrExplain(file), file);
  } catch (error) {
    if (error instanceof CollectorError)
      throw new CliError(error.message, 'The commented example explains each key.', EXIT.unusable);
    throw error;
  }
}

/** What stays wrong however often it is started: the unit does not start it again. */
const FOR_SOMEBODY_TO_CORRECT = new Set(['config_invalid', 'rule_invalid']);

async function explained<T>(run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof CollectorError)) throw error;
    const { code, message } = error;
    const next =
      code === 'rule_invalid' ? 'docs/RULES.md says what a rule may hold.' : 'docs/ERRORS.md says what to do.';
    throw new CliError(`${message} (${code})`, next, FOR_SOMEBODY_TO_CORRECT.has(code) ? EXIT.unusable : EXIT.failed);
  }
}
