// SPDX-License-Identifier: Apache-2.0

/**
 * Kernel events from the running kernel: the addon's batches, read, in order; and once a second what no event tells:
 * counters, ends of unix sockets, UDP flows, close events that found the ring full.
 */
import { realpathSync } from 'node:fs';
import type { KernelEvent, ProcessKey, Scope } from '../../model/kernel-event.ts';
import type { Caller, LiveKernel, Selection, SourceHealth } from '../kernel-event-source.ts';
import { type Capture, type CaptureOptions, loadAddon, selectionKind, table } from './addon.ts';
import { cgroupId } from './cgroup.ts';
import { BootClock } from './clock.ts';
import { counterMeanings } from './counters.ts';
import { EventReader, type JoinNotice, readClose } from './event-reader.ts';
import { caller, callerKey, closeEvent, counter, limits, sessionBy } from './layout.generated.ts';
import { isStartedAt, readProgram, startTicksOf } from './proc.ts';
import { watchedProcesses } from './tables.ts';
import { UdpWatch } from './udp-watch.ts';
import { UnixWatch } from './unix-watch.ts';

export interface EbpfSourceOptions {
  readonly selections: readonly Selection[];
  /** Processes that were watched by an earlier run of the agent; those that still run are watched again. */
  readonly running?: readonly { readonly process: ProcessKey; readonly scope: Scope }[];
  readonly capture?: CaptureOptions;
  /** How long events may wait in the ring when few come. */
  readonly pollMs?: number;
}

const SWEEP_MS = 1000;
/** Sweeps between looks at what changes rarely: paths of selected programs, runs that the kernel left out. */
const RARE_SWEEPS = 30;
const DRAINS_MAX = 64;

export class EbpfSource implements LiveKernel {
  readonly clock: BootClock;
  readonly #capture: Capture;
  readonly #options: EbpfSourceOptions;
  readonly #reader = new EventReader();
  readonly #udp: UdpWatch;
  readonly #unix: UnixWatch;
  #handler: (events: readonly KernelEvent[]) => void = () => {};
  #sweepTimer: NodeJS.Timeout | undefined;
  #sweeps = 0;
  #countersBefore: Float64Array = new Float64Array(counter.count * 2);
  #missedRunsBefore = 0;
  #sweptAtNs: number;
  readonly #exeKeys = new Map<string, Uint8Array>();

  /** Errors: what the addon throws when the programs cannot be loaded; `sworn doctor` explains those. */
  constructor(options: EbpfSourceOptions) {
    const addon = loadAddon();
    this.#options = options;
    this.clock = new BootClock(addon.readClocks);
    this.#capture = new addon.Capture(options.capture);
    this.#udp = new UdpWatch(this.#capture);
    this.#unix = new UnixWatch(this.#capture);
    this.#sweptAtNs = this.clock.now();
  }

