// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { inclusionProof, MerkleFrontier, provesInclusion } from '../../proto/log/merkle.ts';
import { TILE_WIDTH } from '../../proto/log/tile.ts';
import { LogReader } from '../seal/log-reader.ts';
import { ClickHouseLogStore } from '../store/clickhouse/clickhouse-log-store.ts';
import { connect } from '../store/clickhouse/client.ts';
import type { DayOfAgent } from '../store/erasure-store.ts';
import { createCollectorMetrics } from '../telemetry/collector-metrics.ts';
import { createLog } from '../telemetry/log.ts';
import { append, type ErasureStage, OWN_ID, startErasureStage } from '../testing/erasure-stage.ts';
import { asReceived, fullActivities } from '../testing/full-activities.ts';
import { readRows } from '../testing/test-store.ts';
import { planDays } from './day-plan.ts';
import { Retention, type RetentionLimits } from './retention.ts';

const DAY_MS = 86_400_000;
const KEEP_ALL: RetentionLimits = { activities_days: null, payload_days: null, identities: [], deliveries_days: null };
const NONE_SEALED = new Map();

function dayOf(day: string, agentId: string, first: number, last: number): DayOfAgent {
  return { day, agentId, first, last, activities: last - first + 1 };
}

describe('days that may go', () => {
  const DAYS = [
    dayOf('2026-01-01', 'a', 1, 10),
    dayOf('2026-01-01', 'b', 1, 5),
    dayOf('2026-01-02', 'a', 11, 20),
    dayOf('2026-01-03', 'a', 21, 30),
    dayOf('2026-01-03', 'b', 6, 9),
  ];

  it('are those before the bound, oldest first', () => {
    const plans = planDays(DAYS, '2026-01-03', NONE_SEALED);
    assert.deepEqual(
      plans.map(({ day, activities, keptBecause }) => [day, activities, keptBecause]),
      [
        ['2026-01-01', 15, ''],
        ['2026-01-02', 10, ''],
      ],
    );
    assert.deepEqual(
      [...plans[0]!.agents],
      [
        ['a', { first: 1, last: 10 }],
        ['b', { first: 1, last: 5 }],
      ],
    );
  });

  it('stay when something older of the same agent stays, and so do all behind them', () => {
    const late = [...DAYS, dayOf('2026-01-04', 'a', 4, 4)];
    const plans = planDays(late, '2026-01-04', NONE_SEALED);
    assert.match(
      plans[0]!.keptBecause,
      /of a, activity 4 stays \(received on 2026-01-04\) and is older than activity 10/,
    );
    assert.ok(plans.every(({ keptBecause }) => keptBecause !== ''));
  });

  it('leave the last activity of each agent', () => {
    const plans = planDays(DAYS, '2026-01-09', NONE_SEALED);
    assert.deepEqual(
      [...plans.at(-1)!.agents],
      [
        ['a', { first: 21, last: 29 }],
        ['b', { first: 6, last: 8 }],
      ],
    );
    assert.equal(plans.at(-1)!.activities, 12);
    assert.deepEqual(planDays([dayOf('2026-01-01', 'a', 7, 7)], '2026-02-01', NONE_SEALED), []);
  });

  it('stay while no checkpoint covers them, or tiles are missing', () => {
    const logs = new Map([['a', { cosignedSize: 9, tiledSize: 0 }]]);
    assert.match(planDays(DAYS, '2026-01-02', logs)[0]!.keptBecause, /no cosigned checkpoint covers activity 10 of a/);
    assert.equal(
      planDays(DAYS, '2026-01-02', new Map([['a', { cosignedSize: 10, tiledSize: 0 }]]))[0]!.keptBecause,
      '',
    );
    const long = [dayOf('2026-01-01', 'a', 1, 70_000), dayOf('2026-01-03', 'a', 70_001, 70_002)];
    const untiled = new Map([['a', { cosignedSize: 70_002, tiledSize: 0 }]]);
    assert.match(planDays(long, '2026-01-02', untiled)[0]!.keptBecause, /tiles of a are not written/);
  });
});

