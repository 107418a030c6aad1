// SPDX-License-Identifier: Apache-2.0

/** Records that nobody touched: whatever happened to them that happens, nothing may be said of it as a fault. */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeActivity } from '../../collector/testing/activity-maker.ts';
import { liveDaysAgo } from './days.ts';
import { killAgents, killCollectors } from './killed-cases.ts';
import { allKinds, faultsOf, RecordStage } from './record.ts';
import { SealedHost } from './sealed-host.ts';
import type { TamperCase } from './suite.ts';

const SEGMENT_BYTES = 24_000;
const RETENTION_MS_MAX = 300_000;
const made = (from: number, count: number) => Array.from({ length: count }, (_, at) => makeActivity(from + at));

/** What each agent went through. Day 0 is three days ago; the collector is restarted between days. */
const LIVES: readonly (readonly [
  agentId: string,
  name: string,
  live: (stage: RecordStage, agentId: string, day: number) => Promise<unknown>,
])[] = [
  ['plain', 'one life a day', (stage, id) => stage.deliver(id, 40)],
  [
    'restarts',
    'stopped and started again and again',
    async (stage, id) => {
      for (let life = 0; life < 4; life++) await stage.deliver(id, life * 3);
    },
  ],
  ['single', 'a single activity', (stage, id, day) => (day === 0 ? stage.deliver(id, 1) : Promise.resolve())],
  ['powers', 'sizes at the edges of tiles', (stage, id, day) => stage.deliver(id, [255, 1, 256][day]!)],
  ['kinds', 'every kind, with texts and bytes of all sorts', (stage, id) => stage.deliver(id, allKinds())],
  [
    'large',
    'activities of some megabytes',
    (stage, id, day) =>
      stage.deliver(
        id,
        made(1, 3).map((one) => ({ ...one, command: { ...one.command, response: Buffer.alloc(4 << 20, day + 65) } })),
      ),
  ],
  ['unsealed', 'an older agent, without a seal', (stage, id) => stage.deliver(id, 30, { isUnsealed: true })],
  [
    'upgraded',
    'without a seal at first, and with one later',
    (stage, id, day) => stage.deliver(id, 30, { isUnsealed: day === 0 }),
  ],
  ['tail', 'ended without a last checkpoint', (stage, id) => stage.deliver(id, 30, { endsUnsealed: true })],
  [
    'twin',
    'a host of the same name as another',
    async (stage, id) => {
      await stage.host(id, 'host-of-plain');
      await stage.deliver(id, 20);
    },
  ],
  [
    'renamed',
    'a host that got another name',
    async (stage, id, day) => {
      const host = await stage.host(id);
      const named = new SealedHost(stage.folder, id, `${host.host}-${day}`);
      named.enrol(await stage.collector.issueAgentCertificate(id));
      await named.live({ collector: stage.address, activities: made(1, 20) });
    },
  ],
  [
    'offline',
    'a day offline, and delivered at once',
    async (stage, id, day) => {
      const host = await stage.host(id);
      if (day !== 1) await stage.deliver(id, 400);
      else await host.live({ activities: made(1, 400), segmentBytesMax: SEGMENT_BYTES });
    },
  ],
  ['clock', 'a clock that was set back', (stage, id, day) => stage.deliver(id, made(3000 - 1000 * day, 20))],
  [
    'rotten',
    'entries that rotted in the journal, told as losses',
    async (stage, id) => {
      const host = await stage.host(id);
      await stage.deliver(id, 10, { segmentBytesMax: SEGMENT_BYTES });
      await host.live({ activities: made(1, 80), segmentBytesMax: SEGMENT_BYTES });
      const segments = readdirSync(host.journalFolder)
        .filter((name) => name.endsWith('.segment'))
        .sort();
      const file = join(host.journalFolder, segments.at(-2)!);
      const bytes = readFileSync(file);
      bytes[6000]! ^= 0x55;
      writeFileSync(file, bytes);
      await stage.deliver(id, 5, { segmentBytesMax: SEGMENT_BYTES });
    },
  ],
  [
    'lost',
    'a journal that was lost with a disk, told as a hole',
    async (stage, id) => {
      const host = await stage.host(id);
      await stage.deliver(id, 20);
      await host.live({ activities: made(1, 80), segmentBytesMax: SEGMENT_BYTES });
      rmSync(host.journalFolder, { recursive: true });
      await stage.deliver(id, 5);
    },
  ],
  [
    'stateless',
    'the state of its seal lost',
    async (stage, id) => {
      const host = await stage.host(id);
      await stage.deliver(id, 60, { segmentBytesMax: SEGMENT_BYTES });
      rmSync(join(host.state, 'seal.state'));
      await stage.deliver(id, 20, { segmentBytesMax: SEGMENT_BYTES });
    },
  ],
  [
    'rotated',
    'another key, that was accepted',
    async (stage, id) => {
      const host = await stage.host(id);
      await stage.deliver(id, 20);
      rmSync(join(host.state, 'seal.key'));
      const line = await host.keyLine();
      const { code, err } = await stage.sworn(['collector', 'accept-key', id, line]);
      if (code !== 0) throw new Error(err);
      await stage.deliver(id, 20);
    },
  ],
  [
    'mistaken',
    'another key, refused and only then accepted',
    async (stage, id, day) => {
      const host = await stage.host(id);
      await stage.deliver(id, 20);
      if (day !== 1) return;
      rmSync(join(host.state, 'seal.key'));
      const line = await host.keyLine();
      const { refused } = await host.live({ collector: stage.address, activities: made(1, 3) });
      if (!refused.includes('key_changed')) throw new Error(`not refused: ${refused}`);
      const { code, err } = await stage.sworn(['collector', 'accept-key', id, line]);
      if (code !== 0) throw new Error(err);
      await stage.deliver(id, 20);
    },
  ],
  [
    'erased',
    'payload erased',
    async (stage, id, day) => {
      await stage.deliver(id, allKinds());
      if (day < 2) await stage.erase(id, 'a request');
    },
  ],
  [
    'twice',
    'payload erased each day, and again',
    async (stage, id) => {
      await stage.deliver(id, 40);
      await stage.erase(id, 'a request');
    },
  ],
];

