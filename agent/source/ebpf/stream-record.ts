// SPDX-License-Identifier: Apache-2.0

/** What the kernel side says of pipes and terminals: events, and rows of its table. */
import type { BytesMissing, ProcessKey, Scope } from '../../model/kernel-event.ts';
import { processAt, scopeAt, u64 } from './fields.ts';
import {
  direction,
  event,
  execEvent,
  gapReason,
  limits,
  streamEvent,
  streamKind,
  streamState,
} from './layout.generated.ts';

/** Names a pipe or a terminal of the host, as struct sworn_stream_event says. */
export type StreamId = number;

export interface StreamMoved {
  readonly type: 'stream-moved';
  readonly kind: 'pipe' | 'terminal';
  readonly atNs: number;
  readonly process: ProcessKey;
  readonly scope: Scope;
  readonly stream: StreamId;
  readonly startedNs: number;
  /** Written to it, or read from it, by the process. */
  readonly direction: 'written' | 'read';
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly missingBytes: number;
  readonly missingReason: BytesMissing['reason'] | '';
  readonly localModes: number;
  readonly outputModes: number;
  readonly columns: number;
  readonly rows: number;
}

/** What a program that was just executed has as its file descriptors 0 and 1; 0 where they are no pipes. */
export interface StandardPipes {
  readonly type: 'standard-pipes';
  readonly scope: Scope;
  readonly process: ProcessKey;
  readonly parent: ProcessKey;
  readonly stdin: StreamId;
  readonly stdout: StreamId;
  readonly hasTerminal: boolean;
}

/** The account of a pipe or terminal. */
export interface StreamAccount {
  /** The row's key, to take it with. */
  readonly key: Buffer;
  readonly kind: 'pipe' | 'terminal';
  readonly stream: StreamId;
  readonly scope: Scope;
  readonly startedNs: number;
  readonly lastNs: number;
  readonly writtenBytes: number;
  readonly readBytes: number;
  /** Of a pipe: which end tells of its bytes. */
  readonly told: 'written' | 'read' | '';
  readonly pids: readonly number[];
  readonly hasEnded: boolean;
}

const REASONS: Readonly<Record<number, BytesMissing['reason']>> = {
  [gapReason.unreadable]: 'unreadable',
  [gapReason.tooLarge]: 'too_large',
  [gapReason.noBuffer]: 'no_buffer',
  [gapReason.skipped]: 'skipped',
};

/** `bytes` are a view into `batch`. */
export function readStream(batch: Buffer, at: number): StreamMoved {
  const start = at + streamEvent.data;
  const missingBytes = batch.readUInt32LE(at + streamEvent.missing);
  return {
    type: 'stream-moved',
    kind: batch.readUInt16LE(at + streamEvent.kind) === streamKind.pipe ? 'pipe' : 'terminal',
    atNs: u64(batch, at + event.timeNs),
    process: processAt(batch, at + streamEvent.process),
    scope: scopeAt(batch, at + streamEvent.scope),
    stream: u64(batch, at + streamEvent.stream),
    startedNs: u64(batch, at + streamEvent.startedNs),
    direction: batch.readUInt16LE(at + streamEvent.direction) === direction.sent ? 'written' : 'read',
    offset: u64(batch, at + streamEvent.offset),
    bytes: batch.subarray(start, start + batch.readUInt32LE(at + streamEvent.bytes)),
    missingBytes,
    missingReason: missingBytes === 0 ? '' : (REASONS[batch.readUInt32LE(at + streamEvent.reason)] ?? 'unreadable'),
    localModes: batch.readUInt32LE(at + streamEvent.localModes),
    outputModes: batch.readUInt32LE(at + streamEvent.outputModes),
    columns: batch.readUInt16LE(at + streamEvent.columns),
    rows: batch.readUInt16LE(at + streamEvent.rows),
  };
}

/** Of an exec event. */
export function readStandardPipes(batch: Buffer, at: number): StandardPipes {
  return {
    type: 'standard-pipes',
    scope: scopeAt(batch, at + execEvent.scope),
    process: processAt(batch, at + execEvent.process),
    parent: processAt(batch, at + execEvent.parent),
    stdin: u64(batch, at + execEvent.stdinPipe),
    stdout: u64(batch, at + execEvent.stdoutPipe),
    hasTerminal: (batch.readUInt16LE(at + event.flags) & limits.flagTerminal) !== 0,
  };
}

const KEY_BYTES = 8;
/** kind << 60 | stream, of which the upper half is kind << 28 and more. */
const KIND_SHIFT = 28;

export function* streamAccounts(rows: Buffer): Generator<StreamAccount> {
  const rowBytes = KEY_BYTES + streamState.structBytes;
  for (let at = 0; at + rowBytes <= rows.length; at += rowBytes) {
    const value = at + KEY_BYTES;
    const high = rows.readUInt32LE(at + 4);
    const told = rows.readUInt32LE(value + streamState.told);
    const first = processAt(rows, value + streamState.process).pid;
    const ends = [streamState.writerTgid, streamState.readerTgid].map((field) => rows.readUInt32LE(value + field));
    yield {
      key: rows.subarray(at, at + KEY_BYTES),
      kind: high >>> KIND_SHIFT === streamKind.pipe ? 'pipe' : 'terminal',
      stream: (high & ((1 << KIND_SHIFT) - 1)) * 2 ** 32 + rows.readUInt32LE(at),
      scope: scopeAt(rows, value + streamState.scope),
      startedNs: u64(rows, value + streamState.startedNs),
      lastNs: u64(rows, value + streamState.lastNs),
      writtenBytes: u64(rows, value + streamState.writtenBytes),
      readBytes: u64(rows, value + streamState.readBytes),
      told: told === 0 ? '' : told === direction.sent + 1 ? 'written' : 'read',
      pids: [first, ...ends.filter((pid) => pid > 0)],
      hasEnded: rows.readUInt32LE(value + streamState.ended) !== 0,
    };
  }
}
