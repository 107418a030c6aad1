// SPDX-License-Identifier: Apache-2.0

/** Varlink, as `detect.ts` sees it: the first message of a client is a call. */
import { asBuffer } from '../bytes/byte-reader.ts';
import type { ProtocolDefinition } from '../decoder.ts';
import { VarlinkDecoder } from './decoder.ts';
import { headOfCall, readCall } from './messages.ts';

const OPEN_BRACE = 0x7b;
/** A first call that is longer is believed by its head, or not at all. Less than what is gathered of an opening. */
const CALL_BYTES_AWAITED_MAX = 8192;

export const varlink: ProtocolDefinition = {
  name: 'varlink',
  detect: ({ client, server }) => {
    if (client.length > 0) return firstCall(asBuffer(client));
    return server.length === 0 || server[0] === OPEN_BRACE ? 'not-yet' : 'no';
  },
  create: (bounds, sink, opening) => new VarlinkDecoder(bounds, sink, opening),
};

type Word = ReturnType<ProtocolDefinition['detect']>;

function firstCall(bytes: Buffer): Word {
  if (bytes[0] !== OPEN_BRACE) return 'no';
  const nul = bytes.indexOf(0);
  if (nul >= 0) return readCall(bytes.toString('utf8', 0, nul)) === undefined ? 'no' : 'yes';
  if (bytes.length < CALL_BYTES_AWAITED_MAX) return 'not-yet';
  return headOfCall(bytes.toString('latin1', 0, 512)) === undefined ? 'no' : 'yes';
}
