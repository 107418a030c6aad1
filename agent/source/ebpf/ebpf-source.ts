// SPDX-License-Identifier: Apache-2.0

/**
 * Kernel events from the running kernel: the addon's batches, read, in order; and once a second what no event tells:
 * counters, ends of unix sockets, UDP flows, close events that found the ring full.
 */
import type { BrokerCaller, KnownProcess, SocketEnds } from '../../model/broker-caller.ts';
import { type FileKey, type ProbeKind, probeKind } from '../../model/code-image.ts';
import type { KernelEvent, ProcessKey, Scope } from '../../model/kernel-event.ts';
import type { ProbeAttacher, ProbeCount } from '../../model/probe-attacher.ts';
import type { EventHandler, ImdsRedirect, LiveKernel, Selection, SourceHealth } from '../kernel-event-source.ts';
import { type Capture, type CaptureOptions, loadAddon, table } from './addon.ts';
import { callerKeyOf, readCaller, readProcess } from './caller-record.ts';
import { BootClock } from './clock.ts';
import { counterMeanings } from './counters.ts';
import { EventReader, type JoinNotice, type ReadEvent, readClose } from './event-reader.ts';
import { HeldEvents } from './held-events.ts';
import { closeEvent, counter } from './layout.generated.ts';
import { isStartedAt, readProgram, startTicksOf } from './proc.ts';
import { ProcessPicture } from './process-picture.ts';
import { SelectionKeys } from './selection-keys.ts';
import { SocketPairs } from './socket-pairs.ts';
import { STREAM_KINDS, type StreamsWanted, StreamWatch } from './stream-watch.ts';
import { watchedProcesses } from './tables.ts';
import { UdpWatch } from './udp-watch.ts';
import { UnixWatch } from './unix-watch.ts';

export interface EbpfSourceOptions {
  readonly selections: readonly Selection[];
  /** Processes that were watched by an earlier run of the agent; those that still run are watched again. */
  readonly running?: readonly { readonly process: ProcessKey; readonly scope: Scope }[];
  readonly capture?: CaptureOptions;
  /** Which pipes and terminals of workloads are read, while any workload runs. Left out: none. */
  readonly streams?: StreamsWanted;
  /** How long events may wait in the ring when few come. */
  readonly pollMs?: number;
  readonly timing?: Partial<SourceTiming>;
  /**
   * Programs and libraries that are not known are told of, and the new connections of their processes wait for `settle`, for
   * so long at most. 0: they do not wait. Left out: images are not told of. Up to 10,000.
   */
  readonly imageHoldMs?: number;
}

export interface SourceTiming {
  /** Between looks at what no event tells. */
  readonly sweepMs: number;
  /**
   * Between looks at what hardly ever happens, which cost more: processes that came into a selection without an exec,
   * sockets that came from outside, selected programs that were installed or moved, runs that the kernel left out.
   */
  readonly rescanMs: number;
  /** After which a UDP flow has ended. */
  readonly udpIdleMs: number;
}

const TIMING: SourceTiming = { sweepMs: 1000, rescanMs: 30_000, udpIdleMs: 30_000 };
/** At the end a handler may ask to wait for this long together: a disk that fails must not keep the agent from stopping. */
const STOP_WAIT_MS = 5000;
const POLL_MS = 20;
/** An event has its time a moment before it has its place in the ring; an interrupt may come between. */
const WRITE_NS_MAX = 5_000_000;

export class EbpfSource implements LiveKernel, ProbeAttacher {
  readonly clock: BootClock;
  readonly #capture: Capture;
  readonly #options: EbpfSourceOptions;
  readonly #timing: SourceTiming;
  readonly #reader: EventReader;
  readonly #udp: UdpWatch;
  readonly #unix: UnixWatch;
  readonly #streams: StreamWatch;
  readonly #socketPairs = new SocketPairs();
  readonly #selections: SelectionKeys;
  readonly #held = new HeldEvents();
  readonly #picture = new ProcessPicture(readProgram);
  /** Time of the newest image event of each process that was handed over and not settled yet. */
  readonly #imagesToldNs = new Map<number, number>();
  #handler: EventHandler = () => {};
  #sweepTimer: NodeJS.Timeout | undefined;
  #rescanTimer: NodeJS.Timeout | undefined;
  /** What the handler said to the newest batch. */
  #answer: void | Promise<void> = undefined;
  /** Up to where the ring was handed to the handler. */
  #position = 0;
  #countersBefore: Float64Array = new Float64Array(counter.count * 2);
  #missedRunsBefore = 0;
  #failedScans = 0;
  #wrongPicture = false;
  #isOver = false;
  #sweptAtNs: number;
  #handledUntilNs: number;

