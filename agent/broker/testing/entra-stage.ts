// SPDX-License-Identifier: Apache-2.0

/**
 * A stage for the kinds of identities: stand-ins for Entra, for a host's metadata service and for an issuer outside, and a
 * token source at them by its own clock. Everything is on loopback.
 */

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCertificateAuthority, createClientCertificate } from '../../../test/entra-stand-in/certificates.ts';
import { createExternalIssuer, type ExternalIssuerStandIn } from '../../../test/entra-stand-in/external-issuer.ts';
import { type EntraStandIn, startEntraStandIn } from '../../../test/entra-stand-in/start-entra-stand-in.ts';
import { type HostImdsStandIn, startHostImdsStandIn } from '../../../test/entra-stand-in/start-host-imds-stand-in.ts';
import { openCredentials } from '../entra/credentials.ts';
import { createHostFetch, createHttpsFetch } from '../entra/https-fetch.ts';
import { createTenantKeys } from '../entra/tenant-keys.ts';
import { createTokenSource, type TokenAnswer, type TokenSource, type TokenWish } from '../entra/token-source.ts';
import type { Identity } from '../policy/identity.ts';
import { PUBLIC_CLOUD_ISSUERS } from '../token/issuer.ts';
import { createTokenVerifier } from '../token/verify.ts';
import { createHandClock, type HandClock } from './hand-clock.ts';
import { keptLog } from './staged-broker.ts';

export const TENANT = '10000000-0000-4000-8000-0000000000ee';
export const GRAPH = 'https://graph.example';
export const ALICE = '60000000-0000-4000-8000-00000000000a';
export const BOB = '60000000-0000-4000-8000-00000000000b';
export const AGENT_USER = '60000000-0000-4000-8000-0000000000ff';

const id = (kind: number, number: number): string => `${kind}0000000-0000-4000-8000-00000000000${number}`;
export const CLIENT = {
  blueprint: id(2, 1),
  app: id(2, 2),
  federated: id(2, 3),
  managed: id(2, 4),
  chained: id(2, 5),
  agent: id(5, 1),
  stray: id(5, 2),
  hostIdentity: id(7, 1),
  systemAssigned: id(7, 2),
} as const;

export type Named = keyof typeof NAMED;
const shared = { tenant: TENANT };
const NAMED = {
  blueprint: 'app',
  app: 'app',
  federated: 'app',
  managed: 'app',
  chained: 'app',
  agent: 'agent',
  stray: 'agent',
  agentUser: 'agent-user',
  host: 'host',
  system: 'host',
} as const;

export interface EntraStage {
  readonly entra: EntraStandIn;
  readonly host: HostImdsStandIn;
  readonly cluster: ExternalIssuerStandIn;
  readonly tokenFile: string;
  readonly identities: Readonly<Record<Named, Identity>>;
  /** A token source without a past, its clock and its log. */
  open(limits?: { readonly peopleMax?: number }, identities?: readonly Identity[]): Promise<OpenSource>;
  /** A token of somebody who signed in to the application. */
  person(user: string, audience: string, changes?: object): string;
  stop(): Promise<void>;
}

export interface OpenSource {
  readonly source: TokenSource;
  readonly clock: HandClock;
  readonly lines: string[];
  get(name: Named, wish?: TokenWish, resource?: string): Promise<TokenAnswer>;
  /** This clock and that of the stand-in. */
  advance(ms: number): void;
}

