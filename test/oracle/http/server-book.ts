// SPDX-License-Identifier: Apache-2.0

/** The server's book: connections and exchanges are followed, and written down (server-log.ts) when they end. */
import { appendFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { contentOf } from './content-codings.ts';
import { type FieldLine, keepBody, type LoggedBody, type LoggedConnection, type LoggedExchange } from './server-log.ts';

/** Where the log and the bodies go. */
export const folder = process.argv[2] as string;
const logFile = join(folder, 'server.log');

/** Followed from its first byte to its last. */
export interface Followed {
  readonly port: number;
  readonly connection: number;
  requests: number;
  latest: IncomingMessage | undefined;
  readonly closed: Promise<unknown>;
  upgradedReadBytes: number;
  upgradedWrittenBytes: number;
}

export const followed = new WeakMap<Duplex, Followed>();
let accepted = 0;

/** The number of the connection that was accepted just now. */
export function nextConnection(): number {
  return ++accepted;
}

export function write(entry: LoggedExchange | LoggedConnection): void {
  appendFileSync(logFile, `${JSON.stringify(entry)}\n`);
}

export function follow(socket: Socket): void {
  // What is in a tunnel is a connection to the HTTP library once more.
  if (followed.has(socket)) return;
  const one: Followed = {
    port: socket.remotePort ?? 0,
    connection: nextConnection(),
    requests: 0,
    latest: undefined,
    closed: new Promise((resolve) => socket.once('close', resolve)),
    upgradedReadBytes: 0,
    upgradedWrittenBytes: 0,
  };
  followed.set(socket, one);
  socket.on('error', () => {});
  socket.on('close', () => {
    const { port, connection, upgradedReadBytes, upgradedWrittenBytes } = one;
    write({
      kind: 'connection',
      port,
      connection,
      upgradedReadBytes,
      upgradedWrittenBytes,
      readBytes: socket.bytesRead,
      writtenBytes: socket.bytesWritten,
    });
  });
}

/** One exchange while it goes on. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly #received: Buffer[] = [];
  readonly #sent: Buffer[] = [];
  readonly #socket: Followed;
  readonly #index: number;
  readonly interim: number[] = [];
  sentFields: readonly FieldLine[] = [];
  sentTrailers: readonly FieldLine[] = [];
  status = 0;
  reason = '';
  isSent = false;
  #isLogged = false;

  constructor(request: IncomingMessage) {
    this.request = request;
    this.#socket = followed.get(request.socket) as Followed;
    this.#index = this.#socket.requests++;
    this.#socket.latest = request;
    request.on('data', (chunk: Buffer) => this.#received.push(chunk));
    request.on('error', () => {});
  }

  async whole(): Promise<void> {
    const { request } = this;
    if (request.readableEnded || request.destroyed || request.socket.destroyed) return;
    // Behind a reply Node does not tell the request that the connection ended.
    const ended = new Promise((resolve) => {
      for (const event of ['end', 'close']) request.once(event, resolve);
    });
    await Promise.race([ended, this.#socket.closed]);
  }

  get received(): Buffer {
    return Buffer.concat(this.#received);
  }

  sent(bytes: Buffer): void {
    this.#sent.push(bytes);
  }

  log(): void {
    if (this.#isLogged) return;
    this.#isLogged = true;
    const { request } = this;
    const coding = this.sentFields.find(([name]) => name === 'content-encoding')?.[1] ?? '';
    write({
      kind: 'exchange',
      port: this.#socket.port,
      connection: this.#socket.connection,
      index: this.#index,
      method: request.method ?? '',
      target: request.url ?? '',
      version: request.httpVersion,
      fields: fieldLines(request.rawHeaders),
      trailers: fieldLines(request.rawTrailers),
      request: bodyOf(this.received, request.headers['content-encoding'] ?? ''),
      isRefused: false,
      isReceived: request.complete,
      interim: this.interim,
      status: this.status,
      reason: this.reason,
      sentFields: this.sentFields,
      sentTrailers: this.sentTrailers,
      response: bodyOf(Buffer.concat(this.#sent), coding),
      isSent: this.isSent,
    });
  }
}

function fieldLines(raw: readonly string[]): FieldLine[] {
  return Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i] as string, raw[2 * i + 1] as string]);
}

export function bodyOf(carried: Buffer, coding: string): LoggedBody {
  let content = carried;
  try {
    content = contentOf(carried, coding);
  } catch {
    // It broke off.
  }
  const [carriedSha256, contentSha256] = [keepBody(folder, carried), keepBody(folder, content)];
  return { carriedBytes: carried.length, carriedSha256, contentBytes: content.length, contentSha256 };
}
