// SPDX-License-Identifier: Apache-2.0

/** HTTP/1 as `detect.ts` sees it. */
import type { Opening, ProtocolDefinition } from '../decoder.ts';
import { Http1Decoder } from './decoder.ts';
import { lineText, requestGrammar, statusGrammar } from './grammar.ts';

/** A request line longer than this is believed without its end. */
const LINE_BYTES_AWAITED_MAX = 8192;
const LF = 0x0a;

export const http1: ProtocolDefinition = {
  name: 'http',
  detect(opening) {
    return opening.late ? detectLate(opening) : detectFirst(opening);
  },
  create: (bounds, sink, opening) => new Http1Decoder(bounds, sink, opening),
};

/** The client speaks first, but for a server that gives up waiting (408). */
function detectFirst({ client, server }: Opening): 'yes' | 'no' | 'not-yet' {
  let from = 0;
  while (client[from] === 0x0d || client[from] === LF) from++;
  if (from === client.length) return statusGrammar.check(server, 0, server.length);
  const start = requestGrammar.check(client, from, client.length);
  if (start !== 'yes') return start;
  const lf = client.indexOf(LF, from);
  const line = client.subarray(from, lf < 0 ? client.length : lf);
  if (line.subarray(0, -1).some((byte) => byte < 0x20)) return 'no';
  if (lf < 0) return line.length < LINE_BYTES_AWAITED_MAX ? 'not-yet' : detectLongLine(client, from);
  return requestGrammar.parse(lineText(asBuffer(client), from, lf + 1)) === undefined ? 'no' : 'yes';
}

/** Nothing else begins with a method in capitals and a path of thousands of bytes. */
function detectLongLine(client: Uint8Array, from: number): 'yes' | 'no' {
  return /^[A-Z]{3,20} (?:\/|https?:)/.test(asBuffer(client).toString('latin1', from, from + 32)) ? 'yes' : 'no';
}

/** In the middle of a connection a start line is the proof; without one nothing is disproved. */
function detectLate({ client, server }: Opening): 'yes' | 'not-yet' {
  const isRequest = requestGrammar.search(asBuffer(client), 0).kind === 'found';
  return isRequest || statusGrammar.search(asBuffer(server), 0).kind === 'found' ? 'yes' : 'not-yet';
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
