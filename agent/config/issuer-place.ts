// SPDX-License-Identifier: Apache-2.0

/** Where the broker's issuer has its key, and where its token files are: for the agent, and for the command that shows keys. */
import { join } from 'node:path';
import type { AgentConfig } from './agent-config.ts';

/** In the form of the broker's `KeyPlace`. */
export function issuerKeyPlace({ broker, state_dir }: AgentConfig) {
  const { key_file: file } = broker.workload_identity;
  if (file !== undefined) return { kind: 'given', file } as const;
  return { kind: 'own', path: join(state_dir, 'issuer-keys.json') } as const;
}

/** The key set that the running agent publishes here: a key of the agent's unit cannot be read elsewhere. */
export const issuerKeySetFile = ({ run_dir }: AgentConfig): string => join(run_dir, 'issuer-jwks.json');

export const federatedFolder = ({ run_dir }: AgentConfig): string => join(run_dir, 'federated');
