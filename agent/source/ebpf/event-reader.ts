// SPDX-License-Identifier: Apache-2.0

/**
 * Bytes of the ring → kernel events. Pure but for what it has to remember between events: pieces of argv, and bytes that
 * came before the connection that they belong to.
 */
import type {
  BytesMissing,
  BytesMoved,
  ConnectionClosed,
  ConnectionKey,
  ConnectionOpened,
  KernelEvent,
  ProcessKey,
  Program,
  Scope,
  Transport,
} from '../../model/kernel-event.ts';
import {
  addresses,
  argvPieceEvent,
  bytesEvent,
  closeEvent,
  direction,
  earlyBytesEvent,
  eventType,
  execEvent,
  exitEvent,
  forkEvent,
  gapEvent,
  gapReason,
  joinEvent,
  openEvent,
  role,
  transport,
} from './layout.generated.ts';

/** A running process came into scope: who it is has to be looked up in /proc. */
export interface JoinNotice {
  readonly type: 'join-notice';
  readonly atNs: number;
  readonly process: ProcessKey;
  readonly parent: ProcessKey;
  readonly scope: Scope;
}

const TWO_32 = 4294967296;
const FLAG_JOINED_LATE = 1;
const FLAG_FAILED = 2;
/** Pieces of argv that wait for their exec event; it follows them at once, unless it was dropped. */
const ARGV_WAITING_MAX = 1024;
/** Early bytes that wait for their connection; it follows at once, unless it was refused or dropped. */
const EARLY_WAITING_MAX = 256;

interface ArgvPieces {
  readonly timeNs: number;
  readonly pieces: { offset: number; bytes: Buffer }[];
}

export class EventReader {
  readonly #argv = new Map<number, ArgvPieces>();
  readonly #early = new Map<string, { sequence: number; atNs: number; bytes: Buffer }[]>();
  /** Early bytes given up because their connection never came. */
  earlyBytesLost = 0;
  /** Records that were not understood: a newer kernel side, or damage. */
  unknownEvents = 0;

  /** Appends the events of one batch to `into`. `BytesMoved.bytes` are views into `batch`. */
  read(batch: Buffer, into: (KernelEvent | JoinNotice)[]): void {
    for (let at = 0; at + 16 <= batch.length; ) {
      const size = batch.readUInt32LE(at + 4);
      if (size < 16 || at + size > batch.length) {
        this.unknownEvents++;
        return;
      }
      this.#readOne(batch, at, size, into);
      at += (size + 7) & ~7;
    }
  }

