// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import { IdentitySource, IdentityState, TokenAction } from '../../model/activity.ts';
import { askOnce, openConnection, type RawAnswer, type RawRequest } from '../testing/raw-http.ts';
import {
  BILLING_CLIENT,
  DATABASE,
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
let secret: string;

before(async () => {
  stage = await openStage();
  secret = stage.secrets.secretFor(thisProcess() as { selectionName: string; sessionKey: bigint }) ?? '';
});
after(() => stage.close());
beforeEach(async () => {
  stage.standIn.faults.clear();
  await broker?.stop();
  broker = await stage.start({ upstreamTimeoutMs: 3000 });
});

type Header = readonly [string, string];
interface Changes extends Partial<RawRequest> {
  query?: string;
  secret?: string | undefined;
  host?: string | undefined;
  more?: readonly Header[];
}

function request(changes: Changes = {}): RawRequest {
  const { query = `resource=${encodeURIComponent(VAULT)}`, more = [], ...rest } = changes;
  const host = 'host' in changes ? changes.host : `127.0.0.1:${broker.address.port}`;
  const presented = 'secret' in changes ? changes.secret : secret;
  return {
    target: `/msi/token?api-version=2019-08-01&${query}`,
    headers: [
      ...(host === undefined ? [] : [['Host', host] as const]),
      ...(presented === undefined ? [] : [['X-IDENTITY-HEADER', presented] as const]),
      ...more,
    ],
    ...rest,
  };
}

const ask = (changes: Changes = {}): Promise<RawAnswer> => askOnce(broker.address.port, request(changes));

/** Refused with this status and reason, in the answer and in exactly one event; and Entra was not asked. */
async function refused(changes: Changes, status: number, reason: string): Promise<RawAnswer> {
  const [events, upstream] = [broker.events.length, stage.standIn.count('token')];
  const answer = await ask(changes);
  assert.equal(answer.status, status);
  if (changes.method !== 'HEAD') {
    assert.match(answer.body.message, new RegExp(`^SWORN_BROKER_${reason.toUpperCase()}: `));
    assert.match(answer.body.correlation_id, /^[0-9a-f-]{36}$/);
  }
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.equal(broker.events.length, events + 1);
  const event = broker.last();
  assert.deepEqual([event.action, event.reason, event.fingerprint], [TokenAction.REFUSED, reason, '']);
  assert.equal(stage.standIn.count('token'), upstream);
  return answer;
}

describe('a token', () => {
  test('is handed out with every field that some SDK reads, all of them texts', async () => {
    const { status, headers, body } = await ask();
    assert.equal(status, 200);
    assert.deepEqual(Object.keys(body).sort(), [
      ...['access_token', 'client_id', 'expires_in', 'expires_on', 'ext_expires_in'],
      ...['not_before', 'object_id', 'resource', 'token_type'],
    ]);
    for (const value of Object.values(body)) assert.equal(typeof value, 'string');
    assert.deepEqual(
      [body.client_id, body.object_id, body.resource, body.token_type, body.expires_in],
      [ORDERS_CLIENT, ORDERS_OBJECT, VAULT, 'Bearer', '900'],
    );
    assert.ok(Math.abs(Number(body.expires_on) - (Date.now() / 1000 + 900)) < 5);
    assert.equal(headers['cache-control'], 'no-store');
    assert.match(headers['content-type'] ?? '', /^application\/json/);
  });

  test('is recorded before it leaves: who, for what, by which token, without the token', async () => {
    const { body } = await ask();
    const event = broker.last();
    assert.equal(event.action, TokenAction.ISSUED);
    assert.deepEqual([event.identityState, event.identitySource], [IdentityState.VERIFIED, IdentitySource.BROKER]);
    assert.deepEqual(
      [event.identityId, event.identityName, event.tenantId, event.audience, event.interface, event.reason],
      [ORDERS_OBJECT, 'orders-app', TENANT, VAULT, 'app-service', ''],
    );
    const { uid: _, ...holder } = thisProcess();
    assert.deepEqual(event.caller, holder);
    assert.match(event.fingerprint, /^[0-9a-f]{64}$/);
    assert.equal(event.tokenId, event.claims['uti']);
    assert.ok(event.startedAtNs <= event.endedAtNs && event.expiresAtNs > event.issuedAtNs && event.issuedAtNs > 0n);
    const text = JSON.stringify(event, (_key, value) => (typeof value === 'bigint' ? String(value) : value));
    for (const part of body.access_token.split('.')) assert.ok(!text.includes(part));
    for (const opaque of ['aio', 'rh', 'xms_ftd']) assert.equal(event.claims[opaque], undefined);
  });

  test('does not leave when it cannot be recorded', async () => {
    let full = true;
    const failing = await stage.start({
      onEvent() {
        if (full) throw new Error('journal full');
      },
    });
    const to = (): Promise<RawAnswer> =>
      askOnce(failing.address.port, request({ host: `127.0.0.1:${failing.address.port}` }));
    const answer = await to();
    assert.deepEqual([answer.status, answer.body.error], [503, 'temporarily_unavailable']);
    assert.ok(!answer.text.includes('access_token'));
    assert.deepEqual([failing.counts.issued, failing.counts.eventsFailed], [0, 1]);
    full = false;
    assert.equal((await to()).status, 200);
  });

  test('is advertised for as long as it lives when that is less than the cap', async () => {
    stage.standIn.faults.add('token', {
      kind: 'token',
      alteration: { claims: { exp: Math.floor(Date.now() / 1000) + 420 } },
    });
    const { body } = await ask({ query: `resource=${encodeURIComponent(DATABASE)}` });
    assert.ok(Number(body.expires_in) <= 420 && Number(body.expires_in) > 400, body.expires_in);
  });

  test('is the same for all who may have it, and refreshed when a client names it as no longer good', async () => {
    const [first, second] = [await ask(), await ask({ query: `resource=${encodeURIComponent(`${VAULT}/`)}` })];
    assert.equal(first.body.access_token, second.body.access_token);
    assert.equal(second.body.resource, VAULT);
    assert.equal(broker.counts.issued, 2);
  });
});

describe('a request is refused at once, with one line of the record', () => {
  test('when its shape is not an SDK’s', async () => {
    await refused({ more: [['X-Forwarded-For', '10.0.0.1']] }, 403, 'forwarded_request');
    await refused({ more: [['Origin', 'https://evil.example']] }, 403, 'browser_request');
    await refused({ host: 'rebound.example' }, 403, 'wrong_host');
    await refused({ host: `rebound.example:${broker.address.port}` }, 403, 'wrong_host');
    await refused({ host: undefined }, 403, 'wrong_host');
    await refused({ host: undefined, version: '1.0' }, 403, 'wrong_host');
    await refused({ target: '/' }, 400, 'unknown_path');
    await refused({ target: '/metadata/identity/oauth2/token?resource=x' }, 400, 'unknown_path');
    await refused({ target: '/%E0%A4%A' }, 400, 'malformed_request');
    await refused({ target: '/msi/token?%E0%A4%A' }, 400, 'api_version_unsupported');
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH', 'TRACE', 'PROPFIND']) {
      await refused({ method }, 400, 'method_not_allowed');
    }
    await refused({ method: 'HEAD', target: '/x' }, 400, 'unknown_path');
    const json: readonly Header[] = [
      ['Content-Type', 'application/json'],
      ['Content-Length', '2'],
    ];
    await refused({ method: 'POST', more: json, body: '{}' }, 400, 'method_not_allowed');
    await refused({ more: json, body: '{}' }, 400, 'malformed_request');
    await refused(
      {
        more: [
          ['Content-Type', 'x/y'],
          ['Transfer-Encoding', 'chunked'],
        ],
        body: '0\r\n\r\n',
      },
      400,
      'malformed_request',
    );
  });

  test('when it is hardly HTTP', async () => {
    await refused({ method: 'FOO' }, 400, 'malformed_request');
    await refused({ more: [['x', 'y'.repeat(20_000)]] }, 400, 'malformed_request');
    await refused({ method: 'CONNECT', target: 'login.microsoftonline.com:443' }, 400, 'malformed_request');
    await refused({ more: [['Expect', 'something']] }, 400, 'malformed_request');
    const socket = connect(broker.address.port, '127.0.0.1', () => socket.write('\x16\x03\x01\x02\x00\x01'));
    const [answer] = await once(socket, 'data');
    assert.match(String(answer), /^HTTP\/1\.1 400 /);
    socket.destroy();
  });

  test('when the secret is missing or wrong; the wrong one is worth a look', async () => {
    await refused({ secret: undefined }, 400, 'secret_missing');
    assert.equal(broker.last().suspicious, false);
    await refused({ secret: '' }, 400, 'secret_missing');
    for (const wrong of ['x', `${secret}x`, secret.slice(0, -1)]) await refused({ secret: wrong }, 403, 'secret_wrong');
    assert.equal(broker.last().suspicious, true);
    await refused({ more: [['X-IDENTITY-HEADER', secret]] }, 403, 'secret_wrong');
    assert.match(broker.lines.at(-1) ?? '', /suspicious/);
    assert.ok(!broker.lines.join('').includes(secret));
  });

  test('when the caller is nobody, or no workload, or one without a binding or with two', async () => {
    broker.callers.everybodyIs(undefined);
    await refused({}, 403, 'caller_unknown');
    assert.deepEqual([broker.last().caller, broker.last().identityState], [undefined, IdentityState.NONE]);
    broker.callers.everybodyIs(thisProcess({ selectionName: undefined, sessionKey: 0n }));
    await refused({}, 403, 'not_a_workload');
    for (const [selectionName, reason] of [
      ['unbound', 'no_binding'],
      ['twice', 'ambiguous_binding'],
    ] as const) {
      broker.callers.everybodyIs(thisProcess({ selectionName }));
      const own = stage.secrets.secretFor({ selectionName, sessionKey: 7n });
      await refused({ secret: own }, 403, reason);
    }
  });

  test('when the right secret comes from the wrong process', async () => {
    broker.callers.everybodyIs(thisProcess({ selectionName: 'billing', sessionKey: 8n }));
    await refused({}, 403, 'secret_wrong');
    assert.equal(broker.last().identityName, 'billing-app');
    broker.callers.everybodyIs(thisProcess({ sessionKey: 9n }));
    await refused({}, 403, 'secret_wrong');
  });

  test('when the session has no secret at all', async () => {
    const without = await stage.start({ secrets: { secretFor: () => undefined } });
    const answer = await askOnce(without.address.port, request({ host: `localhost:${without.address.port}` }));
    assert.equal(answer.status, 403);
    assert.equal(without.last().reason, 'session_without_secret');
    assert.deepEqual(without.environment({ selectionName: 'orders', sessionKey: 7n }), {});
  });

  test('when it asks for what the binding does not give', async () => {
    const wanting = (query: string): Changes => ({ query });
    await refused(wanting('resource=https://elsewhere.example'), 403, 'resource_not_allowed');
    await refused(wanting(''), 400, 'resource_missing');
    await refused(wanting('resource=a%20b'), 400, 'resource_malformed');
    await refused(wanting('resource=api://AzureADTokenExchange'), 403, 'token_exchange_resource');
    await refused(wanting(`resource=${VAULT}&resource=${VAULT}`), 400, 'parameter_repeated');
    await refused(wanting(`resource=${VAULT}&client_id=${BILLING_CLIENT}`), 403, 'other_identity_requested');
    await refused(
      wanting(`resource=${VAULT}&client_id=${ORDERS_CLIENT}&object_id=${ORDERS_OBJECT}`),
      400,
      'too_many_selectors',
    );
    assert.deepEqual(
      [broker.last().identityState, broker.last().identitySource],
      [IdentityState.POLICY, IdentitySource.POLICY],
    );
    const right = await ask({ query: `resource=${VAULT}&principal_id=${ORDERS_OBJECT}` });
    assert.equal(right.status, 200);
  });

  test('and its answer never repeats what the caller wrote', async () => {
    for (const query of [
      'resource=https://unreachable.example',
      'resource=unreachable%0d%0a',
      'unreachable=1&api-version=x',
    ]) {
      const answer = await ask({ query });
      assert.ok(answer.status === 400 || answer.status === 403);
      assert.doesNotMatch(answer.text, /unreachable/i);
    }
  });

  test('when attestation fails, and then everybody is', async () => {
    broker.callers.fail('the map is gone');
    const answer = await refused({}, 503, 'attestation_unavailable');
    assert.ok(Number(answer.headers['retry-after']) >= 1);
    await refused({}, 503, 'attestation_unavailable');
    assert.equal(broker.lines.filter((line) => line.includes('the map is gone')).length, 1, 'said once, not for each');
    broker.callers.everybodyIs(thisProcess());
    assert.equal((await ask()).status, 200);
  });

  test('when the broker itself fails: nobody gets a token by accident', async () => {
    const secrets = {
      secretFor(): string {
        throw new Error('no such thing');
      },
    };
    const failing = await stage.start({ secrets });
    const answer = await askOnce(failing.address.port, request({ host: `localhost:${failing.address.port}` }));
    assert.deepEqual([answer.status, failing.last().reason], [503, 'broker_failed']);
  });
});

