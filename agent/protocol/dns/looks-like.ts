// SPDX-License-Identifier: Apache-2.0

/**
 * Does a message with its length prefix begin here? Asked of the first bytes of a connection, and of every place of a stream
 * that has lost its own: so it is strict, and wants a whole question that people ask.
 */
import type { Side } from '../decoder.ts';
import { HEADER_BYTES } from './message.ts';
import { NAME_BYTES_MAX } from './name.ts';
import { isKnownClass, isKnownType } from './record-types.ts';

export const PREFIX_BYTES = 2;
const QUESTION_AT = PREFIX_BYTES + HEADER_BYTES;
/** A message with one question for the root. */
const MESSAGE_BYTES_MIN = HEADER_BYTES + 5;
/** Whoever looks needs no more bytes than these to be told yes or no. */
export const LOOK_BYTES_MAX = QUESTION_AT + NAME_BYTES_MAX + 4;
/** A query's additional records: OPT, and a signature. */
const QUERY_ADDITIONAL_MAX = 4;
/** The shortest record: a pointer, and ten bytes. */
const RECORD_BYTES_MIN = 11;
const OPCODE_NOTIFY = 4;

/** 'maybe': more bytes would tell. */
export function looksLikeMessage(bytes: Uint8Array, from: Side): 'yes' | 'no' | 'maybe' {
  const u16 = (at: number): number | undefined =>
    at + 1 < bytes.length ? ((bytes[at] as number) << 8) | (bytes[at + 1] as number) : undefined;
  const length = u16(0);
  if (length === undefined) return 'maybe';
  if (length < MESSAGE_BYTES_MIN) return 'no';
  const bits = bytes[4];
  if (bits === undefined) return 'maybe';
  const isReply = (bits & 0x80) !== 0;
  const opcode = (bits >> 3) & 0xf;
  if (isReply !== (from === 'server') || (opcode !== 0 && opcode !== OPCODE_NOTIFY)) return 'no';
  const moreBits = bytes[5];
  if (moreBits === undefined) return 'maybe';
  // A bit that must be zero, and what only a reply says.
  if ((moreBits & 0x40) !== 0 || (!isReply && (moreBits & 0x0f) !== 0)) return 'no';
  for (const [at, most] of countBounds(isReply, length)) {
    const count = u16(at);
    if (count === undefined) return 'maybe';
    if (count > most || (at === 6 && count !== 1)) return 'no';
  }
  return looksLikeQuestion(bytes, PREFIX_BYTES + length);
}

/** Where each count of the header stands, and the most that it may be. */
function countBounds(isReply: boolean, length: number): readonly (readonly [number, number])[] {
  const records = Math.floor(length / RECORD_BYTES_MIN);
  const [answers, authority, additional] = isReply ? [records, records, records] : [1, 1, QUERY_ADDITIONAL_MAX];
  return [
    [6, 1],
    [8, answers],
    [10, authority],
    [12, additional],
  ];
}

function looksLikeQuestion(bytes: Uint8Array, messageEnd: number): 'yes' | 'no' | 'maybe' {
  let at = QUESTION_AT;
  for (;;) {
    const length = bytes[at];
    if (length === undefined) return 'maybe';
    if (length === 0) break;
    if (length > 63) return 'no';
    const end = at + 1 + length;
    if (end - QUESTION_AT > NAME_BYTES_MAX - 1 || end > messageEnd) return 'no';
    for (let i = at + 1; i < Math.min(end, bytes.length); i++) {
      const byte = bytes[i] as number;
      if (byte < 0x21 || byte > 0x7e) return 'no';
    }
    at = end;
  }
  if (at + 5 > messageEnd) return 'no';
  if (at + 5 > bytes.length) return 'maybe';
  const type = ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
  const of = ((bytes[at + 3] as number) << 8) | (bytes[at + 4] as number);
  return isKnownType(type) && isKnownClass(of) ? 'yes' : 'no';
}
