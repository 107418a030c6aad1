// SPDX-License-Identifier: Apache-2.0

/** A log of more than 65,536 rows, of which there are whole tiles of level 1; then without the rows, which retention let go of. */
import { setTimeout as sleep } from 'node:timers/promises';
import { MerkleFrontier } from '../../proto/log/merkle.ts';
import { TILE_WIDTH } from '../../proto/log/tile.ts';
import { liveDaysAgo } from './days.ts';
import { makeLeavesAnew } from './forger.ts';
import { RecordStage } from './record.ts';
import { onRecord, type TamperCase } from './suite.ts';

/** Two lives of an agent: the second has one checkpoint at its beginning and one at its end, with blocks in between. */
const LIVES = [60_000, 5_900];
const OF_BIG = "agent_id = 'big-6'";
const RETENTION_MS_MAX = 300_000;
const HASH_BYTES = 32;

/** Where is changed: a block of 256 leaves between the last two checkpoints. */
interface Place {
  readonly block: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** From checkpoint to checkpoint. */
  readonly part: string;
  /** What of it one tile of level 1 stands for. */
  readonly tiled: string;
}

const places = new WeakMap<RecordStage, Place>();
const placeOf = (stage: RecordStage): Place => places.get(stage)!;

async function choosePlace(stage: RecordStage): Promise<Place> {
  const [from = 0, to = 0] = (await stage.sizes('big-6')).slice(-2);
  const block = Math.ceil(from / TILE_WIDTH) + 1;
  if (block >= TILE_WIDTH - 1) throw new Error(`no part of a whole tile is between ${from} and ${to}`);
  const firstSeq = block * TILE_WIDTH + 1;
  return {
    block,
    firstSeq,
    lastSeq: firstSeq + TILE_WIDTH - 1,
    part: `big-6:${from + 1}-${to}`,
    tiled: `big-6:${from + 1}-${TILE_WIDTH ** 2}`,
  };
}

async function untilNone(stage: RecordStage, what: string, sql: string): Promise<void> {
  for (const end = performance.now() + RETENTION_MS_MAX; performance.now() < end; await sleep(100)) {
    const [row] = await stage.collector.ask<{ n: string }>(sql);
    if (Number(row?.n) === 0) return;
  }
  throw new Error(`${what} does not come`);
}

export async function startLarge(): Promise<RecordStage> {
  const stage = new RecordStage();
  try {
    liveDaysAgo(3);
    await stage.startCollector();
    await stage.forgetOldFilesSoon();
    for (const count of LIVES) await stage.deliver('big-6', count, { sealsSeldom: true });
    const tiles = `SELECT 1 - least(count(), 1) AS n FROM sworn.log_tiles WHERE ${OF_BIG} AND level = 1`;
    await untilNone(stage, 'the tile', tiles);
    await stage.stopCollector();
    liveDaysAgo(0);
    await stage.startCollector();
    await stage.keep();
    places.set(stage, await choosePlace(stage));
    return stage;
  } catch (error) {
    await stage.stop();
    throw error;
  }
}

async function rewrite(stage: RecordStage): Promise<void> {
  const [first, last] = [placeOf(stage).firstSeq + 40, placeOf(stage).firstSeq + 49];
  await stage.sql(
    `ALTER TABLE sworn.activities UPDATE exe = '/usr/bin/other' WHERE ${OF_BIG} AND seq BETWEEN ${first} AND ${last}`,
  );
  await makeLeavesAnew(stage, 'big-6', first, last);
}

/** The tile has this instead as the hash over the block. */
async function changeTile(stage: RecordStage, hash: Buffer): Promise<void> {
  const at = placeOf(stage).block * HASH_BYTES;
  await stage.sql(
    `ALTER TABLE sworn.log_tiles
     UPDATE hashes = concat(substring(hashes, 1, ${at}), unhex('${hash.toString('hex')}'), substring(hashes, ${at + HASH_BYTES + 1}))
     WHERE ${OF_BIG} AND level = 1 AND index = 0`,
  );
}

/** The hash over a block, as its leaves now are. */
async function fitTile(stage: RecordStage): Promise<void> {
  const { firstSeq, lastSeq } = placeOf(stage);
  const rows = await stage.collector.ask<{ leaf: string }>(
    `SELECT hex(leaf_bytes) AS leaf FROM sworn.activities
     WHERE ${OF_BIG} AND seq BETWEEN ${firstSeq} AND ${lastSeq} ORDER BY seq`,
  );
  const tree = new MerkleFrontier();
  for (const { leaf } of rows) tree.append(Buffer.from(leaf, 'hex'));
  await changeTile(stage, tree.root());
}

/** As the collector does it, which keeps the last row of an agent. Then that is what is kept here. */
async function letGo(stage: RecordStage): Promise<void> {
  await stage.stopCollector();
  await stage.startCollector({ retention: { activities_days: 1 } });
  const old = `SELECT count() - 1 AS n FROM sworn.activities WHERE ${OF_BIG}`;
  await untilNone(stage, 'retention', old);
  await stage.erasuresCompleted();
  await stage.sealOwn();
  await stage.keep();
}

const large = (
  name: string,
  act: (stage: RecordStage) => Promise<unknown>,
  expected: readonly string[] | ((stage: RecordStage) => readonly string[]),
  limit?: string,
): TamperCase =>
  onRecord(expected.length === 0 && limit === undefined ? 'nobody' : 'clickhouse', name, act, expected, limit);

/** In this order. */
export const LARGE_CASES: readonly TamperCase[] = [
  large('clean: more than 65,536 rows', async () => {}, []),
  large('rewritten: ten rows of more than 65,536, and a tile says which', rewrite, (stage) => [
    `rewritten big-6:${placeOf(stage).firstSeq}-${placeOf(stage).lastSeq}`,
  ]),
  large(
    'rewritten: ten rows of more than 65,536, and the tile with them',
    async (stage) => {
      await rewrite(stage);
      await fitTile(stage);
    },
    (stage) => [`rewritten ${placeOf(stage).part}`],
  ),
  large(
    'a tile is another one, while the rows are there',
    (stage) => changeTile(stage, Buffer.alloc(HASH_BYTES, 7)),
    [],
    'rows say more than tiles, and stand by themselves against the roots that were signed; a proof out of such a tile fails',
  ),
  large('clean: more than 65,536 rows, of which retention let go', letGo, []),
  large(
    'rewritten: a tile is another one, and the rows that it stands for are gone',
    (stage) => changeTile(stage, Buffer.alloc(HASH_BYTES, 7)),
    (stage) => [`rewritten ${placeOf(stage).part}`],
  ),
  large(
    'removed: the tile that stands for rows that are gone',
    (stage) => stage.sql(`ALTER TABLE sworn.log_tiles DELETE WHERE ${OF_BIG} AND level = 1`),
    (stage) => [`removed ${placeOf(stage).tiled}`],
  ),
];
