// SPDX-License-Identifier: Apache-2.0

/**
 * Where the clients play: a stand-in for Entra, an agent with its broker, a collector with ClickHouse, all in the network
 * namespace of this process. What clients can be told of the world outside ends at 127.0.0.1.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CollectorClient } from '../../cli/collector-client.ts';
import { createClientCertificate } from '../entra-stand-in/certificates.ts';
import { type EntraStandIn, startEntraStandIn } from '../entra-stand-in/start-entra-stand-in.ts';
import { type Recording, startRecording } from '../oracle/recording/recording.ts';
import type { TokenRow } from './judge.ts';
import type { Planned } from './row.ts';
import type { WayContext } from './ways.ts';

const IDENTITY = 'matrix-agent';
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
  readonly objectId: string;
  contextOf(planned: Planned): WayContext;
  /** Runs a command as the workload, to its end. Errors: an Error when it does not end. */
  run(command: readonly string[], environment: Readonly<Record<string, string>>): Promise<Ended>;
  /** Fingerprints of the tokens that were issued to the bound identity for the resource. */
  issuedFor(resource: string): ReadonlySet<string>;
  /** The record of all sessions that had begun, once they have all ended: what each asked for, by the pid of its first process. */
  tokens(sessions: number): Promise<ReadonlyMap<number, readonly TokenRow[]>>;
  stop(): Promise<void>;
}

const FORBIDDEN = 'https://forbidden.example';
const resourceOf = (client: string): string => `https://${client}.example`;

/** A resource for each client, so that no client can be taken for another. */
export async function setStage(clients: readonly string[]): Promise<Stage> {
  const tenant = randomUUID();
  const [bound, other] = [
    { clientId: randomUUID(), objectId: randomUUID() },
    { clientId: randomUUID(), objectId: randomUUID() },
  ];
  const resources = clients.map(resourceOf);
  const certificate = await createClientCertificate(IDENTITY);
  const standIn = await startEntraStandIn({
    tenants: [
      {
        tenantId: tenant,
        applications: [
          { ...bound, name: IDENTITY, certificates: [certificate.certificatePem] },
          { ...other, name: 'somebody-else', certificates: [] },
        ],
        resources: [...resources, FORBIDDEN].map((identifier) => ({
          identifier,
          appId: randomUUID(),
          tokenVersion: 1 as const,
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
  try {
    recording = await startRecording({
      identities: [IDENTITY],
      collector: true,
      config(folder) {
        const at = (name: string): string => join(folder, name);
        writeFileSync(at('entra-ca.pem'), standIn.caCertificatePem);
        writeFileSync(at('identity.pem'), certificate.certificatePem);
        writeFileSync(at('identity.key'), certificate.keyPem, { mode: 0o600 });
        return {
          broker: { port: 0, authority: standIn.authority, authority_ca_file: at('entra-ca.pem') },
          identities: [
            {
              ...{ name: IDENTITY, tenant, client_id: bound.clientId, object_id: bound.objectId },
              certificate: { key_file: at('identity.key'), certificate_file: at('identity.pem') },
            },
          ],
          workloads: [{ name: IDENTITY, identity: IDENTITY, select: [{ run: ['root'] }], resources }],
        };
      },
    });
  } catch (error) {
    await stop();
    throw error;
  }
  const { folder, client } = recording;
  const running = recording;
  return {
    objectId: bound.objectId,
    contextOf: ({ client: { name } }) => ({
      ...bound,
      otherClientId: other.clientId,
      resource: resourceOf(name),
      forbiddenResource: FORBIDDEN,
    }),
    async run(command, environment) {
      const home = join(folder, `home-${randomUUID()}`);
      mkdirSync(home);
      return runToEnd(running, command, {
        ...{ HOME: home, AZURE_CONFIG_DIR: home, REQUESTS_CA_BUNDLE: join(folder, 'entra-ca.pem') },
        ...{ MATRIX_AUTHORITY: standIn.authority, MATRIX_RESOURCE_MANAGER: manager.url },
        ...environment,
      });
    },
    issuedFor(resource) {
      const asked = standIn.requests.filter(
        ({ scope, clientId }) => scope === `${resource}/.default` && clientId === bound.clientId,
      );
      return new Set(asked.flatMap(({ fingerprint }) => fingerprint ?? []));
    },
    tokens: (sessions) => readTokens(client, sessions),
    stop,
  };
}

async function runToEnd(
  recording: Recording,
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Ended> {
  const startedMs = Date.now();
  const program = recording.start(IDENTITY, command, { environment });
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
  SELECT session_id, action, reason, interface, fingerprint, audience, identity_id, pid,
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
