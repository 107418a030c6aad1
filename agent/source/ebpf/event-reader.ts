// SPDX-License-Identifier: Apache-2.0

/**
 * Bytes of the ring → kernel events. Pure but for what it has to remember between events: pieces of argv, and bytes that
 * came before the connection that they belong to.
 */
import type {
  BytesMissing,
  BytesMoved,
  ConnectionClosed,
  ConnectionOpened,
  KernelEvent,
  ProcessExited,
  ProcessKey,
  Scope,
  Transport,
} from '../../model/kernel-event.ts';
import { addressText } from '../../protocol/bytes/address-text.ts';
import { textOf } from './byte-text.ts';
import { type DatagramNotice, readDatagram } from './datagram-record.ts';
import { EarlyBytes } from './early-bytes.ts';
import { isWhole } from './event-bounds.ts';
import { connectionKeyAt, processAt, scopeAt, u64 } from './fields.ts';
import { readImage } from './image-record.ts';
import {
  addresses,
  bytesEvent,
  closeEvent,
  direction,
  event,
  eventType,
  execEvent,
  exitEvent,
  forkEvent,
  gapEvent,
  gapReason,
  joinEvent,
  limits,
  openEvent,
  role,
  secretEvent,
  transport,
  way,
  wayEvent,
} from './layout.generated.ts';
import { ProgramReader } from './program-reader.ts';
import { takeSecretFrom } from './secret-record.ts';
import { readStandardSockets, type StandardSockets } from './socket-record.ts';
import { readStandardPipes, readStream, type StandardPipes, type StreamMoved } from './stream-record.ts';
import { readWay } from './way-record.ts';

/** A running process came into scope: who it is has to be looked up in /proc. */
export interface JoinNotice {
  readonly type: 'join-notice';
  readonly atNs: number;
  readonly process: ProcessKey;
  readonly parent: ProcessKey;
  readonly scope: Scope;
}

/** An exec began a session, or a process was handed sockets: those that it has are to be looked for. */
export interface SelectedNotice {
  readonly type: 'selected-notice';
  readonly process: ProcessKey;
}

export type ReadEvent =
  | KernelEvent
  | JoinNotice
  | SelectedNotice
  | DatagramNotice
  | StandardPipes
  | StandardSockets
  | StreamMoved;

export class EventReader {
  readonly #programs = new ProgramReader();
  readonly #early = new EarlyBytes();
  /** Records that were not understood: a newer kernel side, or damage. */
  unknownEvents = 0;
  /** Events of secrets that were not in the kernel side's table (any more). */
  missingSecrets = 0;
  /** Paths that workloads may not change: events have their numbers. */
  guardedPaths: readonly string[] = [];
  readonly #takeSecret: (id: bigint) => Buffer | undefined;

  /** `takeSecret` gives a secret of the kernel side by its id, once; this reader fills it with zeros. */
  constructor(takeSecret: (id: bigint) => Buffer | undefined = () => undefined) {
    this.#takeSecret = takeSecret;
  }

  /** Appends the events of one batch to `into`. `BytesMoved.bytes` are views into `batch`. */
  read(batch: Buffer, into: ReadEvent[]): void {
    for (let at = 0; at < batch.length; ) {
      const size = at + event.structBytes <= batch.length ? batch.readUInt32LE(at + event.size) : 0;
      // Where the next event would begin is not known either: the rest of the batch is one that was not understood.
      if (size < event.structBytes || at + size > batch.length) {
        this.unknownEvents++;
        return;
      }
      const type = batch.readUInt16LE(at + event.type);
      if (isWhole(batch, at, type, size)) this.#readOne(batch, at, type, size, into);
      else this.unknownEvents++;
      at += (size + 7) & ~7;
    }
  }