  /** Errors: what the addon throws when the programs cannot be loaded; `sworn doctor` explains those. */
  constructor(options: EbpfSourceOptions) {
    const addon = loadAddon();
    this.#options = options;
    this.#timing = { ...TIMING, ...options.timing };
    this.clock = new BootClock(addon.readClocks);
    const streams = options.streams ?? 'off';
    this.#capture = new addon.Capture({ ...options.capture, streamKinds: STREAM_KINDS[streams] });
    this.#streams = new StreamWatch(this.#capture, streams, this.clock.now());
    this.#reader = new EventReader((id) => this.#capture.takeSecret(id));
    if (options.imageHoldMs !== undefined) this.#capture.setHoldMs(options.imageHoldMs);
    this.#udp = new UdpWatch(this.#capture, this.#timing.udpIdleMs * 1e6);
    this.#unix = new UnixWatch(this.#capture);
    this.#selections = new SelectionKeys(this.#capture);
    this.#sweptAtNs = this.clock.now();
    this.#handledUntilNs = this.#sweptAtNs;
  }

  async start(handler: EventHandler): Promise<void> {
    this.#handler = handler;
    for (const selection of this.#options.selections) this.#selections.select(selection);
    this.#capture.start((batch, position) => {
      this.#answer = this.#take(batch, position);
      return this.#answer;
    }, this.#options.pollMs ?? POLL_MS);
    for (const { process, scope } of this.#options.running ?? []) {
      if (isStartedAt(process)) this.#watchAgain(process, scope);
    }
    // After the programs are live and the selections in place: whatever is started from now on is seen, and this finds
    // what runs already.
    this.#capture.scan(0);
    this.#sweepTimer = setInterval(() => this.#sweep(), this.#timing.sweepMs);
    this.#rescanTimer = setInterval(() => this.#rescan(), this.#timing.rescanMs);
  }

