// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, beforeEach, describe, test } from 'node:test';
import { inspect } from 'node:util';
import type { Caller } from '../attest/caller-directory.ts';
import { BrokerError } from '../errors.ts';
import {
  ORDERS_CLIENT,
  ORDERS_OBJECT,
  openStage,
  type Stage,
  type StagedBroker,
  TENANT,
  thisProcess,
  VAULT,
} from '../testing/staged-broker.ts';

let stage: Stage;
let broker: StagedBroker;
let folder: string;
let path: string;
let caller: Caller | undefined;
let started = 0;

/** Called at each question for a caller. */
let onQuestion = (): void => {};

const callers = {
  callerOf(): Caller | undefined {
    onQuestion();
    return caller;
  },
};

before(async () => {
  stage = await openStage();
  folder = mkdtempSync(join(tmpdir(), 'sworn-token-'));
});
after(async () => {
  await stage.close();
  rmSync(folder, { recursive: true });
});
beforeEach(async () => {
  caller = thisProcess();
  path = join(folder, `${++started}.sock`);
  await broker?.stop();
  broker = await stage.start({ unix: { path, callers } });
});

interface Answer {
  readonly status: number;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into by the assertions.
  readonly body: any;
}

async function ask(target: string, body?: string | object, headers: Record<string, string> = {}): Promise<Answer> {
  const method = body === undefined ? 'GET' : 'POST';
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  const answer = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    const asked = request({ socketPath: path, method, path: target, headers: { ...type, ...headers } }, resolve);
    asked.on('error', reject);
    asked.end(typeof body === 'object' ? JSON.stringify(body) : body);
  });
  const found = await text(answer);
  return { status: answer.statusCode ?? 0, text: found, body: JSON.parse(found) };
}

const TOKEN = `/v1/token?resource=${encodeURIComponent(VAULT)}`;

async function refused(reason: string, status: number, ...asked: Parameters<typeof ask>): Promise<Answer> {
  const events = broker.events.length;
  const answer = await ask(...asked);
  assert.deepEqual([answer.status, broker.last().reason, broker.last().interface], [status, reason, 'unix']);
  assert.match(answer.body.message, new RegExp(`^SWORN_BROKER_${reason.toUpperCase()}: `));
  assert.equal(broker.events.length, events + 1);
  return answer;
}

