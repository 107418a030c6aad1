// SPDX-License-Identifier: Apache-2.0

/**
 * What the stand-in knows: tenants with the applications, agents, people and managed identities that may ask for tokens,
 * and the resources they may ask for.
 */

import { createHash, type KeyObject, X509Certificate } from 'node:crypto';

/** Which JWT of which issuer stands for an application; all three are compared exactly. */
export interface StandInFederatedCredential {
  readonly issuer: string;
  readonly subject: string;
  readonly audience: string;
}

interface Rights {
  /** App roles by resource identifier; becomes `roles`. */
  readonly roles?: Readonly<Record<string, readonly string[]>>;
  /** Scopes that were consented to, by resource identifier; becomes `scp` when it acts for a user. */
  readonly delegated?: Readonly<Record<string, readonly string[]>>;
  /** Template ids of directory roles; becomes `wids`. */
  readonly wids?: readonly string[];
}

export interface StandInApplication extends Rights {
  readonly clientId: string;
  /** Object id of the application's service principal; becomes `oid` and `sub`. */
  readonly objectId: string;
  readonly name: string;
  /** PEM certificates with which the application may sign assertions. */
  readonly certificates: readonly string[];
  /** Any certificate of this authority with this common name will do, when the assertion brings its chain (`x5c`). */
  readonly subjectNameAndIssuer?: { readonly commonName: string; readonly authorityPem: string };
  readonly federatedCredentials?: readonly StandInFederatedCredential[];
  /** Version of tokens for this application itself; 2 when left out. */
  readonly tokenVersion?: 1 | 2;
}

/** An agent identity: its blueprint is one of the applications and holds the credential. */
export interface StandInAgent extends Rights {
  /** Client id and object id in one, as in Entra. */
  readonly id: string;
  readonly name: string;
  /** Client id of the blueprint. */
  readonly blueprint: string;
  /** The agent's own user account. */
  readonly user?: StandInUser;
}

export interface StandInUser {
  readonly objectId: string;
  readonly upn: string;
  readonly name: string;
}

/** Answers only through the stand-in for a host's metadata service. */
export interface StandInManagedIdentity extends Rights {
  readonly clientId: string;
  readonly objectId: string;
  readonly name: string;
  /** ARM id; becomes `xms_mirid`. */
  readonly resourceId: string;
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
  readonly agents?: readonly StandInAgent[];
  readonly users?: readonly StandInUser[];
  readonly managedIdentities?: readonly StandInManagedIdentity[];
}

export interface RegisteredCertificate {
  /** base64url SHA-256 and SHA-1 of the certificate's DER. */
  readonly thumbprintSha256: string;
  readonly thumbprintSha1: string;
  readonly publicKey: KeyObject;
}

/** Who may prove itself at the token endpoint. */
export type Client =
  | { readonly kind: 'app'; readonly application: StandInApplication; readonly registered: RegisteredCertificate[] }
  | { readonly kind: 'agent'; readonly agent: StandInAgent };

export const clientIdOf = (client: Client): string =>
  client.kind === 'app' ? client.application.clientId : client.agent.id;

export const rightsOf = (client: Client): Rights => (client.kind === 'app' ? client.application : client.agent);

export interface Directory {
  tenant(tenantId: string): StandInTenant | undefined;
  client(tenant: StandInTenant, clientId: string): Client | undefined;
  resource(tenant: StandInTenant, identifier: string): StandInResource | undefined;
  /** By user principal name or object id; agents' users are among them. */
  user(tenant: StandInTenant, name: string): StandInUser | undefined;
}

/** The application behind `api://AzureADTokenExchange`, which every tenant has. */
export const TOKEN_EXCHANGE: StandInResource = {
  identifier: 'api://AzureADTokenExchange',
  appId: 'fb60f99c-7a34-4190-8149-302f77469936',
  tokenVersion: 2,
};

function register(certificatePem: string): RegisteredCertificate {
  const certificate = new X509Certificate(certificatePem);
  return {
    thumbprintSha256: createHash('sha256').update(certificate.raw).digest('base64url'),
    thumbprintSha1: createHash('sha1').update(certificate.raw).digest('base64url'),
    publicKey: certificate.publicKey,
  };
}

const equalIds = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

export function createDirectory(tenants: readonly StandInTenant[]): Directory {
  const byTenant = new Map(tenants.map((tenant) => [tenant.tenantId.toLowerCase(), tenant]));
  const registered = new Map<StandInApplication, RegisteredCertificate[]>();
  for (const { applications } of tenants) {
    for (const application of applications) registered.set(application, application.certificates.map(register));
  }
  return {
    tenant: (tenantId) => byTenant.get(tenantId.toLowerCase()),
    client(tenant, clientId) {
      const application = tenant.applications.find((entry) => equalIds(entry.clientId, clientId));
      if (application) return { kind: 'app', application, registered: registered.get(application) ?? [] };
      const agent = tenant.agents?.find((entry) => equalIds(entry.id, clientId));
      return agent && { kind: 'agent', agent };
    },
    resource(tenant, identifier) {
      const own = tenant.applications.map(({ clientId, tokenVersion = 2 }) => ({
        identifier: `api://${clientId}`,
        appId: clientId,
        tokenVersion,
      }));
      return [...tenant.resources, TOKEN_EXCHANGE, ...own].find(
        (entry) =>
          entry.identifier === identifier ||
          entry.identifier === identifier.replace(/\/$/, '') ||
          entry.appId === identifier ||
          `api://${entry.appId}` === identifier,
      );
    },
    user(tenant, name) {
      const agents = tenant.agents?.flatMap(({ user }) => user ?? []) ?? [];
      return [...(tenant.users ?? []), ...agents].find(
        (user) => equalIds(user.upn, name) || equalIds(user.objectId, name),
      );
    },
  };
}