  #readOne(batch: Buffer, at: number, type: number, size: number, into: ReadEvent[]): void {
    switch (type) {
      case eventType.bytes:
        into.push(readBytes(batch, at));
        return;
      case eventType.datagram:
        into.push(readDatagram(batch, at));
        return;
      case eventType.fork:
        into.push({
          type: 'process-forked',
          atNs: timeOf(batch, at),
          process: processAt(batch, at + forkEvent.process),
          parent: processAt(batch, at + forkEvent.parent),
          scope: scopeAt(batch, at + forkEvent.scope),
        });
        return;
      case eventType.argvPiece:
        this.#programs.keepPiece(batch, at);
        return;
      case eventType.exec:
        this.#readExec(batch, at, size, into);
        return;
      case eventType.exit:
        into.push(readExit(batch, at));
        return;
      case eventType.join:
        into.push({
          type: 'join-notice',
          atNs: timeOf(batch, at),
          process: processAt(batch, at + joinEvent.process),
          parent: processAt(batch, at + joinEvent.parent),
          scope: scopeAt(batch, at + joinEvent.scope),
        });
        return;
      case eventType.open: {
        const opened = readOpen(batch, at);
        into.push(opened);
        if (opened.role === 'server') into.push(...this.#early.take(batch, at, opened.connectionKey));
        return;
      }
      case eventType.close:
        into.push(readClose(batch, at));
        return;
      case eventType.gap:
        into.push(readGap(batch, at));
        return;
      case eventType.earlyBytes:
        this.#early.keep(batch, at);
        return;
      case eventType.way:
        readWayInto(batch, at, this.guardedPaths, into);
        return;
      case eventType.stream:
        into.push(readStream(batch, at));
        return;
      case eventType.secret:
        this.#readSecret(batch, at, into);
        return;
      case eventType.image:
        into.push(readImage(batch, at));
    }
  }

  #readSecret(batch: Buffer, at: number, into: ReadEvent[]): void {
    const row = this.#takeSecret(batch.readBigUInt64LE(at + secretEvent.secretId));
    const { tls, ssh } = (row && takeSecretFrom(row)) ?? {};
    const head = {
      atNs: timeOf(batch, at),
      process: processAt(batch, at + secretEvent.process),
      scope: scopeAt(batch, at + secretEvent.scope),
    };
    if (tls !== undefined) into.push({ type: 'secret-derived', ...head, secret: tls });
    else if (ssh !== undefined) into.push({ type: 'ssh-key-derived', ...head, key: ssh });
    else this.missingSecrets++;
  }

  #readExec(batch: Buffer, at: number, size: number, into: ReadEvent[]): void {
    const process = processAt(batch, at + execEvent.process);
    into.push(readStandardPipes(batch, at));
    const sockets = readStandardSockets(batch, at);
    if (sockets !== undefined) into.push(sockets);
    into.push({
      type: 'process-executed',
      atNs: timeOf(batch, at),
      process,
      parent: processAt(batch, at + execEvent.parent),
      scope: scopeAt(batch, at + execEvent.scope),
      program: this.#programs.read(batch, at, size),
    });
    if (has(batch, at, limits.flagSelected)) into.push({ type: 'selected-notice', process });
  }
}

/** Sockets that came with a message are looked for at once, as those that a process has when it is selected. */
function readWayInto(batch: Buffer, at: number, guardedPaths: readonly string[], into: ReadEvent[]): void {
  if (batch.readUInt32LE(at + wayEvent.way) === way.filesReceived) {
    into.push({ type: 'selected-notice', process: processAt(batch, at + wayEvent.process) });
    return;
  }
  const taken = readWay(batch, at, guardedPaths);
  if (taken !== undefined) into.push(taken);
}

function timeOf(batch: Buffer, at: number): number {
  return u64(batch, at + event.timeNs);
}

function has(batch: Buffer, at: number, flag: number): boolean {
  return (batch.readUInt16LE(at + event.flags) & flag) !== 0;
}

/** The status is as wait(2) gives it. */
function readExit(batch: Buffer, at: number): ProcessExited {
  const status = batch.readUInt32LE(at + exitEvent.status);
  return {
    type: 'process-exited',
    atNs: timeOf(batch, at),
    process: processAt(batch, at + exitEvent.process),
    scope: scopeAt(batch, at + exitEvent.scope),
    exitCode: (status >> 8) & 0xff,
    signal: status & 0x7f,
    coreDumped: (status & 0x80) !== 0,
    statusKnown: true,
  };
}

function readBytes(batch: Buffer, at: number): BytesMoved {
  const start = at + bytesEvent.data;
  const offset = u64(batch, at + bytesEvent.offset);
  const direction = directionOf(batch.readUInt32LE(at + bytesEvent.direction));
  const settledOffset = offset - batch.readUInt32LE(at + bytesEvent.ahead);
  const otherOffset = u64(batch, at + bytesEvent.otherOffset);
  return {
    type: 'bytes-moved',
    atNs: timeOf(batch, at),
    connectionKey: connectionKeyAt(batch, at + bytesEvent.connection),
    direction,
    offset,
    bytes: batch.subarray(start, start + batch.readUInt32LE(at + bytesEvent.bytes)),
    pid: batch.readUInt32LE(at + bytesEvent.tgid),
    sentSettledOffset: direction === 'sent' ? settledOffset : otherOffset,
    receivedSettledOffset: direction === 'received' ? settledOffset : otherOffset,
  };
}

