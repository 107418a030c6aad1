// SPDX-License-Identifier: Apache-2.0

/**
 * Does a connection speak MySQL's protocol? The server greets with its version; behind a switch to TLS the client goes on with
 * its answer to that. On a connection that was joined late, a command must prove it, and the port.
 */
import { asBuffer } from '../bytes/byte-reader.ts';
import type { Opening } from '../decoder.ts';
import { startsCommand } from './command-start.ts';
import { Capability } from './constants.ts';

const PORT = 3306;
const GREETING_BYTES_MAX = 1024;
const RESPONSE_BYTES = 36;
const LATE_BYTES_MAX = 16 * 1024;
/** Errors by which a server refuses a connection before it greets: too many, the host is blocked, not allowed. */
const REFUSALS: ReadonlySet<number> = new Set([1040, 1129, 1130, 1203]);

export function detect(opening: Opening): 'yes' | 'no' | 'not-yet' {
  return isFromItsBeginning(opening) ? detectStart(opening) : detectLate(opening);
}

/** Also when it was joined late: nothing may have been said before, and then the server greets. */
export function isFromItsBeginning(opening: Opening): boolean {
  return !opening.late || detectStart(opening) === 'yes';
}

function detectStart({ client, server }: Opening): 'yes' | 'no' | 'not-yet' {
  // Behind a switch to TLS the client's answer comes first; elsewhere the greeting does.
  if (client.length > 0 && startsResponse(asBuffer(client)) === 'yes') return 'yes';
  if (server.length > 0) return startsGreeting(asBuffer(server));
  return client.length > 0 ? startsResponse(asBuffer(client)) : 'not-yet';
}

/** Length u24 LE · sequence 0 · protocol 10 · version text, NUL; or an error instead. */
function startsGreeting(server: Buffer): 'yes' | 'no' | 'not-yet' {
  if (server.length < 5) return server.length < 4 || server[3] === 0 ? 'not-yet' : 'no';
  const length = server.readUIntLE(0, 3);
  if (server[3] !== 0) return 'no';
  if (server[4] === 0xff) {
    if (server.length < 7) return length < GREETING_BYTES_MAX ? 'not-yet' : 'no';
    return length < GREETING_BYTES_MAX && REFUSALS.has(server.readUInt16LE(5)) ? 'yes' : 'no';
  }
  if (server[4] !== 10 || length < 32 || length > GREETING_BYTES_MAX) return 'no';
  const text = server.toString('latin1', 5, 4 + length);
  if (/^\d+\.\d+[\w.+~:-]*\0/.test(text)) return 'yes';
  return /^[\d.]*[\w.+~:-]*$/.test(text) && server.length < 4 + length ? 'not-yet' : 'no';
}

/** A HandshakeResponse41: flags that belong together, and 19 bytes that are 0. */
function startsResponse(client: Buffer): 'yes' | 'no' | 'not-yet' {
  const length = client.length >= 3 ? client.readUIntLE(0, 3) : RESPONSE_BYTES;
  if (length < 32 || length > 65_535) return 'no';
  const sequence = client[3];
  if (sequence !== undefined && (sequence < 1 || sequence > 3)) return 'no';
  for (let i = 13; i < Math.min(client.length, 32); i++) if (client[i] !== 0) return 'no';
  if (client.length < RESPONSE_BYTES) return 'not-yet';
  const flags = client.readUInt32LE(4);
  const wanted = Capability.protocol41 | Capability.secureConnection;
  return (flags & wanted) === wanted ? 'yes' : 'no';
}

function detectLate({ client, server, serverPort }: Opening): 'yes' | 'no' | 'not-yet' {
  if (serverPort !== PORT) return 'no';
  for (let at = 0; at < client.length; at++) if (startsCommand(client.subarray(at, at + 32)) === 'yes') return 'yes';
  return client.length > LATE_BYTES_MAX || server.length > LATE_BYTES_MAX ? 'no' : 'not-yet';
}
