// SPDX-License-Identifier: Apache-2.0

/** What every event store must do, run against each that there is. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { leafOf } from '../../proto/leaf.ts';
import { type ActivityProperties, fromBigInt, type Kind, kindOf } from '../model/activity.ts';
import { activityJson } from '../model/activity-json.ts';
import { COLUMNS } from '../model/activity-row.ts';
import { makeActivity } from '../testing/activity-maker.ts';
import { asReceived, fullActivities, HOSTILE_BYTES } from '../testing/full-activities.ts';
import { leafRowsSql, leavesOfRows } from '../testing/leaf-oracle.ts';
import { readAnswer, readRows, type TestStore } from '../testing/test-store.ts';
import type { EventStore, RowBatch } from './event-store.ts';

/** Agents of one run have names of their own: a server keeps its rows between runs. */
const RUN = `${process.pid}-${Date.now()}`;

function batchOf(store: EventStore, agentId: string, firstSeq: number, count: number): RowBatch {
  const batch = store.newBatch();
  for (let seq = firstSeq; seq < firstSeq + count; seq++) {
    const activity = asReceived(makeActivity(seq));
    batch.add(kindOf(activity)!, activity, { agentId, host: 'h' });
  }
  return batch;
}

async function countOf(
  store: EventStore,
  agentId: string,
): Promise<{ count: number; distinct: number; highest: number }> {
  const [row] = await readRows<{ c: string; d: string; m: string }>(
    store,
    'SELECT count() AS c, uniqExact(seq) AS d, max(seq) AS m FROM activities WHERE agent_id = {agent:String}',
    { agent: agentId },
  );
  return { count: Number(row?.c), distinct: Number(row?.d), highest: Number(row?.m) };
}

