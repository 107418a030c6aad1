// SPDX-License-Identifier: Apache-2.0

/** What the stand-in knows: tenants with the applications that may ask for tokens and the resources they may ask for. */

import { createHash, type KeyObject, X509Certificate } from 'node:crypto';

export interface StandInApplication {
  readonly clientId: string;
  /** Object id of the application's service principal; becomes `oid` and `sub`. */
  readonly objectId: string;
  readonly name: string;
  /** PEM certificates with which the application may sign assertions. */
  readonly certificates: readonly string[];
  /** App roles by resource identifier; becomes `roles`. */
  readonly roles?: Readonly<Record<string, readonly string[]>>;
}

export interface StandInResource {
  /** Identifier URI without a trailing slash, as a client names it before `/.default`. */
  readonly identifier: string;
  /** Client id of the resource's application: the audience of its v2 tokens. */
  readonly appId: string;
  /** The resource's `accessTokenAcceptedVersion`. */
  readonly tokenVersion: 1 | 2;
  /** v1 tokens name the resource by its app id instead of its URI, as some of Microsoft's own do. */
  readonly audienceIsAppId?: boolean;
  /** Put a `nonce` into the header and sign over its hash, as Microsoft Graph's tokens have it. */
  readonly nonce?: boolean;
  readonly lifetimeSeconds?: number;
}

export interface StandInTenant {
  readonly tenantId: string;
  readonly applications: readonly StandInApplication[];
  readonly resources: readonly StandInResource[];
}

export interface RegisteredCertificate {
  /** base64url SHA-256 and SHA-1 of the certificate's DER. */
  readonly thumbprintSha256: string;
  readonly thumbprintSha1: string;
  readonly publicKey: KeyObject;
}

export interface RegisteredApplication extends StandInApplication {
  readonly registered: readonly RegisteredCertificate[];
}

export interface Directory {
  tenant(tenantId: string): StandInTenant | undefined;
  application(tenant: StandInTenant, clientId: string): RegisteredApplication | undefined;
  resource(tenant: StandInTenant, identifier: string): StandInResource | undefined;
}

function register(certificatePem: string): RegisteredCertificate {
  const certificate = new X509Certificate(certificatePem);
  return {
    thumbprintSha256: createHash('sha256').update(certificate.raw).digest('base64url'),
    thumbprintSha1: createHash('sha1').update(certificate.raw).digest('base64url'),
    publicKey: certificate.publicKey,
  };
}

export function createDirectory(tenants: readonly StandInTenant[]): Directory {
  const byTenant = new Map(tenants.map((tenant) => [tenant.tenantId.toLowerCase(), tenant]));
  const registered = new Map<StandInApplication, RegisteredApplication>();
  for (const tenant of tenants) {
    for (const application of tenant.applications) {
      registered.set(application, { ...application, registered: application.certificates.map(register) });
    }
  }
  return {
    tenant: (tenantId) => byTenant.get(tenantId.toLowerCase()),
    application(tenant, clientId) {
      const found = tenant.applications.find((entry) => entry.clientId.toLowerCase() === clientId.toLowerCase());
      return found && registered.get(found);
    },
    resource(tenant, identifier) {
      return tenant.resources.find(
        (entry) =>
          entry.identifier === identifier ||
          entry.identifier === identifier.replace(/\/$/, '') ||
          entry.appId === identifier ||
          `api://${entry.appId}` === identifier,
      );
    },
  };
}
