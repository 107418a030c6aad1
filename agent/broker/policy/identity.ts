// SPDX-License-Identifier: Apache-2.0

/**
 * The Entra identities that workloads act for, and how the broker proves to Entra that it may act for them. A part of the
 * agent's configuration. Nothing here reads a file or asks a clock.
 */

/**
 * An application's certificate, as registered in Entra. PEM; the key is PKCS#8 or PKCS#1, RSA, not encrypted.
 *
 * A file here and below is a path; `credential:NAME` and a leading `${CREDENTIALS_DIRECTORY}/` stand for a credential that
 * systemd loaded for the unit.
 */
export interface CertificateCredential {
  readonly kind: 'certificate';
  readonly keyFile: string;
  /** The certificate, and with `sendChain` those that issued it, in order. */
  readonly certificateFile: string;
  /** Send the chain along (`x5c`): Entra then goes by subject name and issuer, and a renewed certificate needs no upload. */
  readonly sendChain?: boolean;
}

/** The same, with a key that stays in a token: a hardware module, a TPM. */
export interface Pkcs11Credential {
  readonly kind: 'pkcs11';
  /** Shared library of the token's maker. */
  readonly module: string;
  /** CKA_LABEL of the token; may be left out where the module has one token. */
  readonly tokenLabel?: string;
  /** CKA_LABEL of the private key. */
  readonly keyLabel: string;
  /** The user's PIN, in a file. */
  readonly pinFile?: string;
  readonly certificateFile: string;
}

/** A JWT of another issuer that the application trusts, in a file that somebody renews. */
export interface FederatedCredential {
  readonly kind: 'federated';
  readonly tokenFile: string;
}

/** A managed identity of the Azure host that the application trusts. */
export interface ManagedIdentityCredential {
  readonly kind: 'managed-identity';
  /** Of the managed identity; left out, the host's only one. */
  readonly clientId?: string;
}

/** None here: the application trusts this broker's issuer, and its workloads show Entra what that signed (`federation/`). */
export interface WorkloadIdentityCredential {
  readonly kind: 'workload-identity';
}

/** How the broker proves to Entra that it may act for an identity. */
export type Credential =
  | CertificateCredential
  | Pkcs11Credential
  | FederatedCredential
  | ManagedIdentityCredential
  | WorkloadIdentityCredential;

interface NamedIdentity {
  /** How policies and people name it; also `identity_name` in the record. */
  readonly name: string;
  /** The tenant's GUID; a domain name would not be comparable with the `tid` of a token. */
  readonly tenant: string;
  /** For agents, the id of the agent identity. */
  readonly clientId: string;
  /** Object id of the service principal, or of the agent's user. When it is given, a token with another `oid` is refused. */
  readonly objectId?: string;
}

export interface AppIdentity extends NamedIdentity {
  readonly kind: 'app';
  readonly credential: Credential;
  /** Application ID URIs beside `api://<client id>`: what tokens of people who call it may name as their audience. */
  readonly identifierUris?: readonly string[];
}

/** An agent identity of Entra Agent ID: it has no credential, its blueprint vouches for it. */
export interface AgentIdentity extends NamedIdentity {
  readonly kind: 'agent';
  /** Name of another identity, of kind 'app'. */
  readonly blueprint: string;
}

/** The user account of an agent identity. */
export interface AgentUserIdentity extends NamedIdentity {
  readonly kind: 'agent-user';
  readonly blueprint: string;
  /** User principal name, or object id. */
  readonly user: string;
}

/** A managed identity of the Azure host, asked for at the host's own metadata service. */
export interface HostIdentity extends NamedIdentity {
  readonly kind: 'host';
  /** The host's own identity: it is asked for without naming it, since the metadata service takes names of the others only. */
  readonly systemAssigned?: boolean;
}

export type Identity = AppIdentity | AgentIdentity | AgentUserIdentity | HostIdentity;

const text = { type: 'string', minLength: 1, maxLength: 256 } as const;
const file = { type: 'string', minLength: 1, maxLength: 4096 } as const;
const name = { type: 'string', minLength: 1, maxLength: 128 } as const;
const guid = { type: 'string', pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' } as const;
const shared = { name, tenant: guid, clientId: guid, objectId: guid } as const;

function variant(kind: string, properties: Record<string, object>, required: readonly string[]): object {
  return {
    type: 'object',
    additionalProperties: false,
    required: ['kind', ...required],
    properties: { kind: { const: kind }, ...properties },
  };
}

const byKind = (variants: readonly object[]): object => ({
  type: 'object',
  required: ['kind'],
  discriminator: { propertyName: 'kind' },
  oneOf: variants,
});

const NAMED = ['name', 'tenant', 'clientId'];

/** JSON Schema of `Identity`; the validator needs `discriminator: true`. */
export const IDENTITY_SCHEMA = byKind([
  variant(
    'app',
    {
      ...shared,
      identifierUris: { type: 'array', items: text, maxItems: 50 },
      credential: byKind([
        variant('certificate', { keyFile: file, certificateFile: file, sendChain: { type: 'boolean' } }, [
          'keyFile',
          'certificateFile',
        ]),
        variant('pkcs11', { module: file, tokenLabel: text, keyLabel: text, pinFile: file, certificateFile: file }, [
          'module',
          'keyLabel',
          'certificateFile',
        ]),
        variant('federated', { tokenFile: file }, ['tokenFile']),
        variant('managed-identity', { clientId: guid }, []),
        variant('workload-identity', {}, []),
      ]),
    },
    [...NAMED, 'credential'],
  ),
  variant('agent', { ...shared, blueprint: name }, [...NAMED, 'blueprint']),
  variant('agent-user', { ...shared, blueprint: name, user: text }, [...NAMED, 'blueprint', 'user']),
  variant('host', { ...shared, systemAssigned: { type: 'boolean' } }, NAMED),
]);

/** What the schema cannot say, one sentence a problem. */
export function identityProblems(identities: readonly Identity[]): string[] {
  const problems: string[] = [];
  const byName = new Map<string, Identity>();
  for (const identity of identities) {
    if (byName.has(identity.name)) problems.push(`identity ${identity.name}: there are two of that name`);
    byName.set(identity.name, identity);
  }
  for (const identity of identities) {
    if (identity.kind !== 'agent' && identity.kind !== 'agent-user') continue;
    const where = `identity ${identity.name}: its blueprint ${identity.blueprint}`;
    const blueprint = byName.get(identity.blueprint);
    if (blueprint === undefined) problems.push(`${where} is not among the identities that have a credential`);
    else if (blueprint.kind !== 'app') problems.push(`${where} is of kind ${blueprint.kind}, not app`);
    else if (blueprint.tenant.toLowerCase() !== identity.tenant.toLowerCase()) {
      problems.push(`${where} is of another tenant`);
    }
  }
  return problems;
}

/** The application that holds the credential of an agent; undefined for identities that are no agents. */
export function blueprintOf(identity: Identity, identities: readonly Identity[]): AppIdentity | undefined {
  if (identity.kind !== 'agent' && identity.kind !== 'agent-user') return undefined;
  const blueprint = identities.find((other) => other.name === identity.blueprint);
  return blueprint?.kind === 'app' ? blueprint : undefined;
}