const RUBBISH = [
  '\x16\x03\x01\r\n',
  'GET / HTTP/9.9\r\n\r\n',
  `GET / HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
  'CONNECT login.microsoftonline.com:443 HTTP/1.1\r\n\r\n',
  'GET /v1/token HTTP/1.1\r\nExpect: something\r\n\r\n',
];

describe('the token socket', () => {
  test('gives a token to its peer, without any secret', async () => {
    const { status, body } = await ask(TOKEN);
    assert.equal(status, 200);
    assert.deepEqual(
      [body.client_id, body.object_id, body.tenant_id, body.resource, body.token_type],
      [ORDERS_CLIENT, ORDERS_OBJECT, TENANT, VAULT, 'Bearer'],
    );
    assert.equal(broker.last().interface, 'unix');
  });

  test('is open to everybody, and refuses whom the kernel does not name as a workload', async () => {
    assert.equal(statSync(path).mode & 0o777, 0o666);
    caller = undefined;
    await refused('caller_unknown', 403, TOKEN);
    caller = thisProcess({ selectionName: undefined, sessionKey: 0n });
    await refused('not_a_workload', 403, TOKEN);
  });

  test('refuses what it does not understand, and repeats none of it', async () => {
    await refused('resource_missing', 400, '/v1/token');
    await refused('resource_not_allowed', 403, '/v1/token?resource=https://elsewhere.example');
    await refused('other_identity_requested', 403, `${TOKEN}&client_id=x`);
    await refused('parameter_repeated', 400, `${TOKEN}&resource=x`);
    for (const target of ['/', '/v1/tokens', '/v1/whoami/x', '/msi/token', '/v1/%E0%A4%A']) {
      const answer = await ask(target);
      assert.equal(answer.status, 400, target);
    }
    for (const body of [
      '{',
      '[]',
      '"s3cret"',
      'null',
      '{"s3cret":1}',
      '{"resource":"x","userAssertion":"a.b.c","s3cret":1}',
    ]) {
      const answer = await refused('malformed_request', 400, '/v1/token', body);
      assert.ok(!answer.text.includes('s3cret'));
    }
    await refused('malformed_request', 400, '/v1/token', 'resource=x', { 'content-type': 'text/plain' });
    await refused('malformed_request', 400, '/v1/token', `{"userAssertion":"${'x'.repeat(40_000)}"}`);
    await refused('malformed_request', 400, '/v1/token', `{"__proto__":{"userAssertion":"a.b.c"}}`);
  });

  test('wants a token for the person to act for, and lets it be seen nowhere', async () => {
    for (const userAssertion of [undefined, '', 1, 'pass word', 'a.b', `a.b.${'c'.repeat(17_000)}`]) {
      await refused('user_assertion_malformed', 400, '/v1/token', { resource: VAULT, userAssertion });
    }
    const userAssertion = 'aaaaPERSONaaaa.bbbbPERSONbbbb.ccccPERSONcccc';
    const answer = await ask('/v1/token', { resource: VAULT, userAssertion });
    assert.ok(answer.status >= 400, 'it is no token of anybody, and the application’s own is not given instead');
    for (const seen of [answer.text, broker.lines.join('\n'), inspect(broker.events, { depth: 9 })]) {
      assert.ok(!seen.includes('PERSON'));
    }
  });

  test('tells who one is, with nothing in the record', async () => {
    const { body } = await ask('/v1/whoami');
    assert.deepEqual(
      [body.pid, body.workload, body.session_id, body.identity.name, body.identity.client_id, body.identity.tenant],
      [process.pid, 'orders', 'session-7', 'orders-app', ORDERS_CLIENT, TENANT],
    );
    assert.deepEqual([body.policy, body.interfaces], ['orders', ['app-service', 'unix']]);
    assert.ok(body.resources.includes(VAULT));
    caller = thisProcess({ selectionName: undefined, sessionKey: 0n });
    const outside = (await ask('/v1/whoami')).body;
    assert.deepEqual([outside.pid, outside.workload, outside.identity], [process.pid, null, null]);
    assert.match(outside.code, /SWORN_BROKER_NOT_A_WORKLOAD/);
    caller = undefined;
    assert.equal((await ask('/v1/whoami')).body.code, 'SWORN_BROKER_CALLER_UNKNOWN');
    assert.deepEqual(broker.events, []);
  });

  test('tells it no more often than it gives tokens, and the record has the count alone', async () => {
    const codes: string[] = [];
    for (let times = 0; times < 1000 && codes.length < 3; times += 1) {
      const { code } = (await ask('/v1/whoami')).body;
      if (typeof code === 'string') codes.push(code);
    }
    assert.deepEqual(codes, Array(3).fill('SWORN_BROKER_TOO_MANY_REQUESTS'));
    assert.deepEqual([broker.events.length, broker.last().reason], [1, 'too_many_requests']);
  });

  test('survives what is no HTTP', async () => {
    for (const bytes of RUBBISH) {
      const socket = connect(path);
      socket.on('error', () => {});
      socket.write(bytes);
      socket.resume();
      await new Promise((resolve) => socket.once('close', resolve));
    }
    assert.ok(broker.events.every(({ reason }) => reason === 'malformed_request'));
    assert.equal(broker.events.length, RUBBISH.length, 'each is in the record');
    assert.equal((await ask(TOKEN)).status, 200);
  });

  test('takes the place of one that a dead agent left, and of nothing else', async () => {
    const taken = stage.start({ unix: { path, callers } });
    await assert.rejects(taken, (error: unknown) => error instanceof BrokerError && /LISTEN_FAILED/.test(error.code));
    assert.equal((await ask(TOKEN)).status, 200, 'the first one still serves');
    const file = join(folder, 'file');
    writeFileSync(file, 'kept');
    await assert.rejects(stage.start({ unix: { path: file, callers } }), /LISTEN|listen/);
    assert.equal(readFileSync(file, 'utf8'), 'kept');
    await broker.stop();
    assert.throws(() => statSync(path), /ENOENT/);
  });
});

test('who connected is looked at before it has asked for anything; a failure of that ends nothing', async () => {
  const asked = new Promise<void>((resolve) => {
    onQuestion = () => {
      resolve();
      throw new Error('the kernel side is gone');
    };
  });
  const socket = connect(path);
  await asked;
  onQuestion = () => {};
  socket.destroy();
  assert.equal((await ask('/v1/whoami')).status, 200);
});