  async start(handler: (events: readonly KernelEvent[]) => void): Promise<void> {
    this.#handler = handler;
    for (const selection of this.#options.selections) this.#select(selection);
    this.#capture.start((batch) => this.#take(batch), this.#options.pollMs ?? 20);
    for (const { process, scope } of this.#options.running ?? []) {
      if (!isStartedAt(process)) continue;
      try {
        this.#capture.watch(process.pid, scope.selectionId, scope.sessionKey);
      } catch (error) {
        // Ended in between.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
    // After the programs are live and the selections in place: whatever is started from now on is seen, and this finds
    // what runs already.
    this.#capture.scan(0);
    this.#sweepTimer = setInterval(() => this.#sweep(), SWEEP_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweepTimer);
    this.#capture.stop();
    for (let i = 0; i < DRAINS_MAX; i++) {
      const batch = this.#capture.drain();
      if (batch.length === 0) break;
      this.#take(batch);
    }
    this.#sweep();
    this.#capture.close();
  }

  watch(process: ProcessKey, scope: Scope): void {
    this.#capture.watch(process.pid, scope.selectionId, scope.sessionKey);
    this.#capture.scan(process.pid);
  }

  watchFromNextExec(pid: number, scope: Scope): void {
    const ticks = startTicksOf(pid);
    if (ticks === undefined) throw Object.assign(new Error(`process ${pid} is gone`), { code: 'ESRCH' });
    this.#capture.await(pid, scope.selectionId, scope.sessionKey, BigInt(ticks));
  }

  setBrokerPort(port: number): void {
    this.#capture.setBrokerPort(port);
  }

  callerOf(address: string, port: number): Caller | undefined {
    const found = this.#capture.callerOf(callerKeyOf(address, port));
    if (found === undefined) return undefined;
    const selectionId = found.readUInt32LE(caller.scopeSelectionId);
    return {
      process: {
        pid: found.readUInt32LE(caller.processTgid),
        startNs: found.readBigUInt64LE(caller.processStartNs),
      },
      scope: selectionId === 0 ? undefined : { selectionId, sessionKey: found.readBigUInt64LE(caller.scopeSessionKey) },
      uid: found.readUInt32LE(caller.uid),
      networkNamespace: found.readUInt32LE(caller.networkNamespace),
    };
  }

  get health(): SourceHealth {
    const use = this.#capture.ringUse();
    const counters: Record<string, { events: number; bytes: number }> = {};
    const values = this.#capture.counters();
    for (const [name, index] of Object.entries(counter)) {
      if (name === 'count') continue;
      counters[name] = { events: values[index * 2] as number, bytes: values[index * 2 + 1] as number };
    }
    return {
      ringWaitingBytes: use.waitingBytes,
      ringSizeBytes: use.sizeBytes,
      programs: this.#capture.programs().map(({ name, missed }) => ({ name, missed })),
      counters,
    };
  }

  #select(selection: Selection): void {
    if (selection.by === 'uid') {
      const key = Buffer.alloc(4);
      key.writeUInt32LE(selection.uid);
      this.#capture.select(selectionKind.uid, key, selection.id, sessionBy.process);
    } else if (selection.by === 'exe') {
      this.#selectExe(selection.path, selection.id);
    } else {
      this.#capture.select(selectionKind.cgroupPath, pathKey(selection.path), selection.id, sessionBy.cgroup);
      const id = cgroupId(selection.path);
      if (id === undefined) return;
      const key = Buffer.alloc(8);
      key.writeBigUInt64LE(id);
      this.#capture.select(selectionKind.cgroup, key, selection.id, sessionBy.cgroup);
    }
  }

  /** The kernel knows a program by its real path; the link that was configured may come to point elsewhere. */
  #selectExe(path: string, id: number): void {
    let real = path;
    try {
      real = realpathSync(path);
    } catch {
      // Not installed yet: looked for again at a rare sweep.
    }
    const key = exeKey(real);
    const before = this.#exeKeys.get(path);
    if (before !== undefined && Buffer.compare(before, key) === 0) return;
    this.#capture.select(selectionKind.exe, key, id, sessionBy.process);
    this.#exeKeys.set(path, key);
  }

  #take(batch: Buffer): void {
    const read: (KernelEvent | JoinNotice)[] = [];
    this.#reader.read(batch, read);
    const events: KernelEvent[] = [];
    for (const event of read) {
      if (event.type !== 'join-notice') {
        events.push(event);
        continue;
      }
      const { atNs, process, parent, scope } = event;
      events.push({ type: 'process-joined', atNs, process, parent, scope, program: readProgram(process.pid) });
      this.#capture.scan(process.pid);
    }
    if (events.length > 0) this.#handler(events);
  }