  /** What was seen up to now is handed over before it resolves, and nothing after. */
  async stop(): Promise<void> {
    clearInterval(this.#sweepTimer);
    clearInterval(this.#rescanTimer);
    this.#capture.stop();
    await this.#drain();
    this.#sweep();
    const last: KernelEvent[] = [];
    this.#held.release(Number.POSITIVE_INFINITY, last);
    last.push(...this.#udp.end());
    last.push(...this.#streams.end(this.clock.now()));
    this.#tellMissedRuns(last, this.clock.now());
    void this.#tell(last);
    this.#isOver = true;
    this.#capture.close();
  }

  watch(process: ProcessKey, scope: Scope): void {
    this.#streams.expect(process.pid, this.clock.now());
    this.#capture.watch(process.pid, scope.selectionId, scope.sessionKey);
    this.#capture.scan(process.pid);
  }

  watchFromNextExec(pid: number, scope: Scope): void {
    const ticks = startTicksOf(pid);
    if (ticks === undefined) throw Object.assign(new Error(`process ${pid} is gone`), { code: 'ESRCH' });
    this.#streams.expect(pid, this.clock.now());
    this.#capture.await(pid, scope.selectionId, scope.sessionKey, BigInt(ticks));
  }

  guardSelf(): void {
    this.#capture.guardSelf();
  }

  refuseActs(): void {
    this.#capture.refuseActs();
  }

  guardFiles(paths: readonly string[]): void {
    this.#capture.guardFiles(paths);
    this.#reader.guardedPaths = paths;
  }

  setBrokerPorts(ports: readonly number[]): void {
    this.#capture.setBrokerPorts(ports);
  }

  setImdsRedirect({ port, selectionIds }: ImdsRedirect): void {
    this.#capture.redirectImds(port, selectionIds);
  }

  callerOf(client: SocketEnds): BrokerCaller | undefined {
    const key = callerKeyOf(client);
    const found = key && this.#capture.callerOf(key);
    return found && readCaller(found);
  }

  processOf(pid: number): KnownProcess | undefined {
    const found = this.#capture.processOf(pid);
    return found && readProcess(pid, found);
  }

  attach(kind: ProbeKind, path: string, fileOffset: number): number {
    return this.#capture.attachProbe(probeKind[kind], path, fileOffset);
  }

  detach(id: number): void {
    this.#capture.detachProbe(id);
  }

  probes(): readonly ProbeCount[] {
    return this.#capture.probes();
  }

  setImageKnown(file: FileKey, known: boolean, changedNs = 0n): void {
    this.#capture.setImageKnown(file.device, file.inode, known, changedNs);
  }

  /** All that was handed over; of what the process maps meanwhile an event is still to come. */
  settle(pid: number): void {
    const toldNs = this.#imagesToldNs.get(pid);
    if (toldNs === undefined) return;
    this.#imagesToldNs.delete(pid);
    this.#capture.settleImages(pid, BigInt(toldNs));
  }

  setCanary(pid: number): void {
    this.#capture.setCanary(pid);
  }

  /**
   * Up to when all that happened has been handed over. Each call begins a look whose answer a later call gives: what is in
   * the ring now must be out first.
   */
  handledUntilNs(): number {
    const lookedNs = this.clock.now() - WRITE_NS_MAX;
    this.#held.hold(this.#capture.ringUse().writtenPosition, () => {
      this.#handledUntilNs = lookedNs;
      return [];
    });
    return this.#handledUntilNs;
  }

  /** How much of the room for events that nobody took yet is used, in the buffer and the ring together: 0 to 1. */
  get waitingShare(): number {
    // A handler that still waits for its turn asks once more when all is handed over.
    if (this.#isOver) return 0;
    const { waitingBytes, sizeBytes, bufferedBytes, bufferBytes } = this.#capture.ringUse();
    return (waitingBytes + bufferedBytes) / (sizeBytes + bufferBytes);
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
      bufferedBytes: use.bufferedBytes,
      streams: this.#streams.state,
      ...(this.#streams.by === undefined ? {} : { streamsBy: this.#streams.by }),
      programs: this.#capture
        .programs()
        .map(({ name, missed, runs, runNs, attached }) => ({ name, missed, runs, runNs, attached })),
      counters,
    };
  }

  /** Hands over what waits now; what is written meanwhile could go on for ever. */
  async #drain(): Promise<void> {
    const { waitingBytes, bufferedBytes } = this.#capture.ringUse();
    let timer: NodeJS.Timeout | undefined;
    const waitedEnough = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STOP_WAIT_MS);
    });
    await Promise.race([this.#answer, waitedEnough]);
    for (let leftBytes = waitingBytes + bufferedBytes; leftBytes > 0; ) {
      const batch = this.#capture.drain();
      if (batch.length === 0) break;
      leftBytes -= batch.length;
      await Promise.race([this.#take(batch, this.#position), waitedEnough]);
    }
    clearTimeout(timer);
  }

  #watchAgain(process: ProcessKey, scope: Scope): void {
    try {
      this.#capture.watch(process.pid, scope.selectionId, scope.sessionKey);
    } catch (error) {
      // Ended in between.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  #take(batch: Buffer, position: number): void | Promise<void> {
    const read: ReadEvent[] = [];
    this.#reader.read(batch, read);
    const events: KernelEvent[] = [];
    // First: a starter can write to its program a moment before the kernel tells that this was executed.
    for (const event of read) {
      if (event.type === 'standard-pipes') this.#streams.executed(event, this.clock.now(), events);
      else if (event.type === 'standard-sockets') this.#socketPairs.note(event);
    }
    for (const event of read) {
      if (event.type === 'stream-moved') {
        this.#streams.moved(event, events);
        continue;
      }
      if (event.type === 'standard-pipes' || event.type === 'standard-sockets') continue;
      if (!this.#picture.note(event)) continue;
      if (event.type === 'image-mapped') this.#imagesToldNs.set(event.process.pid, event.atNs);
      else if (event.type === 'process-exited') this.#imagesToldNs.delete(event.process.pid);
      if (event.type === 'selected-notice') this.#scan(event.process.pid);
      else if (event.type === 'join-notice') events.push(this.#joined(event));
      else if (event.type === 'datagram-notice') this.#udp.moved(event, events);
      else {
        this.#streams.note(event, events);
        this.#socketPairs.pass(event, events);
      }
    }
    this.#position = position;
    this.#held.release(position, events);
    return this.#tell(events);
  }

  #joined({ atNs, process, parent, scope }: JoinNotice): KernelEvent {
    this.#scan(process.pid);
    return { type: 'process-joined', atNs, process, parent, scope, program: readProgram(process.pid) };
  }

  #tell(events: readonly KernelEvent[]): void | Promise<void> {
    if (events.length > 0) return this.#handler(events);
  }

  /** Looks for open sockets of a process, or with 0 for all that runs already. A failure is told at the next sweep. */
  #scan(pid: number): void {
    try {
      this.#capture.scan(pid);
    } catch {
      this.#failedScans++;
    }
  }

  #lookForWays(): void {
    try {
      this.#capture.scanWays();
    } catch {
      this.#failedScans++;
    }
  }

  #sweep(): void {
    this.clock.calibrate();
    const events: KernelEvent[] = [];
    const nowNs = this.clock.now();
    this.#lookForWays();
    this.#sweepLateCloses(events);
    this.#sweepCounters(events, nowNs);
    const datagramFlows = this.#udp.sweep(nowNs);
    this.#unix.sweep(nowNs, events);
    const streamsOver = this.#streams.sweep(nowNs);
    const putRight = this.#wrongPicture && !this.#picture.isBeingPutRight;
    if (putRight) {
      this.#wrongPicture = false;
      this.#picture.begin(nowNs, watchedProcesses(this.#capture.rows(table.processes)));
    }
    this.#held.hold(this.#capture.ringUse().writtenPosition, () => [
      ...this.#socketPairs.passAll([...events, ...datagramFlows()]),
      ...(streamsOver?.() ?? []),
      ...(putRight ? this.#picture.finish(nowNs) : []),
    ]);
    this.#sweptAtNs = nowNs;
    const due: KernelEvent[] = [];
    this.#held.release(this.#position, due);
    void this.#tell(due);
  }

  #rescan(): void {
    this.#selections.refresh(this.#options.selections);
    this.#scan(0);
    const events: KernelEvent[] = [];
    if (this.#tellMissedRuns(events, this.clock.now())) this.#wrongPicture = true;
    void this.#tell(events);
  }

  #sweepLateCloses(events: KernelEvent[]): void {
    const closes = this.#capture.takeLateCloses();
    for (let at = 0; at + closeEvent.structBytes <= closes.length; at += closeEvent.structBytes) {
      events.push(readClose(closes, at));
    }
  }

  #sweepCounters(events: KernelEvent[], nowNs: number): void {
    const values = this.#capture.counters();
    for (const [index, meaning] of Object.entries(counterMeanings)) {
      const at = Number(index) * 2;
      const newEvents = (values[at] as number) - (this.#countersBefore[at] as number);
      const newBytes = (values[at + 1] as number) - (this.#countersBefore[at + 1] as number);
      if (newEvents === 0) continue;
      if (meaning.resync === true) this.#wrongPicture = true;
      if (meaning.kind === 'loss') events.push(this.#missed(meaning.where, meaning.reason, newEvents, newBytes, nowNs));
    }
    this.#countersBefore = values;
    if (this.#reader.unknownEvents > 0) {
      events.push(this.#missed('source', 'event_not_understood', this.#reader.unknownEvents, 0, nowNs));
      this.#reader.unknownEvents = 0;
    }
    if (this.#reader.missingSecrets > 0) {
      events.push(this.#missed('tls', 'secret_gone', this.#reader.missingSecrets, 0, nowNs));
      this.#reader.missingSecrets = 0;
    }
    if (this.#failedScans > 0) {
      events.push(this.#missed('source', 'scan_failed', this.#failedScans, 0, nowNs));
      this.#failedScans = 0;
    }
  }

  /** Runs that the kernel left out since the last look. Returns whether there were any. */
  #tellMissedRuns(events: KernelEvent[], nowNs: number): boolean {
    const missed = this.#capture.programs().reduce((sum, program) => sum + program.missed, 0);
    const since = missed - this.#missedRunsBefore;
    this.#missedRunsBefore = missed;
    if (since > 0) events.push(this.#missed('kernel', 'program_not_run', since, 0, nowNs));
    return since > 0;
  }

  #missed(where: string, reason: string, events: number, bytes: number, nowNs: number): KernelEvent {
    return { type: 'missed', atNs: nowNs, sinceNs: this.#sweptAtNs, where, reason, events, bytes };
  }
}