  #readOne(batch: Buffer, at: number, size: number, into: (KernelEvent | JoinNotice)[]): void {
    switch (batch.readUInt16LE(at)) {
      case eventType.bytes:
        into.push(readBytes(batch, at));
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
        this.#keepArgvPiece(batch, at);
        return;
      case eventType.exec:
        into.push({
          type: 'process-executed',
          atNs: timeOf(batch, at),
          process: processAt(batch, at + execEvent.process),
          parent: processAt(batch, at + execEvent.parent),
          scope: scopeAt(batch, at + execEvent.scope),
          program: this.#readProgram(batch, at, size),
        });
        return;
      case eventType.exit: {
        const status = batch.readUInt32LE(at + exitEvent.status);
        into.push({
          type: 'process-exited',
          atNs: timeOf(batch, at),
          process: processAt(batch, at + exitEvent.process),
          scope: scopeAt(batch, at + exitEvent.scope),
          exitCode: (status >> 8) & 0xff,
          signal: status & 0x7f,
          coreDumped: (status & 0x80) !== 0,
          statusKnown: true,
        });
        return;
      }
      case eventType.join:
        into.push({
          type: 'join-notice',
          atNs: timeOf(batch, at),
          process: processAt(batch, at + joinEvent.process),
          parent: processAt(batch, at + joinEvent.parent),
          scope: scopeAt(batch, at + joinEvent.scope),
        });
        return;
      case eventType.open:
        this.#readOpen(batch, at, into);
        return;
      case eventType.close:
        into.push(readClose(batch, at));
        return;
      case eventType.gap:
        into.push(readGap(batch, at));
        return;
      case eventType.earlyBytes:
        this.#keepEarly(batch, at);
        return;
      default:
        this.unknownEvents++;
    }
  }

  #keepArgvPiece(batch: Buffer, at: number): void {
    const tgid = batch.readUInt32LE(at + argvPieceEvent.tgid);
    const timeNs = timeOf(batch, at);
    let waiting = this.#argv.get(tgid);
    if (waiting === undefined || waiting.timeNs !== timeNs) {
      waiting = { timeNs, pieces: [] };
      this.#argv.set(tgid, waiting);
      if (this.#argv.size > ARGV_WAITING_MAX) this.#argv.delete(this.#argv.keys().next().value as number);
    }
    const start = at + argvPieceEvent.data;
    const bytes = Buffer.from(batch.subarray(start, start + batch.readUInt32LE(at + argvPieceEvent.bytes)));
    waiting.pieces.push({ offset: batch.readUInt32LE(at + argvPieceEvent.offset), bytes });
  }

  #readProgram(batch: Buffer, at: number, size: number): Program {
    let start = at + execEvent.data;
    const take = (length: number): Buffer => {
      const part = batch.subarray(start, Math.min(start + length, at + size));
      start += length;
      return part;
    };
    const exe = pathOf(take(batch.readUInt16LE(at + execEvent.exeBytes)));
    const cwd = pathOf(take(batch.readUInt16LE(at + execEvent.cwdBytes)));
    const cgroup = pathOf(take(batch.readUInt16LE(at + execEvent.cgroupBytes)));
    const inline = take(batch.readUInt16LE(at + execEvent.argvInlineBytes));
    const argvBytes = batch.readUInt32LE(at + execEvent.argvBytes);
    const { bytes, complete } = this.#wholeArgv(batch, at, inline, argvBytes);
    return {
      exe,
      cwd,
      cgroup,
      argv: splitArgv(bytes),
      argvBytes,
      argvComplete: complete,
      uid: batch.readUInt32LE(at + execEvent.uid),
      gid: batch.readUInt32LE(at + execEvent.gid),
      loginUid: batch.readUInt32LE(at + execEvent.loginUid),
    };
  }

  /** Joins the inline head and the pieces; stops at the first hole, so that no argument is made up of two. */
  #wholeArgv(batch: Buffer, at: number, inline: Buffer, argvBytes: number): { bytes: Buffer; complete: boolean } {
    if (argvBytes <= inline.length) return { bytes: inline, complete: true };
    const tgid = batch.readUInt32LE(at + execEvent.processTgid);
    const waiting = this.#argv.get(tgid);
    this.#argv.delete(tgid);
    if (waiting === undefined || waiting.timeNs !== timeOf(batch, at)) return { bytes: inline, complete: false };
    const parts = [inline];
    let end = inline.length;
    for (const piece of waiting.pieces) {
      if (piece.offset !== end) break;
      parts.push(piece.bytes);
      end += piece.bytes.length;
    }
    return { bytes: Buffer.concat(parts), complete: end === argvBytes };
  }

  #keepEarly(batch: Buffer, at: number): void {
    const key = tupleAt(batch, at + earlyBytesEvent.addresses);
    const start = at + earlyBytesEvent.data;
    const bytes = Buffer.from(batch.subarray(start, start + batch.readUInt32LE(at + earlyBytesEvent.bytes)));
    const waiting = this.#early.get(key) ?? [];
    waiting.push({ sequence: batch.readUInt32LE(at + earlyBytesEvent.sequence), atNs: timeOf(batch, at), bytes });
    this.#early.set(key, waiting);
    if (this.#early.size > EARLY_WAITING_MAX) {
      const [oldest, given] = this.#early.entries().next().value as [string, { bytes: Buffer }[]];
      this.#early.delete(oldest);
      for (const piece of given) this.earlyBytesLost += piece.bytes.length;
    }
  }

  #readOpen(batch: Buffer, at: number, into: (KernelEvent | JoinNotice)[]): void {
    const opened = readOpen(batch, at);
    into.push(opened);
    if (this.#early.size === 0 || opened.role !== 'server') return;
    const key = tupleAt(batch, at + openEvent.addresses);
    const early = this.#early.get(key);
    if (early === undefined) return;
    this.#early.delete(key);
    const base = batch.readUInt32LE(at + openEvent.receivedSequence);
    for (const { sequence, atNs, bytes } of early) {
      into.push({
        type: 'bytes-moved',
        atNs,
        connectionKey: opened.connectionKey,
        direction: 'received',
        offset: (sequence - base) >>> 0,
        bytes,
        pid: 0,
      });
    }
  }
}