export async function openEntraStage(): Promise<EntraStage> {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-entra-stage-'));
  const cluster = await createExternalIssuer('https://cluster.example');
  const made = await createClientCertificate('blueprint');
  const keyFile = join(folder, 'blueprint.key');
  const certificateFile = join(folder, 'blueprint.pem');
  const tokenFile = join(folder, 'token');
  writeFileSync(keyFile, made.keyPem, { mode: 0o600 });
  writeFileSync(certificateFile, made.certificatePem);

  const authority = await createCertificateAuthority('trusted');
  const issued = await authority.issueClientCertificate('chained.example');
  const chain = { keyFile: join(folder, 'chained.key'), certificateFile: join(folder, 'chained.pem') };
  writeFileSync(chain.keyFile, issued.keyPem, { mode: 0o600 });
  writeFileSync(chain.certificateFile, issued.certificatePem);

  const delegated = { [GRAPH]: ['Mail.Read'] };
  const exchange = { audience: 'api://AzureADTokenExchange' };
  const own = `https://login.microsoftonline.com/${TENANT}/v2.0`;
  const application = (name: keyof typeof CLIENT, rest: object = {}) => ({
    clientId: CLIENT[name],
    objectId: randomUUID(),
    name,
    certificates: [made.certificatePem],
    delegated,
    ...rest,
  });
  const hostObject = randomUUID();
  const user = { objectId: AGENT_USER, upn: 'agent@contoso.example', name: 'Agent' };
  const entra = await startEntraStandIn({
    externalIssuers: [cluster],
    tenants: [
      {
        tenantId: TENANT,
        applications: [
          application('blueprint'),
          application('app'),
          application('chained', {
            certificates: [],
            subjectNameAndIssuer: { commonName: 'chained.example', authorityPem: authority.certificatePem },
          }),
          application('federated', {
            certificates: [],
            federatedCredentials: [{ issuer: cluster.issuer, subject: 'system:agent', ...exchange }],
          }),
          application('managed', {
            certificates: [],
            federatedCredentials: [{ issuer: own, subject: hostObject, ...exchange }],
          }),
        ],
        agents: [
          { id: CLIENT.agent, name: 'agent', blueprint: CLIENT.blueprint, delegated, user },
          { id: CLIENT.stray, name: 'stray', blueprint: CLIENT.app },
        ],
        users: [
          { objectId: ALICE, upn: 'alice@contoso.example', name: 'Alice' },
          { objectId: BOB, upn: 'bob@contoso.example', name: 'Bob' },
        ],
        managedIdentities: [
          { clientId: CLIENT.hostIdentity, objectId: hostObject, name: 'vm', resourceId: '/vm' },
          { clientId: CLIENT.systemAssigned, objectId: randomUUID(), name: 'system', resourceId: '/system' },
        ],
        resources: [{ identifier: GRAPH, appId: id(4, 1), tokenVersion: 1 }],
      },
    ],
  });
  const host = await startHostImdsStandIn({
    entra,
    tenantId: TENANT,
    identities: [CLIENT.hostIdentity, CLIENT.systemAssigned],
    systemAssigned: CLIENT.systemAssigned,
  });

  const certificate = { kind: 'certificate', keyFile, certificateFile } as const;
  const app = (name: 'blueprint' | 'app' | 'federated' | 'managed' | 'chained', credential: object): Identity =>
    ({ ...shared, name, kind: 'app', clientId: CLIENT[name], credential }) as Identity;
  const identities: Record<Named, Identity> = {
    blueprint: app('blueprint', certificate),
    app: app('app', certificate),
    federated: app('federated', { kind: 'federated', tokenFile }),
    managed: app('managed', { kind: 'managed-identity', clientId: CLIENT.hostIdentity }),
    chained: app('chained', { kind: 'certificate', ...chain, sendChain: true }),
    agent: { ...shared, name: 'agent', kind: 'agent', clientId: CLIENT.agent, blueprint: 'blueprint' },
    // Of another blueprint, says the directory.
    stray: { ...shared, name: 'stray', kind: 'agent', clientId: CLIENT.stray, blueprint: 'blueprint' },
    agentUser: {
      ...shared,
      name: 'agentUser',
      kind: 'agent-user',
      clientId: CLIENT.agent,
      blueprint: 'blueprint',
      user: user.upn,
    },
    host: { ...shared, name: 'host', kind: 'host', clientId: CLIENT.hostIdentity },
    system: { ...shared, name: 'system', kind: 'host', clientId: CLIENT.systemAssigned, systemAssigned: true },
  };
  const all = Object.values(identities);

  return {
    entra,
    host,
    cluster,
    tokenFile,
    identities,
    async open(limits = {}, used = all) {
      const clock = createHandClock(entra.clock.nowMs());
      const lines: string[] = [];
      const log = keptLog(lines);
      const fetch = createHttpsFetch({ ca: entra.caCertificatePem });
      const parts = { authority: entra.authority, fetch, clock, log, timeoutMs: 2000 };
      const keys = createTenantKeys({ ...parts, tenants: [TENANT] });
      const verifier = createTokenVerifier({ keys, clock, issuers: PUBLIC_CLOUD_ISSUERS });
      const { assertionsOf } = await openCredentials(used, clock, log);
      const atHost = { origin: host.origin, fetch: createHostFetch(), clock, timeoutMs: 2000 };
      const options = { ...parts, verifier, identities: used, assertionsOf, host: atHost, random: () => 0, ...limits };
      const source = createTokenSource(options);
      return {
        source,
        clock,
        lines,
        get: (name, wish, resource = GRAPH) => source.get(identities[name], { resource }, wish),
        advance(ms) {
          clock.advance(ms);
          entra.clock.advance(ms);
        },
      };
    },
    person: (person, audience, changes = {}) =>
      entra.issueForPerson({ tenantId: TENANT, user: person, audience, ...changes }),
    async stop() {
      await host.stop();
      await entra.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
