// SPDX-License-Identifier: Apache-2.0

/**
 * Is this, by its own structure, a whole message of the protocol? Asked where the position in a stream is not known: after
 * a gap, and on a connection that was joined late. Every count and length inside must fit the outer length exactly, so
 * bytes of another kind pass by chance about once in 2^32 places.
 */
import { ByteReader } from '../bytes/byte-reader.ts';
import type { Side } from '../decoder.ts';
import { Backend, COLUMNS_MAX, Frontend } from './messages.ts';

/**
 * Rows and parameter lists of more values prove nothing: looking through them at every place where one might begin is what
 * bytes made for the purpose would have us do.
 */
const VALUES_MAX = 256;

const reader = new ByteReader(Buffer.alloc(0));

/** 'yes' and 'no' are final; 'weak' fits, but is so short that values in rows look like it (a "1" before a value of 4 bytes). */
export function fitsMessage(from: Side, tag: number, bytes: Buffer, start: number, end: number): 'yes' | 'no' | 'weak' {
  reader.reset(bytes, start, end);
  const fits = from === 'client' ? fitsFrontend(tag) : fitsBackend(tag);
  if (fits === 'weak') return reader.remaining === 0 ? 'weak' : 'no';
  return fits && !reader.short && reader.remaining === 0 ? 'yes' : 'no';
}

function fitsFrontend(tag: number): boolean | 'weak' {
  switch (tag) {
    case Frontend.query:
      return isSomeText() && takeText();
    case Frontend.parse:
      return takeName() && isSomeText() && takeText() && takeWords(4);
    case Frontend.bind:
      return takeName() && takeName() && takeFormats() && takeValues(VALUES_MAX) && takeFormats();
    case Frontend.execute:
      return takeName() && reader.i32() >= 0;
    case Frontend.describe:
    case Frontend.close: {
      const kind = reader.u8();
      return (kind === 0x53 || kind === 0x50) && takeName();
    }
    case Frontend.functionCall:
      return reader.u32() > 0 && takeFormats() && takeValues(VALUES_MAX) && isFormat(reader.u16());
    case Frontend.sync:
    case Frontend.flush:
    case Frontend.copyDone:
    case Frontend.terminate:
      return 'weak';
    default:
      return false;
  }
}

function fitsBackend(tag: number): boolean | 'weak' {
  switch (tag) {
    case Backend.rowDescription:
      return takeColumns();
    case Backend.dataRow:
      return takeValues(VALUES_MAX);
    case Backend.commandComplete:
      return reader.remaining <= 64 && isUpper(reader.bytes[reader.at] as number) && takeText();
    case Backend.errorResponse:
    case Backend.noticeResponse:
      return takeFields();
    case Backend.readyForQuery: {
      const state = reader.u8();
      return state === 0x49 || state === 0x54 || state === 0x45 ? 'weak' : false;
    }
    case Backend.parameterStatus:
      return isSomeText() && takeName() && takeText();
    case Backend.notificationResponse:
      return reader.u32() > 0 && isSomeText() && takeName() && takeText();
    case Backend.parameterDescription:
      return takeWords(4);
    case Backend.copyInResponse:
    case Backend.copyOutResponse:
    case Backend.copyBothResponse:
      return reader.u8() <= 1 && takeFormats();
    case Backend.functionCallResponse: {
      const length = reader.i32();
      return length === -1 || (length >= 0 && reader.skip(length) >= 0);
    }
    case Backend.parseComplete:
    case Backend.bindComplete:
    case Backend.closeComplete:
    case Backend.noData:
    case Backend.portalSuspended:
    case Backend.emptyQueryResponse:
    case Backend.copyDone:
      return 'weak';
    default:
      return false;
  }
}

/** The first characters are text: no control characters but white space. */
function isSomeText(): boolean {
  const { bytes, at, end } = reader;
  const head = Math.min(end, at + 16);
  for (let i = at; i < head; i++) {
    const byte = bytes[i] as number;
    if (byte === 0) return i > at;
    if (byte < 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return false;
  }
  return head > at;
}

/** Text up to a zero byte. */
function takeText(): boolean {
  const zero = reader.zeroByte();
  if (zero < 0) return false;
  reader.at = zero + 1;
  return true;
}

/** A name may be empty; the server cuts names at 63 bytes, clients may send longer ones. */
function takeName(): boolean {
  const { at } = reader;
  return (reader.bytes[at] === 0 || isSomeText()) && takeText() && reader.at - at <= 256;
}

function isFormat(format: number): boolean {
  return format <= 1;
}

function takeFormats(): boolean {
  const count = reader.u16();
  for (let i = 0; i < count && !reader.short; i++) if (!isFormat(reader.u16())) return false;
  return !reader.short;
}

function takeWords(size: number): boolean {
  const count = reader.u16();
  return reader.skip(count * size) >= 0;
}

function takeValues(countMax: number): boolean {
  const count = reader.u16();
  if (count > countMax) return false;
  for (let i = 0; i < count && !reader.short; i++) {
    const length = reader.i32();
    if (length < -1) return false;
    if (length > 0) reader.skip(length);
  }
  return !reader.short;
}

function takeColumns(): boolean {
  const count = reader.u16();
  if (count > COLUMNS_MAX) return false;
  for (let i = 0; i < count && !reader.short; i++) {
    if (!takeText()) return false;
    reader.skip(16);
    if (!isFormat(reader.u16())) return false;
  }
  return !reader.short;
}

function takeFields(): boolean {
  let known = 0;
  for (let i = 0; i < 40 && !reader.short; i++) {
    const code = reader.u8();
    if (code === 0) return known >= 2;
    // Severity and message are in every one of them.
    if (code === 0x53 || code === 0x4d) known++;
    if (!takeText()) return false;
  }
  return false;
}

function isUpper(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}
