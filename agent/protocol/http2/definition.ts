// SPDX-License-Identifier: Apache-2.0

/** HTTP/2 as `detect.ts` sees it. */
import type { Opening, ProtocolDefinition, Side } from '../decoder.ts';
import { Http2Decoder } from './decoder.ts';
import { findFrames } from './frame-search.ts';
import { PREFACE } from './frame-stream.ts';
import { FRAME, FRAME_HEADER_BYTES, isPlausible } from './frames.ts';

export const http2: ProtocolDefinition = {
  name: 'http2',
  detect: (opening) => (opening.late ? detectLate(opening) : detectFirst(opening)),
  create: (bounds, sink, opening) => new Http2Decoder(bounds, sink, opening),
};

/** The client begins with the preface, the server with SETTINGS, which may be seen before it. */
function detectFirst({ client, server }: Opening): 'yes' | 'no' | 'not-yet' {
  if (server.length >= FRAME_HEADER_BYTES && !beginsWithSettings(asBuffer(server))) return 'no';
  const length = Math.min(client.length, PREFACE.length);
  if (!PREFACE.subarray(0, length).equals(asBuffer(client).subarray(0, length))) return 'no';
  return length === PREFACE.length ? 'yes' : 'not-yet';
}

function beginsWithSettings(server: Buffer): boolean {
  return server[3] === FRAME.settings && isPlausible(server, 0, 'server');
}

/** Less than what is searched when the place was lost: of an opening there are 16 KiB. */
const REACH_BYTES_MAX = 15 * 1024;

/** Frames in a row are the proof; without them nothing is disproved. */
function detectLate(opening: Opening): 'yes' | 'not-yet' {
  const isFound = (side: Side): boolean =>
    findFrames(asBuffer(opening[side]), side, REACH_BYTES_MAX, false).kind === 'found';
  return isFound('client') || isFound('server') ? 'yes' : 'not-yet';
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
