// SPDX-License-Identifier: Apache-2.0

/**
 * Where the clients play: a stand-in for Entra, an agent with its broker, a collector with ClickHouse, all in the network
 * namespace of this process. What clients can be told of the world outside ends at 127.0.0.1.
 */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CollectorClient } from '../../cli/collector-client.ts';
import { createClientCertificate } from '../entra-stand-in/certificates.ts';
import type { ExternalIssuer } from '../entra-stand-in/client-assertion.ts';
import { type EntraStandIn, startEntraStandIn } from '../entra-stand-in/start-entra-stand-in.ts';
import { type Recording, root, startRecording } from '../oracle/recording/recording.ts';
import type { Flavour } from './flavours.ts';
import type { TokenRow } from './judge.ts';
import type { Planned } from './row.ts';
import type { WayContext } from './ways.ts';

/** Turns a hang into a row that is not ok. */
const CLIENT_MS_MAX = 120_000;
const STORED_MS_MAX = 60_000;

export interface Ended {
  readonly pid: number;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly startedMs: number;
  readonly endedMs: number;
}

export interface Stage {
  contextOf(planned: Planned): WayContext;
  /** Runs a command as the workload of a flavour, to its end. Errors: an Error when it does not end. */
  run(flavour: Flavour, command: readonly string[], environment: Readonly<Record<string, string>>): Promise<Ended>;
  /** Fingerprints of the tokens that were issued to the identity for the resource. */
  issuedFor(context: WayContext): ReadonlySet<string>;
  /** The record of all sessions that had begun, once they have all ended: what each asked for, by the pid of its first process. */
  tokens(sessions: number): Promise<ReadonlyMap<number, readonly TokenRow[]>>;
  stop(): Promise<void>;
}

const EXCHANGE = 'api://AzureADTokenExchange';
const ISSUER = 'https://issuer.matrix.example/host';
const FORBIDDEN = 'https://forbidden.example';
const resourceOf = (client: string): string => `https://${client}.example`;

/** The other identity is nobody's: no policy names it. */
const OTHER = { name: 'somebody-else', clientId: randomUUID(), objectId: randomUUID() };

/** A resource for each client and an identity for each flavour, so that no row can be taken for another. */
export async function setStage(clients: readonly string[], flavours: readonly Flavour[]): Promise<Stage> {
  const tenant = randomUUID();
  const resources = clients.map(resourceOf);
  const identities = await Promise.all(
    flavours.map(async (flavour) => {
      const name = `matrix-${flavour.name}`;
      const certificate = await createClientCertificate(name);
      return { flavour, name, certificate, clientId: randomUUID(), objectId: randomUUID() };
    }),
  );
  const isFederated = ({ flavour }: { flavour: Flavour }): boolean => flavour.interface === 'workload-identity';
  const issuers: ExternalIssuer[] = [];
  const standIn = await startEntraStandIn({
    externalIssuers: issuers,
    // Clients that ask Entra themselves ask it at its own name.
    ...(identities.some(isFederated) && { hostname: 'login.microsoftonline.com', port: 443 }),
    tenants: [
      {
        tenantId: tenant,
        applications: [
          ...identities.map(({ name, clientId, objectId, certificate, flavour }) => ({
            ...{ name, clientId, objectId, certificates: [certificate.certificatePem] },
            ...(isFederated({ flavour }) && {
              certificates: [],
              federatedCredentials: [{ issuer: ISSUER, subject: `workload:${name}`, audience: EXCHANGE }],
            }),
          })),
          { ...OTHER, certificates: [] },
        ],
        resources: [...resources, FORBIDDEN].map((identifier) => ({
          ...{ identifier, appId: randomUUID(), tokenVersion: 1 as const },
        })),
      },
    ],
  });
  const manager = await startResourceManager(standIn);
  let recording: Recording | undefined;
  const stop = async (): Promise<void> => {
    await recording?.stop();
    await manager.stop();
    await standIn.stop();
  };
  const config = (folder: string): object => {
    const at = (file: string): string => join(folder, file);
    writeFileSync(at('entra-ca.pem'), standIn.caCertificatePem);
    for (const { name, certificate } of identities) {
      writeFileSync(at(`${name}.pem`), certificate.certificatePem);
      writeFileSync(at(`${name}.key`), certificate.keyPem, { mode: 0o600 });
    }
    const broker = { port: 0, authority: standIn.authority, authority_ca_file: at('entra-ca.pem') };
    const isDefault = ({ flavour }: { flavour: Flavour }): boolean => flavour.interface === 'app-service';
    const named = identities.filter((one) => !isDefault(one));
    return {
      broker: Object.assign(broker, ...flavours.map((flavour) => flavour.broker)) as object,
      identities: identities.map(({ name, clientId, objectId, flavour }) => ({
        ...{ name, tenant, client_id: clientId, object_id: objectId },
        ...(!isFederated({ flavour }) && {
          certificate: { key_file: at(`${name}.key`), certificate_file: at(`${name}.pem`) },
        }),
      })),
      workloads: identities.map((one) => ({
        ...{ name: one.name, identity: one.name, select: [{ run: ['root'] }] },
        ...(isDefault(one) && { resources }),
      })),
      ...(named.length > 0 && {
        policies: named.map(({ name, flavour }) => ({
          ...{ name, match: { workload: name }, identity: name, resources, interfaces: [flavour.interface] },
        })),
      }),
    };
  };
  try {
    recording = await startRecording({ identities: identities.map(({ name }) => name), collector: true, config });
    if (identities.some(isFederated)) issuers.push({ issuer: ISSUER, keys: publishedKeys(recording.folder) });
  } catch (error) {
    await stop();
    throw error;
  }
  const { folder, client } = recording;
  const running = recording;
  return {
    contextOf({ client: { name }, flavour }) {
      const bound = identities.find((one) => one.flavour.name === flavour.name);
      if (bound === undefined) throw new TypeError(`the stage was set without ${flavour.name}`);
      const { clientId, objectId } = bound;
      const resource = resourceOf(name);
      return { clientId, objectId, otherClientId: OTHER.clientId, resource, forbiddenResource: FORBIDDEN };
    },
    async run(flavour, command, environment) {
      const home = join(folder, `home-${randomUUID()}`);
      mkdirSync(home);
      return runToEnd(running, `matrix-${flavour.name}`, [...flavour.before, ...command], {
        ...{ HOME: home, AZURE_CONFIG_DIR: home, REQUESTS_CA_BUNDLE: join(folder, 'entra-ca.pem') },
        ...{ MATRIX_AUTHORITY: standIn.authority, MATRIX_RESOURCE_MANAGER: manager.url },
        ...(isFederated({ flavour }) && trusting(join(folder, 'entra-ca.pem'))),
        ...environment,
      });
    },
    issuedFor({ resource, clientId }) {
      const asked = standIn.requests.filter((one) => one.scope === `${resource}/.default` && one.clientId === clientId);
      return new Set(asked.flatMap(({ fingerprint }) => fingerprint ?? []));
    },
    tokens: (sessions) => readTokens(client, sessions),
    stop,
  };
}

