// SPDX-License-Identifier: Apache-2.0

/**
 * An agent from the journal on: the real journal on a simulated disk, the real delivery to a real collector, a clock that
 * the scenario sets, and the mark of how far the record goes. What the kernel would tell it are samples, one a millisecond.
 */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GrpcSink, type GrpcSinkOptions } from '../../agent/delivery/grpc/grpc-sink.ts';
import type { TrustFiles } from '../../agent/delivery/grpc/trust.ts';
import { Journal, type JournalOptions } from '../../agent/journal/journal.ts';
import { MemoryDisk } from '../../agent/journal/memory-disk.ts';
import { sampleCommand } from '../../agent/journal/sample-activities.ts';
import { recorderHead, uint64FromBigint } from '../../agent/model/activity.ts';
import { AliveMark, type Moment } from '../../agent/recorder/alive-mark.ts';
import { Seal } from '../../agent/seal/seal.ts';
import { SealStateFile } from '../../agent/seal/seal-state.ts';
import { flushWithin } from '../../agent/wiring/journal-watch.ts';
import { JournalLeaves } from './journal-leaves.ts';
import type { LiveCollector } from './live-collector.ts';
import type { Random } from './random.ts';
import type { Deed, Truth } from './record-check.ts';

export const FOLDER = '/journal';
const SEAL_FILE = '/state/seal.state';
const SEALED_SHARE = 0.85;
/** The last checkpoint comes back signed. */
const COSIGN_MS_MAX = 5000;
const BOOT = 'boot-1';
const MILLISECOND_NS = 1_000_000n;
/** As main.ts waits: a disk that fails is no reason to wait for ever. */
const FLUSH_MS_MAX = 2000;
const SETTLE_MS_MAX = 60_000;

export type Ending = 'power' | 'kill' | 'stop';

