// SPDX-License-Identifier: Apache-2.0

/**
 * The agent's own door: HTTP on a unix socket, for `sworn run`, `sworn status` and `sworn policy`. Who knocks is known from the kernel
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

export interface PolicyCheckRequest {
  readonly pid: number;
  readonly resource?: string;
  readonly interface?: string;
}

/** `reason` is for a person. */
export type ControlAnswer =
  | { readonly kind: 'answer'; readonly body: object }
  | { readonly kind: 'refused'; readonly reason: string };

export interface ControlHandlers {
  run(request: RunRequest, peer: Peer, inherited: Readonly<Record<string, string>>): Promise<RunAnswer>;
  status(peer: Peer): object;
  policies(peer: Peer): ControlAnswer;
  checkPolicy(request: PolicyCheckRequest, peer: Peer): Promise<ControlAnswer>;
  reloadPolicies(peer: Peer): Promise<ControlAnswer>;
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
  switch (`${request.method} ${request.url}`) {
    case 'GET /v1/status':
      return [200, handlers.status(peer)];
    case 'GET /v1/policies':
      return said(handlers.policies(peer));
    case 'POST /v1/policies/reload':
      return said(await handlers.reloadPolicies(peer));
    case 'POST /v1/policies/check':
      return withBody(request, readPolicyCheck, async (check) => said(await handlers.checkPolicy(check, peer)));
    case 'POST /v1/runs':
      return withBody(request, readRun, async ({ request: run, inherited }) => {
        const result = await handlers.run(run, peer, inherited);
        if (result.kind === 'refused') return [403, { message: result.reason }];
        return [200, { session_id: result.sessionId, environment: result.environment }];
      });
    default:
      return [404, { message: 'there is nothing here' }];
  }
}

const said = (answer: ControlAnswer): [number, object] =>
  answer.kind === 'refused' ? [409, { message: answer.reason }] : [200, answer.body];

async function withBody<Body>(
  request: IncomingMessage,
  read: (text: string) => Body | undefined,
  answerTo: (body: Body) => Promise<[number, object]>,
): Promise<[number, object]> {
  const text = await readBody(request);
  if (text === undefined) return [413, { message: `a request has at most ${REQUEST_BYTES_MAX} bytes` }];
  const body = read(text);
  return body === undefined ? [400, { message: 'the request is not understood' }] : answerTo(body);
}

function readObject(text: string): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function readPolicyCheck(text: string): PolicyCheckRequest | undefined {
  const { pid, resource, interface: way } = readObject(text) ?? {};
  if (!Number.isSafeInteger(pid) || (pid as number) < 1) return undefined;
  for (const one of [resource, way]) if (one !== undefined && typeof one !== 'string') return undefined;
  return {
    pid: pid as number,
    ...(typeof resource === 'string' && { resource }),
    ...(typeof way === 'string' && { interface: way }),
  };
}

function readRun(text: string): { request: RunRequest; inherited: Record<string, string> } | undefined {
  const body = readObject(text);
  if (body === undefined) return undefined;
  const { identity, workload, inherited } = body;
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