/** What an operator publishes below the issuer's URL, and Entra fetches. */
function publishedKeys(folder: string): ExternalIssuer['keys'] {
  const words = ['credential', 'issuer', 'jwks', '--config', join(folder, 'agent.yaml')];
  return JSON.parse(execFileSync(join(root, 'bin/sworn'), words, { encoding: 'utf8' })) as ExternalIssuer['keys'];
}

/** For each runtime in its way. */
const trusting = (file: string) => ({
  ...{ NODE_EXTRA_CA_CERTS: file, SSL_CERT_FILE: file, MATRIX_CA: file },
  MATRIX_CREDENTIAL: 'workload-identity',
});

async function runToEnd(
  recording: Recording,
  identity: string,
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Ended> {
  const startedMs = Date.now();
  const program = recording.start(identity, command, { environment });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    void program.stop();
  }, CLIENT_MS_MAX);
  const { code, stdout, stderr } = await program.finished;
  clearTimeout(timer);
  if (isLate) throw new Error(`it did not end within ${CLIENT_MS_MAX} ms: ${stderr.slice(-500)}`);
  return { pid: program.child.pid ?? 0, code, stdout, stderr, startedMs, endedMs: Date.now() };
}

const SESSIONS = `SELECT session_id, pid FROM sworn.activities WHERE kind = 'session' AND action = 'started'`;
const TOKENS = `
  SELECT session_id, action, reason, interface, fingerprint, audience, identity_id, pid, suspicious,
         toUnixTimestamp64Nano(time) / 1e6 AS started_ms, toUnixTimestamp64Nano(end_time) / 1e6 AS ended_ms
  FROM sworn.activities WHERE kind = 'token' ORDER BY seq`;

async function readTokens(client: CollectorClient, sessions: number): Promise<Map<number, TokenRow[]>> {
  const until = Date.now() + STORED_MS_MAX;
  for (;;) {
    const [row] = await client.rows<{ ended: number }>('SELECT toUInt32(countIf(ended)) AS ended FROM sworn.sessions');
    if ((row?.ended ?? 0) >= sessions) break;
    if (Date.now() > until) throw new Error(`the record did not arrive: ${row?.ended} of ${sessions} sessions`);
    await sleep(100);
  }
  const started = await client.rows<{ session_id: string; pid: number }>(SESSIONS);
  const bySession = new Map(started.map(({ session_id, pid }) => [session_id, { pid, tokens: [] as TokenRow[] }]));
  for (const row of await client.rows<TokenRow & { session_id: string }>(TOKENS))
    bySession.get(row.session_id)?.tokens.push(row);
  return new Map([...bySession.values()].map(({ pid, tokens }) => [pid, tokens]));
}

/** What the az CLI asks which subscriptions there are: none. */
async function startResourceManager(standIn: EntraStandIn): Promise<{ url: string; stop(): Promise<void> }> {
  const { keyPem, certificatePem } = await standIn.certificateAuthority.issueServerCertificate(['localhost']);
  const server = createServer({ key: keyPem, cert: certificatePem }, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"value":[]}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