export class SimulatedAgent {
  readonly agentId = `faults-${randomUUID()}`;
  readonly disk = new MemoryDisk();
  readonly deeds: Deed[] = [];
  readonly durable = new Map<number, number>();
  readonly #collector: LiveCollector;
  readonly #files: TrustFiles;
  readonly #random: Random;
  readonly #folder = mkdtempSync(join(tmpdir(), 'sworn-simulated-'));
  readonly #journalFiles = {
    names: () => this.disk.names(FOLDER),
    bytes: (name: string) => this.disk.contentOf(join(FOLDER, name)),
  };
  readonly #leaves = new JournalLeaves(this.#journalFiles);
  /** Numbers of this life that are not known to be durable: number → index. */
  readonly #pending = new Map<number, number>();
  #nowNs = 1_790_000_000_000_000_000n;
  #bootNs = 0n;
  #boots = 1;
  /** The mark is of the clock as it is. */
  isMarked = false;
  acknowledgedSeq = 0;
  refused = 0;
  journal!: Journal;
  sink: GrpcSink | undefined;
  readonly #key = generateKeyPairSync('ed25519').privateKey;
  /** An agent without a seal is older, and delivers as well. */
  readonly #isSealed: boolean;
  #seal: Seal | undefined;
  #mark!: AliveMark;

  private constructor(collector: LiveCollector, files: TrustFiles, random: Random) {
    this.#collector = collector;
    this.#files = files;
    this.#random = random;
    this.#isSealed = random.chance(SEALED_SHARE);
  }

  static async enrol(collector: LiveCollector, random: Random): Promise<SimulatedAgent> {
    const agent = new SimulatedAgent(collector, { caFile: '', certFile: '', keyFile: '' }, random);
    Object.assign(agent.#files, await collector.enrol(agent.agentId));
    return agent;
  }

  get #aliveFile(): string {
    return join(this.#folder, 'alive.json');
  }

  get #moment(): Moment {
    return { unixNs: this.#nowNs, bootNs: this.#bootNs };
  }

  passMs(ms: number): void {
    this.#nowNs += BigInt(ms) * MILLISECOND_NS;
    this.#bootNs += BigInt(ms) * MILLISECOND_NS;
  }

  /** Somebody sets the wall clock, back when it is less than nothing. */
  setClockByMs(ms: number): void {
    this.isMarked = false;
    this.#nowNs += BigInt(ms) * MILLISECOND_NS;
  }

  /** As main.ts does it: what was before is told as an absence. */
  async open(options: Partial<JournalOptions> = {}): Promise<void> {
    await this.#openJournal(options);
    this.#mark = new AliveMark(this.#aliveFile, `${BOOT}-${this.#boots}`, this.#moment);
    const { absence } = this.#mark;
    if (absence === undefined) await this.#writeMark(false);
    else {
      const head = recorderHead(absence.sinceUnixNs, absence.untilUnixNs);
      const loss = {
        where: 'recorder',
        reason: absence.reason,
        events: 1,
        bytes: 0,
        direction: '',
        message: '',
      } as const;
      this.journal.append({ ...head, detail: 'loss', loss });
    }
  }

  async #openJournal(options: Partial<JournalOptions>): Promise<void> {
    const file = this.#isSealed ? await SealStateFile.open(this.disk, SEAL_FILE, this.agentId) : undefined;
    const usedSeq = file?.found.kind === 'found' ? file.found.state.tree.size : 0;
    const small = {
      flushDelayMs: 1,
      retryDelayMs: 2,
      groupBytesMax: 8192,
      segmentBytesMax: 40_000,
      diskFreeBytesMin: 0,
    };
    this.journal = await Journal.open({
      folder: FOLDER,
      agentId: this.agentId,
      host: 'host-1',
      disk: this.disk,
      nowNs: () => this.#nowNs,
      usedSeq,
      ...small,
      ...options,
    });
    const seal = { agentId: this.agentId, privateKey: this.#key, checkpointMs: 5, checkpointActivities: 50 };
    this.#seal = file === undefined ? undefined : new Seal({ ...seal, file, journal: this.journal });
  }

  /** As main.ts writes it, at the time of the agent's clock. */
  async #writeMark(ended: boolean, at = this.#moment): Promise<void> {
    await this.#mark.write(at, ended);
    this.isMarked = true;
    const seconds = Number(this.#nowNs / MILLISECOND_NS) / 1000;
    utimesSync(this.#aliveFile, seconds, seconds);
  }

  deliver(options: Partial<GrpcSinkOptions> = {}): void {
    this.sink = new GrpcSink(this.journal, {
      ...this.#files,
      collector: this.#collector.address,
      version: '0.0.0',
      bootId: `${BOOT}-${this.#boots}`,
      kernel: 'kernel',
      batchBytesMax: this.#random.chance(0.5) ? 8000 : 100_000,
      catchUpShare: 1,
      batchAgeMs: 2,
      backoffFirstMs: 5,
      backoffMostMs: 40,
      refusedRetryMs: 100,
      chance: () => this.#random.next(),
      seal: this.#seal,
      ...options,
    });
    this.sink.start();
  }

  /** Does `count` things, a millisecond each. */
  act(count: number): void {
    for (let rest = count; rest > 0; rest--) {
      this.passMs(1);
      const index = this.deeds.length;
      const timeNs = uint64FromBigint(this.#nowNs);
      const seq = this.journal.append({ ...sampleCommand(index), timeNs, endTimeNs: timeNs });
      this.deeds.push({ atNs: this.#nowNs, seq });
      if (seq === 0) this.refused++;
      else this.#pending.set(seq, index);
    }
    this.look();
  }

  /** Moves the mark of how far the record goes, as main.ts does every second. False when the record is not whole. */
  async save(): Promise<boolean> {
    const written = this.#moment;
    if (!(await flushWithin(this.journal, FLUSH_MS_MAX))) return false;
    await this.#writeMark(false, written);
    this.look();
    return true;
  }

  /** Takes note of what the journal and the collector have promised. */
  look(): void {
    const { durableSeq } = this.journal;
    for (const [seq, index] of this.#pending) {
      if (seq > durableSeq) continue;
      this.#pending.delete(seq);
      this.durable.set(seq, index);
    }
    this.acknowledgedSeq = Math.max(this.acknowledgedSeq, this.sink?.state.storedSeq ?? 0);
  }

  /** The end of this life. What the journal's files hold then is remembered. */
  async end(how: Ending): Promise<void> {
    this.look();
    if (how === 'stop') await this.#stop();
    else {
      if (how === 'power') this.#losePower();
      else this.disk.kill();
      const stopped = this.sink?.stop();
      // What is left of the process reaches no disk any more.
      this.disk.fault = { code: 'EIO', on: 'open' };
      await stopped;
      await this.#seal?.close();
      await this.journal.close().catch(() => {});
      this.disk.fault = undefined;
    }
    this.sink = undefined;
    this.#pending.clear();
    this.#leaves.read();
  }

  async #stop(): Promise<void> {
    const written = this.#moment;
    if (await flushWithin(this.journal, FLUSH_MS_MAX)) await this.#writeMark(true, written);
    this.look();
    await this.sink?.stop();
    await this.#seal?.close();
    await this.journal.close();
  }

  #losePower(): void {
    this.#boots++;
    this.#bootNs = 0n;
    const chance = (): number => this.#random.next();
    this.disk.losePower(chance);
    // A file that was renamed and not synced: as it is, or as so many file systems leave it.
    if (existsSync(this.#aliveFile) && this.#random.chance(0.3)) {
      const bytes = readFileSync(this.#aliveFile);
      const { mtime } = statSync(this.#aliveFile);
      const kept = this.#random.chance(0.5) ? 0 : this.#random.between(0, bytes.length);
      writeFileSync(this.#aliveFile, bytes.subarray(0, kept));
      utimesSync(this.#aliveFile, mtime, mtime);
    }
  }

  /**
   * Everything that the journal holds, and the losses that it found while reading, is at the collector.
   *
   * Errors   an Error with what the delivery says when it does not come to that
   */
  async settle(options: Partial<JournalOptions> = {}): Promise<void> {
    for (;;) {
      if (this.sink === undefined) this.deliver();
      await this.journal.flush();
      const { lastSeq } = this.journal.state;
      const deadline = Date.now() + SETTLE_MS_MAX;
      while (this.sink!.state.storedSeq < lastSeq) {
        const { phase, storedSeq, error } = this.sink!.state;
        if (Date.now() > deadline) throw new Error(`${phase} at ${storedSeq} of ${lastSeq}: ${error?.message}`);
        await sleep(3);
      }
      this.look();
      await this.sink!.stop(COSIGN_MS_MAX);
      this.sink = undefined;
      this.#leaves.read();
      await this.#seal?.close();
      await this.journal.close();
      if (this.journal.state.lastSeq === lastSeq) break;
      // Losses that were gathered are written when it is closed.
      await this.#openJournal(options);
    }
    this.#leaves.read();
  }

  /** What the journal's files hold now, whatever they held before: number → leaf, hex. */
  leavesNow(): ReadonlyMap<number, string> {
    const now = new JournalLeaves(this.#journalFiles);
    now.read();
    return now.leaves;
  }

  get isSealed(): boolean {
    return this.#isSealed;
  }

  get truth(): Truth {
    const { deeds, durable, acknowledgedSeq } = this;
    return { deeds, durable, acknowledgedSeq, leaves: this.#leaves.leaves };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
