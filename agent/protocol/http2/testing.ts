// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events';
import {
  type ClientHttp2Session,
  connect,
  createServer,
  type Http2Server,
  performServerHandshake,
  type Settings,
} from 'node:http2';
import { duplexPair } from 'node:stream';
/** For the tests of HTTP/2: frames written by hand, and conversations of Node's own client and server as scripts. */
import type { Exchange, Side } from '../decoder.ts';
import { checkScript } from '../testing/check-script.ts';
import type { Run, RunOptions } from '../testing/run-script.ts';
import { type Script, type Step, sends } from '../testing/script.ts';
import { http2 } from './definition.ts';
import { PREFACE } from './frame-stream.ts';
import { FLAG, FRAME } from './frames.ts';

export const check = (script: Script, options: RunOptions = {}): Run => checkScript(http2, script, options);

export function frame(type: number, flags: number, stream: number, payload: Uint8Array | string = ''): Buffer {
  const bytes = Buffer.from(payload as string, 'latin1');
  const header = Buffer.alloc(9);
  header.writeUIntBE(bytes.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, bytes]);
}

type Pairs = Readonly<Record<string, string>>;

/** Literals that change no table, of less than 127 bytes or so. */
export function block(pairs: Pairs): Buffer {
  return Buffer.concat(
    Object.entries(pairs).flatMap(([name, value]) => [Buffer.from([0x10]), text(name), text(value)]),
  );
}

function text(characters: string): Buffer {
  const bytes = Buffer.from(characters);
  const length =
    bytes.length < 127 ? [bytes.length] : [127, ((bytes.length - 127) & 0x7f) | 0x80, (bytes.length - 127) >> 7];
  return Buffer.concat([Buffer.from(length), bytes]);
}

export const PREFACE_STEP = sends('client', PREFACE, frame(FRAME.settings, 0, 0));
export const SETTINGS_STEP = sends('server', frame(FRAME.settings, 0, 0), frame(FRAME.settings, FLAG.ack, 0));
export const OPENING: Script = [PREFACE_STEP, SETTINGS_STEP];

export function asks(stream: number, pairs: Pairs = {}, ...body: readonly string[]): Step {
  const fields = {
    ':method': body.length > 0 ? 'POST' : 'GET',
    ':scheme': 'http',
    ':path': '/',
    ':authority': 'h',
    ...pairs,
  };
  return message('client', stream, fields, body);
}

export function replies(stream: number, pairs: Pairs = {}, ...body: readonly string[]): Step {
  return message('server', stream, { ':status': '200', ...pairs }, body);
}

function message(from: Side, stream: number, pairs: Pairs, body: readonly string[]): Step {
  const last = body.length - 1;
  return sends(
    from,
    frame(FRAME.headers, FLAG.endHeaders | (last < 0 ? FLAG.endStream : 0), stream, block(pairs)),
    ...body.map((part, index) => frame(FRAME.data, index === last ? FLAG.endStream : 0, stream, part)),
  );
}

export const briefs = (run: Run): string[] =>
  run.exchanges.map(({ statement, attributes, response, errorCode }) =>
    [
      statement || '(none)',
      '->',
      attributes['status_code'] ?? '-',
      Buffer.from(response.bytes).toString('latin1').slice(0, 40),
      errorCode,
    ]
      .filter(Boolean)
      .join(' '),
  );

export function only(run: Run): Exchange {
  if (run.exchanges.length !== 1) throw new Error(`there are ${run.exchanges.length} exchanges: ${briefs(run)}`);
  return run.exchanges[0]!;
}

/** Node's client and server, without a network: what each wrote, in order. */
export async function recorded(
  answer: (server: Http2Server) => void,
  ask: (session: ClientHttp2Session) => Promise<void>,
  settings: Settings = {},
): Promise<Script> {
  const steps: Step[] = [];
  const [clientEnd, serverEnd] = duplexPair();
  for (const [side, end] of [
    ['client', clientEnd],
    ['server', serverEnd],
  ] as const) {
    const write = end._write.bind(end);
    end._write = (chunk: Buffer, encoding, done) => {
      steps.push(sends(side, Buffer.from(chunk)));
      write(chunk, encoding, done);
    };
  }
  const server = createServer();
  answer(server);
  const session = performServerHandshake(serverEnd, { settings });
  session.on('stream', (...args) => server.emit('stream', ...args));
  session.on('error', () => {});
  const client = connect('http://test.example', { createConnection: () => clientEnd, settings });
  try {
    await ask(client);
  } finally {
    const closed = once(client, 'close');
    client.close();
    await closed;
    session.destroy();
  }
  return steps;
}
