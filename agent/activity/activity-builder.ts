// SPDX-License-Identifier: Apache-2.0

import { bindingAt, type Session, type TrackedProcess } from '../lineage/session.ts';
/**
 * What happened + whose it was → an Activity. Redaction happens here and nowhere later.
 */
import {
  type Activity,
  type ActivityHead,
  type ByteAccount,
  ConnectionAction,
  ProcessAction,
  RecorderAction,
  Role,
  recorderHead,
  SessionAction,
  Status,
  uint64FromBigint,
} from '../model/activity.ts';
import type { ConnectionClosed, ConnectionOpened, ProcessExited } from '../model/kernel-event.ts';
import type { Exchange, Status as ExchangeStatus } from '../protocol/decoder.ts';
import { containerIdOf } from './container.ts';
import { errnoName } from './errno.ts';
import type { Redactor } from './redaction.ts';

export interface Naming {
  /** Nanoseconds since the Unix epoch. */
  toUnixNs(atNs: number): bigint;
  /** Tells runs of the machine apart in the ids of processes and connections: eight letters or digits. */
  readonly boot: string;
}

/** What a connection is to the record. */
export interface ConnectionView {
  readonly opened: ConnectionOpened;
  readonly role: 'client' | 'server';
  readonly protocol: string;
  account(direction: 'sent' | 'received'): ByteAccount;
}

const NOTHING: ByteAccount = { moved: 0, decoded: 0, notUnderstood: 0, unreadable: 0, cut: 0, lost: 0 };
const EMPTY = new Uint8Array(0);
const STATUS: Readonly<Record<ExchangeStatus, Status>> = {
  ok: Status.OK,
  error: Status.ERROR,
  unknown: Status.UNKNOWN,
};
const ROLE = { client: Role.CLIENT, server: Role.SERVER, unknown: Role.UNSPECIFIED } as const;

export class ActivityBuilder {
  readonly #naming: Naming;
  readonly #redactor: Redactor;

  constructor(naming: Naming, redactor: Redactor) {
    this.#naming = naming;
    this.#redactor = redactor;
  }

  processId(process: TrackedProcess): string {
    return this.#processId(process.key.pid, process.key.startNs);
  }

  connectionId(connection: Pick<ConnectionOpened, 'connectionKey' | 'startedNs'>): string {
    const key = connection.connectionKey;
    const kind = key >= 0 ? 't' : 'u';
    return `${this.#naming.boot}-${kind}${Math.abs(key).toString(36)}-${connection.startedNs.toString(36)}`;
  }

  forkedOrJoined(process: TrackedProcess, action: 'forked' | 'joined', atNs: number): Activity {
    return this.#process(process, action === 'forked' ? ProcessAction.FORK : ProcessAction.JOINED, atNs, undefined);
  }

  executed(process: TrackedProcess, atNs: number): Activity {
    return this.#process(process, ProcessAction.EXEC, atNs, undefined);
  }

  exited(
    process: TrackedProcess,
    exit: Pick<ProcessExited, 'exitCode' | 'signal' | 'coreDumped' | 'statusKnown'>,
    atNs: number,
  ): Activity {
    return this.#process(process, ProcessAction.EXIT, atNs, exit);
  }

  sessionStarted(session: Session, atNs: number): Activity {
    return this.#session(session, SessionAction.STARTED, atNs);
  }

  sessionEnded(session: Session, atNs: number): Activity {
    return this.#session(session, SessionAction.ENDED, atNs);
  }

  command(
    connection: ConnectionView,
    exchange: Exchange,
    session: Session,
    process: TrackedProcess | undefined,
    pid: number,
  ): Activity {
    const clean = this.#redactor;
    const { opened } = connection;
    return {
      ...this.#head(session, process, pid, exchange.requestAt, exchange.responseEndAt),
      connectionId: this.connectionId(opened),
      detail: 'command',
      command: {
        protocol: connection.protocol,
        operation: exchange.operation,
        target: targetOf(connection, exchange),
        resource: clean.text(exchange.resource),
        statement: clean.text(exchange.statement),
        statementShape: clean.text(exchange.statementShape),
        parameters: clean.text(exchange.parameters),
        request: clean.bytes(exchange.request.bytes),
        response: clean.bytes(exchange.response.bytes),
        status: STATUS[exchange.status],
        errorCode: exchange.errorCode,
        errorMessage: clean.text(exchange.errorMessage),
        rows: exchange.rows ?? null,
        requestBytes: exchange.requestBytes,
        responseBytes: exchange.responseBytes,
        truncated: exchange.truncated,
        requestPayloadBytes: exchange.request.totalBytes,
        responsePayloadBytes: exchange.response.totalBytes,
        requestSha256: exchange.request.sha256 ?? EMPTY,
        responseSha256: exchange.response.sha256 ?? EMPTY,
        tls: '',
        role: ROLE[connection.role],
        attributes: clean.record(exchange.attributes),
        durationNs: Math.max(0, exchange.responseEndAt - exchange.requestAt),
      },
    };
  }

