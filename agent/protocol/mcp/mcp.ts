// SPDX-License-Identifier: Apache-2.0

/** MCP over stdio, and other JSON-RPC in lines, as `detect.ts` sees it. */
import { asBuffer } from '../bytes/byte-reader.ts';
import type { ProtocolDefinition } from '../decoder.ts';
import { McpDecoder } from './decoder.ts';
import { type RpcMessage, readMessages } from './json-rpc.ts';

const LF = 0x0a;
/** A first line longer than this is believed without its end. Less than what is gathered of an opening. */
const LINE_BYTES_AWAITED_MAX = 8192;

export const mcp: ProtocolDefinition = {
  name: 'mcp',
  detect: ({ client, server, late }) => {
    const asked = firstLine(client, late);
    // Who asks first is the client. A server that asks may be one that is looked at the wrong way round: it waits.
    if (asked === 'message' || asked === 'request') return 'yes';
    if (asked === 'none') return 'no';
    const answered = firstLine(server, late);
    if (answered === 'none') return 'no';
    return answered === 'message' ? 'yes' : 'not-yet';
  },
  create: (bounds, sink, opening) => new McpDecoder(bounds, sink, opening),
};

type First = 'request' | 'message' | 'none' | 'not-yet';

function firstLine(opening: Uint8Array, late: boolean): First {
  const bytes = asBuffer(opening);
  for (let from = 0; ; ) {
    const feed = bytes.indexOf(LF, from);
    const line = bytes.toString('utf8', from, feed < 0 ? bytes.length : feed).trim();
    const messages = feed < 0 || line === '' ? undefined : readMessages(line);
    if (messages !== undefined) return kindOf(messages);
    if (feed < 0) return beginning(line, late && from === 0, bytes.length);
    if (line !== '' && !late) return 'none';
    from = feed + 1;
  }
}

function kindOf([first]: readonly RpcMessage[]): First {
  return first?.kind === 'response' ? 'message' : 'request';
}

/** Of a line that is not all there. */
function beginning(line: string, mayBeRest: boolean, bytes: number): First {
  if (mayBeRest || line === '') return 'not-yet';
  if (!/^(?:\[\s*)?\{\s*(?:"|$)|^\[\s*$/.test(line)) return 'none';
  if (bytes < LINE_BYTES_AWAITED_MAX) return 'not-yet';
  if (!/"jsonrpc"\s*:\s*"2\.0"/.test(line)) return 'none';
  return /^(?:\[\s*)?\{[^{]*"method"\s*:/.test(line) ? 'request' : 'message';
}
