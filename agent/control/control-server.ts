// SPDX-License-Identifier: Apache-2.0

/**
 * The agent's own door: HTTP on a unix socket, for `sworn run` and `sworn status`. Who knocks is known from the kernel
 * (SO_PEERCRED), so nothing that a caller says about itself is believed.
 */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface Peer {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

export interface RunRequest {
  readonly identity: string;
  readonly workload?: string;
}

export type RunAnswer =
  | { readonly kind: 'ready'; readonly sessionId: string; readonly environment: Readonly<Record<string, string>> }
  | { readonly kind: 'refused'; readonly reason: string };

export interface ControlHandlers {
  run(request: RunRequest, peer: Peer, inherited: Readonly<Record<string, string>>): Promise<RunAnswer>;
  status(peer: Peer): object;
}

/** A request is a name or two and the proxy settings of the caller. */
const REQUEST_BYTES_MAX = 64 * 1024;

export class ControlServer {
  readonly #server: Server;
  readonly #path: string;

  constructor(path: string, peerOf: (fd: number) => Peer, handlers: ControlHandlers) {
    this.#path = path;
    this.#server = createServer({ requestTimeout: 10_000 }, (request, response) => {
      answer(request, peerOf, handlers).then(
        ([status, body]) => reply(response, status, body),
        (error: unknown) => reply(response, 500, { message: error instanceof Error ? error.message : String(error) }),
      );
    });
  }

  /** Errors: EADDRINUSE when another agent listens there; others of the file system. */
  async listen(): Promise<void> {
    if (await isAnswering(this.#path)) {
      throw Object.assign(new Error(`another agent listens on ${this.#path}`), { code: 'EADDRINUSE' });
    }
    rmSync(this.#path, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#path, resolve);
    });
    // Anyone may knock; what is granted depends on who it is.
    chmodSync(this.#path, 0o666);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#path, { force: true });
  }
}

async function answer(
  request: IncomingMessage,
  peerOf: (fd: number) => Peer,
  handlers: ControlHandlers,
): Promise<[number, object]> {
  const peer = peerOf(fdOf(request.socket));
  if (request.method === 'GET' && request.url === '/v1/status') return [200, handlers.status(peer)];
  if (request.method !== 'POST' || request.url !== '/v1/runs') return [404, { message: 'there is nothing here' }];
  const text = await readBody(request);
  if (text === undefined) return [413, { message: `a request has at most ${REQUEST_BYTES_MAX} bytes` }];
  const body = readRun(text);
  if (body === undefined) return [400, { message: 'the request is not understood' }];
  const result = await handlers.run(body.request, peer, body.inherited);
  if (result.kind === 'refused') return [403, { message: result.reason }];
  return [200, { session_id: result.sessionId, environment: result.environment }];
}

function readRun(text: string): { request: RunRequest; inherited: Record<string, string> } | undefined {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof body !== 'object' || body === null) return undefined;
  const { identity, workload, inherited } = body as Record<string, unknown>;
  if (typeof identity !== 'string' || (workload !== undefined && typeof workload !== 'string')) return undefined;
  if (typeof (inherited ?? {}) !== 'object' || Array.isArray(inherited)) return undefined;
  const texts = Object.entries((inherited ?? {}) as object).filter((entry) => typeof entry[1] === 'string');
  return {
    request: { identity, ...(workload !== undefined && { workload }) },
    inherited: Object.fromEntries(texts) as Record<string, string>,
  };
}

/** undefined when it is too large; what is beyond the bound is not kept. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes <= REQUEST_BYTES_MAX) parts.push(part);
  }
  if (bytes > REQUEST_BYTES_MAX) return undefined;
  return Buffer.concat(parts).toString('utf8');
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}

/** Node shows the descriptor of a socket only here; a test of this server fails when that changes. */
function fdOf(socket: Socket): number {
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
  if (!(fd >= 0)) throw new Error('this Node does not show the descriptor of a socket');
  return fd;
}

async function isAnswering(path: string): Promise<boolean> {
  const { connect } = await import('node:net');
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