  connectionOpened(
    connection: ConnectionView,
    session: Session,
    process: TrackedProcess | undefined,
    pid: number,
  ): Activity {
    const { opened } = connection;
    const attributes: Record<string, string> = opened.peerPid > 0 ? { peer_pid: String(opened.peerPid) } : {};
    return {
      ...this.#head(session, process, pid, opened.startedNs, opened.atNs),
      connectionId: this.connectionId(opened),
      detail: 'connection',
      connection: {
        ...this.#addresses(opened, connection.role),
        action: ConnectionAction.OPENED,
        protocol: '',
        error: '',
        sent: NOTHING,
        received: NOTHING,
        attributes,
      },
    };
  }

  /** `event` is undefined when the agent stopped following before the connection ended. */
  connectionClosed(
    connection: ConnectionView,
    event: ConnectionClosed | undefined,
    session: Session,
    process: TrackedProcess | undefined,
    pid: number,
    atNs: number,
  ): Activity {
    const { opened } = connection;
    const attributes: Record<string, string> = {};
    if (event === undefined) attributes['ended_by'] = 'recorder';
    else if (event.unreadBytes > 0) attributes['unread_bytes'] = String(event.unreadBytes);
    return {
      ...this.#head(session, process, pid, opened.startedNs, atNs),
      connectionId: this.connectionId(opened),
      detail: 'connection',
      connection: {
        ...this.#addresses(opened, connection.role),
        action: ConnectionAction.CLOSED,
        protocol: connection.protocol === '' ? 'unknown' : connection.protocol,
        error: event === undefined ? '' : errnoName(event.error),
        sent: connection.account('sent'),
        received: connection.account('received'),
        attributes,
      },
    };
  }

  /** A connect that failed, or a connection whose opening was never told: all that is known is its end. */
  connectionUnopened(
    event: ConnectionClosed,
    session: Session,
    process: TrackedProcess | undefined,
    pid: number,
  ): Activity {
    const lost = (bytes: number): ByteAccount => ({ ...NOTHING, moved: bytes, lost: bytes });
    return {
      ...this.#head(session, process, pid, event.startedNs, event.atNs),
      connectionId: this.connectionId(event),
      detail: 'connection',
      connection: {
        ...this.#addresses(event, event.role),
        action: event.failed ? ConnectionAction.FAILED : ConnectionAction.CLOSED,
        protocol: event.failed ? '' : 'unknown',
        error: errnoName(event.error),
        sent: lost(event.sentBytes),
        received: lost(event.receivedBytes + event.unreadBytes),
        attributes: {},
      },
    };
  }