describe('who asked is asked again', () => {
  test('for each request of a kept connection', async () => {
    const connection = await openConnection(broker.address.port);
    assert.equal((await connection.ask(request())).status, 200);
    assert.equal((await connection.ask(request())).status, 200);
    // The same socket, now in the hands of another process.
    broker.callers.portIs(connection.localPort, thisProcess({ pid: 1, selectionName: undefined, sessionKey: 0n }));
    const answer = await connection.ask(request());
    assert.equal(answer.status, 403);
    assert.equal(broker.last().reason, 'not_a_workload');
    connection.close();
  });

  test('before the answer leaves: not to one who took the connection over meanwhile', async () => {
    stage.standIn.faults.add('token', { kind: 'delay', ms: 100 });
    const connection = await openConnection(broker.address.port);
    const answer = connection.ask(request());
    await waitFor(() => stage.standIn.count('token') > 0 && broker.callers.questions.length === 1);
    broker.callers.portIs(connection.localPort, thisProcess({ pid: 1, startNs: 0n }));
    assert.equal((await answer).status, 403);
    assert.deepEqual([broker.last().reason, broker.last().suspicious], ['caller_changed', true]);
    connection.close();
  });

  test('before the answer leaves: not to one who is gone, even when the connection is there', async () => {
    const dead = await stage.start({ isAlive: () => false });
    const answer = await askOnce(dead.address.port, request({ host: `localhost:${dead.address.port}` }));
    assert.deepEqual([answer.status, dead.last().reason], [403, 'caller_gone']);
    assert.equal(dead.counts.issued, 0);
  });

  test('before the answer leaves: attestation that fails in between gives nothing', async () => {
    stage.standIn.faults.add('token', { kind: 'delay', ms: 100 });
    const answer = ask();
    await waitFor(() => broker.callers.questions.length === 1);
    broker.callers.fail('gone');
    assert.equal((await answer).status, 503);
  });
});