function u64(batch: Buffer, at: number): number {
  return batch.readUInt32LE(at + 4) * TWO_32 + batch.readUInt32LE(at);
}

function timeOf(batch: Buffer, at: number): number {
  return u64(batch, at + 8);
}

function processAt(batch: Buffer, at: number): ProcessKey {
  return { pid: batch.readUInt32LE(at), startNs: batch.readBigUInt64LE(at + 8) };
}

function scopeAt(batch: Buffer, at: number): Scope {
  return { selectionId: batch.readUInt32LE(at), sessionKey: batch.readBigUInt64LE(at + 8) };
}

/** The top bit marks unix sockets; their inodes become negative keys. */
function connectionKeyAt(batch: Buffer, at: number): ConnectionKey {
  const high = batch.readUInt32LE(at + 4);
  const low = batch.readUInt32LE(at);
  return high >= 0x80000000 ? -((high - 0x80000000) * TWO_32 + low) : high * TWO_32 + low;
}

function readBytes(batch: Buffer, at: number): BytesMoved {
  const start = at + bytesEvent.data;
  return {
    type: 'bytes-moved',
    atNs: timeOf(batch, at),
    connectionKey: connectionKeyAt(batch, at + bytesEvent.connection),
    direction: batch.readUInt32LE(at + bytesEvent.direction) === direction.sent ? 'sent' : 'received',
    offset: u64(batch, at + bytesEvent.offset),
    bytes: batch.subarray(start, start + batch.readUInt32LE(at + bytesEvent.bytes)),
    pid: batch.readUInt32LE(at + bytesEvent.tgid),
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
    direction: batch.readUInt32LE(at + gapEvent.direction) === direction.sent ? 'sent' : 'received',
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

function roleOf(value: number): ConnectionOpened['role'] {
  return value === role.client ? 'client' : value === role.server ? 'server' : 'unknown';
}

function readOpen(batch: Buffer, at: number): ConnectionOpened {
  const where = at + openEvent.addresses;
  const kind = TRANSPORTS[batch[where + addresses.transport] as number] ?? 'tcp';
  const unix = kind === 'unix';
  return {
    type: 'connection-opened',
    atNs: timeOf(batch, at),
    startedNs: u64(batch, at + openEvent.startedNs),
    connectionKey: connectionKeyAt(batch, at + openEvent.connection),
    scope: scopeAt(batch, at + openEvent.scope),
    process: processAt(batch, at + openEvent.process),
    transport: kind,
    role: roleOf(batch[where + addresses.role] as number),
    localAddress: unix
      ? unixPath(batch, at + openEvent.localPath, batch.readUInt16LE(at + openEvent.localPathBytes))
      : addressText(batch, where + addresses.local, batch[where + addresses.family] as number),
    localPort: batch.readUInt16LE(where + addresses.localPort),
    remoteAddress: unix
      ? unixPath(batch, at + openEvent.remotePath, batch.readUInt16LE(at + openEvent.remotePathBytes))
      : addressText(batch, where + addresses.remote, batch[where + addresses.family] as number),
    remotePort: batch.readUInt16LE(where + addresses.remotePort),
    joinedLate: (batch.readUInt16LE(at + 2) & FLAG_JOINED_LATE) !== 0,
    peerPid: batch.readUInt32LE(at + openEvent.peerPid),
  };
}

/** One close event; also of the buffer of late closes, which are such events one after another. */
export function readClose(batch: Buffer, at: number): ConnectionClosed {
  const where = at + closeEvent.addresses;
  const family = batch[where + addresses.family] as number;
  return {
    type: 'connection-closed',
    atNs: timeOf(batch, at),
    startedNs: u64(batch, at + closeEvent.startedNs),
    connectionKey: connectionKeyAt(batch, at + closeEvent.connection),
    scope: scopeAt(batch, at + closeEvent.scope),
    process: processAt(batch, at + closeEvent.process),
    transport: TRANSPORTS[batch[where + addresses.transport] as number] ?? 'tcp',
    role: roleOf(batch[where + addresses.role] as number),
    localAddress: addressText(batch, where + addresses.local, family),
    localPort: batch.readUInt16LE(where + addresses.localPort),
    remoteAddress: addressText(batch, where + addresses.remote, family),
    remotePort: batch.readUInt16LE(where + addresses.remotePort),
    joinedLate: (batch.readUInt16LE(at + 2) & FLAG_JOINED_LATE) !== 0,
    failed: (batch.readUInt16LE(at + 2) & FLAG_FAILED) !== 0,
    error: batch.readUInt32LE(at + closeEvent.error),
    sentBytes: u64(batch, at + closeEvent.sentBytes),
    receivedBytes: u64(batch, at + closeEvent.receivedBytes),
    unsentBytes: u64(batch, at + closeEvent.unsentBytes),
    unreadBytes: u64(batch, at + closeEvent.unreadBytes),
    droppedSentBytes: u64(batch, at + closeEvent.droppedSentBytes),
    droppedReceivedBytes: u64(batch, at + closeEvent.droppedReceivedBytes),
  };
}

/** Components from the leaf to the root, each a length and a name, as a path. */
export function pathOf(components: Buffer): string {
  const names: string[] = [];
  for (let at = 0; at < components.length; ) {
    const length = components[at] as number;
    names.push(components.toString('utf8', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return `/${names.reverse().join('/')}`;
}

function splitArgv(bytes: Buffer): string[] {
  if (bytes.length === 0) return [];
  // Each argument ends with a NUL; the last may lack it where argv was cut.
  const end = bytes[bytes.length - 1] === 0 ? bytes.length - 1 : bytes.length;
  return bytes.toString('utf8', 0, end).split('\0');
}

/** An abstract name begins with a NUL, which people write as @. */
function unixPath(batch: Buffer, at: number, length: number): string {
  if (length === 0) return '';
  if (batch[at] === 0) return `@${batch.toString('utf8', at + 1, at + length)}`;
  const end = batch.indexOf(0, at);
  return batch.toString('utf8', at, end >= 0 && end < at + length ? end : at + length);
}

/** An address as RFC 5952 writes it; IPv4 inside IPv6 as IPv4. */
export function addressText(batch: Buffer, at: number, family: number): string {
  if (family === 4) return `${batch[at]}.${batch[at + 1]}.${batch[at + 2]}.${batch[at + 3]}`;
  if (family !== 6) return '';
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(batch.readUInt16BE(at + i));
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `${batch[at + 12]}.${batch[at + 13]}.${batch[at + 14]}.${batch[at + 15]}`;
  }
  let runAt = -1;
  let runLength = 1;
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && groups[i + length] === 0) length++;
    if (length > runLength) {
      runAt = i;
      runLength = length;
    }
  }
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  return runAt < 0 ? text(groups) : `${text(groups.slice(0, runAt))}::${text(groups.slice(runAt + runLength))}`;
}

function tupleAt(batch: Buffer, at: number): string {
  return batch.toString('latin1', at, at + addresses.family + 1);
}
