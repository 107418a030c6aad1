// SPDX-License-Identifier: Apache-2.0

import { commandLineOf } from '../lineage/command-line.ts';
/**
 * What happened + whose it was → an Activity. Redaction happens here and nowhere later.
 */
import type { ExitStatus } from '../lineage/lineage.ts';
import { bindingAt, type Session, type TrackedProcess } from '../lineage/session.ts';
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
import { containerIdOf } from '../model/cgroup-path.ts';
import type { FindingReport } from '../model/finding.ts';
import type { Binding } from '../model/identity.ts';
import {
  type ConnectionClosed,
  type ConnectionOpened,
  PIPE_KEYS_BELOW,
  type ProcessKey,
  type Program,
} from '../model/kernel-event.ts';
import type { Exchange, Status as ExchangeStatus, TerminalStretch } from '../protocol/decoder.ts';
import { errnoName } from './errno.ts';
import type { Redactor } from './redaction/redactor.ts';
import { recordedStretch } from './terminal-stretch.ts';

export interface Naming {
  /** Nanoseconds since the Unix epoch. */
  toUnixNs(atNs: number): bigint;
  /** Tells runs of the machine apart in the ids of processes and connections: eight letters or digits. */
  readonly boot: string;
}

/** What TLS shows of a connection; texts are '' where it did not. */
export interface TlsView {
  /** 'TLS 1.3'; '' while the handshake has not said. */
  readonly version: string;
  /** As IANA has it. */
  readonly cipherSuite: string;
  /** The server that the client asked for. */
  readonly serverName: string;
  /** The protocol that was agreed on (ALPN). */
  readonly protocol: string;
  readonly resumed: boolean;
  readonly certificate: CertificateView | undefined;
  readonly clientCertificate: CertificateView | undefined;
}

export interface CertificateView {
  readonly subject: string;
  readonly issuer: string;
  /** Of the certificate in DER, hex. */
  readonly sha256: string;
}

/** What a connection is to the record. */
export interface ConnectionView {
  readonly opened: ConnectionOpened;
  readonly role: 'client' | 'server' | 'unknown';
  readonly protocol: string;
  /** What TLS showed of itself; undefined when the connection has none. */
  readonly tls: TlsView | undefined;
  /** What DNS had told its session of the remote address. */
  readonly names?: NamesView | undefined;
  /** The first bytes of what nobody decodes. */
  head?(direction: 'sent' | 'received'): Uint8Array;
  account(direction: 'sent' | 'received'): ByteAccount;
  /** Bytes seen that the socket's counters do not have. */
  surplus(direction: 'sent' | 'received'): number;
}

/** A terminal: of the host, or one that a connection carries. */
export interface TerminalView {
  readonly id: string;
  /** 'terminal' of the host; else the protocol. */
  readonly kind: string;
  readonly name: string;
  readonly connectionId: string;
}

/** The name that the address was found by, as far as is known, and all that it had, newest first. */
export interface NamesView {
  readonly name: string;
  /** The language that said so. */
  readonly by: string;
  readonly all: readonly string[];
}

const NOTHING: ByteAccount = { moved: 0, decoded: 0, notUnderstood: 0, unreadable: 0, cut: 0, lost: 0 };
const EMPTY = new Uint8Array(0);
/** (uid_t) -1, which no user has: what is not known must not read as root. The kernel says it of an unset login uid. */
const NOBODY_KNOWN = 4294967295;
const STATUS: Readonly<Record<ExchangeStatus, Status>> = {
  ok: Status.OK,
  error: Status.ERROR,
  unknown: Status.UNKNOWN,
};
const ROLE = { client: Role.CLIENT, server: Role.SERVER, unknown: Role.UNSPECIFIED } as const;

export class ActivityBuilder {
  readonly #naming: Naming;
  readonly #redactor: Redactor;
  /** Texts that each command of a connection and a process has: made once. */
  readonly #connectionIds = new WeakMap<object, string>();
  readonly #processIds = new WeakMap<ProcessKey, string>();