describe('retention', () => {
  let stage: ErasureStage;
  let logStore: ClickHouseLogStore;
  let reader: LogReader;
  let client: ReturnType<typeof connect>;
  const now = Date.now();
  const dayText = (daysAgo: number) => new Date(now - daysAgo * DAY_MS).toISOString().slice(0, 10);

  before(async () => {
    stage = await startErasureStage();
    logStore = new ClickHouseLogStore(stage.address!, { kind: 'single' });
    reader = new LogReader(logStore);
    client = connect(stage.address!, 1);
  });
  after(async () => {
    await client.close();
    await logStore.close();
    await stage.stop();
  });

  function retention(limits: Partial<RetentionLimits>) {
    const eraser = stage.eraser();
    const made = new Retention({
      limits: { ...KEEP_ALL, ...limits },
      store: stage.erasures,
      logStore,
      reader,
      eraser,
      metrics: createCollectorMetrics(),
      log: createLog('silent'),
      now: () => now,
    });
    return { made, eraser };
  }

  /** Rows of an agent with these seqs, received so many days ago, with the leaves that an agent gives them. */
  async function store(agentId: string, daysAgo: number, first: number, last: number, identityName = 'x') {
    const [command] = fullActivities();
    const activities = Array.from({ length: last - first + 1 }, (_, at) =>
      asReceived({ ...command!, seq: first + at, identityName, identityId: '', onBehalfOfName: '' }),
    );
    await append(stage.store, agentId, activities);
    // A partition is moved by writing its rows anew: the day is part of no leaf.
    const names = await readRows<{ name: string }>(
      stage.store,
      "SELECT name FROM system.columns WHERE database = 'sworn' AND table = 'activities' AND default_kind = '' AND name != 'received_at'",
    );
    const columns = names.map(({ name }) => name).join(', ');
    const where = `agent_id = '${agentId}' AND seq >= ${first} AND seq <= ${last} AND toDate(received_at) = '${dayText(0)}'`;
    await client.command({
      query: `INSERT INTO sworn.activities (${columns}, received_at)
        SELECT ${columns}, toDateTime64('${dayText(daysAgo)} 12:00:00', 3, 'UTC') FROM sworn.activities WHERE ${where}`,
    });
    await client.command({ query: `ALTER TABLE sworn.activities DELETE WHERE ${where} SETTINGS mutations_sync = 2` });
    return activities.map(({ leaf }) => Buffer.from(leaf));
  }

  it('drops days by a tombstone, keeps the hashes at the boundary, and what remains is still proved', async () => {
    const leaves = [
      ...(await store('log', 40, 1, 300)),
      ...(await store('log', 39, 301, 700)),
      ...(await store('log', 1, 701, 900)),
    ];
    await logStore.appendKeys([{ agentId: 'log', verifier: 'key', origin: 'first_seen', timeMs: now }]);
    const tree = new MerkleFrontier();
    for (const leaf of leaves) tree.append(leaf);
    const root = tree.root();
    const checkpoint = {
      agentId: 'log',
      size: 900,
      root,
      timeMs: now,
      verdict: 'cosigned' as const,
      note: '',
      reason: '',
    };
    await logStore.appendCheckpoints([{ ...checkpoint, subtrees: tree.subtrees }]);

    const { made, eraser } = retention({ activities_days: 30 });
    assert.deepEqual(
      (await made.plan()).days.map(({ day, activities }) => [day, activities]),
      [
        [dayText(40), 300],
        [dayText(39), 400],
      ],
    );
    await made.run();
    const [left] = await readRows<{ first: string; n: string }>(
      stage.store,
      "SELECT min(seq) AS first, count() AS n FROM activities WHERE agent_id = 'log'",
    );
    assert.deepEqual(left, { first: '701', n: '200' });
    const tombstones = await readRows<Record<string, unknown>>(
      stage.store,
      "SELECT agent_id, predicate, reason, activities, agents FROM erasures WHERE action = 'rows_dropped' ORDER BY seq",
    );
    assert.deepEqual(tombstones, [
      ...[
        { day: dayText(40), n: 300, range: '1-300' },
        { day: dayText(39), n: 400, range: '301-700' },
      ].map(({ day, n, range }) => ({
        agent_id: OWN_ID,
        predicate: JSON.stringify({ day }),
        reason: 'retention',
        activities: String(n),
        agents: { log: range },
      })),
    ]);
    // Proofs out of what is stored now: rows, and tiles of level 0 below them.
    const stored = await reader.leaves('log', 512, 900);
    assert.ok(stored !== undefined, 'the leaves around the boundary are there');
    for (const index of [701, 767, 899]) {
      const needed: [number, number][] = [];
      inclusionProof(index, 900, (level, at) => {
        needed.push([level, at]);
        return Buffer.alloc(32);
      });
      const hashes = new Map<string, Uint8Array>();
      for (const [level, at] of needed) hashes.set(`${level} ${at}`, (await reader.subtree('log', level, at))!);
      const proof = inclusionProof(index, 900, (level, at) => hashes.get(`${level} ${at}`)!);
      assert.ok(provesInclusion(leaves[index]!, index, 900, proof, root), `activity ${index + 1}`);
    }
    const tile = await logStore.tile('log', 0, Math.floor(700 / TILE_WIDTH));
    assert.equal(tile!.length, (700 % TILE_WIDTH) * 32);
    assert.deepEqual((await made.plan()).days, [], 'a second round has nothing to do');
    await eraser.stop();
  });

  it('keeps tombstones when their day goes', async () => {
    const { eraser } = retention({});
    await store('told', 60, 1, 3);
    await eraser.erase({ predicate: { agent: 'told' }, reason: 'r', requestedBy: 'admin' });
    await eraser.idle();
    await stage.erasures.dropDay(dayText(60), new Map([['told', { first: 1, last: 3 }]]));
    const before = await readRows<{ n: string }>(stage.store, 'SELECT count() AS n FROM erasures');
    await stage.erasures.dropDay(dayText(0), new Map([[OWN_ID, { first: 1, last: 1_000 }]]));
    assert.deepEqual(await readRows<{ n: string }>(stage.store, 'SELECT count() AS n FROM erasures'), before);
    await eraser.stop();
  });

  it('erases payload by its age, with other times for some', async () => {
    await store('aged', 20, 1, 2, 'short');
    await store('aged', 20, 3, 4, 'long');
    await store('aged', 20, 5, 6, 'other');
    await store('aged', 2, 7, 8, 'short');
    const identities = [
      { identity: 'short', payload_days: 1 },
      { identity: 'long', payload_days: null },
    ];
    const { made, eraser } = retention({ payload_days: 10, identities });
    await made.run();
    const rows = await readRows<{ seq: string; erased: number }>(
      stage.store,
      "SELECT seq, erasure_seq > 0 AS erased FROM activities WHERE agent_id = 'aged' ORDER BY seq",
    );
    assert.deepEqual(
      rows.map(({ erased }) => erased),
      [1, 1, 0, 0, 1, 1, 1, 1],
    );
    await eraser.stop();
  });

  it('lets deliveries go by a TTL, which is set once and taken back', async () => {
    const ttl = async () => {
      const [row] = await readRows<{ sql: string }>(
        stage.store,
        "SELECT create_table_query AS sql FROM system.tables WHERE database = 'sworn' AND name = 'deliveries'",
      );
      return /TTL (.*?) SETTINGS/.exec(row!.sql)?.[1] ?? '';
    };
    await stage.erasures.keepDeliveries(90);
    assert.match(await ttl(), /toIntervalDay\(90\)/);
    await stage.erasures.keepDeliveries(90);
    await stage.erasures.keepDeliveries(7);
    assert.match(await ttl(), /toIntervalDay\(7\)/);
    await stage.erasures.keepDeliveries(null);
    assert.equal(await ttl(), '');
    await stage.erasures.keepDeliveries(null);
  });
});
