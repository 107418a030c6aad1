// SPDX-License-Identifier: Apache-2.0

/**
 * When pipes and terminals are read: always, where programs are at the functions of the kernel that move their bytes; else while
 * a workload runs that has any, since it costs everybody (native/README.md). And when one of them is over: no hook tells, so once a
 * second those whose users have all ended, or whose reader has met the end, are.
 */
import type { KernelEvent } from '../../model/kernel-event.ts';
import { type Capture, table } from './addon.ts';
import { hasTerminal } from './proc.ts';
import { StreamDesk } from './stream-desk.ts';
import { type StandardPipes, type StreamMoved, streamAccounts } from './stream-record.ts';
import { watchedProcesses } from './tables.ts';

export type StreamsWanted = 'off' | 'terminals' | 'terminals_and_pipes';

/** For `CaptureOptions.streamKinds`. */
export const STREAM_KINDS: Readonly<Record<StreamsWanted, number>> = { off: 0, terminals: 2, terminals_and_pipes: 6 };

/** What was asked to be read is read for this long though nothing is watched yet: a program that is about to be executed. */
const AWAITED_NS = 10e9;
/** A pipe whose reader has met its end is over when nothing moves for so long. */
const ENDED_NS = 1e9;
/** One of the programs that are loaded for that way. */
const AT_A_FUNCTION = 'stream_after_tty_read';

export class StreamWatch {
  readonly #capture: Pick<Capture, 'programs' | 'readStreams' | 'rows' | 'takeRow'>;
  readonly #wanted: StreamsWanted;
  readonly #openedNs: number;
  /** How they are read. */
  readonly by: 'functions' | 'system_calls' | undefined;
  readonly #watched = new Set<number>();
  readonly #desk = new StreamDesk((pid) => this.#watched.has(pid));
  #isAttached = false;
  #untilNs = 0;
  /** Why they could not be attached; '' when they could. */
  #failure = '';

  /** `openedNs`: when the capture was. */
  constructor(
    capture: Pick<Capture, 'programs' | 'readStreams' | 'rows' | 'takeRow'>,
    wanted: StreamsWanted,
    openedNs: number,
  ) {
    this.#capture = capture;
    this.#wanted = wanted;
    this.#openedNs = openedNs;
    if (wanted === 'off') return;
    this.by = capture.programs().some(({ name }) => name === AT_A_FUNCTION) ? 'functions' : 'system_calls';
    if (this.by === 'functions') this.#attach(openedNs);
  }

  get state(): 'off' | 'idle' | 'reading' {
    if (this.#wanted === 'off') return 'off';
    return this.#isAttached ? 'reading' : 'idle';
  }

  /** The process is about to be recorded, or what it executes. */
  expect(pid: number, nowNs: number): void {
    if (this.#wanted === 'off' || (this.#wanted === 'terminals' && !hasTerminal(pid))) return;
    this.#untilNs = nowNs + AWAITED_NS;
    this.#attach(nowNs);
  }

  executed(pipes: StandardPipes, nowNs: number, into: KernelEvent[]): void {
    if (this.#wanted === 'off') return;
    this.#watched.add(pipes.process.pid);
    this.#desk.note(pipes);
    const { scope } = pipes;
    if (this.#failure !== '') {
      const about = { where: 'stream', reason: 'attach_failed', events: 1, bytes: 0 };
      into.push({ type: 'missed', ...about, sinceNs: nowNs, atNs: nowNs, scope });
    }
    if (this.#isAttached || !(pipes.hasTerminal || this.#wanted === 'terminals_and_pipes')) return;
    this.#attach(nowNs);
    if (!this.#isAttached) return;
    // What it has moved before this was noticed.
    const since = { sinceNs: Number(pipes.process.startNs), atNs: nowNs };
    into.push({ type: 'missed', where: 'stream', reason: 'attached_late', events: 1, bytes: 0, ...since, scope });
  }

  /** Events of processes as they come. */
  note(event: KernelEvent, into: KernelEvent[]): void {
    if (event.type === 'process-joined') this.#joined(event, into);
    if (event.type === 'process-forked' || event.type === 'process-joined') this.#watched.add(event.process.pid);
    else if (event.type === 'process-exited') this.#watched.delete(event.process.pid);
  }

  moved(moved: StreamMoved, into: KernelEvent[]): void {
    this.#desk.moved(moved, into);
  }

  /** What is over now; to be called when all that was in the ring by then has been handed over. */
  sweep(nowNs: number): (() => KernelEvent[]) | undefined {
    if (!this.#isAttached) return undefined;
    const watched = new Set(
      [...watchedProcesses(this.#capture.rows(table.processes))].map(({ process }) => process.pid),
    );
    const over = [...streamAccounts(this.#capture.rows(table.streams))].filter(
      ({ pids, hasEnded, lastNs }) => !pids.some((pid) => watched.has(pid)) || (hasEnded && nowNs - lastNs > ENDED_NS),
    );
    const last = over.flatMap((account) => {
      const row = this.#capture.takeRow(table.streams, account.key);
      return row === undefined ? [] : [...streamAccounts(row)];
    });
    if (this.by !== 'functions' && watched.size === 0 && nowNs > this.#untilNs && last.length === 0) {
      this.#capture.readStreams(false);
      this.#isAttached = false;
      this.#watched.clear();
    }
    return () => this.#over(last, nowNs);
  }

  /** It may be within a read that began before programs were at its function: the end of that one is not seen. */
  #joined({ process, scope, atNs }: Extract<KernelEvent, { type: 'process-joined' }>, into: KernelEvent[]): void {
    if (this.by !== 'functions' || Number(process.startNs) >= this.#openedNs) return;
    if (this.#wanted === 'terminals' && !hasTerminal(process.pid)) return;
    const since = { sinceNs: Number(process.startNs), atNs, scope };
    into.push({ type: 'missed', where: 'stream', reason: 'attached_late', events: 1, bytes: 0, ...since });
  }

  /** The source ends. */
  end(nowNs: number): KernelEvent[] {
    if (!this.#isAttached) return [];
    return this.#over([...streamAccounts(this.#capture.rows(table.streams))], nowNs);
  }

  #over(accounts: Iterable<ReturnType<typeof streamAccounts> extends Generator<infer A> ? A : never>, nowNs: number) {
    const into: KernelEvent[] = [];
    for (const account of accounts) this.#desk.gone(account, nowNs, into);
    this.#desk.sweep(nowNs, into);
    return into;
  }

  #attach(nowNs: number): void {
    if (this.#isAttached) return;
    try {
      this.#capture.readStreams(true);
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
      return;
    }
    this.#failure = '';
    this.#isAttached = true;
    this.#desk.attachedNs = nowNs;
  }
}