describe('under load and failure', () => {
  test('a hundred callers at once make one request to Entra', async () => {
    const before = stage.standIn.count('token');
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask()));
    assert.ok(answers.every((answer) => answer.status === 200));
    assert.equal(stage.standIn.count('token') - before, 1);
    assert.equal(broker.events.filter((event) => event.action === TokenAction.ISSUED).length, 100);
  });

  test('Entra being slow, down, throttling or wrong is a 503 with a time to come back', async () => {
    for (const [fault, reason] of [
      [{ kind: 'hang' }, 'upstream_unavailable'],
      [{ kind: 'status', status: 500 }, 'upstream_unavailable'],
      [{ kind: 'drop' }, 'upstream_unavailable'],
      [{ kind: 'status', status: 429, retryAfterSeconds: 5 }, 'upstream_throttled'],
    ] as const) {
      const fresh = await stage.start({ upstreamTimeoutMs: 1000 });
      stage.standIn.faults.add('token', fault);
      const answer = await askOnce(fresh.address.port, request({ host: `localhost:${fresh.address.port}` }));
      assert.deepEqual([answer.status, fresh.last().reason], [503, reason], fault.kind);
      const [seconds, min] = [Number(answer.headers['retry-after']), reason === 'upstream_throttled' ? 5 : 1];
      // Spread, so that clients do not come back all at once.
      assert.ok(seconds >= min && seconds <= 3 * min, `${seconds}`);
    }
  });

  test('a token of another tenant is dropped: 403 at once, and worth a look', async () => {
    const tid = '10000000-0000-4000-8000-0000000000bb';
    const claims = { tid, iss: `https://sts.windows.net/${tid}/` };
    stage.standIn.faults.add('token', { kind: 'token', alteration: { claims } });
    const answer = await ask();
    assert.deepEqual([answer.status, broker.last().reason, broker.last().suspicious], [403, 'answer_rejected', true]);
  });

  test('who asks too often is told so, and fills the record with one line, not thousands', async () => {
    const limited = await stage.start({ rateLimit: { burst: 5, perSecond: 0 } });
    const connection = await openConnection(limited.address.port);
    const statuses: number[] = [];
    for (let times = 0; times < 50; times += 1) {
      const answer = await connection.ask(request({ host: `localhost:${limited.address.port}` }));
      statuses.push(answer.status);
      if (answer.status === 429) assert.equal(answer.headers['retry-after'], '1');
    }
    connection.close();
    assert.deepEqual(statuses, [...Array(5).fill(200), ...Array(45).fill(429)]);
    const recorded = () =>
      limited.events.filter((event) => event.reason === 'too_many_requests').map((event) => event.count);
    assert.deepEqual(recorded(), [1]);
    await limited.stop();
    assert.deepEqual(recorded(), [1, 44]);
    assert.equal(limited.counts.refused.too_many_requests, 45);
  });

  test('stopping ends what is under way and lets the port go', async () => {
    stage.standIn.faults.add('token', { kind: 'hang' });
    const stopping = await stage.start({ upstreamTimeoutMs: 60_000 });
    const { port } = stopping.address;
    const pending = askOnce(port, request({ host: `localhost:${port}` })).catch(() => 'closed');
    await waitFor(() => stopping.callers.questions.length === 1);
    await stopping.stop();
    assert.equal(await pending, 'closed');
    await assert.rejects(openConnection(port));
    await assert.doesNotReject(stopping.stop());
  });
});

async function waitFor(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries += 1) {
    assert.ok(tries < 500, 'it never came to that');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
