// SPDX-License-Identifier: Apache-2.0

/** Tiles and proofs over rows of a real engine, held against the definition of the tree. */
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { HASH_BYTES, MerkleFrontier, provesConsistency } from '../../proto/log/merkle.ts';
import { kindOf } from '../model/activity.ts';
import { ClickHouseLogStore } from '../store/clickhouse/clickhouse-log-store.ts';
import { WRITER_ROLE } from '../store/clickhouse/engine/engine-config.ts';
import type { LogStore } from '../store/log-store.ts';
import { createCollectorMetrics } from '../telemetry/collector-metrics.ts';
import { createLog } from '../telemetry/log.ts';
import { asReceived } from '../testing/full-activities.ts';
import { rootOfLeaves } from '../testing/sealed-record.ts';
import { startEmbeddedStore, type TestStore } from '../testing/test-store.ts';
import { LogReader } from './log-reader.ts';
import { Publisher } from './publisher.ts';
import { TileWriter } from './tile-writer.ts';
import type { Witnessing } from './witnessing.ts';

const SIZE = 140_000;
const leafOf = (seq: number) => hash('sha256', `leaf ${seq}`, 'buffer');
const leaves = Array.from({ length: SIZE }, (_, at) => leafOf(at + 1));
const rootAt = (size: number) => rootOfLeaves(leaves.slice(0, size));

let running: TestStore;
let store: LogStore;
let reader: LogReader;

async function fill(agentId: string, from: number, to: number): Promise<void> {
  const batch = running.store.newBatch();
  for (let seq = from; seq <= to; seq++) {
    const activity = asReceived({ seq, timeNs: seq, endTimeNs: seq, loss: { where: 'x' }, leaf: leaves[seq - 1]! });
    batch.add(kindOf(activity)!, activity, { agentId, host: 'h' });
  }
  await running.store.append([batch]);
}

const tilesOf = () => {
  const metrics = createCollectorMetrics();
  return { metrics, tiles: new TileWriter({ store, reader, metrics, log: createLog('silent') }) };
};

before(async () => {
  running = await startEmbeddedStore();
  const { socketPath, incomingFolder } = running.engine!;
  store = new ClickHouseLogStore({ engine: { socketPath, incomingFolder, role: WRITER_ROLE } }, { kind: 'single' });
  reader = new LogReader(store);
  for (let from = 1; from <= SIZE; from += 35_000) await fill('whole', from, Math.min(from + 34_999, SIZE));
});
after(async () => {
  await store.close();
  await running.stop();
});

describe('trees out of the store', () => {
  it('are those of the rows, from nothing and from a checkpoint', async () => {
    assert.deepEqual((await reader.treeAt('whole', 100_001))?.root(), rootAt(100_001));
    const tree = new MerkleFrontier();
    for (const leaf of leaves.slice(0, 77_777)) tree.append(leaf);
    const [root, subtrees] = [tree.root(), tree.subtrees];
    const row = {
      agentId: 'whole',
      size: 77_777,
      root,
      timeMs: 1,
      verdict: 'cosigned',
      note: 'n',
      reason: '',
    } as const;
    await store.appendCheckpoints([{ ...row, subtrees }]);
    assert.deepEqual(await store.cosigned('whole', 77_776), undefined);
    assert.deepEqual((await store.cosigned('whole'))?.subtrees, subtrees);
    assert.deepEqual((await reader.treeAt('whole', SIZE))?.root(), rootAt(SIZE));
  });

  it('end at a hole, and at a row that is stored twice with another leaf; the same row twice is one', async () => {
    await fill('hole', 1, 100);
    await fill('hole', 131, 200);
    const tree = new MerkleFrontier();
    assert.deepEqual(await reader.extend(tree, 'hole', 200), { kind: 'hole', goesOnAt: 131 });
    assert.deepEqual(tree.root(), rootAt(100));
    assert.deepEqual(await reader.extend(new MerkleFrontier(), 'hole', 110), { kind: 'hole', goesOnAt: 0 });
    assert.equal(await reader.treeAt('hole', 150), undefined);
    await fill('twice', 1, 100);
    await fill('twice', 1, 50);
    assert.deepEqual((await reader.treeAt('twice', 100))?.root(), rootAt(100));
    const other = asReceived({ seq: 70, timeNs: 1, endTimeNs: 1, loss: { where: 'x' }, leaf: Buffer.alloc(32, 1) });
    const batch = running.store.newBatch();
    batch.add('loss', other, { agentId: 'twice', host: 'h' });
    await running.store.append([batch]);
    const extension = await reader.extend(new MerkleFrontier(), 'twice', 100);
    assert.deepEqual(extension, { kind: 'conflict', seq: 70 });
  });
});

