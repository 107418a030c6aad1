// SPDX-License-Identifier: Apache-2.0

/**
 * What crossed a connection inside of TLS, byte for byte, as the server's end saw it: a stream between the TLS socket and
 * the HTTP library that keeps all that passes, and where it is written down.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { keepBody } from '../oracle/http/server-log.ts';

const NAME = 'plaintext.log';

export interface PlaintextHead {
  /** The client's. */
  readonly port: number;
  /** 'TLSv1.3', 'TLSv1.2', or '' without TLS. */
  readonly tls: string;
  /** Which server the client asked for (SNI). */
  readonly serverName: string;
  /** With secrets of an earlier connection. */
  readonly isResumed: boolean;
  /** Of the socket below: with all that TLS adds. */
  readonly wireReadBytes: number;
  readonly wireWrittenBytes: number;
}

export interface Plaintext extends PlaintextHead {
  readonly received: Buffer;
  readonly sent: Buffer;
}

export class Tap extends Duplex {
  readonly #socket: Duplex;
  #hasClientEnded = false;
  readonly received: Buffer[] = [];
  readonly sent: Buffer[] = [];

  constructor(socket: Duplex) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.received.push(bytes);
      if (!this.push(bytes)) socket.pause();
    });
    socket.on('end', () => {
      this.#hasClientEnded = true;
      this.push(null);
    });
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
    this.on('error', () => {});
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.sent.push(bytes);
    this.#socket.write(bytes, done);
  }

  /** A goodbye that nobody waits for may or may not reach the client's socket: then the counts of both ends would differ. */
  override _final(done: (error?: Error | null) => void): void {
    if (!this.#hasClientEnded) {
      this.#socket.end(done);
      return;
    }
    this.#socket.destroy();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}

export function writePlaintext(folder: string, head: PlaintextHead, tap: Tap): void {
  const [received, sent] = [tap.received, tap.sent].map((parts) => keepBody(folder, Buffer.concat(parts)));
  appendFileSync(join(folder, NAME), `${JSON.stringify({ ...head, received, sent })}\n`);
}

/** In the order in which the connections ended. */
export function readPlaintexts(folder: string): Plaintext[] {
  const file = join(folder, NAME);
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { received, sent, ...head } = JSON.parse(line) as PlaintextHead & { received: string; sent: string };
      return { ...head, received: readFileSync(join(folder, received)), sent: readFileSync(join(folder, sent)) };
    });
}
