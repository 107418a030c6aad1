// SPDX-License-Identifier: Apache-2.0

/** A log of more than 65,536 rows, of which there are whole tiles of level 1; then without the rows, which retention let go of. */
import { setTimeout as sleep } from 'node:timers/promises';
import { MerkleFrontier } from '../../proto/log/merkle.ts';
import { TILE_WIDTH } from '../../proto/log/tile.ts';
import { liveDaysAgo } from './days.ts';
import { makeLeavesAnew } from './forger.ts';
import { RecordStage } from './record.ts';
import { onRecord, type TamperCase } from './suite.ts';

const OLD_ROWS = 65_900;
const NEW_ROWS = 100;
const OF_BIG = "agent_id = 'big-6'";
const RETENTION_MS_MAX = 300_000;
/** Of block 117 of 256 leaves. */
const [FIRST, LAST] = [30_000, 30_009];
const BLOCK = Math.floor((FIRST - 1) / TILE_WIDTH);
const NAMED = `big-6:${BLOCK * TILE_WIDTH + 1}-${(BLOCK + 1) * TILE_WIDTH}`;

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
    await stage.deliver('big-6', OLD_ROWS);
    const tiles = `SELECT 1 - least(count(), 1) AS n FROM sworn.log_tiles WHERE ${OF_BIG} AND level = 1`;
    await untilNone(stage, 'the tile', tiles);
    await stage.stopCollector();
    liveDaysAgo(0);
    await stage.startCollector();
    await stage.deliver('big-6', NEW_ROWS);
    await stage.keep();
    return stage;
  } catch (error) {
    await stage.stop();
    throw error;
  }
}

async function rewrite(stage: RecordStage): Promise<void> {
  await stage.sql(
    `ALTER TABLE sworn.activities UPDATE exe = '/usr/bin/other' WHERE ${OF_BIG} AND seq BETWEEN ${FIRST} AND ${LAST}`,
  );
  await makeLeavesAnew(stage, 'big-6', FIRST, LAST);
}

/** The tile has these bytes instead, from a place on. */
const changeTile = (stage: RecordStage, at: number, bytes: Buffer): Promise<void> =>
  stage.sql(
    `ALTER TABLE sworn.log_tiles UPDATE hashes = concat(substring(hashes, 1, ${at}), unhex('${bytes.toString('hex')}'), substring(hashes, ${at + bytes.length + 1}))
     WHERE ${OF_BIG} AND level = 1 AND index = 0`,
  );

/** The hash over a block, as its leaves now are. */
async function fitTile(stage: RecordStage): Promise<void> {
  const rows = await stage.collector.ask<{ leaf: string }>(
    `SELECT hex(leaf_bytes) AS leaf FROM sworn.activities
     WHERE ${OF_BIG} AND seq > ${BLOCK * TILE_WIDTH} AND seq <= ${(BLOCK + 1) * TILE_WIDTH} ORDER BY seq`,
  );
  const tree = new MerkleFrontier();
  for (const { leaf } of rows) tree.append(Buffer.from(leaf, 'hex'));
  await changeTile(stage, BLOCK * 32, tree.root());
}

/** As the collector does it, once: then that is what is kept. */
async function letGo(stage: RecordStage): Promise<void> {
  await stage.stopCollector();
  await stage.startCollector({ retention: { activities_days: 1 } });
  const old = `SELECT count() AS n FROM sworn.activities WHERE ${OF_BIG} AND received_at < now() - INTERVAL 1 DAY`;
  await untilNone(stage, 'retention', old);
  await stage.erasuresCompleted();
  await stage.sealOwn();
  await stage.keep();
}

const large = (
  name: string,
  act: (stage: RecordStage) => Promise<unknown>,
  expected: readonly string[],
  limit?: string,
): TamperCase =>
  onRecord(expected.length === 0 && limit === undefined ? 'nobody' : 'clickhouse', name, act, expected, limit);

/** In this order. */
export const LARGE_CASES: readonly TamperCase[] = [
  large('clean: more than 65,536 rows', async () => {}, []),
  large('rewritten: ten rows of more than 65,536, and a tile says which', rewrite, [`rewritten ${NAMED}`]),
  large(
    'rewritten: ten rows of more than 65,536, and the tile with them',
    async (stage) => {
      await rewrite(stage);
      await fitTile(stage);
    },
    [`rewritten big-6:1-${OLD_ROWS}`],
  ),
  large(
    'a tile is another one, while the rows are there',
    (stage) => changeTile(stage, 0, Buffer.alloc(64, 7)),
    [],
    'rows say more than tiles, and stand by themselves against the roots that were signed; a proof out of such a tile fails',
  ),
  large('clean: more than 65,536 rows, of which retention let go', letGo, []),
  large(
    'rewritten: a tile is another one, and the rows that it stands for are gone',
    (stage) => changeTile(stage, 0, Buffer.alloc(64, 7)),
    [`rewritten big-6:1-${OLD_ROWS}`],
  ),
  large(
    'removed: the tile that stands for rows that are gone',
    (stage) => stage.sql(`ALTER TABLE sworn.log_tiles DELETE WHERE ${OF_BIG} AND level = 1`),
    [`removed big-6:1-${OLD_ROWS}`],
  ),
];