let stage: RecordStage | undefined;

/** The record of the agents above; an engine that was set back is not among them: it has a case of its own. */
export async function runClean(): Promise<RecordStage> {
  stage = new RecordStage();
  try {
    for (let day = 0; day < 3; day++) {
      liveDaysAgo(3 - day);
      await stage.startCollector();
      if (day === 0) await stage.forgetOldFilesSoon();
      if (day === 1) {
        await stage.startWitness();
        await stage.stopCollector();
        await stage.startCollector();
      }
      for (const [agentId, , live] of LIVES) await live(stage, agentId, day);
      await stage.stopCollector();
    }
    liveDaysAgo(0);
    await stage.startCollector();
    await stage.keep();
    return stage;
  } catch (error) {
    await stage.stop();
    throw error;
  }
}

const clean = (name: string, act: (stage: RecordStage) => Promise<unknown>): TamperCase => ({
  name: `clean: ${name}`,
  who: 'nobody',
  async run(stage) {
    const words = await act(stage);
    return { found: faultsOf(await stage.verify(Array.isArray(words) ? words : [])), expected: [] };
  },
});

export const CLEAN_CASES: readonly TamperCase[] = [
  ...LIVES.map(([agentId, name]) => clean(name, async () => ['--agent', agentId])),
  clean("the collector's own rows", async ({ collector }) => ['--agent', collector.collectorId]),
  clean('all of it', async () => []),
  clean('with an anchor', async ({ anchor }) => ['--anchor', anchor]),
  clean('with the key of the collector', async (one) => ['--key', await one.keyOf(one.collector.collectorId)]),
  clean('with the key of an agent', async (one) => ['--key', await one.keyOf('plain')]),
  clean('with the key of a witness that was not there on the first day', async (one) => [
    '--agent',
    'plain',
    '--key',
    one.witnessKey,
  ]),
  clean('with an anchor and the key of the witness', async (one) => [
    '--agent',
    'plain',
    '--key',
    one.witnessKey,
    '--anchor',
    one.anchor,
  ]),
  clean('with keys that were pinned', async (one) => {
    const words = ['--pin', join(one.folder, 'pins')];
    await one.verify(words);
    return words;
  }),
  clean('a part of the time', async () => [
    '--agent',
    'plain',
    '--from',
    '2025-01-01T00:00:00Z',
    '--to',
    '2030-01-01T00:00:00Z',
  ]),
  clean('after parts were merged', (one) => one.sql('OPTIMIZE TABLE sworn.activities FINAL')),
  clean('after a day was detached and attached again', async (one) => {
    const [row] = await one.collector.ask<{ id: string }>('SELECT min(_partition_id) AS id FROM sworn.activities');
    await one.sql(`ALTER TABLE sworn.activities DETACH PARTITION ID '${row!.id}'`);
    await one.sql(`ALTER TABLE sworn.activities ATTACH PARTITION ID '${row!.id}'`);
  }),
  clean('an agent that was killed again and again', killAgents),
  clean('a collector that was killed again and again', killCollectors),
  clean('days that retention let go of', async (one) => {
    await one.stopCollector();
    await one.startCollector({ retention: { activities_days: 1 } });
    for (const end = performance.now() + RETENTION_MS_MAX; ; await sleep(100)) {
      const [row] = await one.collector.ask<{ n: string }>(
        "SELECT count() AS n FROM sworn.activities WHERE kind = 'erasure' AND action = 'rows_dropped'",
      );
      if (Number(row?.n) > 0) break;
      if (performance.now() > end) throw new Error('retention dropped nothing');
    }
    await one.erasuresCompleted();
    await one.sealOwn();
  }),
  clean('a store that was set back, and what was lost delivered again', async (one) => {
    const state = join(one.folder, 'backup');
    await one.stopCollector();
    cpSync(one.stateDir, state, { recursive: true });
    await one.startCollector();
    const host = await one.host('again');
    await host.live({ collector: one.address, activities: made(1, 30), isUnsealed: true });
    await one.stopCollector();
    rmSync(one.stateDir, { recursive: true });
    cpSync(state, one.stateDir, { recursive: true });
    await one.startCollector();
    await one.deliver('plain', 10);
    await one.sealOwn();
  }),
];
