// SPDX-License-Identifier: Apache-2.0

/** The broker's issuer for whoever publishes its documents, without a running agent. */
import { readFileSync } from 'node:fs';
import { BrokerError } from '../broker/errors.ts';
import { keySet, openIdConfiguration } from '../broker/federation/issuer.ts';
import { readIssuerKeys, rollIssuerKey } from '../broker/federation/issuer-keys.ts';
import type { AgentConfig } from '../config/agent-config.ts';
import { issuerKeyPlace, issuerKeySetFile } from '../config/issuer-place.ts';

/** undefined when the configuration names no issuer. */
export function issuerConfiguration({ broker }: AgentConfig): object | undefined {
  const { issuer } = broker.workload_identity;
  return issuer === undefined ? undefined : openIdConfiguration(issuer);
}

/** Public keys. Errors: BrokerError ISSUER_KEY when neither the key can be read nor what the agent wrote of it. */
export async function issuerKeySet(config: AgentConfig): Promise<object> {
  try {
    return keySet(await readIssuerKeys(issuerKeyPlace(config)), Date.now());
  } catch (error) {
    // A credential that systemd loaded for the agent is there for nobody else.
    const written = error instanceof BrokerError ? writtenKeySet(issuerKeySetFile(config)) : undefined;
    if (written === undefined) throw error;
    return written;
  }
}

function writtenKeySet(file: string): object | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as object;
  } catch {
    return undefined;
  }
}

export type IssuerRoll =
  | { readonly kind: 'rolled'; readonly kid: string; readonly signsFromMs: number }
  /** The key is the operator's. */
  | { readonly kind: 'given'; readonly file: string };

/** Errors: BrokerError ISSUER_KEY. */
export async function rollIssuer(config: AgentConfig, afterMs: number): Promise<IssuerRoll> {
  const place = issuerKeyPlace(config);
  if (place.kind === 'given') return { kind: 'given', file: place.file };
  const nowMs = Date.now();
  const { kid, signsFromMs } = await rollIssuerKey(place.path, nowMs, nowMs + afterMs);
  return { kind: 'rolled', kid, signsFromMs };
}
