// SPDX-License-Identifier: Apache-2.0

/** The documents of the broker's issuer, for whoever publishes them, and the change of its key. */
import type { AgentConfig } from '../../agent/config/agent-config.ts';
import { issuerConfiguration, issuerKeySet, rollIssuer } from '../../agent/main.ts';
import { loadAgentConfig } from '../config-file.ts';
import { CliError, EXIT } from '../exit.ts';
import { print } from '../output.ts';

function loadIssuer(file: string): { config: AgentConfig; configuration: object } {
  const config = loadAgentConfig(file);
  const configuration = issuerConfiguration(config);
  if (configuration === undefined)
    throw new CliError(`${file} names no issuer`, 'Name it: broker.workload_identity.issuer', EXIT.unusable);
  return { config, configuration };
}

/** Errors: CliError for a key that cannot be used. */
async function explained<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const { code, message } = error as Error & { code?: unknown };
    if (code !== 'SWORN_BROKER_ISSUER_KEY') throw error;
    throw new CliError(message, 'The key is for root and the agent: run this as root.', EXIT.failed);
  }
}

export async function printOpenIdConfiguration(configFile: string): Promise<void> {
  await print(JSON.stringify(loadIssuer(configFile).configuration, null, 2));
}

export async function printKeySet(configFile: string): Promise<void> {
  await print(JSON.stringify(await explained(issuerKeySet(loadIssuer(configFile).config)), null, 2));
}

/** Errors: CliError, also where the key is the operator's. */
export async function rollKey(configFile: string, afterMinutes: number): Promise<void> {
  const rolled = await explained(rollIssuer(loadIssuer(configFile).config, afterMinutes * 60_000));
  if (rolled.kind === 'given') {
    const next = 'Put the new key after the old one, publish, and when Entra has had time to fetch it, put it before.';
    throw new CliError(`the key is in ${rolled.file}, which is yours`, next, EXIT.failed);
  }
  await print(`key ${rolled.kid} signs from ${new Date(rolled.signsFromMs).toISOString()} on`);
  await print(
    'Publish the key set before that: sworn credential issuer jwks. It has the old key until its last file is over.',
  );
}
