// SPDX-License-Identifier: Apache-2.0

/**
 * Whether a payload is a message, whole and with nothing behind it. CTR and CBC have a MAC whose key is not known: that the
 * first packet makes sense is the proof that the key is right.
 *
 * How strong it is: padding that fits, a number that may stand there, and lengths inside that meet its end exactly. The first
 * packet of a connection is a request for a service, its answer, or a list of extensions: 12 known bytes or more, 96 bits. Of a
 * later exchange of keys it may be a message with no text inside (window, end of file): its size, its number and the upper
 * half of a channel's number, 32 bits; an answer with nothing inside has 16. Tried are the session's own keys only.
 *
 * Source   RFC 4252, 4253, 4254, 8308
 */
import { ByteReader } from '../protocol/bytes/byte-reader.ts';

/** A channel's number: both ends count from 0. */
type Field = 'u32' | 'channel' | 'bool' | 'string' | 'port' | 'rest';

const SHAPES: Readonly<Record<number, readonly Field[]>> = {
  1: ['u32', 'string', 'string'],
  2: ['string'],
  3: ['u32'],
  4: ['bool', 'string', 'string'],
  5: ['string'],
  6: ['string'],
  50: ['string', 'string', 'string', 'rest'],
  51: ['string', 'bool'],
  52: [],
  53: ['string', 'string'],
  80: ['string', 'bool', 'rest'],
  81: ['port'],
  82: [],
  90: ['string', 'channel', 'u32', 'u32', 'rest'],
  91: ['channel', 'channel', 'u32', 'u32', 'rest'],
  92: ['channel', 'u32', 'string', 'string'],
  93: ['channel', 'u32'],
  94: ['channel', 'string'],
  95: ['channel', 'u32', 'string'],
  96: ['channel'],
  97: ['channel'],
  98: ['channel', 'string', 'bool', 'rest'],
  99: ['channel'],
  100: ['channel'],
};

/** What may come before anybody has logged in; also messages to be ignored. */
const FIRST = new Set([2, 4, 5, 6, 7]);
const NAMED = new Set([5, 6, 80, 90, 98]);
const CHANNELS_MAX = 65_536;
const PORTS_MAX = 65_536;
const EXTENSIONS_MAX = 64;

/** The payload of a packet's body; undefined when the padding cannot be such. */
export function payloadOf(body: Buffer): Buffer | undefined {
  const padding = body[0] as number;
  const payloadBytes = body.length - 1 - padding;
  return padding < 4 || payloadBytes < 1 ? undefined : body.subarray(1, 1 + payloadBytes);
}

/** `isFirst`: it is the first under the first keys of a connection. */
export function isMessage(payload: Buffer, isFirst: boolean): boolean {
  const number = payload[0] as number;
  if (isFirst && !FIRST.has(number)) return false;
  if (number === 7) return isExtensions(payload);
  const shape = SHAPES[number];
  if (shape === undefined) return false;
  const reader = new ByteReader(payload, 1);
  for (const [index, field] of shape.entries()) {
    if (field === 'u32') reader.u32();
    else if (field === 'channel') {
      if (reader.u32() >= CHANNELS_MAX) return false;
    } else if (field === 'port') {
      if (reader.remaining > 0 && reader.u32() >= PORTS_MAX) return false;
    } else if (field === 'bool') {
      if (reader.u8() > 1) return false;
    } else if (field === 'string') {
      const text = reader.view(reader.u32());
      if (NAMED.has(number) && index === (number === 98 ? 1 : 0) && !isName(text)) return false;
    } else reader.skip(reader.remaining);
  }
  return !reader.short && reader.remaining === 0;
}

function isExtensions(payload: Buffer): boolean {
  const reader = new ByteReader(payload, 1);
  const count = reader.u32();
  if (count > EXTENSIONS_MAX) return false;
  for (let i = 0; i < count; i++) {
    if (!isName(reader.view(reader.u32()))) return false;
    reader.skip(reader.u32());
  }
  return !reader.short && reader.remaining === 0;
}

function isName(text: Buffer): boolean {
  return text.length > 0 && text.length <= 64 && /^[!-~]+$/.test(text.toString('latin1'));
}
