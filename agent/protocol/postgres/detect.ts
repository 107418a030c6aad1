// SPDX-License-Identifier: Apache-2.0

/**
 * Does a connection speak PostgreSQL? From its beginning, eight bytes of the client say so: a length and a version or
 * request code that no other protocol in use begins with. On a connection that was joined late, messages must prove it.
 */
import { i32At } from '../bytes/byte-reader.ts';
import type { Opening, Side } from '../decoder.ts';
import { fitsMessage } from './message-shape.ts';
import { CANCEL_KEY_BYTES_MAX, isHeader, STARTUP_LENGTH_MAX, Startup } from './messages.ts';
import { Resync } from './resync.ts';

/** The port that servers listen on. */
const PORT = 5432;
const STARTUP_BYTES = 8;
const HEADER_BYTES = 5;
/** A connection that was joined late and has not proved itself within so many bytes of either side is not ours. */
const LATE_BYTES_MAX = 16 * 1024;

export function detect(opening: Opening): 'yes' | 'no' | 'not-yet' {
  return isFromItsBeginning(opening) ? detectStart(opening) : detectLate(opening);
}

/** Also when it was joined late: nothing may have been said before, and then a login says so. */
export function isFromItsBeginning(opening: Opening): boolean {
  return !opening.late || (opening.client.length >= STARTUP_BYTES && detectStart(opening) === 'yes');
}

function detectStart({ client, server }: Opening): 'yes' | 'no' | 'not-yet' {
  // The client speaks first.
  if (client.length === 0) return server.length > 0 ? 'no' : 'not-yet';
  if (client.length < STARTUP_BYTES) return couldBeStartup(client) ? 'not-yet' : 'no';
  return isStartup(i32At(client, 0), i32At(client, 4)) ? 'yes' : 'no';
}

function isStartup(length: number, code: number): boolean {
  switch (code) {
    case Startup.sslRequest:
    case Startup.gssEncRequest:
      return length === 8;
    case Startup.cancelRequest:
      return length >= 16 && length <= 12 + CANCEL_KEY_BYTES_MAX;
    default:
      // 3.0, 3.2, and what a later client may ask for: the server answers with what it knows.
      return code >>> 16 === 3 && length > 8 && length <= STARTUP_LENGTH_MAX;
  }
}

/** Of the first eight bytes some are there: is there a startup packet that begins with them? */
function couldBeStartup(client: Uint8Array): boolean {
  const [first = 0, second = 0, third = 0, , fifth] = client;
  if (first !== 0 || second !== 0 || third > STARTUP_LENGTH_MAX >> 8) return false;
  // 3.x begins with 00 03, the request codes with 04 d2.
  const sixth = client[5];
  if (fifth === undefined) return true;
  if (fifth === 0) return sixth === undefined || sixth === 3;
  return fifth === 0x04 && (sixth === undefined || sixth === 0xd2);
}

function detectLate(opening: Opening): 'yes' | 'no' | 'not-yet' {
  const client = proofOf('client', opening.client);
  const server = proofOf('server', opening.server);
  const isPort = opening.serverPort === PORT;
  const proofs = client.messages + server.messages;
  if (proofs >= (isPort ? 1 : 2)) return 'yes';
  if (isPort && client.isRefuted && hasMessage('client', opening.client)) return 'yes';
  if (isPort && server.isRefuted && hasMessage('server', opening.server)) return 'yes';
  // A side may begin inside a message; elsewhere than on the port, bytes of both sides that do are not worth waiting for.
  if ((!isPort && client.isRefuted && server.isRefuted) || tooLong(opening)) return 'no';
  return 'not-yet';
}

function tooLong({ client, server }: Opening): boolean {
  return client.length > LATE_BYTES_MAX || server.length > LATE_BYTES_MAX;
}

/** Is there a message that proves itself anywhere in the bytes? */
function hasMessage(from: Side, bytes: Uint8Array): boolean {
  const resync = new Resync(from);
  for (let at = 0; at < bytes.length; ) {
    const size = Resync.sliceBytes(bytes.length - at);
    if (resync.feed(bytes.subarray(at, at + size), 0) !== undefined) return true;
    at += size;
  }
  return false;
}

/** How many whole messages in a row stand at the beginning, at most two; or that none can stand there. */
function proofOf(from: Side, bytes: Uint8Array): { messages: number; isRefuted: boolean } {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let messages = 0;
  let weak = 0;
  let start = 0;
  while (messages < 2 && start + HEADER_BYTES <= view.length) {
    const tag = view[start] as number;
    const length = i32At(view, start + 1);
    if (!isHeader(from, tag, length)) return { messages, isRefuted: true };
    const end = start + 1 + length;
    if (end > view.length) break;
    const fits = fitsMessage(from, tag, view, start + HEADER_BYTES, end);
    if (fits === 'no') return { messages, isRefuted: true };
    if (fits === 'yes') messages++;
    else weak++;
    start = end;
  }
  // A ReadyForQuery or Sync alone proves little; behind another it proves something.
  return { messages: messages + (weak >= 2 ? 1 : 0), isRefuted: false };
}
