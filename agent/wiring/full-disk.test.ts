// SPDX-License-Identifier: Apache-2.0

/** A whole agent on a disk that fills up and has room again: what it could not take stands in status, then in the record. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readAgentConfig } from '../config/read-config.ts';
import { hostChecks } from '../doctor/host-checks.ts';
import { Journal } from '../journal/journal.ts';
import { readBack } from '../journal/reading-back.ts';
import { type RunningAgent, startAgent } from '../main.ts';
import { createLog } from '../telemetry/log.ts';
import type { JournalStatus } from './journal-watch.ts';

const cannot = hostChecks().find(({ state }) => state === 'fail');
const WAIT_MS_MAX = 60_000;

describe('a disk that fills up', { skip: cannot && `${cannot.name}: ${cannot.found}` }, () => {
  let folder = '';
  const disk = (): string => join(folder, 'disk');
  /** Of tmpfs only what is used takes memory. */
  const resize = (size: string): Buffer => execFileSync('mount', ['-o', `remount,size=${size}`, disk()]);
  let isMounted = false;
  let agent: RunningAgent | undefined;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sworn-full-'));
    mkdirSync(disk());
    isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2G', 'none', disk()]).status === 0;
  });
  after(async () => {
    await stop();
    if (isMounted) execFileSync('umount', ['-l', disk()]);
    rmSync(folder, { recursive: true, force: true });
  });

  /** Ends, whatever the disk says. */
  async function stop(): Promise<void> {
    const stopping = agent?.stop();
    agent = undefined;
    await stopping?.catch((error: { code?: string }) => {
      if (error.code !== 'journal_no_space') throw error;
    });
  }

  /** To little more than lies there: the kernel refuses less, and how much that is nobody promises. */
  function shrink(): void {
    const { blocks, bfree, bsize } = statfsSync(disk());
    resize(String((blocks - bfree) * bsize + (1 << 20)));
  }

  /** Until there is not a page left. */
  function fill(): void {
    const { status } = spawnSync('sh', ['-c', 'cat /dev/zero > "$0"', join(disk(), 'filler')], { stdio: 'ignore' });
    assert.notEqual(status, 0, 'the disk was full');
  }

  async function until(what: string, condition: (journal: JournalStatus) => boolean): Promise<JournalStatus> {
    for (const end = Date.now() + WAIT_MS_MAX; ; await sleep(50)) {
      const status = agent?.status().journal as JournalStatus;
      if (condition(status)) return status;
      assert.ok(Date.now() < end, `${what}: ${JSON.stringify(status)}`);
    }
  }

  async function start(): Promise<void> {
    const config = readAgentConfig(
      JSON.stringify({
        state_dir: join(disk(), 'state'),
        run_dir: join(folder, 'run'),
        broker: { enabled: false },
        record: { heartbeat_seconds: 1, when_full: 'block' },
      }),
      'x',
    );
    agent = await startAgent({ config, version: '0', log: createLog('fatal') });
  }

  it('is told in status at once, and in the record when there is room', async (t) => {
    if (!isMounted) return t.skip('this host lets nobody mount a tmpfs');
    await start();
    await until('the first line is on disk', ({ durable_seq: seq }) => seq >= 1);
    resize('64M');
    const full = await until('heartbeats are refused', ({ losses }) => (losses['no_room']?.events ?? 0) >= 2);
    assert.equal(full.room, 'none');
    assert.equal(full.must_freeze, true);
    resize('2G');
    const { losses, must_freeze: mustFreeze } = await until('there is room', ({ room }) => room === 'open');
    assert.equal(mustFreeze, false);
    const refused = losses['no_room']?.events ?? 0;
    await stop();
    const record = await read();
    const told = record.flatMap(({ loss }) => (loss?.reason === 'no_room' ? [Number(loss.events)] : []));
    assert.deepEqual(told, [refused]);
    assert.deepEqual(
      record.map(({ seq }) => Number(seq)),
      record.map((_, i) => i + 1),
    );
  });

  it('does not keep the agent from stopping, nor the next one from starting', async (t) => {
    if (!isMounted) return t.skip('this host lets nobody mount a tmpfs');
    await start();
    await until('the first line is on disk', ({ durable_seq: seq, last_seq: last }) => seq === last);
    shrink();
    fill();
    await stop();
    rmSync(join(disk(), 'filler'));
    resize('2G');
    await start();
    await until('the absence is on disk', ({ durable_seq: seq, last_seq: last }) => seq === last);
    await stop();
    const record = await read();
    // Whether the last mark found a page or not: the next start tells that nobody was there.
    const absences = record.flatMap(({ loss }) => (loss?.where === 'recorder' ? [loss.reason] : []));
    assert.equal(absences.length, 2);
    assert.equal(absences[0], 'agent_stopped');
    assert.match(absences[1] as string, /^agent_(?:stopped|not_running)$/);
    assert.deepEqual(
      record.map(({ seq }) => Number(seq)),
      record.map((_, i) => i + 1),
    );
  });

  async function read() {
    const places = { folder: join(disk(), 'state/journal'), agentId: agentId(), host: hostname() };
    const journal = await Journal.open(places);
    try {
      return await readBack(journal);
    } finally {
      await journal.close();
    }
  }

  function agentId(): string {
    return execFileSync('cat', [join(disk(), 'state/agent-id')], { encoding: 'utf8' }).trim();
  }
});
