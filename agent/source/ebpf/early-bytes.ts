// SPDX-License-Identifier: Apache-2.0

/**
 * Bytes that came with a handshake, before their connection had a number: they wait here, by their addresses, for its
 * open event, which follows at once unless the connection was refused.
 */
import type { BytesMoved, ConnectionKey } from '../../model/kernel-event.ts';
import { u64 } from './fields.ts';
import { addresses, earlyBytesEvent, event, limits, openEvent } from './layout.generated.ts';

const TUPLES_MAX = 256;
/** More than the window of a handshake, twice: it may be sent again while the listener has no room. */
const TUPLE_BYTES_MAX = 128 * 1024;
/** The window of a SYN-ACK is never scaled. */
const WINDOW_BYTES = 65535;

interface Piece {
  readonly sequence: number;
  readonly atNs: number;
  readonly bytes: Buffer;
  readonly withSyn: boolean;
}

export class EarlyBytes {
  readonly #waiting = new Map<string, Piece[]>();

  keep(batch: Buffer, at: number): void {
    const key = tupleOf(batch, at + earlyBytesEvent.addresses);
    const start = at + earlyBytesEvent.data;
    const piece: Piece = {
      sequence: batch.readUInt32LE(at + earlyBytesEvent.sequence),
      atNs: u64(batch, at + event.timeNs),
      bytes: Buffer.from(batch.subarray(start, start + batch.readUInt32LE(at + earlyBytesEvent.bytes))),
      withSyn: (batch.readUInt16LE(at + event.flags) & limits.flagWithSyn) !== 0,
    };
    let waiting = this.#waiting.get(key) ?? [];
    // Of several SYNs the last counts: it is the one that was taken.
    if (piece.withSyn && !continues(waiting.at(-1), piece)) waiting = [];
    const bytes = waiting.reduce((sum, { bytes }) => sum + bytes.length, piece.bytes.length);
    if (bytes <= TUPLE_BYTES_MAX) waiting.push(piece);
    this.#waiting.delete(key);
    this.#waiting.set(key, waiting);
    if (this.#waiting.size > TUPLES_MAX) this.#waiting.delete(this.#waiting.keys().next().value as string);
  }

  /** Those of the connection that an open event tells of. */
  take(batch: Buffer, at: number, connectionKey: ConnectionKey): BytesMoved[] {
    if (this.#waiting.size === 0) return [];
    const key = tupleOf(batch, at + openEvent.addresses);
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return [];
    this.#waiting.delete(key);
    const base = batch.readUInt32LE(at + openEvent.receivedSequence);
    const accepted = batch.readUInt32LE(at + openEvent.receivedAccepted);
    const taken: BytesMoved[] = [];
    for (const { sequence, atNs, bytes, withSyn } of waiting) {
      const offset = (sequence - base) >>> 0;
      // Else it is of an earlier handshake between the same ports, or TCP did not take what came with the SYN.
      if (withSyn ? offset + bytes.length > accepted : offset > WINDOW_BYTES) continue;
      taken.push({ type: 'bytes-moved', atNs, connectionKey, direction: 'received', offset, bytes, pid: 0 });
    }
    return taken;
  }
}

function continues(before: Piece | undefined, piece: Piece): boolean {
  return before?.withSyn === true && (before.sequence + before.bytes.length) >>> 0 === piece.sequence;
}

function tupleOf(batch: Buffer, at: number): string {
  const namespace = batch.readUInt32LE(at + addresses.networkNamespace);
  return `${batch.toString('latin1', at, at + addresses.family + 1)}${namespace}`;
}
