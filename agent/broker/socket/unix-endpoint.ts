// SPDX-License-Identifier: Apache-2.0

/**
 * The socket of our own tools (`sworn token`, `sworn whoami`, `sworn credential`): HTTP with JSON, for whoever can open it. Who
 * asks is the peer that the kernel names; there is no secret, since no library that fetches URLs can be led here.
 *
 *   GET  /v1/token?resource=…    as the managed-identity flavours answer, and the tenant
 *   POST /v1/token               { resource, userAssertion }: on behalf of the person whose token that is
 *   GET  /v1/whoami              what the broker knows of the caller
 */

import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import fastify, { type FastifyError, type FastifyReply, type FastifyRequest } from 'fastify';
import type { UnixCallerDirectory } from '../attest/unix-caller-directory.ts';
import { REFUSALS, type RefusalReason } from '../refusal.ts';
import { SecretText } from '../token/secret-text.ts';
import type { GrantedToken, RefusedToken, TokenDesk, TokenRequest } from '../token-desk.ts';
import { keepRoom } from './connection-room.ts';
import { grantedBody, readQuery, refusedBody } from './managed-identity-protocol.ts';
import { whoamiBody } from './whoami.ts';

export interface UnixEndpointOptions {
  readonly desk: TokenDesk;
  readonly callers: UnixCallerDirectory;
}

export interface UnixEndpoint {
  /** Errors: EADDRINUSE when somebody answers at `path`; others of the file system. */
  listen(path: string): Promise<void>;
  close(): Promise<void>;
}

/** Entra's tokens have up to some 6 KiB, with many groups. */
const ASSERTION_CHARACTERS_MAX = 16 * 1024;
const BODY_BYTES_MAX = 32 * 1024;
const HEADER_BYTES_MAX = 16 * 1024;
const REQUEST_MS_MAX = 5_000;
/** More than the kernel lets wait to be accepted (connection-room.ts). */
const CONNECTIONS_MAX = 1024;

/** A body as it goes on: what was the person's token is one no longer to be seen. */
interface TokenQuestion {
  readonly resource: string | undefined;
  readonly userAssertion: SecretText;
}

/** Three parts of base64url: what is no compact token is refused here, before anybody is asked. */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

function readQuestion(text: string): TokenQuestion | RefusalReason {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    // Without the cause: it quotes what it could not read.
    return 'malformed_request';
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return 'malformed_request';
  const { resource, userAssertion, ...rest } = body as Record<string, unknown>;
  if (Object.keys(rest).length > 0) return 'malformed_request';
  if (resource !== undefined && typeof resource !== 'string') return 'resource_malformed';
  if (typeof userAssertion !== 'string' || userAssertion.length > ASSERTION_CHARACTERS_MAX)
    return 'user_assertion_malformed';
  const trimmed = userAssertion.trim();
  if (!COMPACT.test(trimmed)) return 'user_assertion_malformed';
  return { resource, userAssertion: new SecretText(trimmed) };
}

type Asked = Pick<TokenRequest, 'resource' | 'selectors' | 'staleFingerprint' | 'userAssertion' | 'refuse'>;

function askedInQuery(url: string): Asked {
  const { problem, ...asked } = readQuery(url.slice(url.indexOf('?') + 1 || url.length), undefined);
  return problem === undefined ? asked : { ...asked, refuse: problem };
}

function askedInBody(body: unknown): Asked {
  const question = typeof body === 'string' ? readQuestion(body) : 'malformed_request';
  return typeof question === 'string' ? { refuse: question } : question;
}

function send(reply: FastifyReply, status: number, body: object): FastifyReply {
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .type('application/json; charset=utf-8')
    .send(`${JSON.stringify(body)}\n`);
}

