// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { leafOf } from '../../proto/leaf.ts';
import { type Activity, type Kind, type Sender, toBigInt } from '../model/activity.ts';
import { CollectorError } from '../model/error.ts';
import type { Claim, EventStore, RowBatch } from '../store/event-store.ts';
import { createCollectorMetrics } from '../telemetry/collector-metrics.ts';
import { createLog } from '../telemetry/log.ts';
import { asReceived } from '../testing/full-activities.ts';

import { BlockWriter, type BlockWriterOptions, type StoredBlock, type WrittenBatch } from './block-writer.ts';

const OWN = 'collector-1';
type Outcome = 'stored' | 'lost' | 'stored, but the answer is lost' | 'stored later';

class FakeBatch implements RowBatch {
  readonly all: { agentId: string; seq: number; kind: Kind }[] = [];
  poisoned = false;
  get rows(): number {
    return this.all.length;
  }
  get bytes(): number {
    return this.all.length * 100;
  }
  add(kind: Kind, activity: Activity, sender: Sender): void {
    this.all.push({ agentId: sender.agentId, seq: Number(toBigInt(activity.seq)), kind });
  }
}

/** A table that fails in all the ways a database on a network does. */
class FakeStore implements Pick<EventStore, 'append' | 'settle' | 'highestSeq' | 'newBatch' | 'claim' | 'lost'> {
  readonly table: { agentId: string; seq: number; kind: Kind }[] = [];
  /** The newest claim of each agent. */
  readonly claims = new Map<string, Claim>();
  blocks = 0;
  next: () => Outcome = () => 'stored';
  #late: Promise<void>[] = [];

  async claim(agentId: string): Promise<Claim> {
    await this.settle();
    return this.claimNow(agentId);
  }

  claimNow(agentId: string): Claim {
    const claim = { agentId, ticket: '' };
    this.claims.set(agentId, claim);
    return claim;
  }

  async lost(claims: readonly Claim[]): Promise<ReadonlySet<Claim>> {
    return new Set(claims.filter((claim) => this.claims.get(claim.agentId) !== claim));
  }

  newBatch(): RowBatch {
    return new FakeBatch();
  }

  async append(batches: readonly RowBatch[], claims: readonly Claim[]): Promise<void> {
    const parts = batches as readonly FakeBatch[];
    await new Promise((resolve) => setTimeout(resolve, 1));
    const agents = new Set(parts.flatMap(({ all }) => all.map(({ agentId }) => agentId)));
    assert.deepEqual(
      new Set(claims.map(({ agentId }) => agentId)),
      agents,
      'each agent of a block has its claim there',
    );
    if ((await this.lost(claims)).size > 0) throw new CollectorError('claim_lost', 'at another collector');
    if (parts.some(({ poisoned }) => poisoned)) throw new CollectorError('store_rejected', 'poison');
    const store = () => {
      this.blocks += 1;
      this.table.push(...parts.flatMap(({ all }) => all));
    };
    const outcome = this.next();
    if (outcome === 'stored later') {
      this.#late.push(new Promise((resolve) => setTimeout(() => resolve(store()), 5)));
    } else if (outcome !== 'lost') {
      store();
    }
    if (outcome !== 'stored') throw new CollectorError('store_unavailable', outcome);
  }

