// SPDX-License-Identifier: Apache-2.0

/** HTTP by hand, so that a test can send what no client library would. */

import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into by the assertions.
  readonly body: any;
}

export interface RawRequest {
  readonly method?: string;
  readonly target?: string;
  readonly version?: '1.0' | '1.1';
  /** In order, as written; without `host` there is none. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body?: string;
}

function write(
  socket: Socket,
  { method = 'GET', target = '/', version = '1.1', headers, body = '' }: RawRequest,
): void {
  const lines = [`${method} ${target} HTTP/${version}`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

function parse(text: string): RawAnswer | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const length = Number(headers['content-length'] ?? 0);
  const body = text.slice(end + 4, end + 4 + length);
  if (Buffer.byteLength(body) < length) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    value = undefined;
  }
  return { status: Number(first.split(' ')[1]), headers, text: body, body: value };
}

/** The answer to what was written last. An answer to HEAD has a length and no body: it ends with its connection. */
function answerOn(socket: Socket): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    let text = '';
    const done = (): void => {
      socket.off('data', take).off('close', end).off('error', reject);
    };
    const take = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      const answer = parse(text);
      if (answer === undefined) return;
      done();
      resolve(answer);
    };
    const end = (): void => {
      done();
      const answer = parse(text.replace(/content-length: \d+/i, 'content-length: 0'));
      if (answer === undefined) reject(new Error(`closed without an answer; had ${JSON.stringify(text)}`));
      else resolve(answer);
    };
    socket.on('data', take).on('close', end).on('error', reject);
  });
}

export interface KeptConnection {
  readonly localPort: number;
  ask(request: RawRequest): Promise<RawAnswer>;
  /** Send it and do not wait. */
  tell(request: RawRequest): void;
  answer(): Promise<RawAnswer>;
  close(): void;
}

export async function openConnection(port: number): Promise<KeptConnection> {
  const socket = connect({ host: '127.0.0.1', port });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve).once('error', reject);
  });
  socket.removeAllListeners('error');
  return {
    localPort: socket.localPort ?? 0,
    ask(request) {
      const answer = answerOn(socket);
      write(socket, request);
      return answer;
    },
    tell: (request) => write(socket, request),
    answer: () => answerOn(socket),
    close: () => socket.destroy(),
  };
}

export async function askOnce(port: number, request: RawRequest): Promise<RawAnswer> {
  const connection = await openConnection(port);
  try {
    return await connection.ask(request);
  } finally {
    connection.close();
  }
}
