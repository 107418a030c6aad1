// SPDX-License-Identifier: Apache-2.0

/** What is wrong with the identities of a configuration that its schema cannot say. */

import type { AgentConfig, IdentityConfig } from './agent-config.ts';
import type { Fault } from './policy-faults.ts';

const CREDENTIALS = ['certificate', 'pkcs11', 'federated', 'managed_identity'] as const;

/** Which keys belong to which kind. */
const BELONGS: Readonly<Record<string, readonly IdentityConfig['kind'][]>> = {
  ...Object.fromEntries(CREDENTIALS.map((name) => [name, ['app']])),
  identifier_uris: ['app'],
  blueprint: ['agent', 'agent-user'],
  user: ['agent-user'],
  system_assigned: ['host'],
};

export function identityFaults({ identities }: AgentConfig): Fault[] {
  const faults: Fault[] = [];
  const byName = new Map<string, IdentityConfig>();
  identities.forEach((identity, i) => {
    const at = ['identities', `${i}`];
    const { name, kind } = identity;
    if (byName.has(name)) faults.push([[...at, 'name'], `is ${name}, which is there twice`]);
    byName.set(name, identity);
    for (const [key, kinds] of Object.entries(BELONGS)) {
      if (key in identity && !kinds.includes(kind)) faults.push([[...at, key], `does not go with kind ${kind}`]);
    }
    const credentials = CREDENTIALS.filter((key) => identity[key] !== undefined);
    if (credentials.length > 1) faults.push([at, `has ${credentials.join(' and ')}; one of them is enough`]);
    if (kind === 'agent-user' && identity.user === undefined) faults.push([at, 'lacks user']);
    faults.push(...fileFaults(identity, at));
  });
  identities.forEach((identity, i) => {
    if (identity.kind === 'agent' || identity.kind === 'agent-user')
      faults.push(...blueprintFaults(identity, byName, ['identities', `${i}`]));
  });
  return faults;
}

function blueprintFaults(
  { blueprint, tenant }: IdentityConfig,
  byName: ReadonlyMap<string, IdentityConfig>,
  at: readonly string[],
): Fault[] {
  if (blueprint === undefined) return [[at, 'lacks blueprint']];
  const found = byName.get(blueprint);
  const fault = (what: string): Fault[] => [[[...at, 'blueprint'], `is ${blueprint}, which ${what}`]];
  if (found === undefined) return fault('is not among identities');
  if (found.kind !== 'app') return fault(`is of kind ${found.kind}, not app`);
  if (found.tenant.toLowerCase() !== tenant.toLowerCase()) return fault('is of another tenant');
  return CREDENTIALS.every((key) => found[key] === undefined) ? fault('has no credential') : [];
}

function fileFaults(identity: IdentityConfig, at: readonly string[]): Fault[] {
  const { certificate = {}, pkcs11 = {}, federated = {} } = identity;
  return Object.entries({ certificate, pkcs11, federated }).flatMap(([section, fields]) =>
    Object.entries(fields).flatMap(([key, value]) => credentialNameFaults([...at, section, key], String(value))),
  );
}

/** Of a value that stands for a file. */
export function credentialNameFaults(at: readonly string[], value: string): Fault[] {
  const name = /^(?:credential:|\$\{CREDENTIALS_DIRECTORY\}\/)(.*)$/.exec(value)?.[1];
  if (name === undefined || (/^[A-Za-z0-9._-]{1,255}$/.test(name) && name !== '.' && name !== '..')) return [];
  return [[at, `is ${value}, which does not name a credential of systemd`]];
}