  loss(loss: LossReport, session: Session | undefined, connectionId: string): Activity {
    const since = this.#naming.toUnixNs(loss.sinceNs);
    const until = this.#naming.toUnixNs(loss.untilNs);
    const head =
      session === undefined
        ? recorderHead(since, until)
        : { ...this.#head(session, undefined, 0, loss.sinceNs, loss.untilNs), connectionId };
    return {
      ...head,
      detail: 'loss',
      loss: {
        where: loss.where,
        reason: loss.reason,
        events: loss.events,
        bytes: loss.bytes,
        direction: loss.direction ?? '',
        message: loss.message,
      },
    };
  }

  recorder(
    action: keyof typeof RecorderAction,
    about: { version: string; kernel: string; bootId: string; attributes: Readonly<Record<string, string>> },
    atNs: number,
  ): Activity {
    const now = this.#naming.toUnixNs(atNs);
    return { ...recorderHead(now, now), detail: 'recorder', recorder: { ...about, action: RecorderAction[action] } };
  }

  #process(
    process: TrackedProcess,
    action: ProcessAction,
    atNs: number,
    exit: Pick<ProcessExited, 'exitCode' | 'signal' | 'coreDumped' | 'statusKnown'> | undefined,
  ): Activity {
    const { program } = process;
    // argv and the like belong to the line that tells of the program; others name it by exe.
    const told = action === ProcessAction.EXEC || action === ProcessAction.JOINED ? program : undefined;
    const cgroup = program?.cgroup ?? '';
    return {
      ...this.#head(process.session, process, process.key.pid, atNs, atNs),
      detail: 'process',
      process: {
        action,
        parentPid: process.parent.pid,
        parentProcessId: this.#processId(process.parent.pid, process.parent.startNs),
        argv: told === undefined ? [] : this.#redactor.argv(told.argv),
        argvBytes: told?.argvBytes ?? 0,
        truncated: told !== undefined && !told.argvComplete,
        cwd: told?.cwd ?? '',
        uid: program?.uid ?? 0,
        gid: program?.gid ?? 0,
        loginUid: program?.loginUid ?? 0,
        cgroup,
        containerId: containerIdOf(cgroup),
        exitCode: exit?.exitCode ?? 0,
        signal: exit?.signal ?? 0,
        coreDumped: exit?.coreDumped ?? false,
      },
    };
  }

  #session(session: Session, action: SessionAction, atNs: number): Activity {
    return {
      ...this.#head(session, session.first, session.first?.key.pid ?? 0, session.startedNs, atNs),
      detail: 'session',
      session: {
        action,
        selectedBy: session.selectedBy,
        commandLine: this.#redactor.text(session.commandLine),
        processes: session.processes,
        commands: session.commands,
        losses: session.losses,
        exitCode: session.exitCode,
        signal: session.signal,
      },
    };
  }

  #head(
    session: Session,
    process: TrackedProcess | undefined,
    pid: number,
    fromNs: number,
    untilNs: number,
  ): ActivityHead {
    const binding = bindingAt(session, fromNs);
    const timeNs = uint64FromBigint(this.#naming.toUnixNs(fromNs));
    return {
      timeNs,
      endTimeNs: untilNs === fromNs ? timeNs : uint64FromBigint(this.#naming.toUnixNs(untilNs)),
      sessionId: session.id,
      workload: session.workload,
      identityId: binding.identityId,
      identityName: binding.identityName,
      identityState: binding.state,
      identitySource: binding.source,
      tokenId: binding.tokenId,
      pid,
      processId: process === undefined ? '' : this.processId(process),
      exe: process?.program?.exe ?? '',
      connectionId: '',
    };
  }

  #addresses(opened: AddressFields, role: 'client' | 'server' | 'unknown') {
    return {
      transport: opened.transport,
      role: ROLE[role],
      localAddress: opened.localAddress,
      localPort: opened.localPort,
      remoteAddress: opened.remoteAddress,
      remotePort: opened.remotePort,
      joinedLate: opened.joinedLate,
      tls: '',
      serverName: '',
    };
  }

  #processId(pid: number, startNs: bigint): string {
    return `${this.#naming.boot}-${pid.toString(36)}-${startNs.toString(36)}`;
  }
}

type AddressFields = Pick<
  ConnectionOpened,
  'transport' | 'localAddress' | 'localPort' | 'remoteAddress' | 'remotePort' | 'joinedLate'
>;

export interface LossReport {
  readonly where: string;
  readonly reason: string;
  readonly events: number;
  readonly bytes: number;
  readonly direction?: 'sent' | 'received';
  readonly sinceNs: number;
  readonly untilNs: number;
  readonly message: string;
}

/** What the bytes call the target, and the address that they went to. */
function targetOf(connection: ConnectionView, exchange: Exchange): string {
  const { opened, role } = connection;
  const [address, port] =
    role === 'client' ? [opened.remoteAddress, opened.remotePort] : [opened.localAddress, opened.localPort];
  const place =
    opened.transport === 'unix' ? address : address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  // HTTP names an authority, which is a place already; a database's name is not.
  if (connection.protocol === 'http') return exchange.target === '' ? place : exchange.target;
  return exchange.target === '' ? place : `${exchange.target}@${place}`;
}
