// SPDX-License-Identifier: Apache-2.0

/**
 * Kernel events in, lines of the record out: puts lineage, flows and activities together. Everything that touches the
 * world is handed in, so that a recording can drive it as well as a kernel.
 */
import type { ActivityBuilder, LossReport } from '../activity/activity-builder.ts';
import type { ConnectionFlow, Direction, RemoteNames } from '../flow/connection-flow.ts';
import { FlowTable, type FlowTableBounds, type FlowTableSink } from '../flow/flow-table.ts';
import { isProcessEvent, Lineage, type LineageChange } from '../lineage/lineage.ts';
import { bindingAt, type SelectionMeaning, type Session, type TrackedProcess } from '../lineage/session.ts';
import { bindingFor, ConnectionLogins, type TokenOf } from '../lineage/token-use.ts';
import type { Activity } from '../model/activity.ts';
import type { CodeImage } from '../model/code-image.ts';
import type { FindingReport } from '../model/finding.ts';
import type { Binding } from '../model/identity.ts';
import type {
  ConnectionClosed,
  ConnectionOpened,
  KernelEvent,
  Program,
  Scope,
  SecretDerived,
  SshKeyDerived,
  TerminalMoved,
} from '../model/kernel-event.ts';
import type { DecoderBounds, Exchange, ProtocolDefinition, SeenCredential } from '../protocol/decoder.ts';
import { type ResolvedAddress, resolvedBy } from '../protocol/dns/resolved.ts';
import { resolvedByVarlink } from '../protocol/varlink/resolved.ts';
import { SshKeyPool } from '../ssh/key-pool.ts';
import type { TlsDescription } from '../tls/negotiation.ts';
import { SecretPool } from '../tls/secret-pool.ts';
import { FindingBook } from './finding-book.ts';
import { LossBook } from './loss-book.ts';
import { NameBook } from './name-book.ts';
import type { LeftSession } from './session-book.ts';
import { type FinishedStretch, TerminalBook } from './terminal-book.ts';
import { unreadableReports } from './unreadable.ts';
import { type GatheredWay, WayBook } from './way-book.ts';

export interface RecorderOptions {
  readonly meaningOf: (selectionId: number) => SelectionMeaning;
  readonly sessionId: (scope: Scope) => string;
  readonly builder: ActivityBuilder;
  /** Its place in the record; 0: there was no room for it. */
  readonly append: (activity: Activity) => unknown;
  readonly bounds: DecoderBounds;
  /** Of each side of a connection that nobody decodes. Left out: as a conversation has it. */
  readonly unknownHeadBytes?: number;
  /** Left out: all that there are. */
  readonly protocols?: readonly ProtocolDefinition[];
  readonly tableBounds?: FlowTableBounds;
  readonly onSessionStarted: (session: Session) => void;
  /** The end of a session was written. */
  readonly onSessionEnded?: (session: Session) => void;
  /** A credential crossed a connection of a session; what is kept of it is decided elsewhere. */
  /** `opened`: the connection that it crossed. `tls`: what that shows of itself, when it has any. */
  readonly onCredential: (
    credential: SeenCredential,
    session: Session,
    process: TrackedProcess | undefined,
    opened: ConnectionOpened,
    tls: TlsDescription | undefined,
  ) => void;
  /** What is known by now of a token with that fingerprint. Left out: nothing ever is. */
  readonly tokenOf?: TokenOf;
  /** A program and what it has mapped of TLS, for whoever wonders why its bytes are not read; the program is the first. */
  readonly imagesOf?: (pid: number, exe: string) => readonly CodeImage[];
  /** An event could not be recorded: a fault of ours. A loss says so; this is for whoever mends it. */
  readonly onFault?: (error: unknown) => void;
}

export interface RecorderCounts {
  events: number;
  activities: number;
  commands: number;
  bytes: number;
  losses: number;
  /** Events that could not be recorded. */
  faults: number;
}