const GAP_REASONS: Readonly<Record<number, BytesMissing['reason']>> = {
  [gapReason.unreadable]: 'unreadable',
  [gapReason.tooLarge]: 'too_large',
  [gapReason.noBuffer]: 'no_buffer',
  [gapReason.skipped]: 'skipped',
};

function readGap(batch: Buffer, at: number): BytesMissing {
  return {
    type: 'bytes-missing',
    atNs: timeOf(batch, at),
    connectionKey: connectionKeyAt(batch, at + gapEvent.connection),
    direction: directionOf(batch.readUInt32LE(at + gapEvent.direction)),
    offset: u64(batch, at + gapEvent.offset),
    bytes: batch.readUInt32LE(at + gapEvent.bytes),
    reason: GAP_REASONS[batch.readUInt32LE(at + gapEvent.reason)] ?? 'unreadable',
  };
}

const TRANSPORTS: Readonly<Record<number, Transport>> = {
  [transport.tcp]: 'tcp',
  [transport.udp]: 'udp',
  [transport.unix]: 'unix',
};

function roleOf(value: number): 'client' | 'server' | 'unknown' {
  return value === role.client ? 'client' : value === role.server ? 'server' : 'unknown';
}

function directionOf(value: number): 'sent' | 'received' {
  return value === direction.sent ? 'sent' : 'received';
}

/** What open and close events say alike. `at` is that of the addresses. */
function readAddresses(batch: Buffer, at: number) {
  const family = batch[at + addresses.family] as number;
  return {
    transport: TRANSPORTS[batch[at + addresses.transport] as number] ?? 'tcp',
    role: roleOf(batch[at + addresses.role] as number),
    localAddress: addressText(batch, at + addresses.local, family),
    localPort: batch.readUInt16LE(at + addresses.localPort),
    remoteAddress: addressText(batch, at + addresses.remote, family),
    remotePort: batch.readUInt16LE(at + addresses.remotePort),
  };
}

function readOpen(batch: Buffer, at: number): ConnectionOpened {
  const about = readAddresses(batch, at + openEvent.addresses);
  const paths =
    about.transport === 'unix'
      ? {
          localAddress: unixPath(batch, at + openEvent.localPath, batch.readUInt16LE(at + openEvent.localPathBytes)),
          remoteAddress: unixPath(batch, at + openEvent.remotePath, batch.readUInt16LE(at + openEvent.remotePathBytes)),
        }
      : {};
  return {
    type: 'connection-opened',
    atNs: timeOf(batch, at),
    startedNs: u64(batch, at + openEvent.startedNs),
    connectionKey: connectionKeyAt(batch, at + openEvent.connection),
    scope: scopeAt(batch, at + openEvent.scope),
    process: processAt(batch, at + openEvent.process),
    ...about,
    ...paths,
    joinedLate: has(batch, at, limits.flagJoinedLate),
    peerPid: batch.readUInt32LE(at + openEvent.peerPid),
    ...(has(batch, at, limits.flagRedirected) && { isRedirected: true }),
  };
}

/** One close event; also of the buffer of late closes, which are such events one after another. */
export function readClose(batch: Buffer, at: number): ConnectionClosed {
  return {
    type: 'connection-closed',
    atNs: timeOf(batch, at),
    startedNs: u64(batch, at + closeEvent.startedNs),
    connectionKey: connectionKeyAt(batch, at + closeEvent.connection),
    scope: scopeAt(batch, at + closeEvent.scope),
    process: processAt(batch, at + closeEvent.process),
    ...readAddresses(batch, at + closeEvent.addresses),
    joinedLate: has(batch, at, limits.flagJoinedLate),
    failed: has(batch, at, limits.flagFailed),
    error: batch.readUInt32LE(at + closeEvent.error),
    sentBytes: u64(batch, at + closeEvent.sentBytes),
    receivedBytes: u64(batch, at + closeEvent.receivedBytes),
    unsentBytes: u64(batch, at + closeEvent.unsentBytes),
    unreadBytes: u64(batch, at + closeEvent.unreadBytes),
    droppedSentBytes: u64(batch, at + closeEvent.droppedSentBytes),
    droppedReceivedBytes: u64(batch, at + closeEvent.droppedReceivedBytes),
    heldUs: batch.readUInt32LE(at + closeEvent.heldUs),
  };
}

/** An abstract name begins with a NUL, which people write as @, and may have more of them. */
function unixPath(batch: Buffer, at: number, length: number): string {
  if (length === 0) return '';
  const bytes = batch.subarray(at, at + length);
  if (bytes[0] === 0) return `@${textOf(bytes.subarray(1))}`;
  const end = bytes.indexOf(0);
  return textOf(end < 0 ? bytes : bytes.subarray(0, end));
}
