// SPDX-License-Identifier: Apache-2.0

/** Real ends of TLS connections on loopback: Node's own, and those of programs that read and write standard streams. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type ConnectionOptions,
  connect,
  createServer as createTlsServer,
  type TLSSocket,
  type TlsOptions,
} from 'node:tls';
import { portOf } from '../../protocol/http1/capture/recorder.ts';

/** One end of a conversation. */
export interface Endpoint {
  write(bytes: Buffer): void;
  /** Application data that it received, and for programs that also chat: what they printed. */
  received(): Buffer;
  /** Its half of the conversation is over. */
  end(): void;
  closed: Promise<unknown>;
}

export interface Facts {
  version: string;
  cipherSuite: string;
  protocol: string;
  resumed: boolean;
}

export interface NodeServer {
  readonly port: number;
  readonly keyLog: string[];
  readonly sockets: TLSSocket[];
  readonly facts: Facts[];
  readonly endpoints: Endpoint[];
  close(): void;
}

export async function nodeServer(options: TlsOptions): Promise<NodeServer> {
  const keyLog: string[] = [];
  const sockets: TLSSocket[] = [];
  const endpoints: Endpoint[] = [];
  const facts: Facts[] = [];
  const server = createTlsServer(options, (socket) => {
    sockets.push(socket);
    facts.push({
      version: (socket.getProtocol() ?? '').replace(/^TLSv1$/, 'TLSv1.0').replace('TLSv', 'TLS '),
      cipherSuite: socket.getCipher().standardName,
      protocol: socket.alpnProtocol || '',
      resumed: socket.isSessionReused(),
    });
    endpoints.push(socketEndpoint(socket));
  });
  server.on('keylog', (line) => keyLog.push(line.toString('latin1').trim()));
  server.on('tlsClientError', (error) => console.error('server:', error.message));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: portOf(server),
    keyLog,
    sockets,
    facts,
    endpoints,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

export async function nodeClient(options: ConnectionOptions): Promise<{ endpoint: Endpoint; socket: TLSSocket }> {
  const socket = connect({ host: '127.0.0.1', rejectUnauthorized: false, ...options });
  await once(socket, 'secureConnect');
  return { endpoint: socketEndpoint(socket), socket };
}

function socketEndpoint(socket: TLSSocket): Endpoint {
  const received: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => received.push(Buffer.from(bytes)));
  socket.on('error', (error) => console.error('socket:', error.message));
  return {
    write: (bytes) => void socket.write(bytes),
    received: () => Buffer.concat(received),
    end: () => void socket.end(),
    closed: once(socket, 'close'),
  };
}

export interface Program extends Endpoint {
  readonly child: ChildProcess;
}

/** A program whose standard input is sent, and whose standard output is what it received. */
export function program(command: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
  const [name = '', ...rest] = command;
  const child = spawn(name, rest, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const received: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => received.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => errors.push(bytes));
  child.stdin.on('error', () => {});
  const closed = once(child, 'exit').then(([code]) => {
    if (code !== 0 && code !== null) console.error(`${command.join(' ')}: ${code}\n${Buffer.concat(errors)}`);
  });
  return {
    child,
    write: (bytes) => void child.stdin.write(bytes),
    received: () => Buffer.concat(received),
    end: () => void child.kill('SIGTERM'),
    closed,
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

export async function until(what: string, condition: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if (condition()) return;
    await delay(10);
  }
  throw new Error(`waited in vain until ${what}`);
}