  async settle(): Promise<void> {
    await Promise.all(this.#late);
    this.#late = [];
  }

  async highestSeq(agentId: string): Promise<number> {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return this.table.reduce((highest, row) => (row.agentId === agentId ? Math.max(highest, row.seq) : highest), 0);
  }

  seqsOf(agentId: string): number[] {
    return this.table.filter((row) => row.agentId === agentId).map(({ seq }) => seq);
  }
}

function batchOf(agentId: string, firstSeq: number, count: number, alerts = 0): WrittenBatch {
  const rows = new FakeBatch();
  for (let seq = firstSeq; seq < firstSeq + count; seq++) rows.all.push({ agentId, seq, kind: 'command' });
  const own = Array.from({ length: alerts }, () => ({
    kind: 'alert' as const,
    activity: asReceived({ seq: 0, alert: { alertId: `${agentId}-${firstSeq}`, ruleId: 'r' } }),
    host: 'h',
  }));
  return { firstSeq, lastSeq: firstSeq + count - 1, rows, own, seen: undefined, word: undefined };
}

function setUp(changes: Partial<Pick<BlockWriterOptions, 'retryMs' | 'intervalMs' | 'onOwnStored'>> = {}) {
  const store = new FakeStore();
  const metrics = createCollectorMetrics();
  const stored: StoredBlock[] = [];
  const writer = new BlockWriter({
    store: store as unknown as EventStore,
    metrics,
    log: createLog('silent'),
    collectorId: OWN,
    intervalMs: 0,
    retryMs: 1000,
    onStored: (block) => stored.push(block),
    ...changes,
  });
  return { store, metrics, writer, stored };
}

const range = (count: number) => Array.from({ length: count }, (_, at) => at + 1);
const sender = (agentId: string): Sender => ({ agentId, host: 'h' });
const code = (expected: string) => (error: unknown) => error instanceof CollectorError && error.code === expected;

describe('block writer', () => {
  it('puts what arrives during an insert into one next block', async () => {
    const { store, writer } = setUp();
    for (const agent of ['a', 'b']) writer.admit(store.claimNow(agent), 0);
    await Promise.all([
      ...range(5).map((at) => writer.write(sender('a'), batchOf('a', at * 10 - 9, 10))),
      ...range(5).map((at) => writer.write(sender('b'), batchOf('b', at * 10 - 9, 10))),
    ]);
    assert.deepEqual(store.seqsOf('a'), range(50));
    assert.deepEqual(store.seqsOf('b'), range(50));
    assert.ok(store.blocks <= 2, `${store.blocks} blocks`);
  });

  it('numbers alerts in its own record, in the block of what they are about', async () => {
    const { store, writer, stored } = setUp();
    writer.admit(store.claimNow('a'), 0);
    await Promise.all(range(4).map((at) => writer.write(sender('a'), batchOf('a', at, 1, 2))));
    assert.deepEqual(store.seqsOf(OWN), range(8));
    assert.equal(stored.flatMap(({ alerts }) => alerts).length, 8);
  });

  it('goes on in its own record where an earlier process ended', async () => {
    const { store, writer } = setUp();
    store.table.push({ agentId: OWN, seq: 41, kind: 'alert' });
    writer.admit(store.claimNow('a'), 0);
    await writer.write(sender('a'), batchOf('a', 1, 1, 1));
    assert.deepEqual(store.seqsOf(OWN), [41, 42]);
  });

  it('writes into its own record what belongs to no batch, and says under which numbers', async () => {
    const { store, writer } = setUp();
    const outcomes: Outcome[] = ['stored', 'stored, but the answer is lost', 'lost'];
    store.next = () => outcomes.shift() ?? 'stored';
    const { own } = batchOf('a', 1, 0, 3);
    assert.deepEqual(await writer.record(own.slice(0, 1)), [1]);
    assert.deepEqual(await writer.record(own.slice(1)), [2, 3]);
    writer.admit(store.claimNow('a'), 0);
    const both = await Promise.all([
      writer.write(sender('a'), batchOf('a', 1, 2, 1)),
      writer.record(batchOf('b', 1, 0, 2).own),
    ]);
    assert.deepEqual(both[1], [5, 6]);
    assert.deepEqual(store.seqsOf(OWN), range(6));
  });

  it('seals its own record: each row has a salt and the leaf that its row gives', async () => {
    const leaves = new Map<number, Uint8Array>();
    const { store, writer, stored } = setUp({
      onOwnStored: (first, some) => {
        for (const [at, leaf] of some.entries()) leaves.set(first + at, leaf);
      },
    });
    writer.admit(store.claimNow('a'), 0);
    await Promise.all(range(3).map((at) => writer.write(sender('a'), batchOf('a', at, 1, 2))));
    assert.equal(leaves.size, 6);
    for (const { activity } of stored.flatMap(({ alerts }) => alerts)) {
      assert.equal(activity.salt.length, 16);
      assert.deepEqual(leaves.get(Number(toBigInt(activity.seq))), leafOf(activity, OWN, 'h'));
    }
  });

  for (const outcome of ['lost', 'stored, but the answer is lost', 'stored later'] as const) {
    it(`stores a block once when an insert is ${outcome}`, async () => {
      const { store, writer } = setUp();
      const outcomes: Outcome[] = [outcome, outcome, 'stored'];
      store.next = () => outcomes.shift() ?? 'stored';
      writer.admit(store.claimNow('a'), 0);
      await Promise.all(range(3).map((at) => writer.write(sender('a'), batchOf('a', at * 2 - 1, 2, 1))));
      assert.deepEqual(store.seqsOf('a'), range(6));
      assert.deepEqual(store.seqsOf(OWN), range(3));
    });
  }

  it('gives back what it cannot store, and all that waits behind it, and leaves the others alone', async () => {
    const { store, writer } = setUp({ retryMs: 30 });
    store.next = () => 'lost';
    for (const agent of ['a', 'b']) writer.admit(store.claimNow(agent), 0);
    const first = writer.write(sender('a'), batchOf('a', 1, 5));
    const behind = [writer.write(sender('a'), batchOf('a', 6, 5)), writer.write(sender('a'), batchOf('a', 11, 5))];
    const other = writer.write(sender('b'), batchOf('b', 1, 5));
    await assert.rejects(first, code('store_unavailable'));
    for (const one of behind) await assert.rejects(one, code('store_unavailable'));
    store.next = () => 'stored';
    await other.catch(() => {});
    // Until the agent says Hello again nothing more of it is taken: it would leave a hole.
    await assert.rejects(writer.write(sender('a'), batchOf('a', 16, 5)), code('store_unavailable'));
    writer.admit(store.claimNow('a'), await store.highestSeq('a'));
    await writer.write(sender('a'), batchOf('a', 1, 5));
    assert.deepEqual(store.seqsOf('a'), range(5));
  });

  it('stores the others when ClickHouse refuses one batch, and nothing of that agent overtakes it', async () => {
    const { store, writer } = setUp({ intervalMs: 20 });
    for (const agent of ['a', 'b', 'c']) writer.admit(store.claimNow(agent), 0);
    const poison = batchOf('b', 1, 5, 1);
    (poison.rows as FakeBatch).poisoned = true;
    // The first insert goes at once; the rest meets in one block.
    await writer.write(sender('a'), batchOf('a', 1, 1));
    const results = await Promise.allSettled([
      writer.write(sender('a'), batchOf('a', 2, 5, 1)),
      writer.write(sender('b'), poison),
      writer.write(sender('b'), batchOf('b', 6, 5, 1)),
      writer.write(sender('c'), batchOf('c', 1, 5, 1)),
    ]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
    );
    assert.deepEqual([store.seqsOf('a'), store.seqsOf('b'), store.seqsOf('c')], [range(6), [], range(5)]);
    assert.deepEqual(store.seqsOf(OWN), range(2));
  });

  it('gives back the batches of an agent that is at another collector, and stores the others', async () => {
    const { store, writer } = setUp({ intervalMs: 20 });
    for (const agent of ['a', 'b', 'c']) writer.admit(store.claimNow(agent), 0);
    await writer.write(sender('a'), batchOf('a', 1, 1));
    const results = Promise.allSettled([
      writer.write(sender('a'), batchOf('a', 2, 5, 1)),
      writer.write(sender('b'), batchOf('b', 1, 5, 1)),
      writer.write(sender('b'), batchOf('b', 6, 5, 1)),
      writer.write(sender('c'), batchOf('c', 1, 5, 1)),
    ]);
    store.claimNow('b');
    const ended = await results;
    assert.deepEqual(
      ended.map((one) => (one.status === 'fulfilled' ? 'stored' : one.reason.code)),
      ['stored', 'claim_lost', 'claim_lost', 'stored'],
    );
    assert.deepEqual([store.seqsOf('a'), store.seqsOf('b'), store.seqsOf('c')], [range(6), [], range(5)]);
    assert.deepEqual(store.seqsOf(OWN), range(2));
    await assert.rejects(writer.write(sender('b'), batchOf('b', 11, 5)), code('store_unavailable'));
  });

  it('goes on where its own record ends when another process of its name wrote into it', async () => {
    const { store, writer } = setUp();
    writer.admit(store.claimNow('a'), 0);
    await writer.write(sender('a'), batchOf('a', 1, 1, 1));
    store.table.push({ agentId: OWN, seq: 2, kind: 'alert' });
    store.claimNow(OWN);
    await writer.write(sender('a'), batchOf('a', 2, 1, 1));
    assert.deepEqual(store.seqsOf(OWN), range(3));
    assert.deepEqual(store.seqsOf('a'), range(2));
  });

  it('does not take what another collector stored of one agent for its own block', async () => {
    const { store, writer } = setUp({ intervalMs: 20 });
    for (const agent of ['a', 'b']) writer.admit(store.claimNow(agent), 0);
    await writer.write(sender('b'), batchOf('b', 1, 1));
    const ended = Promise.allSettled([
      writer.write(sender('a'), batchOf('a', 1, 5)),
      writer.write(sender('b'), batchOf('b', 2, 5)),
    ]);
    store.next = () => {
      // The other one has taken the agent over, and the same activities from it.
      store.claimNow('a');
      store.table.push(...range(5).map((seq) => ({ agentId: 'a', seq, kind: 'command' as const })));
      store.next = () => 'stored';
      return 'lost';
    };
    const states = (await ended).map((one) => (one.status === 'fulfilled' ? 'stored' : one.reason.code));
    assert.deepEqual(states, ['claim_lost', 'stored']);
    assert.deepEqual([store.seqsOf('a'), store.seqsOf('b')], [range(5), range(6)]);
  });

  it('refuses a batch that does not follow the last', async () => {
    const { store, writer } = setUp();
    writer.admit(store.claimNow('a'), 10);
    for (const firstSeq of [10, 12])
      await assert.rejects(writer.write(sender('a'), batchOf('a', firstSeq, 1)), code('store_unavailable'));
    await assert.rejects(writer.write(sender('unknown'), batchOf('unknown', 1, 1)), code('store_unavailable'));
    await writer.write(sender('a'), batchOf('a', 11, 1));
  });

  it('does not linger when it is told to end', async () => {
    const { store, writer } = setUp({ intervalMs: 60_000 });
    writer.admit(store.claimNow('a'), 0);
    await writer.write(sender('a'), batchOf('a', 1, 1));
    const second = writer.write(sender('a'), batchOf('a', 2, 1));
    await writer.drain();
    await second;
    assert.deepEqual(store.seqsOf('a'), [1, 2]);
  });

  for (let run = 0; run < 6; run++) {
    const seed = Number(process.env['SWORN_TEST_SEED'] ?? 1000 + run);
    it(`keeps every record whole whatever fails (seed ${seed})`, async () => {
      let state = seed;
      const random = () => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
        return (state >>> 0) / 4_294_967_296;
      };
      const { store, writer } = setUp({ retryMs: 20, intervalMs: random() * 5 });
      const outcomes: Outcome[] = ['stored', 'lost', 'stored, but the answer is lost', 'stored later'];
      let calm = false;
      store.next = () => (calm || random() < 0.6 ? 'stored' : outcomes[Math.floor(random() * 4)]!);
      setTimeout(() => {
        calm = true;
      }, 400);
      const target = 120;
      const deliver = async (agentId: string) => {
        for (;;) {
          // Hello: what is stored is asked for when nothing of the agent is on its way.
          await store.settle();
          let seq = await store.highestSeq(agentId);
          writer.admit(store.claimNow(agentId), seq);
          if (seq >= target) return;
          const waiting: Promise<void>[] = [];
          while (seq < target) {
            const count = Math.min(1 + Math.floor(random() * 7), target - seq);
            waiting.push(writer.write(sender(agentId), batchOf(agentId, seq + 1, count, random() < 0.3 ? 1 : 0)));
            seq += count;
            if (random() < 0.5) await Promise.race(waiting).catch(() => {});
          }
          await Promise.allSettled(waiting);
        }
      };
      const agents = ['a', 'b', 'c'];
      await Promise.all(agents.map(deliver));
      for (const agentId of agents) assert.deepEqual(store.seqsOf(agentId), range(target), agentId);
      const own = store.seqsOf(OWN);
      assert.deepEqual(own, range(own.length), 'the record of alerts');
    });
  }
});
