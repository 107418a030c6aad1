// SPDX-License-Identifier: Apache-2.0

/** The credentials of all applications, opened once when the broker starts. */

import type { Clock } from '../clock.ts';
import type { BrokerLog } from '../log.ts';
import type { AppIdentity, Identity } from '../policy/identity.ts';
import type { AssertionSource } from './assertion-source.ts';
import { openCertificateCredential } from './client-assertion.ts';
import { openFederatedCredential } from './federated-token.ts';
import { openPkcs11Credential } from './pkcs11-credential.ts';

/** A certificate that ends sooner is told at every start. */
const CERTIFICATE_WARNING_MS = 30 * 24 * 60 * 60 * 1000;

export interface Credentials {
  /** Errors: throws for an identity that is not among those that were opened. */
  assertionsOf(identity: AppIdentity): AssertionSource;
  close(): void;
}

async function open({ name, credential }: AppIdentity, clock: Clock): Promise<AssertionSource | undefined> {
  switch (credential.kind) {
    case 'certificate':
      return openCertificateCredential(credential, name);
    case 'pkcs11':
      return openPkcs11Credential(credential, name);
    case 'federated':
      return openFederatedCredential(credential, clock);
    case 'managed-identity':
      // Asked for at the host when it is needed.
      return undefined;
    case 'workload-identity':
      // No policy lets the broker ask as such an identity.
      return undefined;
  }
}

/** Errors: BrokerError for files or tokens that cannot be used. A federated token may come later. */
export async function openCredentials(
  identities: readonly Identity[],
  clock: Clock,
  log: BrokerLog,
): Promise<Credentials> {
  const sources = new Map<string, AssertionSource>();
  const close = (): void => {
    for (const source of sources.values()) source.close?.();
  };
  try {
    for (const identity of identities) {
      const source = identity.kind === 'app' ? await open(identity, clock) : undefined;
      if (source === undefined) continue;
      sources.set(identity.name, source);
      const { certificateExpiresAtMs } = source;
      if (certificateExpiresAtMs !== undefined && certificateExpiresAtMs - clock.wallMs() < CERTIFICATE_WARNING_MS) {
        const expires = new Date(certificateExpiresAtMs).toISOString();
        log.warn({ identity: identity.name, expires }, 'the certificate of an identity ends soon or has ended');
      }
    }
  } catch (error) {
    close();
    throw error;
  }
  return {
    close,
    assertionsOf({ name }) {
      const source = sources.get(name);
      if (source === undefined) throw new Error(`the credential of identity ${name} was not opened`);
      return source;
    },
  };
}
