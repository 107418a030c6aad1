// SPDX-License-Identifier: Apache-2.0

/**
 * Kernel events in, lines of the record out: puts lineage, flows and activities together. Everything that touches the
 * world is handed in, so that a recording can drive it as well as a kernel.
 */
import type { ActivityBuilder, LossReport } from '../activity/activity-builder.ts';
import type { ConnectionFlow } from '../flow/connection-flow.ts';
import { FlowTable, type FlowTableBounds } from '../flow/flow-table.ts';
import { isProcessEvent, Lineage, type LineageChange } from '../lineage/lineage.ts';
import type { SelectionMeaning, Session, TrackedProcess } from '../lineage/session.ts';
import type { Activity } from '../model/activity.ts';
import type { ConnectionClosed, ConnectionOpened, KernelEvent, Scope } from '../model/kernel-event.ts';
import type { DecoderBounds, SeenCredential } from '../protocol/decoder.ts';
import { LossBook } from './loss-book.ts';

export interface RecorderOptions {
  readonly meaningOf: (selectionId: number) => SelectionMeaning;
  readonly sessionId: (scope: Scope) => string;
  readonly builder: ActivityBuilder;
  readonly append: (activity: Activity) => void;
  readonly bounds: DecoderBounds;
  readonly tableBounds?: FlowTableBounds;
  readonly onSessionStarted: (session: Session) => void;
  /** A credential crossed a connection of a session; what is kept of it is decided elsewhere. */
  readonly onCredential: (credential: SeenCredential, session: Session, process: TrackedProcess | undefined) => void;
}

export interface RecorderCounts {
  events: number;
  activities: number;
  commands: number;
  bytes: number;
  losses: number;
}

/** How long the end of a session waits for the ends of its connections, which come a moment later. */
const SESSION_LINGER_NS = 5e9;

