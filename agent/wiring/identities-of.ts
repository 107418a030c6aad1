// SPDX-License-Identifier: Apache-2.0

/** The identities of the configuration, in the broker's words. */

import type { Credential, Identity } from '../broker/policy/identity.ts';
import type { IdentityConfig } from '../config/agent-config.ts';

/**
 * Those that the broker can have tokens of; an application without a credential is recorded by its name only, unless it is
 * `federated`: its workloads have token files.
 */
export function identitiesOf(
  configured: readonly IdentityConfig[],
  federated: ReadonlySet<string> = new Set(),
): Identity[] {
  return configured.flatMap((identity) => identityOf(identity, federated) ?? []);
}

function identityOf(config: IdentityConfig, federated: ReadonlySet<string>): Identity | undefined {
  const { name, tenant, client_id: clientId, object_id, blueprint = '', user = '', identifier_uris } = config;
  const shared = { name, tenant, clientId, ...(object_id !== undefined && { objectId: object_id }) };
  switch (config.kind) {
    case 'app': {
      const credential = credentialOf(config) ?? (federated.has(name) ? FEDERATED : undefined);
      if (credential === undefined) return undefined;
      const uris = identifier_uris === undefined ? {} : { identifierUris: identifier_uris };
      return { ...shared, kind: 'app', credential, ...uris };
    }
    case 'agent':
      return { ...shared, kind: 'agent', blueprint };
    case 'agent-user':
      return { ...shared, kind: 'agent-user', blueprint, user };
    case 'host':
      return { ...shared, kind: 'host', ...(config.system_assigned && { systemAssigned: true }) };
  }
}

const FEDERATED: Credential = { kind: 'workload-identity' };

function credentialOf({ certificate, pkcs11, federated, managed_identity }: IdentityConfig): Credential | undefined {
  if (certificate !== undefined) {
    const { key_file: keyFile, certificate_file: certificateFile, send_chain } = certificate;
    return { kind: 'certificate', keyFile, certificateFile, ...(send_chain && { sendChain: true }) };
  }
  if (pkcs11 !== undefined) {
    const { module, key_label: keyLabel, certificate_file: certificateFile, token_label, pin_file } = pkcs11;
    return {
      kind: 'pkcs11',
      module,
      keyLabel,
      certificateFile,
      ...(token_label !== undefined && { tokenLabel: token_label }),
      ...(pin_file !== undefined && { pinFile: pin_file }),
    };
  }
  if (federated !== undefined) return { kind: 'federated', tokenFile: federated.token_file };
  if (managed_identity === undefined) return undefined;
  const { client_id: clientId } = managed_identity;
  return { kind: 'managed-identity', ...(clientId !== undefined && { clientId }) };
}
