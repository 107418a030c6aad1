// SPDX-License-Identifier: Apache-2.0

/**
 * A stage for the broker's tests: a real stand-in for Entra, a real broker, key files in a folder of their own, and all
 * that was said (events, log lines) kept to be looked into. Everything is on loopback.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClientCertificate, type KeyAndCertificate } from '../../../test/entra-stand-in/certificates.ts';
import { type EntraStandIn, startEntraStandIn } from '../../../test/entra-stand-in/start-entra-stand-in.ts';
import type { Caller } from '../attest/caller-directory.ts';
import { createInMemoryCallerDirectory, type InMemoryCallerDirectory } from '../attest/in-memory-caller-directory.ts';
import { NS_PER_TICK, readProcessStat } from '../attest/process-liveness.ts';
import { createDerivedSessionSecrets, type SessionSecrets } from '../attest/session-secret.ts';
import type { BrokerLog } from '../log.ts';
import type { PolicySet } from '../policy/policy.ts';
import { type BrokerOptions, type RunningBroker, startBroker } from '../start-broker.ts';
import type { TokenEvent } from '../token-event.ts';

export const TENANT = '10000000-0000-4000-8000-0000000000aa';
export const ORDERS_CLIENT = '20000000-0000-4000-8000-0000000000aa';
export const ORDERS_OBJECT = '30000000-0000-4000-8000-0000000000aa';
export const BILLING_CLIENT = '20000000-0000-4000-8000-0000000000bb';
export const BILLING_OBJECT = '30000000-0000-4000-8000-0000000000bb';
export const GRAPH_APP = '00000003-0000-0000-c000-000000000000';
export const DATABASE_APP = '40000000-0000-4000-8000-0000000000aa';
export const INVENTORY_APP = '40000000-0000-4000-8000-0000000000bb';

export const PERSON = 'person@contoso.example';
export const PERSON_OBJECT = '30000000-0000-4000-8000-0000000000cc';

export const VAULT = 'https://vault.example';
export const GRAPH = 'https://graph.microsoft.com';
export const DATABASE = 'https://database.example';
export const INVENTORY = `api://${INVENTORY_APP}`;

export interface Stage {
  readonly standIn: EntraStandIn;
  readonly policy: PolicySet;
  readonly secrets: SessionSecrets;
  /** A broker at this stage's Entra; it is stopped with the stage. */
  start(options?: Partial<BrokerOptions>): Promise<StagedBroker>;
  close(): Promise<void>;
}

export interface StagedBroker extends RunningBroker {
  readonly callers: InMemoryCallerDirectory;
  readonly events: TokenEvent[];
  /** Log lines as they would be written. */
  readonly lines: string[];
  readonly endpoint: string;
  last(): TokenEvent;
}

/** This process, as a caller of the workload "orders". */
export function thisProcess(changes: Partial<Caller> = {}): Caller {
  return {
    pid: process.pid,
    startNs: startNsOf(process.pid),
    uid: process.getuid?.() ?? 0,
    selectionName: 'orders',
    sessionKey: 7n,
    sessionId: 'session-7',
    ...changes,
  };
}

export function startNsOf(pid: number): bigint {
  const stat = readProcessStat(pid);
  if (stat === undefined) throw new Error(`there is no process ${pid}`);
  return stat.startTicks * NS_PER_TICK;
}

export function keptLog(lines: string[]): BrokerLog {
  const keep = (level: string) => (fields: object, message: string) => {
    lines.push(JSON.stringify({ level, ...fields, message }));
  };
  return { info: keep('info'), warn: keep('warn'), error: keep('error') };
}

function policyOf(folder: string): PolicySet {
  const credential = (name: string) =>
    ({
      kind: 'certificate',
      keyFile: join(folder, `${name}.key`),
      certificateFile: join(folder, `${name}.crt`),
    }) as const;
  return {
    identities: [
      {
        name: 'orders-app',
        kind: 'app',
        tenant: TENANT,
        clientId: ORDERS_CLIENT,
        objectId: ORDERS_OBJECT,
        credential: credential('orders'),
      },
      { name: 'billing-app', kind: 'app', tenant: TENANT, clientId: BILLING_CLIENT, credential: credential('billing') },
    ],
    policies: [
      {
        name: 'orders',
        match: { workload: 'orders' },
        identity: 'orders-app',
        resources: [VAULT, `${GRAPH}/`, { resource: DATABASE, audiences: [DATABASE_APP] }, INVENTORY],
      },
      {
        name: 'billing',
        match: { workload: 'billing' },
        identity: 'billing-app',
        resources: [VAULT],
        advertisedSecondsMax: 600,
      },
      { name: 'once', match: { workload: 'twice' }, identity: 'orders-app', resources: [VAULT] },
      { name: 'again', match: { workload: 'twice' }, identity: 'billing-app', resources: [VAULT] },
    ],
  };
}

export async function openStage(): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-broker-'));
  const [orders, billing] = await Promise.all([createClientCertificate('orders'), createClientCertificate('billing')]);
  const write = (name: string, made: KeyAndCertificate): void => {
    writeFileSync(join(folder, `${name}.key`), made.keyPem, { mode: 0o600 });
    writeFileSync(join(folder, `${name}.crt`), made.certificatePem);
  };
  write('orders', orders);
  write('billing', billing);

  const standIn = await startEntraStandIn({
    tenants: [
      {
        tenantId: TENANT,
        applications: [
          { clientId: ORDERS_CLIENT, objectId: ORDERS_OBJECT, name: 'orders', certificates: [orders.certificatePem] },
          {
            clientId: BILLING_CLIENT,
            objectId: BILLING_OBJECT,
            name: 'billing',
            certificates: [billing.certificatePem],
          },
        ],
        resources: [
          { identifier: VAULT, appId: '40000000-0000-4000-8000-0000000000cc', tokenVersion: 1 },
          { identifier: GRAPH, appId: GRAPH_APP, tokenVersion: 1, nonce: true },
          { identifier: DATABASE, appId: DATABASE_APP, tokenVersion: 2 },
          { identifier: INVENTORY, appId: INVENTORY_APP, tokenVersion: 2 },
        ],
        users: [{ objectId: PERSON_OBJECT, upn: PERSON, name: 'A Person' }],
      },
    ],
  });

  const policy = policyOf(folder);
  const secrets = createDerivedSessionSecrets(new Uint8Array(32).fill(5));
  const started: RunningBroker[] = [];
  return {
    standIn,
    policy,
    secrets,
    async start(options = {}) {
      const callers = createInMemoryCallerDirectory();
      callers.everybodyIs(thisProcess());
      const events: TokenEvent[] = [];
      const lines: string[] = [];
      const broker = await startBroker({
        policy,
        callers,
        secrets,
        onEvent: (event) => events.push(event),
        log: keptLog(lines),
        authority: standIn.authority,
        authorityCa: standIn.caCertificatePem,
        ...options,
      });
      started.push(broker);
      return {
        ...broker,
        callers,
        events,
        lines,
        endpoint: `http://127.0.0.1:${broker.address.port}/msi/token`,
        last() {
          const event = events.at(-1);
          if (event === undefined) throw new Error('no event came');
          return event;
        },
      };
    },
    async close() {
      await Promise.all(started.map((broker) => broker.stop()));
      await standIn.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
