// SPDX-License-Identifier: Apache-2.0

/**
 * A whole agent sees a workload get a token from its host's metadata service, past the broker. The workload may use it; when
 * another does, also after the agent was started again, the record says so, and from whom it is.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type EntraStandIn, startEntraStandIn } from '../../test/entra-stand-in/start-entra-stand-in.ts';
import { type HostImdsStandIn, startHostImdsStandIn } from '../../test/entra-stand-in/start-host-imds-stand-in.ts';
import { whyNoRecording } from '../../test/oracle/recording/recording.ts';
import { readAgentConfig } from '../config/read-config.ts';
import { Journal } from '../journal/journal.ts';
import { readBack } from '../journal/reading-back.ts';
import { type RunningAgent, startAgent } from '../main.ts';
import { TokenAction } from '../model/activity.ts';
import { createLog } from '../telemetry/log.ts';

const TENANT = '10000000-0000-4000-8000-0000000000aa';
const CLIENT = '20000000-0000-4000-8000-0000000000dd';
const OBJECT = '30000000-0000-4000-8000-0000000000dd';
const RESOURCE = 'https://vault.example';
/** Only turns a hang into a failure. */
const WAIT_MS_MAX = 60_000;

const run = promisify(execFile);
let folder: string;
let entra: EntraStandIn;
let imds: HostImdsStandIn;
let target: Server;
let agent: RunningAgent | undefined;
const at = (name: string): string => join(folder, name);

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sworn-stolen-'));
  const resourceId =
    '/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/owner';
  const identity = { clientId: CLIENT, objectId: OBJECT, name: 'owner', resourceId };
  const resource = { identifier: RESOURCE, appId: '40000000-0000-4000-8000-0000000000dd', tokenVersion: 1 } as const;
  const tenant = { tenantId: TENANT, applications: [], resources: [resource], managedIdentities: [identity] };
  entra = await startEntraStandIn({ tenants: [tenant] });
  imds = await startHostImdsStandIn({ entra, tenantId: TENANT, identities: [CLIENT] });
  target = createServer((_, response) => response.end('{"ok":true}'));
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  // Programs of their own, so that a rule can choose them whatever else runs on the machine.
  for (const name of ['owner', 'thief']) copyFileSync('/bin/bash', at(name));
  writeFileSync(at('authority.pem'), entra.caCertificatePem);
});
after(async () => {
  await agent?.stop();
  target.close();
  await imds.stop();
  await entra.stop();
  rmSync(folder, { recursive: true });
});

async function start(): Promise<void> {
  const identity = { name: 'this-host', kind: 'host', tenant: TENANT, client_id: CLIENT, object_id: OBJECT };
  const config = readAgentConfig(
    JSON.stringify({
      state_dir: at('state'),
      run_dir: at('run'),
      identities: [identity],
      workloads: ['owner', 'thief'].map((name) => ({ name, identity: 'this-host', select: [{ exe: at(name) }] })),
      broker: { port: 0, authority: entra.authority, authority_ca_file: at('authority.pem') },
      tls: { enabled: false },
    }),
    'x',
  );
  agent = await startAgent({ config, version: '0', log: createLog('fatal') });
}

async function stop(): Promise<void> {
  const stopping = agent;
  agent = undefined;
  await stopping?.stop();
}

/** Tokens that were looked at since the agent's start. */
async function untilObserved(count: number): Promise<void> {
  for (const end = Date.now() + WAIT_MS_MAX; ; await sleep(20)) {
    const status = JSON.stringify(agent?.status(), (_, value) => (typeof value === 'bigint' ? String(value) : value));
    if (Number(/"observed":(\d+)/.exec(status)?.[1] ?? 0) >= count) return;
    assert.ok(Date.now() < end, status);
  }
}

const use = (): string =>
  `curl -sS -o /dev/null -H "Authorization: Bearer $(cat ${at('token')})" http://127.0.0.1:${(target.address() as AddressInfo).port}/secrets`;

test('a token that a workload got for itself is known when another uses it', { skip: whyNoRecording() }, async () => {
  await start();
  const asks = `curl -sS -H Metadata:true "${imds.origin}/metadata/identity/oauth2/token?api-version=2018-02-01&resource=${RESOURCE}"`;
  await run(at('owner'), ['-c', `${asks} | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/' > ${at('token')}; ${use()}`]);
  await untilObserved(2);
  await run(at('thief'), ['-c', `${use()}; true`]);
  await untilObserved(3);
  await stop();
  await start();
  await run(at('thief'), ['-c', `${use()}; true`]);
  await untilObserved(1);
  await stop();

  const agentId = readFileSync(at('state/agent-id'), 'utf8').trim();
  const journal = await Journal.open({ folder: at('state/journal'), agentId, host: hostname() });
  const record = await readBack(journal).finally(() => journal.close());
  const rows = record.flatMap(({ workload, sessionId, identityId, token }) =>
    token?.action === TokenAction.OBSERVED ? [{ workload, sessionId, identityId, token }] : [],
  );
  assert.deepEqual(
    rows.map(({ workload, identityId, token }) => [workload, token.interface, token.suspicious, identityId]),
    [
      ['owner', 'http-token-response', false, OBJECT],
      ['owner', 'http-bearer', false, OBJECT],
      ['thief', 'http-bearer', true, OBJECT],
      ['thief', 'http-bearer', true, OBJECT],
    ],
  );
  // The last one may be told while the keys are still awaited; that it was seen who got it is known at once.
  assert.ok(rows.every(({ token }) => !token.reason?.includes('origin_unseen')));
  const owner = rows[0]?.sessionId;
  assert.ok(owner);
  assert.ok(
    rows.every(({ token }) => token.holderSessionId === owner),
    'whose it is, also after the restart',
  );

  const token = readFileSync(at('token'), 'utf8').trim();
  const [, , signature = ''] = token.split('.');
  assert.ok(signature.length > 100);
  for (const place of ['state', 'run']) {
    for (const file of readdirSync(at(place), { recursive: true, encoding: 'utf8' })) {
      const path = join(at(place), file);
      if (statSync(path).isFile()) assert.ok(!readFileSync(path).includes(signature), `${path} has the token`);
    }
  }
});
