// SPDX-License-Identifier: Apache-2.0

/**
 * An agent from the journal on, as it is in the field: the journal on a real disk, the seal, the delivery over gRPC and mutual
 * TLS to a collector in a process of its own that cosigns and forgets. What it records was made beforehand.
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GrpcSink } from '../../agent/delivery/grpc/grpc-sink.ts';
import type { Disk } from '../../agent/journal/disk.ts';
import { realDisk } from '../../agent/journal/disk.ts';
import { Journal } from '../../agent/journal/journal.ts';
import type { LeafWriter } from '../../agent/journal/sealer.ts';
import type { Activity } from '../../agent/model/activity.ts';
import { JournalMark } from '../../agent/seal/journal-mark.ts';
import { Seal } from '../../agent/seal/seal.ts';
import { SealStateFile } from '../../agent/seal/seal-state.ts';
import { loadAddon } from '../../agent/source/ebpf/addon.ts';
import { whenMoreMayCome } from '../../agent/wiring/back-pressure.ts';
import { makeActivity } from '../../collector/testing/activity-maker.ts';
import { leafTable } from '../../proto/leaf-table.ts';
import { type Started, started } from '../started.ts';

export const AGENT_ID = 'bench-agent';
export const HOST = 'bench-host';

/** `nothing`: the same bytes without a leaf and without a chain. `leaves`: those, and no tree. `all`: as in the field. */
export type Sealing = 'nothing' | 'leaves' | 'all';

/** As many different ones as a batch never has; they come again in turns. */
const DIFFERENT = 20_000;
/** As the agent's own, and how many activities one batch of the kernel's events makes at most, about. */
const PENDING_BYTES_MAX = 8 * 1024 * 1024;
const TURN = 256;
const CHECKPOINT_MS = 10_000;
const MARK_MS = 5000;

/** Such as a busy host makes; the same each time. */
export function recordedActivities(count = DIFFERENT): readonly Activity[] {
  // The collector's own words for the same record; what only the agent knows of an activity is not asked for here.
  return Array.from({ length: count }, (_, at) => makeActivity(1 + at) as unknown as Activity);
}

const NO_LEAVES: LeafWriter = { writeInto: () => true, chain: () => {} };

export class AgentStage {
  readonly journal: Journal;
  readonly #folder: string;
  readonly #collector: Started;
  readonly #seal: Seal | undefined;
  readonly #mark: JournalMark | undefined;
  readonly #activities = recordedActivities();
  #next = 0;
  #markedAtMs = performance.now();

  static async open(sealing: Sealing, disk: Disk = realDisk): Promise<AgentStage> {
    const folder = mkdtempSync(join(tmpdir(), 'sworn-bench-'));
    const collector = await started([
      process.execPath,
      join(import.meta.dirname, '../discarding-collector.ts'),
      folder,
    ]);
    const addon = loadAddon();
    const leafWriter = sealing === 'nothing' ? NO_LEAVES : new addon.LeafWriter(leafTable(), AGENT_ID, HOST);
    const options = { folder: join(folder, 'journal'), agentId: AGENT_ID, host: HOST, leafWriter, disk };
    const journal = await Journal.open(options);
    if (sealing !== 'all') return new AgentStage(folder, collector, journal);
    const { privateKey } = generateKeyPairSync('ed25519');
    const file = await SealStateFile.open(realDisk, join(folder, 'seal.state'), AGENT_ID);
    const mark = await JournalMark.open(realDisk, join(folder, 'journal.mark'), AGENT_ID, privateKey);
    const append = addon.appendLeaves;
    const seal = new Seal({ agentId: AGENT_ID, privateKey, file, journal, append, checkpointMs: CHECKPOINT_MS });
    return new AgentStage(folder, collector, journal, seal, mark);
  }

  private constructor(folder: string, collector: Started, journal: Journal, seal?: Seal, mark?: JournalMark) {
    this.#folder = folder;
    this.#collector = collector;
    this.journal = journal;
    this.#seal = seal;
    this.#mark = mark;
  }

  /** Takes so many into the journal, as fast as it goes; resolves when they are on stable storage. */
  async append(count: number): Promise<void> {
    const { journal } = this;
    for (let left = count; left > 0; left -= TURN) {
      await whenMoreMayCome(() => ({ pendingBytes: journal.pendingBytes, waitingShare: 0 }), PENDING_BYTES_MAX);
      for (let at = 0; at < Math.min(TURN, left); at += 1) {
        if (journal.append(this.#activities[this.#next] as Activity) === 0) throw new Error('the journal has no room');
        this.#next = (this.#next + 1) % this.#activities.length;
      }
      await this.#markWhenDue();
    }
    await journal.flush();
  }

  async #markWhenDue(): Promise<void> {
    if (performance.now() - this.#markedAtMs < MARK_MS) return;
    this.#markedAtMs = performance.now();
    await this.#mark?.write(this.journal.durablePoint);
  }

  /** Resolves when the collector has all and, where there is a seal, has cosigned it. `catchUpShare`: of a core. */
  async deliver(catchUpShare: number): Promise<void> {
    const { journal } = this;
    const folder = this.#folder;
    const sink = new GrpcSink(journal, {
      collector: `127.0.0.1:${this.#collector.said['port']}`,
      serverName: 'localhost',
      caFile: join(folder, 'ca.pem'),
      certFile: join(folder, 'agent.pem'),
      keyFile: join(folder, 'agent.key'),
      version: 'bench',
      bootId: 'bench',
      kernel: 'bench',
      seal: this.#seal,
      catchUpShare,
    });
    sink.start();
    while (sink.state.storedSeq < journal.durableSeq) {
      if (sink.state.error !== null) throw sink.state.error;
      await sleep(20);
    }
    await sink.stop(10_000);
    if (this.#seal?.isCosignedUpTo(journal.durableSeq) === false) throw new Error('the end is not cosigned');
    if (journal.state.losses.size > 0) throw new Error(`the journal lost: ${[...journal.state.losses.keys()]}`);
  }

  async close(): Promise<void> {
    await this.#seal?.close();
    await this.#mark?.close();
    await this.journal.close();
    await this.#collector.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** CPU time of this process, all threads, user and system, in microseconds. */
export function ownCpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