describe('tiles', () => {
  it('are written whole, each once, and again after a restart from where they end', async () => {
    const first = tilesOf();
    first.tiles.offer('whole', 65_535);
    await first.tiles.idle();
    assert.equal(await store.tilesEnd('whole', 1), 0);
    first.tiles.offer('whole', 70_000);
    await first.tiles.idle();
    assert.equal(await store.tilesEnd('whole', 1), 1);
    const second = tilesOf();
    second.tiles.offer('whole', SIZE);
    await second.tiles.idle();
    assert.equal(await store.tilesEnd('whole', 1), 2);
    assert.equal(await store.tilesEnd('whole', 2), 0);
    for (const index of [0, 1]) {
      const tile = await store.tile('whole', 1, index);
      assert.equal(tile?.length, 256 * HASH_BYTES);
      for (const at of [0, 1, 100, 255]) {
        const from = (index * 256 + at) * 256;
        const hashes = tile.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES);
        assert.deepEqual(hashes, rootOfLeaves(leaves.slice(from, from + 256)));
      }
    }
  });

  it('through a hole are left out and counted', async () => {
    await fill('holed', 1, 20_000);
    await fill('holed', 20_010, 66_000);
    const { tiles, metrics } = tilesOf();
    tiles.offer('holed', 66_000);
    await tiles.idle();
    assert.equal(metrics.tilesSkipped.value(), 1);
    assert.equal(await store.tile('holed', 1, 0), undefined);
  });
});

describe('consistency proofs', () => {
  const SIZES = [1, 2, 255, 256, 257, 4096, 65_535, 65_536, 65_537, 99_999, 131_072, 139_999];
  it('prove growth from any size, out of tiles and rows', async () => {
    const root = rootAt(SIZE);
    for (const size of SIZES) {
      const proof = await reader.consistency('whole', size, SIZE);
      assert.ok(provesConsistency(size, SIZE, proof, rootAt(size), root), String(size));
    }
  });

  it('are made of what retention leaves: tiles of level 0 in place of rows', async () => {
    await fill('kept', 1001, 5000);
    await assert.rejects(reader.consistency('kept', 300, 5000), /missing/);
    for (let index = 0; index < 4; index++) {
      const hashes = Buffer.concat(leaves.slice(index * 256, Math.min((index + 1) * 256, 1000)));
      await store.appendTiles([{ agentId: 'kept', level: 0, index, hashes, timeMs: 1 }]);
    }
    const proof = await reader.consistency('kept', 300, 5000);
    assert.ok(provesConsistency(300, 5000, proof, rootAt(300), rootAt(5000)));
  });
});

describe('a checkpoint', () => {
  it('does not wait for witnesses longer than it may, and is stored with those that answered', async () => {
    const metrics = createCollectorMetrics();
    const publish = async (witnessing: Witnessing) => {
      const log = createLog('silent');
      const publisher = new Publisher({ store, metrics, log, witnessing, anchors: [], witnessMsMax: 20 });
      const point = { size: 1, root: leaves[0]!, subtrees: [leaves[0]!] };
      const own = { name: 'own', keyId: '00000001', bytes: Buffer.alloc(64) };
      return await publisher.publish({
        agentId: 'w',
        origin: 'w',
        text: 'w\n1\nx\n',
        ...point,
        signatures: [own],
        oldSize: 0,
      });
    };
    const never = await publish({ cosign: () => new Promise(() => {}) });
    assert.equal(metrics.witnessTimeouts.value(), 1);
    assert.equal(never.note.split('\u2014').length, 2);
    const failed = await publish({ cosign: () => Promise.reject(new Error('broken')) });
    assert.equal(failed.note.split('\u2014').length, 2);
    const witness = { name: 'witness', keyId: '00000002', bytes: Buffer.alloc(72) };
    const answered = await publish({ cosign: async () => [witness] });
    assert.match(answered.note, /\u2014 own .*\n\u2014 witness .*\n$/);
    assert.equal((await store.cosigned('w'))?.note, answered.note);
  });
});
