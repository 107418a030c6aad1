// SPDX-License-Identifier: Apache-2.0

/**
 * What workloads type and show on terminals of the host, gathered into stretches.
 *
 * What a terminal makes of bytes is made here again: it echoes what is typed, and puts a carriage return before a line feed.
 * So a stretch has what a person saw, also where the process wrote nothing.
 */
import type { Session, TrackedProcess } from '../lineage/session.ts';
import type { TerminalMoved } from '../model/kernel-event.ts';
import type { TerminalEvent, TerminalStretch } from '../protocol/decoder.ts';
import { TypedLine } from '../protocol/typed-line.ts';

/** A stretch is over at this size, or a second after it began, but for a line that is being typed. */
export const STRETCH_BYTES_MAX = 64 * 1024;
export const STRETCH_NS = 1e9;
/** What was just typed waits for its echo, so that both are in one stretch; for no longer than twice a stretch. */
const ECHO_NS = 200e6;
/** What an event costs beside its bytes. */
const EVENT_BYTES = 64;
const CR = 0x0d;
const LF = 0x0a;
/** Source: n_tty of Linux, ECHOCTL: ^X for control characters but tab and line feed. */
const TAB = 0x09;

export interface FinishedStretch {
  readonly device: string;
  readonly startedNs: number;
  readonly session: Session;
  readonly process: TrackedProcess | undefined;
  readonly pid: number;
  readonly stretch: TerminalStretch;
}

interface Open {
  readonly first: TerminalMoved;
  readonly session: Session;
  readonly process: TrackedProcess | undefined;
  readonly events: TerminalEvent[];
  columns: number;
  rows: number;
  bytes: number;
  cutBytes: number;
  lastTypedNs: number;
  readonly line: TypedLine;
}

export class TerminalBook {
  readonly #open = new Map<string, Open>();

  /** Gives out the stretch that is over by it. */
  add(moved: TerminalMoved, session: Session, process: TrackedProcess | undefined): FinishedStretch[] {
    const key = `${moved.device}@${moved.startedNs}@${session.id}`;
    const finished: FinishedStretch[] = [];
    let open = this.#open.get(key);
    // Of one that is cut in the middle of a line the next goes on with it.
    const line = open?.line ?? new TypedLine();
    if (open !== undefined && isOver(open, moved.atNs)) {
      finished.push(this.#finish(key, open));
      open = undefined;
    }
    if (open === undefined) {
      const { columns, rows } = moved;
      const nothing = { events: [], bytes: 0, cutBytes: 0, lastTypedNs: 0 };
      open = { first: moved, session, process, columns, rows, ...nothing, line };
      this.#open.set(key, open);
    }
    note(open, moved);
    return finished;
  }

  /** Those that are over by now; of one session, or with no time, all. */
  take(nowNs?: number, session?: Session): FinishedStretch[] {
    return [...this.#open]
      .filter(
        ([, open]) =>
          (session === undefined || open.session === session) && (nowNs === undefined || isOver(open, nowNs)),
      )
      .map(([key, open]) => this.#finish(key, open));
  }

  /** When the earliest of what is gathered began; undefined when nothing is. */
  get sinceNs(): number | undefined {
    const times = [...this.#open.values()].map(({ first }) => first.atNs);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #finish(key: string, open: Open): FinishedStretch {
    this.#open.delete(key);
    const { first, session, process, events, cutBytes } = open;
    const { device, startedNs, columns, rows } = first;
    const stretch = { terminal: device, columns, rows, events, cutBytes };
    return { device, startedNs, session, process, pid: first.process.pid, stretch };
  }
}

function isOver(open: Open, nowNs: number): boolean {
  if (open.bytes >= STRETCH_BYTES_MAX) return true;
  const ageNs = nowNs - open.first.atNs;
  if (ageNs < STRETCH_NS || open.line.waits(open.first.atNs, nowNs)) return false;
  return ageNs >= 2 * STRETCH_NS || nowNs - open.lastTypedNs >= ECHO_NS;
}

function note(open: Open, moved: TerminalMoved): void {
  const { atNs: at, columns, rows } = moved;
  if (columns !== open.columns || rows !== open.rows) {
    open.events.push({ kind: 'resized', columns, rows, at });
    open.columns = columns;
    open.rows = rows;
  }
  const before = open.events.length;
  if (moved.bytes.length > 0) open.events.push(...eventsOf(moved));
  for (const event of open.events.slice(before)) {
    open.bytes += EVENT_BYTES + (event.kind === 'typed' || event.kind === 'shown' ? event.bytes.length : 0);
  }
  if (moved.direction === 'typed') {
    open.lastTypedNs = at;
    open.line.typed(moved.bytes);
  }
  open.cutBytes += moved.missingBytes;
}

/** Copies: what moved may be a view. */
function eventsOf(moved: TerminalMoved): TerminalEvent[] {
  const { bytes, atNs: at, direction, echoes, isByLine, addsReturns } = moved;
  if (direction === 'shown')
    return [{ kind: 'shown', bytes: addsReturns ? withReturns(bytes) : Buffer.from(bytes), at }];
  // How passwords are asked for. A program that shows what is typed by itself reads no whole lines.
  if (!echoes && isByLine) {
    const lines = bytes.filter((byte) => byte === LF).length;
    const typed: TerminalEvent[] = [{ kind: 'hidden', bytes: bytes.length - lines, at }];
    return lines === 0 ? typed : [...typed, { kind: 'typed', bytes: Buffer.alloc(lines, LF), at }];
  }
  const typed: TerminalEvent = { kind: 'typed', bytes: Buffer.from(bytes), at };
  return echoes ? [typed, { kind: 'shown', bytes: echoOf(bytes, addsReturns), at }] : [typed];
}

function withReturns(bytes: Uint8Array): Buffer {
  const parts: Uint8Array[] = [];
  let from = 0;
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    parts.push(bytes.subarray(from, at), Uint8Array.of(CR));
    from = at;
  }
  parts.push(bytes.subarray(from));
  return Buffer.concat(parts);
}

function echoOf(bytes: Uint8Array, addsReturns: boolean): Buffer {
  const shown: number[] = [];
  for (const byte of bytes) {
    if (byte === LF && addsReturns) shown.push(CR, LF);
    else if ((byte < 0x20 && byte !== TAB && byte !== LF) || byte === 0x7f) shown.push(0x5e, byte ^ 0x40);
    else shown.push(byte);
  }
  return Buffer.from(shown);
}