  constructor(naming: Naming, redactor: Redactor) {
    this.#naming = naming;
    this.#redactor = redactor;
  }

  processId(process: TrackedProcess): string {
    return this.#processId(process.key);
  }

  /** Also of a process that is not followed (any more). */
  processIdOf(key: ProcessKey): string {
    return this.#processId(key);
  }

  connectionId(connection: Pick<ConnectionOpened, 'connectionKey' | 'startedNs'>): string {
    let id = this.#connectionIds.get(connection);
    if (id === undefined) {
      id = this.#makeConnectionId(connection);
      this.#connectionIds.set(connection, id);
    }
    return id;
  }

  /** Of a terminal of the host. */
  terminalId(device: string, startedNs: number): string {
    return `${this.#naming.boot}-y${device.replaceAll(/[^a-z0-9]+/g, '_')}-${startedNs.toString(36)}`;
  }

  #makeConnectionId(connection: Pick<ConnectionOpened, 'connectionKey' | 'startedNs'>): string {
    const key = connection.connectionKey;
    const kind = key >= 0 ? 't' : key < PIPE_KEYS_BELOW ? 'p' : 'u';
    return `${this.#naming.boot}-${kind}${Math.abs(key).toString(36)}-${connection.startedNs.toString(36)}`;
  }

  forked(process: TrackedProcess, atNs: number): Activity {
    return this.#process(process, ProcessAction.FORK, atNs);
  }

  /** `program` is undefined when it was gone before anyone could look. */
  joined(process: TrackedProcess, program: Program | undefined, atNs: number): Activity {
    return this.#process(process, ProcessAction.JOINED, atNs, { program });
  }

  executed(process: TrackedProcess, program: Program | undefined, atNs: number): Activity {
    return this.#process(process, ProcessAction.EXEC, atNs, { program });
  }

  exited(process: TrackedProcess, exit: ExitStatus, atNs: number): Activity {
    return this.#process(process, ProcessAction.EXIT, atNs, { exit });
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
    binding: Binding = bindingAt(session, exchange.requestAt),
  ): Activity {
    const { opened } = connection;
    const spoken = exchange.carriedIn ?? {
      protocol: connection.protocol,
      place: placeOf(connection),
      role: connection.role,
      tls: connection.tls?.version ?? '',
    };
    const protocol = exchange.protocol ?? spoken.protocol;
    const clean = this.#redactor.exchange(protocol, exchange);
    const { requestAt, responseEndAt } = exchange;
    return {
      ...this.#head(session, process, pid, requestAt, responseEndAt, requestAt, binding),
      connectionId: this.connectionId(opened),
      detail: 'command',
      command: {
        protocol,
        operation: exchange.operation,
        target: targetOf(spoken.protocol, spoken.place, clean.target),
        resource: clean.resource,
        statement: clean.statement,
        statementShape: clean.statementShape,
        parameters: clean.parameters,
        request: clean.request,
        response: clean.response,
        status: STATUS[exchange.status],
        errorCode: exchange.errorCode,
        errorMessage: clean.errorMessage,
        rows: exchange.rows ?? null,
        requestBytes: exchange.requestBytes,
        responseBytes: exchange.responseBytes,
        truncated: exchange.truncated,
        requestPayloadBytes: exchange.request.totalBytes,
        responsePayloadBytes: exchange.response.totalBytes,
        requestSha256: exchange.request.sha256 ?? EMPTY,
        responseSha256: exchange.response.sha256 ?? EMPTY,
        tls: spoken.tls,
        role: ROLE[spoken.role],
        attributes: this.#withServer(clean.attributes, opened, connection.role),
        durationNs: Math.max(0, exchange.responseEndAt - exchange.requestAt),
      },
    };
  }

  /** Of a conversation between a program and its starter: whose work it is that the command asks for. */
  #withServer(
    attributes: Record<string, string>,
    { process, peer }: ConnectionOpened,
    role: ConnectionView['role'],
  ): Record<string, string> {
    if (peer === undefined || role === 'unknown') return attributes;
    return { ...attributes, server_process_id: this.#processId(role === 'client' ? peer : process) };
  }

  connectionOpened(
    connection: ConnectionView,
    session: Session,
    process: TrackedProcess | undefined,
    pid: number,
  ): Activity {
    const { opened } = connection;
    const attributes: Record<string, string> = {};
    if (opened.peerPid > 0) attributes['peer_pid'] = String(opened.peerPid);
    if (opened.isRedirected) attributes['redirected_to'] = 'broker';
    return {
      ...this.#head(session, process, pid, opened.startedNs, opened.atNs),
      connectionId: this.connectionId(opened),
      detail: 'connection',
      connection: {
        ...addressesOf(opened, opened.role),
        action: ConnectionAction.OPENED,
        protocol: '',
        error: '',
        sent: NOTHING,
        received: NOTHING,
        attributes: this.#redactor.record({ ...attributes, ...nameAttributes(connection.names) }),
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
    binding: Binding = bindingAt(session, atNs),
  ): Activity {
    const { opened } = connection;
    const attributes: Record<string, string> = {};
    if (event === undefined) attributes['ended_by'] = 'recorder';
    else {
      if (event.unreadBytes > 0) attributes['unread_bytes'] = String(event.unreadBytes);
      if (event.heldUs > 0) attributes['held_us'] = String(event.heldUs);
    }
    for (const direction of ['sent', 'received'] as const) {
      const surplus = connection.surplus(direction);
      if (surplus > 0) attributes[`${direction}_surplus_bytes`] = String(surplus);
    }
    return {
      ...this.#head(session, process, pid, opened.startedNs, atNs, atNs, binding),
      connectionId: this.connectionId(opened),
      detail: 'connection',
      connection: {
        ...addressesOf(opened, connection.role),
        action: ConnectionAction.CLOSED,
        protocol: connection.protocol === '' ? 'unknown' : connection.protocol,
        error: event === undefined ? '' : errnoName(event.error),
        sent: connection.account('sent'),
        received: connection.account('received'),
        tls: connection.tls?.version ?? '',
        serverName: connection.tls?.serverName ?? '',
        attributes: this.#redactor.record({
          ...attributes,
          ...tlsAttributes(connection.tls),
          ...nameAttributes(connection.names),
          ...this.#headAttributes(connection),
        }),
      },
    };
  }

  /** The first bytes of what nobody decodes: as text where they are that, else in hex. */
  #headAttributes(connection: ConnectionView): Record<string, string> {
    const attributes: Record<string, string> = {};
    for (const direction of ['sent', 'received'] as const) {
      const head = this.#redactor.unknown(connection.head?.(direction) ?? EMPTY);
      if (head.length === 0) continue;
      const bytes = Buffer.from(head);
      if (isText(bytes)) attributes[`${direction}_head`] = new TextDecoder().decode(bytes, { stream: true });
      else attributes[`${direction}_head_hex`] = bytes.toString('hex');
    }
    return attributes;
  }

  /** A connect that failed, or a connection whose opening was never told: all that is known is its end. */
  connectionUnopened(
    event: ConnectionClosed,
    session: Session,
    process: TrackedProcess | undefined,
    pid: number,
    names?: NamesView,
  ): Activity {
    // Of UDP no bytes are had in any case; of others all were lost.
    const missed = event.transport === 'udp' ? 'notUnderstood' : 'lost';
    const account = (bytes: number): ByteAccount => ({ ...NOTHING, moved: bytes, [missed]: bytes });
    return {
      ...this.#head(session, process, pid, event.startedNs, event.atNs, event.atNs),
      connectionId: this.connectionId(event),
      detail: 'connection',
      connection: {
        ...addressesOf(event, event.role),
        action: event.failed ? ConnectionAction.FAILED : ConnectionAction.CLOSED,
        protocol: event.failed ? '' : 'unknown',
        error: errnoName(event.error),
        sent: account(event.sentBytes),
        received: account(event.receivedBytes + event.unreadBytes),
        attributes: this.#redactor.record(nameAttributes(names)),
      },
    };
  }

  loss(loss: LossReport, session: Session | undefined, connectionId: string): Activity {
    // A wall clock that was set back may have put the end before the beginning.
    const untilNs = Math.max(loss.sinceNs, loss.untilNs);
    const head =
      session === undefined
        ? recorderHead(this.#naming.toUnixNs(loss.sinceNs), this.#naming.toUnixNs(untilNs))
        : { ...this.#head(session, undefined, 0, loss.sinceNs, untilNs), connectionId };
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

  /** A stretch with at least one event. */
  terminal(
    terminal: TerminalView,
    stretch: TerminalStretch,
    session: Session,
    process: TrackedProcess | undefined,
    pid: number,
  ): Activity {
    const { sinceNs, untilNs, ...recorded } = recordedStretch(stretch, this.#redactor);
    return {
      ...this.#head(session, process, pid, sinceNs, untilNs, untilNs),
      connectionId: terminal.connectionId,
      detail: 'terminal',
      terminal: {
        terminalId: terminal.id,
        kind: terminal.kind,
        name: terminal.name,
        columns: stretch.columns,
        rows: stretch.rows,
        cutBytes: stretch.cutBytes,
        ...recorded,
      },
    };
  }

  /** Without a session it is the recorder's own. */
  finding(
    report: FindingReport,
    session: Session | undefined,
    process: TrackedProcess | undefined,
    connectionId: string,
  ): Activity {
    const untilNs = Math.max(report.sinceNs, report.untilNs);
    const head =
      session === undefined
        ? recorderHead(this.#naming.toUnixNs(report.sinceNs), this.#naming.toUnixNs(untilNs))
        : this.#head(session, process, process?.key.pid ?? 0, report.sinceNs, untilNs, untilNs);
    return {
      ...head,
      connectionId,
      detail: 'finding',
      finding: {
        kind: report.kind,
        subject: this.#redactor.text(report.subject),
        message: this.#redactor.text(report.message),
        events: report.events,
        bytes: report.bytes,
        attributes: this.#redactor.record(report.attributes),
      },
    };
  }

  recorder(
    action: keyof typeof RecorderAction,
    about: { version: string; kernel: string; bootId: string; attributes: Readonly<Record<string, string>> },
    atNs: number,
    sinceNs = atNs,
  ): Activity {
    const head = recorderHead(this.#naming.toUnixNs(sinceNs), this.#naming.toUnixNs(atNs));
    return { ...head, detail: 'recorder', recorder: { ...about, action: RecorderAction[action] } };
  }

  #process(
    process: TrackedProcess,
    action: ProcessAction,
    atNs: number,
    about: { readonly program?: Program | undefined; readonly exit?: ExitStatus } = {},
  ): Activity {
    const known = process.program;
    // argv and the like belong to the line that tells of the program; others name it by exe.
    const { program, exit } = about;
    const cgroup = known?.cgroup ?? '';
    return {
      ...this.#head(process.session, process, process.key.pid, atNs, atNs),
      detail: 'process',
      process: {
        action,
        parentPid: process.parent.pid,
        parentProcessId: process.parent.pid === 0 ? '' : this.#processId(process.parent),
        argv: program === undefined ? [] : this.#redactor.argv(program.argv),
        argvBytes: program?.argvBytes ?? 0,
        truncated: program !== undefined && !program.argvComplete,
        cwd: program?.cwd ?? '',
        uid: known?.uid ?? NOBODY_KNOWN,
        gid: known?.gid ?? NOBODY_KNOWN,
        loginUid: known?.loginUid ?? NOBODY_KNOWN,
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
      ...this.#head(session, session.first, session.first?.key.pid ?? 0, session.startedNs, atNs, atNs),
      detail: 'session',
      session: {
        action,
        selectedBy: session.selectedBy,
        commandLine: commandLineOf(this.#redactor.argv(session.argv)),
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
    /** At which time the identity is asked for: of a whole span, what was known by its end. */
    knownNs = fromNs,
    binding = bindingAt(session, knownNs),
  ): ActivityHead {
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
      identityTenant: binding.tenantId,
      identityBlueprint: binding.blueprintId,
      onBehalfOfId: binding.onBehalfOfId,
      onBehalfOfName: binding.onBehalfOfName,
      tokenAudience: binding.audience,
      tokenScopes: binding.scopes,
      tokenFingerprint: binding.fingerprint,
      identityKind: binding.kind,
      pid,
      processId: process === undefined ? '' : this.processId(process),
      exe: process?.program?.exe ?? '',
      connectionId: '',
    };
  }

  #processId(key: ProcessKey): string {
    let id = this.#processIds.get(key);
    if (id === undefined) {
      id = `${this.#naming.boot}-${key.pid.toString(36)}-${key.startNs.toString(36)}`;
      this.#processIds.set(key, id);
    }
    return id;
  }
}

type AddressFields = Pick<
  ConnectionOpened,
  'transport' | 'localAddress' | 'localPort' | 'remoteAddress' | 'remotePort' | 'joinedLate'
>;

/** Languages of connections whose targets are places. */
const NAMES_PLACES: ReadonlySet<string> = new Set(['http', 'http2', 'websocket']);

function tlsAttributes(tls: TlsView | undefined): Record<string, string> {
  if (tls === undefined) return {};
  const { certificate, clientCertificate } = tls;
  const all = {
    tls_cipher_suite: tls.cipherSuite,
    tls_alpn: tls.protocol,
    tls_resumed: tls.resumed ? 'true' : '',
    tls_certificate_subject: certificate?.subject ?? '',
    tls_certificate_issuer: certificate?.issuer ?? '',
    tls_certificate_sha256: certificate?.sha256 ?? '',
    tls_client_certificate_subject: clientCertificate?.subject ?? '',
    tls_client_certificate_issuer: clientCertificate?.issuer ?? '',
    tls_client_certificate_sha256: clientCertificate?.sha256 ?? '',
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
}

function nameAttributes(names: NamesView | undefined): Record<string, string> {
  if (names === undefined) return {};
  const { name, by, all } = names;
  return { remote_name: name, remote_name_by: by, ...(all.length > 1 && { remote_names: all.join(' ') }) };
}

function addressesOf(opened: AddressFields, role: 'client' | 'server' | 'unknown') {
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

/** The address of the end that was asked: of a workload that is a server, its own. */
export function placeOf({ opened, role }: Pick<ConnectionView, 'opened' | 'role'>): string {
  const [address, port] =
    role === 'server' ? [opened.localAddress, opened.localPort] : [opened.remoteAddress, opened.remotePort];
  if (opened.transport === 'unix' || opened.transport === 'pipe') return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** What the bytes call the target, and the address that they went to. */
function targetOf(protocol: string, place: string, target: string): string {
  // HTTP and what is spoken over it name an authority, which is a place already; a database's name is not.
  if (NAMES_PLACES.has(protocol)) return target === '' ? place : target;
  return target === '' ? place : `${target}@${place}`;
}

/** UTF-8, perhaps cut within its last character, and of control characters the ends of lines and tabs only. */
function isText(bytes: Buffer): boolean {
  const text = new TextDecoder('utf-8').decode(bytes, { stream: true });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is these that no text has.
  return !/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]/.test(text);
}
