// SPDX-License-Identifier: Apache-2.0

/**
 * Whether an event has all that its type and its own lengths promise. What passes is read without another look at bounds,
 * so nothing of one event is ever taken from the next.
 */
import {
  argvPieceEvent,
  bytesEvent,
  closeEvent,
  datagramEvent,
  earlyBytesEvent,
  eventType,
  execEvent,
  exitEvent,
  forkEvent,
  gapEvent,
  imageEvent,
  joinEvent,
  limits,
  openEvent,
  secretEvent,
  streamEvent,
  wayEvent,
} from './layout.generated.ts';

/** What each type has before the part whose length varies. */
const FIXED_BYTES: Readonly<Record<number, number>> = {
  [eventType.fork]: forkEvent.structBytes,
  [eventType.exec]: execEvent.data,
  [eventType.argvPiece]: argvPieceEvent.data,
  [eventType.exit]: exitEvent.structBytes,
  [eventType.join]: joinEvent.structBytes,
  [eventType.open]: openEvent.structBytes,
  [eventType.close]: closeEvent.structBytes,
  [eventType.bytes]: bytesEvent.data,
  [eventType.earlyBytes]: earlyBytesEvent.data,
  [eventType.datagram]: datagramEvent.data,
  [eventType.gap]: gapEvent.structBytes,
  [eventType.way]: wayEvent.structBytes,
  [eventType.secret]: secretEvent.structBytes,
  [eventType.image]: imageEvent.data,
  [eventType.stream]: streamEvent.data,
};

/** `type` and `size` as the event's header has them; `size` bytes from `at` on are in the batch. */
export function isWhole(batch: Buffer, at: number, type: number, size: number): boolean {
  const fixed = FIXED_BYTES[type];
  if (fixed === undefined || size < fixed) return false;
  const room = size - fixed;
  switch (type) {
    case eventType.bytes:
      return fits(batch.readUInt32LE(at + bytesEvent.bytes), room);
    case eventType.argvPiece:
      return fits(batch.readUInt32LE(at + argvPieceEvent.bytes), room);
    case eventType.earlyBytes:
      return fits(batch.readUInt32LE(at + earlyBytesEvent.bytes), room);
    case eventType.stream:
      return batch.readUInt32LE(at + streamEvent.bytes) <= room;
    case eventType.datagram:
      return isWholeDatagram(batch, at, room);
    case eventType.image:
      return batch.readUInt16LE(at + imageEvent.pathBytes) <= room;
    case eventType.exec:
      return partsOf(batch, at) <= room;
    case eventType.open:
      return (
        batch.readUInt16LE(at + openEvent.localPathBytes) <= limits.unixPathBytes &&
        batch.readUInt16LE(at + openEvent.remotePathBytes) <= limits.unixPathBytes
      );
    default:
      return true;
  }
}

/** The kernel side writes no piece without bytes; they would wait for their event without being counted. */
function fits(bytes: number, room: number): boolean {
  return bytes > 0 && bytes <= room;
}

/** All of it, or nothing. */
function isWholeDatagram(batch: Buffer, at: number, room: number): boolean {
  const bytes = batch.readUInt32LE(at + datagramEvent.bytes);
  const kept = batch.readUInt32LE(at + datagramEvent.keptBytes);
  return bytes > 0 && (kept === 0 || (kept === bytes && kept <= room));
}

function partsOf(batch: Buffer, at: number): number {
  return (
    batch.readUInt16LE(at + execEvent.exeBytes) +
    batch.readUInt16LE(at + execEvent.cwdBytes) +
    batch.readUInt16LE(at + execEvent.cgroupBytes) +
    batch.readUInt16LE(at + execEvent.argvInlineBytes)
  );
}