export function eventStoreContract(name: string, start: () => Promise<TestStore>): void {
  describe(`event store: ${name}`, () => {
    let running: TestStore;
    let store: EventStore;

    before(async () => {
      running = await start();
      store = running.store;
    });
    after(() => running?.stop());

    it('opens a second time and changes nothing', async () => {
      const again = running.again();
      await again.open();
      await again.close();
    });

    it('gives back every field of every kind exactly', async () => {
      const agentId = `full-${RUN}`;
      const sender = { agentId, host: 'host-é' };
      const activities = fullActivities();
      const batch = store.newBatch();
      for (const activity of activities) batch.add(kindOf(activity)!, activity, sender);
      await store.append([batch]);
      const names = COLUMNS.map((column) => `\`${column.name}\``).join(', ');
      const rows = await readRows<Record<string, unknown>>(
        store,
        `SELECT ${names}, leaf, salt, request_sha256, response_sha256, erased_digest, hex(request) AS request_hex, hex(response) AS response_hex
         FROM activities WHERE agent_id = {agent:String} ORDER BY seq`,
        { agent: agentId },
      );
      assert.equal(rows.length, activities.length);
      for (const [at, activity] of activities.entries()) {
        const row = rows[at]!;
        const kind: Kind = kindOf(activity)!;
        for (const [column, value] of Object.entries(activityJson(kind, activity, sender, { payloads: false }))) {
          assert.deepEqual(row[column], value, `${kind}: ${column}`);
        }
        if (activity.command != null) {
          assert.equal(row['request_hex'], HOSTILE_BYTES.toString('hex').toUpperCase());
          assert.equal(row['response_hex'], HOSTILE_BYTES.subarray(10).toString('hex').toUpperCase());
        }
      }
    });

    it('gives rows out of which every leaf comes, by a program that knows nothing of ours', async () => {
      const rows = await readRows<object>(store, leafRowsSql(), { agent: `full-${RUN}` });
      const leaves = fullActivities().map((one) => leafOf(one, `full-${RUN}`, 'host-é').toString('hex'));
      assert.deepEqual(leavesOfRows(rows), leaves);
    });

    it('shows findings with their own kind', async () => {
      const rows = await readRows<Record<string, unknown>>(
        store,
        `SELECT kind, attributes['reason'] AS reason, toString(events) AS events, bytes, length(leaf) AS leaf, session_id != '' AS session
         FROM findings WHERE agent_id = {agent:String}`,
        { agent: `full-${RUN}` },
      );
      const events = String((1n << 64n) - 1n);
      assert.deepEqual(rows, [
        { kind: 'tls_unreadable', reason: 'no_probe', events, bytes: '7', leaf: '64', session: 1 },
      ]);
    });

    it('says of each connection that ended what share was read, and whether its account is whole', async () => {
      const agentId = `coverage-${RUN}`;
      const batch = store.newBatch();
      const add = (seq: number, connection: NonNullable<ActivityProperties['connection']>) => {
        const activity = asReceived({ seq, timeNs: seq, endTimeNs: seq, connectionId: `c-${seq}`, connection });
        batch.add('connection', activity, { agentId, host: 'h' });
      };
      const wide = fromBigInt(1n << 63n);
      const tcp = { transport: 'tcp', remoteAddress: '10.0.0.1', remotePort: 443 };
      add(1, { ...tcp, action: 1 });
      add(2, { ...tcp, action: 3, error: 'ECONNREFUSED' });
      add(3, { ...tcp, action: 2, sent: { moved: 100, decoded: 60, cut: 15, unreadable: 20, lost: 5 } });
      add(4, { ...tcp, action: 2, received: { moved: 10, decoded: 9 }, serverName: 'x.example', tls: 'TLSv1.3' });
      // In 64 bits 2^63 + 2^63 is 0.
      add(5, { ...tcp, action: 2, remoteAddress: '::1', sent: { moved: 0, decoded: wide, lost: wide } });
      add(6, { transport: 'unix', action: 2, remoteAddress: '/run/x' });
      add(7, { ...tcp, action: 2, role: 2, localAddress: '::2', localPort: 80, sent: { moved: 1, notUnderstood: 1 } });
      await store.append([batch]);
      const rows = await readRows<Record<string, unknown>>(
        store,
        `SELECT seq, destination, tls, moved_bytes, read_bytes, share, adds_up FROM coverage
         WHERE agent_id = {agent:String} ORDER BY seq`,
        { agent: agentId },
      );
      assert.deepEqual(
        rows.map((row) => Object.values(row)),
        [
          ['3', '10.0.0.1:443', '', '100', '75', 0.75, 1],
          ['4', 'x.example:443', 'TLSv1.3', '10', '9', 0.9, 0],
          ['5', '[::1]:443', '', '0', String(1n << 63n), null, 0],
          ['6', '/run/x', '', '0', '0', null, 1],
          ['7', '[::2]:80', '', '1', '0', 0, 1],
        ],
      );
    });

    it('gives what is known of a TLS connection columns of their own', async () => {
      const agentId = `tls-${RUN}`;
      const attributes = {
        tls_cipher_suite: 'TLS_AES_128_GCM_SHA256',
        tls_alpn: 'h2',
        tls_certificate_subject: 'CN=x.example',
        tls_certificate_issuer: 'CN=ca',
        tls_certificate_sha256: 'ab',
        tls_resumed: 'true',
      };
      const connection = { action: 2, tls: 'TLSv1.3', serverName: 'x.example', attributes };
      const batch = store.newBatch();
      batch.add('connection', asReceived({ seq: 1, connection }), { agentId, host: 'h' });
      batch.add('connection', asReceived({ seq: 2, connection: { action: 2 } }), { agentId, host: 'h' });
      await store.append([batch]);
      const names =
        'tls_cipher_suite, tls_alpn, tls_certificate_subject, tls_certificate_issuer, tls_certificate_sha256';
      const rows = await readRows<Record<string, string>>(
        store,
        `SELECT ${names}, tls_resumed, tls, server_name FROM connections WHERE agent_id = {agent:String} ORDER BY seq`,
        { agent: agentId },
      );
      assert.deepEqual(
        rows.map((row) => Object.values(row)),
        [
          ['TLS_AES_128_GCM_SHA256', 'h2', 'CN=x.example', 'CN=ca', 'ab', 'true', 'TLSv1.3', 'x.example'],
          ['', '', '', '', '', '', '', ''],
        ],
      );
    });

    it('leaves columns of other kinds at their zero', async () => {
      const rows = await readRows<Record<string, unknown>>(
        store,
        "SELECT statement, rows, argv, attributes, action FROM activities WHERE agent_id = {agent:String} AND kind = 'loss'",
        { agent: `full-${RUN}` },
      );
      assert.deepEqual(rows, [{ statement: '', rows: null, argv: [], attributes: {}, action: '' }]);
    });

    it('stores several batches as one, in order, and knows the highest seq', async () => {
      const agentId = `order-${RUN}`;
      assert.equal(await store.highestSeq(agentId), 0);
      await store.append([batchOf(store, agentId, 1, 500), batchOf(store, agentId, 501, 500)]);
      assert.equal(await store.highestSeq(agentId), 1000);
      assert.deepEqual(await countOf(store, agentId), { count: 1000, distinct: 1000, highest: 1000 });
    });

    it('appends nothing for no rows', async () => {
      await store.append([store.newBatch()]);
    });

    it('keeps a large block whole', async () => {
      const agentId = `large-${RUN}`;
      const batch = store.newBatch();
      const response = Buffer.alloc(1 << 20, 'r');
      for (let seq = 1; seq <= 96; seq++) {
        const { command, ...rest } = makeActivity(20);
        batch.add('command', asReceived({ ...rest, seq, command: { ...command, response } }), { agentId, host: 'h' });
      }
      assert.ok(batch.bytes > 96 << 20);
      await store.append([batch]);
      const [row] = await readRows<{ parts: string; received: string }>(
        store,
        'SELECT uniqExact(_part) AS parts, uniqExact(received_at) AS received FROM activities WHERE agent_id = {agent:String}',
        { agent: agentId },
      );
      assert.deepEqual(row, { parts: '1', received: '1' });
    });

    it('shows a session as one row, and all that it did in order, page by page', async () => {
      const sessionId = `session-${RUN}`;
      const agentId = `session-agent-${RUN}`;
      const batch = store.newBatch();
      for (let seq = 1; seq <= 40; seq++) {
        const activity = asReceived({ ...makeActivity(seq), sessionId });
        batch.add(kindOf(activity)!, activity, { agentId, host: 'h' });
      }
      await store.append([batch]);
      const session = await store.session(sessionId);
      assert.equal(session?.['agent_id'], agentId);
      assert.equal(session?.['commands'], '36');
      assert.equal(session?.['ended'], 0);
      assert.equal(session?.['findings'], '0');
      const first = await store.sessionActivities(sessionId, undefined, 25);
      const last = first.at(-1)!;
      const cursor = { time: String(last['time']), agentId: String(last['agent_id']), seq: String(last['seq']) };
      const second = await store.sessionActivities(sessionId, cursor, 25);
      assert.deepEqual(
        [...first, ...second].map((row) => Number(row['seq'])),
        Array.from({ length: 40 }, (_, at) => at + 1),
      );
      const listed = await store.sessions({ limit: 1000, host: 'h' });
      assert.ok(listed.some((row) => row['session_id'] === sessionId));
      assert.deepEqual(await store.sessions({ limit: 10, workload: 'no such workload' }), []);
      assert.equal(await store.session('no such session'), undefined);
    });

    it('shows a session under its own identity, also one that has no id, whatever tokens its commands carried', async () => {
      const [sessionId, agentId] = [`thief-${RUN}`, `thief-agent-${RUN}`];
      const none = {
        ...makeActivity(3),
        command: null,
        process: null,
        connection: null,
        token: null,
        loss: null,
        session: null,
      };
      const own = { ...none, sessionId, identityId: '', identityName: 'nightly', identityState: 2, identitySource: 2 };
      const rows = [
        { ...own, seq: 1, session: { action: 1, selectedBy: 'run' } },
        { ...own, seq: 2, process: { action: 2 } },
        {
          ...own,
          seq: 3,
          identityId: 'victim',
          identityName: 'victim',
          identityState: 3,
          command: { protocol: 'http' },
        },
      ].map(asReceived);
      const batch = store.newBatch();
      for (const row of rows) batch.add(kindOf(row)!, row, { agentId, host: 'h' });
      await store.append([batch]);
      const session = await store.session(sessionId);
      const { identity_id, identity_name, identity_state } = session ?? {};
      assert.deepEqual([identity_id, identity_name, identity_state], ['', 'nightly', 'policy']);
    });

    it('knows which alerts a sink has not had', async () => {
      const agentId = `alerts-${RUN}`;
      const batch = store.newBatch();
      for (let seq = 1; seq <= 3; seq++) {
        const alert = { alertId: `alert-${RUN}-${seq}`, ruleId: 'r', matchedAgentId: 'x', matchedSeq: seq };
        batch.add('alert', asReceived({ seq, timeNs: seq, endTimeNs: seq, alert }), { agentId, host: 'h' });
      }
      await store.append([batch]);
      const sink = `sink-${RUN}`;
      const waiting = async () =>
        (await store.undeliveredAlerts(sink, Date.now() - 60_000, 1000))
          .map(({ alertId }) => alertId)
          .filter((id) => id.startsWith(`alert-${RUN}-`));
      assert.deepEqual(
        await waiting(),
        [1, 2, 3].map((seq) => `alert-${RUN}-${seq}`),
      );
      const about = { timeMs: Date.now(), sink, attempt: 1, detail: "it's\n" };
      await store.recordDeliveries([
        { ...about, alertId: `alert-${RUN}-1`, outcome: 'delivered' },
        { ...about, alertId: `alert-${RUN}-2`, outcome: 'failed' },
        { ...about, alertId: `alert-${RUN}-3`, outcome: 'given_up' },
      ]);
      assert.deepEqual(await waiting(), [`alert-${RUN}-2`]);
    });

    it('streams a large answer with one header', async () => {
      const text = await readAnswer(
        store,
        'SELECT number AS n, toString(number) AS t FROM numbers(300000)',
        'CSVWithNames',
      );
      const lines = text.trimEnd().split('\n');
      assert.equal(lines.length, 300_001);
      assert.equal(lines.filter((line) => line.startsWith('"n"')).length, 1);
      assert.equal(lines.at(-1), '299999,"299999"');
    });

    it('binds parameters as values', async () => {
      const hostile = "it's \\ \n\t {x} `";
      const rows = await readRows(store, 'SELECT {a:String} AS a, {n:UInt64} AS n', { a: hostile, n: 7 });
      assert.deepEqual(rows, [{ a: hostile, n: '7' }]);
    });

    it('answers many questions at once without mixing their parameters', async () => {
      const answers = await Promise.all(
        Array.from({ length: 30 }, (_, at) =>
          readRows<{ a: string }>(store, 'SELECT {a:String} AS a', { a: `v${at}` }),
        ),
      );
      assert.deepEqual(
        answers.map(([row]) => row?.a),
        Array.from({ length: 30 }, (_, at) => `v${at}`),
      );
    });

    it('stops a query at its limits and says so', async () => {
      const code = async (sql: string) => {
        try {
          await readAnswer(store, sql);
          return 'no error';
        } catch (error) {
          return (error as { code?: string }).code;
        }
      };
      assert.equal(await code('SELECT count() FROM numbers(1000000000000)'), 'query_limit');
      assert.equal(await code('SELECT groupArray(number) FROM numbers(500000000)'), 'query_limit');
      assert.equal(await code('SELECT nothing_of_that_name FROM commands'), 'query_invalid');
      assert.equal(await code('SELEC 1'), 'query_invalid');
      await assert.rejects(readAnswer(store, 'SELECT number FROM numbers(600000)'));
    });

    it('ends a query when the asker has gone', async () => {
      const gone = new AbortController();
      const asked = store.query({
        sql: 'SELECT sum(sipHash64(number)) FROM numbers(100000000000)',
        format: 'CSV',
        signal: gone.signal,
      });
      setTimeout(() => gone.abort(), 50);
      await assert.rejects(asked);
    });
  });
}