/** How long the end of a session waits for the ends of its connections, which come a moment later. */
const SESSION_LINGER_NS = 5e9;
/** A unit is without a process between two of its commands (ExecStartPre, ExecStart, …): that ends no session. */
const UNIT_LINGER_NS = 1e9;

/** Whose doing something on a connection was. */
interface Owner {
  readonly session: Session;
  readonly process: TrackedProcess | undefined;
  readonly pid: number;
}

export class Recorder {
  readonly lineage: Lineage;
  readonly counts: RecorderCounts = { events: 0, activities: 0, commands: 0, bytes: 0, losses: 0, faults: 0 };
  readonly #options: RecorderOptions;
  readonly #flows: FlowTable;
  readonly #losses = new LossBook();
  readonly #ways = new WayBook();
  readonly #findings = new FindingBook();
  readonly #terminals = new TerminalBook();
  /** The secrets of TLS that the processes of a session derived. */
  readonly #secrets = new Map<Session, SecretPool>();
  /** The keys of SSH that they gave to ciphers. */
  readonly #sshKeys = new Map<Session, SshKeyPool>();
  /** While a batch is handled, when it began: who is told of one of its events may ask how far the record goes. */
  #handlingSinceNs: number | undefined;
  /** Sessions whose last process has ended, with the time of that. */
  readonly #ending = new Map<Session, number>();
  readonly #openConnections = new Map<Session, number>();
  /** The session that each connection was opened in: its key may be another session's later. */
  readonly #sessions = new WeakMap<ConnectionOpened, Session>();
  readonly #logins = new ConnectionLogins();
  /** By which names each session knows addresses. */
  readonly #names = new WeakMap<Session, NameBook>();

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.lineage = new Lineage(options);
    const { bounds, unknownHeadBytes, protocols, tableBounds } = options;
    const secretsOf = (opened: ConnectionOpened, pids: () => Iterable<number>) =>
      this.#secretsOf(this.#sessionOf(opened)).storeFor(pids);
    const sshKeysOf = (opened: ConnectionOpened, pids: () => Iterable<number>) =>
      this.#sshKeysOf(this.#sessionOf(opened)).storeFor(pids);
    const flowOptions = { bounds, unknownHeadBytes, ...(protocols && { protocols }), secretsOf, sshKeysOf };
    this.#flows = new FlowTable(this.#flowSink(), flowOptions, tableBounds);
  }

  get connections(): number {
    return this.#flows.size;
  }

  /** Bytes held for what is unfinished. */
  get heldBytes(): number {
    return this.#flows.heldBytes;
  }

  /** Never throws: an event that cannot be recorded is a loss, and the next one is looked at. */
  handle(events: readonly KernelEvent[]): void {
    this.counts.events += events.length;
    this.#handlingSinceNs = events[0]?.atNs;
    for (const event of events) {
      try {
        this.#handleOne(event);
      } catch (error) {
        this.#fault(error, event.atNs, event.type === 'bytes-moved' ? event.bytes.length : 0);
      }
    }
    this.#handlingSinceNs = undefined;
  }

  /** Once a second: what only time brings about. */
  sweep(nowNs: number): void {
    try {
      this.#flows.sweep(nowNs);
      for (const change of this.lineage.sweep(nowNs)) this.#record(change);
      this.#writeTerminals(this.#terminals.take(nowNs));
      this.#sweepSecrets(nowNs);
      for (const [session, endedNs] of [...this.#ending]) this.#endIfDone(session, endedNs, nowNs);
      this.#writeFindings();
      this.#writeLosses();
      this.#writeWays(this.#ways.takeNew());
    } catch (error) {
      this.#fault(error, nowNs, 0);
    }
  }

  /** The source has stopped: what is open is written as far as it is known. */
  finish(nowNs: number): void {
    this.#flows.abandonAll(nowNs);
    this.#writeTerminals(this.#terminals.take());
    for (const [session, endedNs] of [...this.#ending]) this.#endSession(session, endedNs);
    for (const pool of this.#secrets.values()) pool.drop();
    for (const pool of this.#sshKeys.values()) pool.drop();
    this.#writeFindings();
    this.#writeLosses();
    // What could not be written of these is a loss itself.
    this.#writeLosses();
    this.#writeWays(this.#ways.takeLast());
  }

  /** All that happened before is written, provided that what happened until `handledNs` was handed over. */
  writtenUntilNs(handledNs: number): number {
    const waiting = [this.#flows.waitingSinceNs, this.#losses.sinceNs, this.#findings.sinceNs, this.#ways.sinceNs];
    waiting.push(this.#handlingSinceNs, this.#terminals.sinceNs);
    return Math.min(handledNs, ...waiting.map((sinceNs) => sinceNs ?? handledNs));
  }

  /** Sessions whose end is not written, whether they have processes or not. */
  unfinishedSessions(): Session[] {
    return [...new Set([...this.lineage.sessions, ...this.#ending.keys()])];
  }

  /** What became of a session that an earlier run of the agent began; nobody saw when or how. */
  takeOver({ scope, exitsUnseen, isOver }: LeftSession, sinceNs: number, nowNs: number): void {
    const changes = isOver ? this.lineage.sessionEndedUnseen(scope, nowNs) : [];
    if (exitsUnseen > 0) {
      const session = this.lineage.sessionOf(scope);
      const about = { where: 'process', reason: 'exit_unseen', events: exitsUnseen, bytes: 0, session };
      this.#losses.add({ ...about, sinceNs, untilNs: nowNs });
    }
    for (const change of changes) this.#record(change);
  }

  addLoss(report: Omit<LossReport, 'message'>): void {
    this.#losses.add(report);
  }

  /** Without a session it is the recorder's own. */
  addFinding(report: FindingReport, session?: Session): void {
    this.#findings.add({ report, session, process: undefined, connectionId: '' });
  }

  /** False when there was no room for it at all: that is counted where it was refused, and becomes a loss. */
  write(activity: Activity): boolean {
    this.counts.activities++;
    return this.#options.append(activity) !== 0;
  }

  #fault(error: unknown, atNs: number, bytes: number): void {
    this.counts.faults++;
    this.#losses.add({ where: 'recorder', reason: 'event_failed', events: 1, bytes, sinceNs: atNs, untilNs: atNs });
    this.#options.onFault?.(error);
  }

  #handleOne(event: KernelEvent): void {
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
      case 'terminal-moved':
        this.#moveTerminal(event);
        break;
      case 'way-taken':
        this.#ways.add(event, this.lineage.sessionOf(event.scope), this.lineage.processOf(event.process));
        break;
      case 'secret-derived':
        this.#takeSecret(event);
        break;
      case 'ssh-key-derived':
        this.#takeSshKey(event);
        break;
      case 'image-mapped':
        // For whoever keeps the probes: nothing of it is recorded.
        break;
      case 'missed': {
        const { where, reason, events, bytes, sinceNs, atNs, scope } = event;
        const session = scope && this.lineage.sessionOf(scope);
        this.#losses.add({ where, reason, events, bytes, sinceNs, untilNs: atNs, session });
        break;
      }
      default:
        if (isProcessEvent(event)) for (const change of this.lineage.apply(event)) this.#record(change);
    }
  }

  #moveTerminal(event: TerminalMoved): void {
    const { atNs, scope, bytes, missingBytes, missingReason } = event;
    const session = this.lineage.sessionOf(scope);
    const span = { sinceNs: atNs, untilNs: atNs };
    if (session === undefined) {
      const lost = bytes.length + missingBytes;
      this.#losses.add({ where: 'terminal', reason: 'of_no_session', events: 1, bytes: lost, ...span });
      return;
    }
    if (missingReason !== '')
      this.#losses.add({ where: 'terminal', reason: missingReason, events: 1, bytes: missingBytes, ...span, session });
    this.#writeTerminals(this.#terminals.add(event, session, this.lineage.processOf(event.process)));
  }

  #writeTerminals(finished: readonly FinishedStretch[]): void {
    const { builder } = this.#options;
    for (const { device, startedNs, session, process, pid, stretch } of finished) {
      if (stretch.events.length === 0) continue;
      const id = builder.terminalId(device, startedNs);
      const terminal = { id, kind: 'terminal', name: device, connectionId: '' };
      this.write(builder.terminal(terminal, stretch, session, process, pid));
    }
  }

  #takeSecret({ atNs, process, scope, secret }: SecretDerived): void {
    const session = this.lineage.sessionOf(scope);
    if (session === undefined) {
      secret.secret.fill(0);
      const span = { sinceNs: atNs, untilNs: atNs };
      this.#losses.add({ where: 'tls', reason: 'secret_of_no_session', events: 1, bytes: 0, ...span });
      return;
    }
    this.#secretsOf(session).add(secret, process.pid, atNs);
    this.#flows.secretsChanged(scope, atNs);
  }

  #takeSshKey({ atNs, process, scope, key }: SshKeyDerived): void {
    const session = this.lineage.sessionOf(scope);
    if (session === undefined) {
      key.key.fill(0);
      key.iv.fill(0);
      const span = { sinceNs: atNs, untilNs: atNs };
      this.#losses.add({ where: 'ssh', reason: 'key_of_no_session', events: 1, bytes: 0, ...span });
      return;
    }
    this.#sshKeysOf(session).add(key, process.pid, atNs);
    this.#flows.secretsChanged(scope, atNs);
  }

  #sweepSecrets(nowNs: number): void {
    for (const pools of [this.#secrets, this.#sshKeys]) {
      for (const [session, pool] of pools) {
        if (session.over) {
          pool.drop();
          pools.delete(session);
        } else pool.expire(nowNs);
      }
    }
  }

  #sshKeysOf(session: Session): SshKeyPool {
    let pool = this.#sshKeys.get(session);
    if (pool === undefined) {
      pool = new SshKeyPool();
      this.#sshKeys.set(session, pool);
    }
    return pool;
  }

  #secretsOf(session: Session): SecretPool {
    let pool = this.#secrets.get(session);
    if (pool === undefined) {
      pool = new SecretPool();
      this.#secrets.set(session, pool);
    }
    return pool;
  }

  #record(change: LineageChange): void {
    const { builder } = this.#options;
    switch (change.kind) {
      case 'session-started':
        this.write(builder.sessionStarted(change.session, change.atNs));
        this.#options.onSessionStarted(change.session);
        break;
      case 'session-resumed':
        this.#ending.delete(change.session);
        break;
      case 'forked':
        this.write(builder.forked(change.process, change.atNs));
        break;
      case 'joined':
        this.write(builder.joined(change.process, change.program, change.atNs));
        break;
      case 'executed':
        this.write(builder.executed(change.process, change.program, change.atNs));
        if (change.program?.argvComplete === false) this.#argvCut(change.process, change.program, change.atNs);
        break;
      case 'exited':
        this.write(builder.exited(change.process, change.exit, change.atNs));
        if (!change.exit.statusKnown) this.#processLoss(change.process, 'exit_unseen', 0, change.atNs);
        break;
      case 'session-ended':
        this.#ending.set(change.session, change.atNs);
        this.#endIfDone(change.session, change.atNs, change.atNs);
        break;
    }
  }

  #argvCut(process: TrackedProcess, program: Program, atNs: number): void {
    const kept = program.argv.reduce((sum, word) => sum + Buffer.byteLength(word) + 1, 0);
    this.#processLoss(process, 'argv_cut', Math.max(0, program.argvBytes - kept), atNs);
  }

  #processLoss({ session }: TrackedProcess, reason: string, bytes: number, atNs: number): void {
    this.#losses.add({ where: 'process', reason, events: 1, bytes, sinceNs: atNs, untilNs: atNs, session });
  }

  #endIfDone(session: Session, endedNs: number, nowNs: number): void {
    const waitedNs = nowNs - endedNs;
    if (waitedNs <= UNIT_LINGER_NS && session.selectedBy === 'cgroup') return;
    if (waitedNs <= SESSION_LINGER_NS && (this.#openConnections.get(session) ?? 0) > 0) return;
    this.#endSession(session, endedNs);
  }

  #endSession(session: Session, endedNs: number): void {
    this.#ending.delete(session);
    this.#openConnections.delete(session);
    session.over = true;
    this.#writeTerminals(this.#terminals.take(undefined, session));
    for (const pools of [this.#secrets, this.#sshKeys]) {
      pools.get(session)?.drop();
      pools.delete(session);
    }
    this.#writeFindings();
    this.#writeLosses();
    this.#writeWays(this.#ways.takeLast(session));
    this.write(this.#options.builder.sessionEnded(session, endedNs));
    this.#options.onSessionEnded?.(session);
  }

  /** The session that the connection belongs to, whoever uses it now. */
  #sessionOf(about: ConnectionOpened | ConnectionClosed): Session {
    const opened = about.type === 'connection-opened' ? this.#sessions.get(about) : undefined;
    const session = opened ?? this.lineage.sessionOf(about.scope);
    if (session !== undefined) return session;
    const { process, scope, atNs } = about;
    for (const change of this.lineage.sessionFromConnection(process, scope, atNs)) this.#record(change);
    return this.lineage.sessionOf(scope) as Session;
  }

  #openerOf(about: ConnectionOpened | ConnectionClosed): Owner {
    const { pid } = about.process;
    return { session: this.#sessionOf(about), process: this.lineage.processOf(about.process), pid };
  }

  /** Who acted on the connection at that time: who sent, and is of a session of its own where sockets are handed on. */
  #actorOf(flow: ConnectionFlow, atNs: number): Owner {
    const opener = flow.opened.process;
    const pid = flow.senderAt(atNs) || opener.pid;
    const process = pid === opener.pid ? this.lineage.processOf(opener) : this.lineage.processAt(pid, atNs);
    return { session: process?.session ?? this.#sessionOf(flow.opened), process, pid };
  }

  #flowSink(): FlowTableSink {
    const { builder } = this.#options;
    return {
      opened: (flow) => {
        const { opened } = flow;
        const { session, process, pid } = this.#openerOf(opened);
        this.#sessions.set(opened, session);
        this.#openConnections.set(session, (this.#openConnections.get(session) ?? 0) + 1);
        flow.names = this.#namesOf(opened, session);
        this.write(builder.connectionOpened(flow, session, process, pid));
        if (!opened.joinedLate) return;
        const span = { sinceNs: opened.atNs, untilNs: opened.atNs };
        this.#losses.add({ ...JOINED_LATE, ...span, session, connectionId: builder.connectionId(opened) });
      },
      exchange: (flow, exchange) => {
        if (!exchange.routine) {
          const { session, process, pid } = this.#actorOf(flow, actedAtNs(flow, exchange));
          session.commands++;
          this.counts.commands++;
          const binding = this.#bindingOf(flow, exchange, session);
          this.write(builder.command(flow, exchange, session, process, pid, binding));
          this.#learnNames(flow, exchange, session, pid);
        }
        const { credential, status } = exchange;
        // A login that was refused leaves things as they were.
        if (credential?.reach === 'connection' && status !== 'error')
          this.#logins.loggedIn(flow.opened, credential.fingerprint);
      },
      credential: (flow, credential) => {
        const { session, process } = this.#actorOf(flow, credential.at);
        this.#options.onCredential(credential, session, process, flow.opened, flow.tls);
      },
      terminal: (flow, stretch) => {
        const atNs = stretch.events.at(-1)?.at ?? flow.lastAtNs;
        if (stretch.cutBytes > 0)
          this.#connectionLoss(flow.opened, 'decoder', 'received', 'terminal_cut', stretch.cutBytes, atNs);
        if (stretch.events.length === 0) return;
        const { session, process, pid } = this.#actorOf(flow, atNs);
        const connectionId = builder.connectionId(flow.opened);
        const { terminal: name } = stretch;
        const terminal = { id: `${connectionId}-${name}`, kind: flow.protocol, name, connectionId };
        this.write(builder.terminal(terminal, stretch, session, process, pid));
      },
      lost: (flow, direction, reason, bytes, atNs) => {
        this.#connectionLoss(flow.opened, 'connection', direction, reason, bytes, atNs);
      },
      trouble: (flow, direction, reason, bytes, atNs) => {
        if (reason === 'conflicting_segments') {
          this.#connectionLoss(flow.opened, 'flow', direction, reason, bytes, atNs);
          return;
        }
        // What never came is counted as lost by the connection; what it broke is told without counting it again.
        const hadBytes = reason.startsWith(ABOUT_A_GAP) ? 0 : bytes;
        this.#connectionLoss(flow.opened, 'decoder', direction, reason, hadBytes, atNs);
      },
      lostLater: (opened, direction, bytes, atNs) => {
        this.#connectionLoss(opened, 'connection', direction, 'given_up', bytes, atNs);
      },
      closed: (flow, event, atNs) => {
        const { session, process, pid } = this.#openerOf(flow.opened);
        this.#findUnreadable(flow, event?.heldUs ?? 0, atNs);
        this.#writeLosses(builder.connectionId(flow.opened));
        const binding = this.#bindingOf(flow, undefined, session, atNs);
        this.write(builder.connectionClosed(flow, event, session, process, pid, atNs, binding));
        this.#connectionEnded(session, atNs);
      },
      closedUnopened: (event) => {
        const { session, process, pid } = this.#openerOf(event);
        const connectionId = builder.connectionId(event);
        // Of UDP no bytes are had in any case.
        if (event.transport !== 'udp') this.#loseAll(event, session, connectionId);
        this.#writeLosses(connectionId);
        this.write(builder.connectionUnopened(event, session, process, pid, this.#namesOf(event, session)));
      },
      stray: (bytes, atNs) => {
        const reason = 'unknown_connection';
        this.#losses.add({ where: 'connection', reason, events: 1, bytes, sinceNs: atNs, untilNs: atNs });
      },
    };
  }

  /**
   * Whose power was used for an exchange, or by the end of a connection. What comes to a server shows its clients' tokens,
   * and not whom the server acts for.
   */
  #bindingOf(flow: ConnectionFlow, exchange: Exchange | undefined, session: Session, atNs = 0): Binding {
    const { opened, role, protocol } = flow;
    const knownNs = exchange?.requestAt ?? atNs;
    const { tokenOf } = this.#options;
    // The name that a client asks a server by is the client's word, and chooses none of the server's identities.
    if (role === 'server') return bindingAt(session, knownNs);
    const place = { protocol, host: protocol === 'http' ? (exchange?.target ?? '') : '' };
    if (tokenOf === undefined) return bindingFor(session, knownNs, undefined, undefined, place);
    const fingerprint = exchange?.credential?.fingerprint ?? '';
    const carried = fingerprint === '' ? undefined : tokenOf(fingerprint);
    return bindingFor(session, knownNs, carried, this.#logins.loginOf(opened, tokenOf), place);
  }

  /** A server's answers are its own words, and name nothing to it. */
  #learnNames(flow: ConnectionFlow, exchange: Exchange, session: Session, pid: number): void {
    if (flow.role !== 'client') return;
    const by = exchange.protocol ?? flow.protocol;
    const resolved = NAMES_IN.get(by)?.(exchange) ?? [];
    if (resolved.length === 0) return;
    let book = this.#names.get(session);
    if (book === undefined) {
      book = new NameBook();
      this.#names.set(session, book);
    }
    book.learn(resolved, pid, exchange.responseAt, by);
  }

  /** Of what it connected to, when it did. */
  #namesOf(about: ConnectionOpened | ConnectionClosed, session: Session): RemoteNames | undefined {
    if (about.role === 'server' || about.transport === 'unix') return undefined;
    return this.#names.get(session)?.nameOf(about.remoteAddress, about.process.pid, about.startedNs);
  }

  #findUnreadable(flow: ConnectionFlow, heldUs: number, atNs: number): void {
    if (flow.unreadable.size === 0) return;
    const { session, process, pid } = this.#actorOf(flow, atNs);
    const exe = process?.program?.exe ?? '';
    const images = this.#options.imagesOf?.(pid, exe) ?? [];
    const connectionId = this.#options.builder.connectionId(flow.opened);
    for (const report of unreadableReports(flow, heldUs, exe, images, atNs)) {
      this.#findings.add({ report, session, process, connectionId });
    }
  }

  #connectionEnded(session: Session, atNs: number): void {
    const open = (this.#openConnections.get(session) ?? 1) - 1;
    if (open > 0) this.#openConnections.set(session, open);
    else this.#openConnections.delete(session);
    const endedNs = this.#ending.get(session);
    if (endedNs !== undefined) this.#endIfDone(session, endedNs, atNs);
  }

  #connectionLoss(
    opened: ConnectionOpened,
    where: string,
    direction: Direction,
    reason: string,
    bytes: number,
    atNs: number,
  ): void {
    const session = this.#sessionOf(opened);
    const connectionId = this.#options.builder.connectionId(opened);
    const span = { sinceNs: atNs, untilNs: atNs };
    this.#losses.add({ where, reason, events: 1, bytes, direction, ...span, session, connectionId });
  }

  /** Of a connection of which only the end is known. */
  #loseAll(event: ConnectionClosed, session: Session, connectionId: string): void {
    const lost = { sent: event.sentBytes, received: event.receivedBytes + event.unreadBytes };
    for (const direction of ['sent', 'received'] as const) {
      if (lost[direction] === 0) continue;
      const span = { sinceNs: event.startedNs, untilNs: event.atNs };
      const about = { where: 'connection', reason: 'ring_full', direction, ...span, session, connectionId };
      this.#losses.add({ ...about, events: 1, bytes: lost[direction] });
    }
  }

  #writeWays(due: readonly GatheredWay[]): void {
    for (const { report, session, process } of due)
      this.write(this.#options.builder.finding(report, session, process, ''));
  }

  #writeFindings(): void {
    for (const { report, session, process, connectionId } of this.#findings.take()) {
      this.write(this.#options.builder.finding(report, session, process, connectionId));
    }
  }

  #writeLosses(connectionId?: string): void {
    for (const { report, session, connectionId: of } of this.#losses.take(connectionId)) {
      this.counts.losses++;
      if (session !== undefined) session.losses++;
      try {
        this.write(this.#options.builder.loss(report, session, of));
      } catch (error) {
        // The others of the book are taken out already, and have to be written.
        this.#fault(error, Number.isSafeInteger(report.untilNs) ? report.untilNs : 0, 0);
      }
    }
  }
}

/** Languages in which names are asked for, and who reads the addresses in an answer. */
const NAMES_IN: ReadonlyMap<string, (exchange: Exchange) => readonly ResolvedAddress[]> = new Map([
  ['dns', resolvedBy],
  ['varlink', resolvedByVarlink],
]);

/** Reasons of decoders that speak of bytes that never came begin so (agent/protocol/decoder.ts). */
const ABOUT_A_GAP = 'gap';

const JOINED_LATE = { where: 'connection', reason: 'joined_late', events: 1, bytes: 0 } as const;

/** When the workload acted: as a client with the request, as a server with the reply. */
function actedAtNs(flow: ConnectionFlow, exchange: Exchange): number {
  return flow.role === 'server' ? exchange.responseAt : exchange.requestAt;
}
