// SPDX-License-Identifier: Apache-2.0

/**
 * The head of a frame.
 *
 * Shape    fin 1 bit · rsv 3 bits · opcode 4 bits · mask 1 bit · length 7 bits · length u16 or u64 BE when the 7 bits say 126
 *          or 127 · masking key 4 bytes when mask is set
 * Source   RFC 6455, section 5.2; the first reserved bit is RFC 7692's "compressed"
 */
import type { Side } from '../decoder.ts';

export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const KNOWN: ReadonlySet<number> = new Set(Object.values(Opcode));

/** Two bytes, eight of length, four of mask. */
export const HEAD_BYTES_MAX = 14;
const CONTROL_BYTES_MAX = 125;

export interface FrameHead {
  readonly fin: boolean;
  readonly isCompressed: boolean;
  readonly opcode: number;
  readonly payloadBytes: number;
  readonly headBytes: number;
  /** Where the masking key is; frames of servers have none. */
  readonly maskAt: number;
  /** The length is written in as few bytes as it can be, as the specification wants. */
  readonly isMinimal: boolean;
}

/** Which reserved bits may be set: none, the first by permessage-deflate, or any, under an extension that is not known. */
export type Reserved = 'none' | 'compressed' | 'any';

/** Answers 'more' when the head is not all there, 'malformed' when `from` cannot have sent it. */
export function readHead(
  bytes: Uint8Array,
  at: number,
  end: number,
  from: Side,
  reserved: Reserved,
): FrameHead | 'more' | 'malformed' {
  if (end - at < 1) return 'more';
  const first = bytes[at] as number;
  const opcode = first & 0x0f;
  const isControl = opcode >= 8;
  const fin = (first & 0x80) !== 0;
  if (!KNOWN.has(opcode) || (isControl && !fin)) return 'malformed';
  const bits = first & 0x70;
  const mayCompress = reserved === 'compressed' && !isControl && opcode !== Opcode.continuation;
  if (bits !== 0 && reserved !== 'any' && !(bits === 0x40 && mayCompress)) return 'malformed';
  if (end - at < 2) return 'more';
  const second = bytes[at + 1] as number;
  if (((second & 0x80) !== 0) !== (from === 'client')) return 'malformed';
  const short = second & 0x7f;
  if (isControl && short > CONTROL_BYTES_MAX) return 'malformed';
  const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
  const headBytes = 2 + lengthBytes + (from === 'client' ? 4 : 0);
  if (end - at < headBytes) return 'more';
  let payloadBytes = lengthBytes === 0 ? short : 0;
  for (let i = 0; i < lengthBytes; i++) payloadBytes = payloadBytes * 256 + (bytes[at + 2 + i] as number);
  if (!Number.isSafeInteger(payloadBytes)) return 'malformed';
  const isMinimal = payloadBytes >= (lengthBytes === 8 ? 65536 : lengthBytes === 2 ? 126 : 0);
  const isCompressed = bits === 0x40 && mayCompress;
  return { fin, isCompressed, opcode, payloadBytes, headBytes, maskAt: at + 2 + lengthBytes, isMinimal };
}
