// SPDX-License-Identifier: Apache-2.0

/** All kinds of identities through the whole broker, asked over its unix socket; what is told of it is looked at too. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { decodeJwt } from 'jose';
import { TokenAction } from '../model/activity.ts';
import { createInMemoryCallerDirectory } from './attest/in-memory-caller-directory.ts';
import { createDerivedSessionSecrets } from './attest/session-secret.ts';
import { type RunningBroker, startBroker } from './start-broker.ts';
import { ALICE, CLIENT, type EntraStage, GRAPH, type Named, openEntraStage } from './testing/entra-stage.ts';
import { keptLog, thisProcess } from './testing/staged-broker.ts';
import type { TokenEvent } from './token-event.ts';

const NAMES = ['app', 'agent', 'agentUser', 'federated', 'managed', 'chained', 'host', 'stray'] as const;

let stage: EntraStage;
let folder: string;
let broker: RunningBroker;
/** As which workload this process asks. */
let asking: Named;
const events: TokenEvent[] = [];
const lines: string[] = [];

const socket = (): string => join(folder, 'token.sock');
const policies = (allowed = GRAPH) =>
  NAMES.map((name) => ({ name, match: { workload: name }, identity: name, resources: [allowed] }));

before(async () => {
  stage = await openEntraStage();
  folder = mkdtempSync(join(tmpdir(), 'sworn-kinds-'));
  const callerOf = () => thisProcess({ selectionName: asking });
  broker = await startBroker({
    policy: { identities: Object.values(stage.identities), policies: policies() },
    callers: createInMemoryCallerDirectory(),
    unix: { path: socket(), callers: { callerOf } },
    secrets: createDerivedSessionSecrets(new Uint8Array(32).fill(3)),
    onEvent: (event) => events.push(event),
    log: keptLog(lines),
    authority: stage.entra.authority,
    authorityCa: stage.entra.caCertificatePem,
    hostMetadataOrigin: stage.host.origin,
  });
});
after(async () => {
  await broker.stop();
  await stage.stop();
  rmSync(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into by the assertions.
  readonly body: any;
}

async function ask(name: Named, userAssertion?: string): Promise<Answer> {
  asking = name;
  const body = userAssertion === undefined ? undefined : JSON.stringify({ resource: GRAPH, userAssertion });
  const path = body === undefined ? `/v1/token?resource=${encodeURIComponent(GRAPH)}` : '/v1/token';
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  const method = body === undefined ? 'GET' : 'POST';
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request({ socketPath: socket(), method, path, headers }, resolve);
    asked.on('error', reject);
    asked.end(body);
  });
  return { status: answer.statusCode ?? 0, body: JSON.parse(await text(answer)) };
}

describe('through the broker', () => {
  test('each kind of identity has its own token, and the record has whose it is', async () => {
    writeFileSync(stage.tokenFile, await stage.cluster.sign('system:agent', Date.now()));
    for (const name of NAMES.filter((one) => one !== 'stray')) {
      const { status, body } = await ask(name);
      assert.equal(status, 200, `${name}: ${JSON.stringify(body)} ${lines.at(-1)}`);
      const claims = decodeJwt(body.access_token);
      assert.equal(claims['appid'], stage.identities[name].clientId);
      const event = events.at(-1);
      assert.deepEqual([event?.action, event?.identityName], [TokenAction.ISSUED, name]);
      assert.equal(event?.claims['xms_par_app_azp'], claims['xms_par_app_azp']);
    }
  });

  test('one that its blueprint cannot vouch for is refused, once and for all clients', async () => {
    const { status, body } = await ask('stray');
    assert.equal(status, 403);
    assert.match(body.message, /^SWORN_BROKER_BLUEPRINT_MISCONFIGURED: /);
  });

  test('on behalf of a person, an agent and an application have a token of that person', async () => {
    for (const [name, audience] of [
      ['app', CLIENT.app],
      ['agent', CLIENT.blueprint],
    ] as const) {
      const { status, body } = await ask(name, stage.person(ALICE, audience));
      assert.equal(status, 200, JSON.stringify(body));
      const claims = decodeJwt(body.access_token);
      assert.deepEqual([claims['oid'], claims['appid']], [ALICE, stage.identities[name].clientId]);
      assert.equal(events.at(-1)?.claims['oid'], ALICE);
    }
    const wrong = await ask('app', stage.person(ALICE, CLIENT.blueprint));
    assert.equal(wrong.status, 400);
    assert.match(wrong.body.message, /^SWORN_BROKER_USER_ASSERTION_REFUSED: /);
    assert.equal((await ask('host', stage.person(ALICE, CLIENT.app))).status, 403);
  });

  test('a token on behalf of a person is kept by clients no longer than that person may', async () => {
    const { status, body } = await ask('app', stage.person(ALICE, CLIENT.app, { lifetimeSeconds: 600 }));
    assert.equal(status, 200, JSON.stringify(body));
    assert.ok(Number(body.expires_in) > 500 && Number(body.expires_in) <= 600, body.expires_in);
  });

  test('a policy that is put in place anew keeps none of the tokens', async () => {
    await ask('agent');
    const before = stage.entra.count('token');
    await broker.reload({ identities: Object.values(stage.identities), policies: policies() });
    assert.equal((await ask('agent')).status, 200);
    assert.equal(stage.entra.count('token') - before, 2);
  });
});

test('nothing that was told or logged holds a token', () => {
  const told = JSON.stringify(events, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
  assert.ok(events.length > 8);
  assert.doesNotMatch(`${told}\n${lines.join('\n')}`, /eyJ[\w-]{10,}\./);
});
