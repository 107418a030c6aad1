// SPDX-License-Identifier: Apache-2.0

/** The HTTP API through `inject`, over a real embedded store. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { kindOf, type SeenActivity } from '../model/activity.ts';
import { CollectorError } from '../model/error.ts';
import { createCollectorMetrics } from '../telemetry/collector-metrics.ts';
import { createLog } from '../telemetry/log.ts';
import { makeActivity } from '../testing/activity-maker.ts';
import { asReceived } from '../testing/full-activities.ts';
import { removeFolder, temporaryFolder } from '../testing/test-collector.ts';
import { startEmbeddedStore, type TestStore } from '../testing/test-store.ts';
import { LiveTail } from './live-tail.ts';
import { buildApi } from './server.ts';
import { readOrMakeToken } from './token-file.ts';

const TOKEN = 'sworn_a-token-for-tests-only-0123456789';
const ADMIN_TOKEN = 'sworn_an-admin-token-for-tests-0123456789';
const AUTHORISED = { authorization: `Bearer ${TOKEN}` };
const SENDER = { agentId: 'agent-1', host: 'host-1' };

function seenOf(seq: number): SeenActivity {
  const activity = asReceived({ ...makeActivity(seq), sessionId: 'session-1' });
  return { kind: kindOf(activity)!, activity, sender: SENDER };
}

describe('api', () => {
  let running: TestStore;
  let app: FastifyInstance;
  const metrics = createCollectorMetrics();
  const tail = new LiveTail(metrics, 2);

  const apps: FastifyInstance[] = [];
  const build = (changes: object = {}) => {
    const built = buildApi({
      store: running.store,
      tail,
      metrics,
      log: createLog('silent'),
      token: TOKEN,
      adminToken: ADMIN_TOKEN,
      eraser: { matching: async () => [], erase: async () => undefined, progress: () => undefined },
      retention: { plan: async () => ({ payload: [], days: [] }), begin: () => {} },
      metricsWithoutToken: false,
      queriesAtOnceMax: 2,
      tls: undefined,
      status: () => ({
        version: 't',
        collector_id: 'c',
        started_at: '',
        ingest_address: '',
        store: 'embedded',
        agents: [],
        absent_agents: [],
        seal: { cosigner: '', signer: '', own: null },
        rules: [],
        sinks: [],
      }),
      acceptKey: async () => {},
      ...changes,
    });
    apps.push(built);
    return built;
  };

  before(async () => {
    running = await startEmbeddedStore();
    const batch = running.store.newBatch();
    for (let seq = 1; seq <= 60; seq++) {
      const { kind, activity, sender } = seenOf(seq);
      batch.add(kind, activity, sender);
    }
    await running.store.append([batch]);
    app = build();
    await app.ready();
  });
  after(async () => {
    tail.close();
    for (const one of apps) await one.close();
    await running.stop();
  });

  const query = (payload: unknown, headers: Record<string, string> = AUTHORISED) =>
    app.inject({
      method: 'POST',
      url: '/v1/query',
      headers: { 'content-type': 'application/json', ...headers },
      payload: payload as object,
    });
  const get = (url: string, headers: Record<string, string> = AUTHORISED) =>
    app.inject({ method: 'GET', url, headers });
  const errorOf = (response: { json(): { error: { code: string } } }) => response.json().error.code;

  it('is healthy and ready without a token', async () => {
    assert.deepEqual((await get('/healthz', {})).json(), { status: 'ok' });
    assert.deepEqual((await get('/readyz', {})).json(), { status: 'ready' });
  });

  it('is not ready when the store is away', async () => {
    const store = { ...running.store, ping: () => Promise.reject(new CollectorError('store_unavailable', 'away')) };
    const other = build({ store });
    const response = await other.inject('/readyz');
    assert.equal(response.statusCode, 503);
    assert.equal(errorOf(response), 'store_unavailable');
    assert.equal(response.headers['retry-after'], '1');
    await other.close();
  });

  it('asks for the token everywhere else', async () => {
    for (const url of [
      '/metrics',
      '/v1/status',
      '/v1/tail',
      '/v1/sessions',
      '/v1/sessions/x',
      '/v1/query',
      '/nowhere',
    ]) {
      for (const authorization of [undefined, 'Bearer', 'Bearer wrong', `Basic ${TOKEN}`, `Bearer ${TOKEN}x`, TOKEN]) {
        const response = await get(url, authorization === undefined ? {} : { authorization });
        assert.equal(response.statusCode, 401, `${url} ${authorization}`);
        assert.equal(errorOf(response), 'unauthorised');
        assert.equal(response.headers['www-authenticate'], 'Bearer');
      }
    }
    assert.equal((await get('/v1/status')).statusCode, 200);
  });

  it('gives metrics without the token only when configured so', async () => {
    assert.match((await get('/metrics')).body, /^# HELP sworn_collector_/m);
    const open = build({ metricsWithoutToken: true });
    assert.equal((await open.inject('/metrics')).statusCode, 200);
    assert.equal((await open.inject('/v1/status')).statusCode, 401);
    await open.close();
  });

  it('sets headers that keep browsers from doing anything with an answer', async () => {
    for (const response of [await get('/healthz'), await get('/nowhere'), await query({ sql: 'SELECT 1' })]) {
      assert.equal(response.headers['x-content-type-options'], 'nosniff');
      assert.match(String(response.headers['content-security-policy']), /default-src 'none'/);
      assert.equal(response.headers['cache-control'], 'no-store');
      assert.equal(response.headers['strict-transport-security'], undefined);
    }
  });

  it('answers SQL with names and types, or in the format that was asked for', async () => {
    const rows = await query({ sql: 'SELECT count() AS n, max(seq) AS m FROM activities' });
    assert.equal(rows.body, '["n", "m"]\n["UInt64", "UInt64"]\n["60", "60"]\n');
    assert.match(String(rows.headers['content-type']), /application\/x-ndjson/);
    assert.equal((await query({ sql: 'SELECT 1 AS a', format: 'JSONEachRow' })).body, '{"a":1}\n');
    const csv = await query({ sql: 'SELECT 1 AS a', format: 'CSVWithNames' });
    assert.equal(csv.body, '"a"\n1\n');
    assert.match(String(csv.headers['content-type']), /text\/csv/);
  });

  it('binds parameters', async () => {
    const sql = 'SELECT {a:String} AS a, {n:UInt8} AS n, {b:Bool} AS b';
    const response = await query({ sql, parameters: { a: "it's \n", n: 5, b: true }, format: 'JSONEachRow' });
    assert.deepEqual(JSON.parse(response.body), { a: "it's \n", n: 5, b: true });
  });

  it('answers an empty result with its header', async () => {
    assert.equal((await query({ sql: 'SELECT 1 AS a WHERE 0' })).body, '["a"]\n["UInt8"]\n');
  });

  it('says what is wrong with a query', async () => {
    const cases: [payload: unknown, status: number, code: string][] = [
      [{ sql: 'SELEC 1' }, 400, 'query_invalid'],
      [{ sql: 'SELECT nothing FROM commands' }, 400, 'query_invalid'],
      [{ sql: 'SELECT {a:String}' }, 400, 'query_invalid'],
      [{ sql: 'DROP TABLE activities' }, 403, 'query_refused'],
      [{ sql: "SELECT file('/etc/passwd')" }, 403, 'query_refused'],
      [{ sql: 'SELECT count() FROM numbers(1000000000000)' }, 422, 'query_limit'],
      [{}, 400, 'request_invalid'],
      [{ sql: 'SELECT 1', format: 'Parquet' }, 400, 'request_invalid'],
      [{ sql: 'SELECT 1', settings: {} }, 400, 'request_invalid'],
      [{ sql: 'SELECT 1', parameters: { 'a b': 1 } }, 400, 'request_invalid'],
      [{ sql: 'x'.repeat(70_000) }, 400, 'request_invalid'],
      [{ sql: 'x'.repeat(2_000_000) }, 413, 'request_too_large'],
    ];
    for (const [payload, status, code] of cases) {
      const response = await query(payload);
      assert.deepEqual([response.statusCode, errorOf(response)], [status, code], JSON.stringify(payload).slice(0, 80));
    }
    const broken = await app.inject({
      method: 'POST',
      url: '/v1/query',
      headers: { ...AUTHORISED, 'content-type': 'application/json' },
      payload: '{"sql":',
    });
    assert.deepEqual([broken.statusCode, errorOf(broken)], [400, 'request_invalid']);
  });

  it('breaks the connection off, and never ends a result early in silence', async () => {
    const address = await build().listen({ host: '127.0.0.1', port: 0 });
    const response = await fetch(`${address}/v1/query`, {
      method: 'POST',
      headers: { ...AUTHORISED, 'content-type': 'application/json' },
      body: JSON.stringify({ sql: 'SELECT number FROM numbers(900000)', format: 'CSV' }),
    });
    // More rows than the limit: either refused at once, or the stream fails.
    if (response.ok) await assert.rejects(response.text());
    else assert.equal(((await response.json()) as { error: { code: string } }).error.code, 'query_limit');
  });

  it('lets so many queries run at a time', async () => {
    const slow = 'SELECT sum(sipHash64(number)) FROM numbers(5000000)';
    const answers = await Promise.all(Array.from({ length: 6 }, () => query({ sql: slow, format: 'CSV' })));
    assert.ok(answers.every(({ statusCode }) => statusCode === 200 || statusCode === 429));
    assert.ok(answers.some(({ statusCode }) => statusCode === 200));
  });

  it('gives a place back whenever its asker goes', async () => {
    const address = await build().listen({ host: '127.0.0.1', port: 0 });
    const ask = (sql: string, signal: AbortSignal) =>
      fetch(`${address}/v1/query`, {
        method: 'POST',
        headers: { ...AUTHORISED, 'content-type': 'application/json' },
        body: JSON.stringify({ sql, format: 'CSV' }),
        signal,
      });
    for (let at = 0; at < 12; at++) {
      // Gone at once, while the SQL is checked, while it runs, and while the answer streams.
      const sql =
        at % 2 === 0
          ? 'SELECT number FROM numbers(400000)'
          : 'SELECT sum(sipHash64(number)) FROM numbers(1000000000000)';
      await ask(sql, AbortSignal.timeout(1 + at * 8))
        .then((response) => response.text())
        .catch(() => {});
    }
    const answers = await Promise.all(
      Array.from({ length: 4 }, async () => (await ask('SELECT 1', AbortSignal.timeout(20_000))).text()),
    );
    assert.deepEqual(answers, ['1\n', '1\n', '1\n', '1\n']);
  });

  it('changes the record only for who has the token for it, which reads as well', async () => {
    const post = (url: string, token: string, payload: object) =>
      app.inject({ method: 'POST', url, headers: { authorization: `Bearer ${token}` }, payload });
    for (const url of ['/v1/erasures', '/v1/retention']) {
      const refused = await post(url, TOKEN, { identity: 'x', reason: 'y' });
      assert.deepEqual([refused.statusCode, errorOf(refused)], [403, 'forbidden'], url);
      assert.equal((await post(url, 'wrong', {})).statusCode, 401);
    }
    const done = await post('/v1/erasures', ADMIN_TOKEN, { identity: 'x', reason: 'y' });
    assert.deepEqual(done.json(), { seq: null, activities: 0, agents: [] });
    for (const body of [{ reason: 'all of it' }, { identity: 'x' }, { identity: 'x', reason: ' ' }, { identiy: 'x' }]) {
      assert.equal(errorOf(await post('/v1/erasures', ADMIN_TOKEN, body)), 'request_invalid', JSON.stringify(body));
    }
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
    assert.equal((await app.inject({ url: '/v1/status', headers })).statusCode, 200);
    assert.equal((await app.inject({ url: '/v1/erasures/7', headers: AUTHORISED })).statusCode, 403);
  });

  it('lists sessions and pages through what one did', async () => {
    const { sessions } = (await get('/v1/sessions?host=host-1&limit=5')).json() as {
      sessions: Record<string, unknown>[];
    };
    assert.deepEqual(
      sessions.map((row) => row['session_id']),
      ['session-1'],
    );
    const first = (await get('/v1/sessions/session-1?limit=40')).json() as {
      activities: { seq: string }[];
      next: string;
    };
    assert.equal(first.activities.length, 40);
    const rest = (await get(`/v1/sessions/session-1?limit=40&after=${first.next}`)).json() as typeof first;
    assert.equal(rest.activities.length, 20);
    assert.equal(rest.next, null);
    assert.equal(new Set([...first.activities, ...rest.activities].map(({ seq }) => seq)).size, 60);
    assert.deepEqual(
      [(await get('/v1/sessions/none')).statusCode, errorOf(await get('/v1/sessions/none'))],
      [404, 'not_found'],
    );
    for (const url of [
      '/v1/sessions/session-1?after=xx',
      '/v1/sessions?limit=0',
      '/v1/sessions?since=yesterday',
      '/v1/sessions?color=red',
    ]) {
      assert.equal(errorOf(await get(url)), 'request_invalid', url);
    }
    assert.deepEqual((await get('/v1/sessions?since=2100-01-01T00:00:00Z')).json(), { sessions: [] });
  });

  it('shows activities live, filtered, to as many as there are places', async () => {
    const address = await build().listen({ host: '127.0.0.1', port: 0 });
    const open = async (path: string, accept = 'application/x-ndjson') => {
      const gone = new AbortController();
      const response = await fetch(`${address}${path}`, { headers: { ...AUTHORISED, accept }, signal: gone.signal });
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      return { response, gone, next: async () => (await reader!.read()).value ?? '' };
    };
    const all = await open('/v1/tail');
    assert.equal(await all.next(), '{"type":"opened"}\n');
    const commands = await open(
      '/v1/tail?kind=command&protocol=postgresql&status=error&payloads=true',
      'text/event-stream',
    );
    assert.equal(await commands.next(), 'event: opened\ndata: {"type":"opened"}\n\n');
    const third = await open('/v1/tail');
    assert.equal(third.response.status, 429);
    tail.publish([seenOf(7), seenOf(97 * 20)]);
    const line = JSON.parse((await all.next()).split('\n')[0]!) as { type: string; activity: Record<string, unknown> };
    assert.deepEqual(
      [line.type, line.activity['kind'], line.activity['seq'], line.activity['agent_id']],
      ['activity', 'process', '7', 'agent-1'],
    );
    const event = await commands.next();
    const { activity } = JSON.parse(event.split('data: ')[1]!) as { activity: Record<string, unknown> };
    assert.deepEqual([activity['seq'], activity['status'], activity['error_code']], ['1940', 'error', '42P01']);
    assert.match(String(activity['request']), /^SELECT/);
    assert.ok(tail.watched);
    all.gone.abort();
    commands.gone.abort();
    const deadline = Date.now() + 2000;
    while (tail.watched) {
      assert.ok(Date.now() < deadline, 'places are given back');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });
});

describe('live tail', () => {
  it('tells a slow reader how many it missed, and holds no more than its bound', async () => {
    const metrics = createCollectorMetrics();
    const tail = new LiveTail(metrics, 1);
    const subscription = tail.subscribe({})!;
    const seen = seenOf(1);
    tail.publish(Array.from({ length: 1500 }, () => seen));
    let activities = 0;
    for await (const item of subscription) {
      if (item.kind === 'activity') activities += 1;
      if (item.kind === 'dropped') {
        assert.equal(item.count, 500);
        break;
      }
    }
    assert.equal(activities, 1000);
    assert.equal(metrics.tailDropped.value(), 500);
    assert.equal(tail.watched, false);
  });
});

describe('token', () => {
  it('is made once, for its owner only', () => {
    const folder = temporaryFolder();
    const path = join(folder, 'api-token');
    const token = readOrMakeToken(path);
    assert.ok(token.length >= 40);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(readOrMakeToken(path), token);
    removeFolder(folder);
  });
});