export class Recorder {
  readonly lineage: Lineage;
  readonly counts: RecorderCounts = { events: 0, activities: 0, commands: 0, bytes: 0, losses: 0 };
  readonly #options: RecorderOptions;
  readonly #flows: FlowTable;
  readonly #losses = new LossBook();
  /** Sessions whose last process has ended, with the time of that. */
  readonly #ending = new Map<Session, number>();
  readonly #openConnections = new Map<string, number>();

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.lineage = new Lineage(options);
    this.#flows = new FlowTable(this.#flowSink(), options.bounds, options.tableBounds);
  }

  get connections(): number {
    return this.#flows.size;
  }

  handle(events: readonly KernelEvent[]): void {
    this.counts.events += events.length;
    for (const event of events) this.#handleOne(event);
  }

  /** Once a second: what only time brings about. */
  sweep(nowNs: number): void {
    this.#flows.sweep(nowNs);
    for (const [session, endedNs] of this.#ending) {
      if (nowNs - endedNs > SESSION_LINGER_NS) this.#endSession(session, endedNs);
    }
    this.#writeLosses();
  }

  /** The source has stopped: what is open is written as far as it is known. */
  finish(nowNs: number): void {
    this.#flows.abandonAll(nowNs);
    for (const [session, endedNs] of this.#ending) this.#endSession(session, endedNs);
    this.#writeLosses();
  }

  addLoss(report: Omit<LossReport, 'message'>): void {
    this.#losses.add(report);
  }

  write(activity: Activity): void {
    this.counts.activities++;
    this.#options.append(activity);
  }

  #handleOne(event: KernelEvent): void {
    if (isProcessEvent(event)) {
      for (const change of this.lineage.apply(event)) this.#record(change);
      return;
    }
    switch (event.type) {
      case 'bytes-moved':
        this.counts.bytes += event.bytes.length;
        this.#flows.move(event);
        break;
      case 'bytes-missing':
        this.#flows.miss(event);
        break;
      case 'connection-opened':
        this.#flows.open(event);
        break;
      case 'connection-closed':
        this.#flows.close(event);
        break;
      case 'missed': {
        const { where, reason, events, bytes, sinceNs, atNs } = event;
        this.#losses.add({ where, reason, events, bytes, sinceNs, untilNs: atNs });
        break;
      }
    }
  }

  #record(change: LineageChange): void {
    const { builder } = this.#options;
    switch (change.kind) {
      case 'session-started':
        this.write(builder.sessionStarted(change.session, change.atNs));
        this.#options.onSessionStarted(change.session);
        break;
      case 'forked':
        this.write(builder.forkedOrJoined(change.process, 'forked', change.atNs));
        break;
      case 'joined':
        this.write(builder.forkedOrJoined(change.process, 'joined', change.atNs));
        break;
      case 'executed':
        this.write(builder.executed(change.process, change.atNs));
        if (change.process.program?.argvComplete === false) this.#argvCut(change.process, change.atNs);
        break;
      case 'exited':
        this.write(builder.exited(change.process, change.exit, change.atNs));
        break;
      case 'session-ended':
        this.#ending.set(change.session, change.atNs);
        this.#endIfDone(change.session);
        break;
    }
  }

  #argvCut(process: TrackedProcess, atNs: number): void {
    const program = process.program;
    const kept = program?.argv.reduce((sum, word) => sum + Buffer.byteLength(word) + 1, 0) ?? 0;
    this.#losses.add({
      where: 'process',
      reason: 'argv_cut',
      events: 1,
      bytes: Math.max(0, (program?.argvBytes ?? 0) - kept),
      sinceNs: atNs,
      untilNs: atNs,
      session: process.session,
    });
  }

  #endIfDone(session: Session): void {
    const endedNs = this.#ending.get(session);
    if (endedNs !== undefined && (this.#openConnections.get(session.id) ?? 0) === 0) this.#endSession(session, endedNs);
  }

  #endSession(session: Session, endedNs: number): void {
    this.#ending.delete(session);
    this.#openConnections.delete(session.id);
    this.#writeLosses();
    this.write(this.#options.builder.sessionEnded(session, endedNs));
  }

  /** Of a connection: its session, the process that sent at a time, and that process's pid. */
  #ownerOf(flow: ConnectionFlow, atNs: number): { session: Session; process: TrackedProcess | undefined; pid: number } {
    const pid = flow.senderAt(atNs) || flow.opened.process.pid;
    return this.#owner(flow.opened, pid);
  }

  #owner(about: ConnectionOpened | ConnectionClosed, pid: number) {
    const process = this.lineage.processAt(pid);
    const session = this.lineage.sessionOf(about.scope) ?? process?.session ?? this.#unknownSession(about);
    return { session, process, pid };
  }

  /** A connection of a session that was never told of: the session begins with it. */
  #unknownSession(about: ConnectionOpened | ConnectionClosed): Session {
    const { process, scope, atNs } = about;
    const parent = { pid: 0, startNs: 0n };
    const joined = { type: 'process-joined', atNs, process, parent, scope, program: undefined } as const;
    for (const change of this.lineage.apply(joined)) this.#record(change);
    return this.lineage.sessionOf(scope) as Session;
  }

  #flowSink() {
    const { builder } = this.#options;
    return {
      opened: (flow: ConnectionFlow): void => {
        const { session, process, pid } = this.#ownerOf(flow, flow.opened.atNs);
        this.#openConnections.set(session.id, (this.#openConnections.get(session.id) ?? 0) + 1);
        this.write(builder.connectionOpened(flow, session, process, pid));
        if (!flow.opened.joinedLate) return;
        const { atNs } = flow.opened;
        const connectionId = builder.connectionId(flow.opened);
        this.#losses.add({ ...JOINED_LATE, sinceNs: atNs, untilNs: atNs, session, connectionId });
      },
      exchange: (flow: ConnectionFlow, exchange: Parameters<ActivityBuilder['command']>[1]): void => {
        const { session, process, pid } = this.#ownerOf(flow, exchange.requestAt);
        session.commands++;
        this.counts.commands++;
        this.write(builder.command(flow, exchange, session, process, pid));
      },
      credential: (flow: ConnectionFlow, credential: SeenCredential): void => {
        const { session, process } = this.#ownerOf(flow, credential.at);
        this.#options.onCredential(credential, session, process);
      },
      lost: (
        flow: ConnectionFlow,
        direction: 'sent' | 'received',
        reason: string,
        bytes: number,
        atNs: number,
      ): void => {
        this.#connectionLoss(flow, 'connection', direction, reason, bytes, atNs);
      },
      trouble: (flow: ConnectionFlow, direction: 'sent' | 'received', reason: string, bytes: number, atNs: number) => {
        this.#connectionLoss(flow, 'decoder', direction, reason, bytes, atNs);
      },
      closed: (flow: ConnectionFlow, event: ConnectionClosed | undefined, atNs: number): void => {
        const { session, process, pid } = this.#ownerOf(flow, atNs);
        this.#writeLosses(builder.connectionId(flow.opened));
        this.write(builder.connectionClosed(flow, event, session, process, pid, atNs));
        this.#openConnections.set(session.id, (this.#openConnections.get(session.id) ?? 1) - 1);
        this.#endIfDone(session);
      },
      closedUnopened: (event: ConnectionClosed): void => {
        const { session, process, pid } = this.#owner(event, event.process.pid);
        this.write(builder.connectionUnopened(event, session, process, pid));
        if (event.failed) return;
        const connectionId = builder.connectionId(event);
        const about = { where: 'connection', reason: 'ring_full', events: 1, session, connectionId } as const;
        const span = { sinceNs: event.startedNs, untilNs: event.atNs };
        this.#losses.add({ ...about, ...span, direction: 'sent', bytes: event.sentBytes });
        this.#losses.add({ ...about, ...span, direction: 'received', bytes: event.receivedBytes + event.unreadBytes });
      },
      stray: (bytes: number, atNs: number): void => {
        const reason = 'unknown_connection';
        this.#losses.add({ where: 'connection', reason, events: 1, bytes, sinceNs: atNs, untilNs: atNs });
      },
    };
  }

  #connectionLoss(
    flow: ConnectionFlow,
    where: string,
    direction: 'sent' | 'received',
    reason: string,
    bytes: number,
    atNs: number,
  ): void {
    const { session } = this.#ownerOf(flow, atNs);
    const connectionId = this.#options.builder.connectionId(flow.opened);
    const span = { sinceNs: atNs, untilNs: atNs };
    this.#losses.add({ where, reason, events: 1, bytes, direction, ...span, session, connectionId });
  }

  #writeLosses(connectionId?: string): void {
    for (const { report, session, connectionId: of } of this.#losses.take(connectionId)) {
      this.counts.losses++;
      if (session !== undefined) session.losses++;
      this.write(this.#options.builder.loss(report, session, of));
    }
  }
}

const JOINED_LATE = { where: 'connection', reason: 'joined_late', events: 1, bytes: 0 } as const;