function sendAnswer(reply: FastifyReply, answer: GrantedToken | RefusedToken): FastifyReply {
  if (answer.kind === 'token') {
    return send(reply, 200, { ...grantedBody(answer), tenant_id: answer.identity.tenant });
  }
  const { status } = REFUSALS[answer.reason];
  if (status === 429 || status === 503) reply.header('retry-after', String(answer.retryAfterS));
  return send(reply, status, refusedBody(answer));
}

export function createUnixEndpoint({ desk, callers }: UnixEndpointOptions): UnixEndpoint {
  const ask = (socket: Socket, asked: Asked): Promise<GrantedToken | RefusedToken> =>
    desk.answer({
      interface: 'unix',
      secret: 'not-carried',
      attest: () => callers.callerOf(socket),
      ...asked,
    });

  async function refuse(request: FastifyRequest, reply: FastifyReply, reason: RefusalReason): Promise<FastifyReply> {
    reply.header('connection', 'close');
    return sendAnswer(reply, await ask(request.raw.socket, { refuse: reason }));
  }

  /** For what never becomes a request: it is in the record, and the connection ends. */
  function refuseRaw(socket: Socket): void {
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    const end = (): unknown => socket.destroy();
    ask(socket, { refuse: 'malformed_request' }).then(end, end);
  }

  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_MS_MAX,
    keepAliveTimeout: REQUEST_MS_MAX,
    forceCloseConnections: true,
    return503OnClosing: false,
    exposeHeadRoutes: false,
    http: {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: REQUEST_MS_MAX,
      connectionsCheckingInterval: 1_000,
      requireHostHeader: false,
    },
    clientErrorHandler: (_error, socket) => refuseRaw(socket as Socket),
    frameworkErrors: (_error, request, reply) => {
      refuse(request as FastifyRequest, reply as FastifyReply, 'malformed_request').catch(() =>
        request.raw.socket.destroy(),
      );
    },
  });
  app.removeAllContentTypeParsers();
  // Text: the framework's own parser puts what it could not read into its error.
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  app.get('/v1/token', async (request, reply) =>
    sendAnswer(reply, await ask(request.raw.socket, askedInQuery(request.raw.url ?? ''))),
  );
  app.post('/v1/token', async (request, reply) =>
    sendAnswer(reply, await ask(request.raw.socket, askedInBody(request.body))),
  );
  app.get('/v1/whoami', async (request, reply) =>
    send(reply, 200, whoamiBody(await desk.whoIs(() => callers.callerOf(request.raw.socket)))),
  );
  app.setNotFoundHandler((request, reply) => refuse(request, reply, 'unknown_path'));
  app.setErrorHandler(({ statusCode = 500 }: FastifyError, request, reply) =>
    refuse(request, reply, statusCode < 500 ? 'malformed_request' : 'broker_failed'),
  );
  app.server.on('connect', (_request, socket) => refuseRaw(socket as Socket));
  app.server.on('checkExpectation', (request) => refuseRaw(request.socket));
  // Which program connected is looked at now: by the first request it may have executed another.
  app.server.on('connection', (socket) => {
    try {
      callers.callerOf(socket);
    } catch {
      // Its requests are refused, and say why.
    }
  });
  keepRoom(app.server, CONNECTIONS_MAX, (socket) => {
    // The desk asks who it is before it waits for anything: the connection is closed after that.
    ask(socket, { refuse: 'too_many_requests' }).catch(() => undefined);
  });

  let listening: string | undefined;
  return {
    async listen(path) {
      if (await isAnswering(path))
        throw Object.assign(new Error(`somebody answers on ${path}`), { code: 'EADDRINUSE' });
      removeSocket(path);
      await app.listen({ path });
      listening = path;
      // Anyone may ask; what is granted depends on who it is.
      chmodSync(path, 0o666);
    },
    async close() {
      await app.close();
      if (listening !== undefined) removeSocket(listening);
    },
  };
}

/** What an agent left that was killed. Nothing but a socket is taken away. */
function removeSocket(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) rmSync(path);
}

function isAnswering(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