  #sweep(): void {
    this.#sweeps++;
    this.clock.calibrate();
    const events: KernelEvent[] = [];
    const nowNs = this.clock.now();
    this.#sweepLateCloses(events);
    const resync = this.#sweepCounters(events, nowNs);
    this.#udp.sweep(nowNs, events);
    this.#unix.sweep(nowNs, events);
    if (resync) this.#resyncProcesses(events, nowNs);
    if (this.#sweeps % RARE_SWEEPS === 0) {
      this.#sweepMissedRuns(events, nowNs);
      for (const selection of this.#options.selections) {
        if (selection.by === 'exe') this.#selectExe(selection.path, selection.id);
      }
    }
    this.#sweptAtNs = nowNs;
    if (events.length > 0) this.#handler(events);
  }

  #sweepLateCloses(events: KernelEvent[]): void {
    const closes = this.#capture.takeLateCloses();
    for (let at = 0; at + closeEvent.structBytes <= closes.length; at += closeEvent.structBytes) {
      events.push(readClose(closes, at));
    }
  }

  /** Returns whether the picture of the processes may be wrong now. */
  #sweepCounters(events: KernelEvent[], nowNs: number): boolean {
    const values = this.#capture.counters();
    let resync = false;
    for (const [index, meaning] of Object.entries(counterMeanings)) {
      const at = Number(index) * 2;
      const newEvents = (values[at] as number) - (this.#countersBefore[at] as number);
      const newBytes = (values[at + 1] as number) - (this.#countersBefore[at + 1] as number);
      if (newEvents === 0) continue;
      resync ||= meaning.resync === true;
      if (meaning.kind === 'loss') events.push(this.#missed(meaning.where, meaning.reason, newEvents, newBytes, nowNs));
    }
    this.#countersBefore = values;
    if (this.#reader.earlyBytesLost > 0) {
      events.push(this.#missed('connection', 'early_bytes_unclaimed', 1, this.#reader.earlyBytesLost, nowNs));
      this.#reader.earlyBytesLost = 0;
    }
    if (this.#reader.unknownEvents > 0) {
      events.push(this.#missed('source', 'event_not_understood', this.#reader.unknownEvents, 0, nowNs));
      this.#reader.unknownEvents = 0;
    }
    return resync;
  }

  #sweepMissedRuns(events: KernelEvent[], nowNs: number): void {
    const missed = this.#capture.programs().reduce((sum, program) => sum + program.missed, 0);
    if (missed > this.#missedRunsBefore) {
      events.push(this.#missed('kernel', 'program_not_run', missed - this.#missedRunsBefore, 0, nowNs));
    }
    this.#missedRunsBefore = missed;
  }

  #missed(where: string, reason: string, events: number, bytes: number, nowNs: number): KernelEvent {
    return { type: 'missed', atNs: nowNs, sinceNs: this.#sweptAtNs, where, reason, events, bytes };
  }

  /** After lost process events: what the kernel's own table has is what runs. */
  #resyncProcesses(events: KernelEvent[], nowNs: number): void {
    const running = [...watchedProcesses(this.#capture.rows(table.processes))];
    events.push({
      type: 'processes-running',
      atNs: nowNs,
      processes: running.map(({ process, scope }) => ({ process, scope, program: readProgram(process.pid) })),
    });
  }
}

function pathKey(path: string): Uint8Array {
  const key = Buffer.alloc(limits.pathKeyBytes);
  if (Buffer.byteLength(path) >= key.length) throw new RangeError(`path is too long to be selected: ${path}`);
  key.write(path);
  return key;
}

/** As the kernel side writes paths: components from the leaf to the root, each a length and a name. */
export function exeKey(path: string): Uint8Array {
  const key = Buffer.alloc(limits.pathKeyBytes);
  let at = 0;
  for (const name of path.split('/').filter(Boolean).reverse()) {
    const bytes = Buffer.from(name);
    if (at + 1 + bytes.length > key.length) throw new RangeError(`path is too long to be selected: ${path}`);
    key[at] = bytes.length;
    bytes.copy(key, at + 1);
    at += 1 + bytes.length;
  }
  return key;
}

function callerKeyOf(address: string, port: number): Uint8Array {
  const key = Buffer.alloc(callerKey.structBytes);
  const ipv4 = /^(?:::ffff:)?(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  if (ipv4 !== null) {
    for (let i = 0; i < 4; i++) key[callerKey.address + i] = Number(ipv4[i + 1]);
    key[callerKey.family] = 4;
  } else if (address === '::1') {
    key[callerKey.address + 15] = 1;
    key[callerKey.family] = 6;
  }
  key.writeUInt16LE(port, callerKey.port);
  return key;
}
