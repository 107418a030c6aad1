// SPDX-License-Identifier: Apache-2.0

/** SOCKS 5 and 4(a), as `detect.ts` sees it: both ends have to say what only they say. */
import type { ProtocolDefinition } from '../decoder.ts';
import { Preface } from './preface.ts';
import { Socks4Reader } from './socks4.ts';
import { Socks5Reader } from './socks5.ts';

const SOCKS_5 = 5;
const SOCKS_4 = 4;
/** None that answers; of SOCKS 5. */
const REFUSED = 0xff;

export const socks: ProtocolDefinition = {
  name: 'socks',
  detect: ({ client, server, late }) => {
    if (late) return 'no';
    const [version, second] = client;
    if (version === undefined)
      return server.length === 0 || server[0] === SOCKS_5 || server[0] === 0 ? 'not-yet' : 'no';
    if (version === SOCKS_4) return detect4(second, server);
    if (version !== SOCKS_5 || second === 0) return 'no';
    if (server.length > 0 && server[0] !== SOCKS_5) return 'no';
    if (second === undefined || client.length < 2 + second || server.length < 2) return 'not-yet';
    const taken = server[1]!;
    return taken === REFUSED || client.subarray(2, 2 + second).includes(taken) ? 'yes' : 'no';
  },
  create: (_bounds, sink, opening) =>
    new Preface(sink, opening.client[0] === SOCKS_4 ? new Socks4Reader(sink) : new Socks5Reader(sink)),
};

function detect4(command: number | undefined, server: Uint8Array): 'yes' | 'no' | 'not-yet' {
  if (command === undefined) return 'not-yet';
  const [nul, answer] = server;
  if ((command !== 1 && command !== 2) || (nul !== undefined && nul !== 0)) return 'no';
  if (answer === undefined) return 'not-yet';
  return answer >= 0x5a && answer <= 0x5d ? 'yes' : 'no';
}
