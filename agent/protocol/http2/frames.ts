// SPDX-License-Identifier: Apache-2.0

/** The words of HTTP/2's frames. Source: RFC 9113, sections 4.1, 6 and 7. */

export const FRAME_HEADER_BYTES = 9;

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const FLAG = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

/** Flags that a frame of a type may have, where its type is known. */
const FLAGS: readonly number[] = [0x9, 0x2d, 0, 0, 0x1, 0xc, 0x1, 0, 0, 0x4];

/** length u24 · type u8 · flags u8 · stream u31 */
export interface FrameHeader {
  readonly length: number;
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
}

/** `bytes` has FRAME_HEADER_BYTES at `at`. The reserved bit is ignored, as receivers must. */
export function frameHeader(bytes: Buffer, at: number): FrameHeader {
  return {
    length: (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!,
    type: bytes[at + 3]!,
    flags: bytes[at + 4]!,
    stream: ((bytes[at + 5]! & 0x7f) << 24) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 8) | bytes[at + 8]!,
  };
}

/** May this stand where a frame begins? Of frames that nobody knows, all may. */
export function isPossible({ length, type, flags, stream }: FrameHeader, from: 'client' | 'server'): boolean {
  switch (type) {
    case FRAME.data:
    case FRAME.continuation:
      return stream !== 0;
    case FRAME.headers:
      return stream !== 0 && (from === 'server' || stream % 2 === 1);
    case FRAME.priority:
      return stream !== 0 && length === 5;
    case FRAME.rstStream:
      return stream !== 0 && length === 4;
    case FRAME.settings:
      return stream === 0 && length % 6 === 0 && ((flags & FLAG.ack) === 0 || length === 0);
    case FRAME.pushPromise:
      return stream !== 0 && from === 'server' && length >= 4;
    case FRAME.ping:
      return stream === 0 && length === 8;
    case FRAME.goaway:
      return stream === 0 && length >= 8;
    case FRAME.windowUpdate:
      return length === 4;
    default:
      return true;
  }
}

/** What everybody takes without having said that it takes more (section 4.2). */
const USUAL_FRAME_BYTES_MAX = 16 * 1024;

/** Is this a frame's beginning beyond reasonable doubt, when all around it may be anything? */
export function isPlausible(bytes: Buffer, at: number, from: 'client' | 'server'): boolean {
  const header = frameHeader(bytes, at);
  const isKnown = header.type < FLAGS.length;
  return (
    isKnown &&
    header.length <= USUAL_FRAME_BYTES_MAX &&
    (header.flags & ~FLAGS[header.type]!) === 0 &&
    bytes[at + 5]! < 0x80 &&
    isPossible(header, from)
  );
}

const ERROR_NAMES = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
] as const;

export function errorName(code: number): string {
  return ERROR_NAMES[code] ?? `0x${code.toString(16)}`;
}
