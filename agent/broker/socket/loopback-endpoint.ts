// SPDX-License-Identifier: Apache-2.0

/**
 * A loopback endpoint of one flavour: HTTP in, the desk's answer out. It decides nothing but the shape of requests. Every
 * request, also one that is no HTTP, ends as a refusal in the record, as a challenge or as a token.
 */

import type { Socket } from 'node:net';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { BrokerConnection, CallerDirectory } from '../attest/caller-directory.ts';
import { REFUSALS, type RefusalReason } from '../refusal.ts';
import type { GrantedToken, RefusedToken, TokenDesk, TokenRequest } from '../token-desk.ts';
import { keepRoom } from './connection-room.ts';
import { type Flavour, readRequest } from './flavour.ts';
import { challengeBody, grantedBody, readQuery, refusedBody } from './managed-identity-protocol.ts';
import { type ExpectedShape, shapeProblem } from './request-guard.ts';

export interface LoopbackOptions {
  readonly flavour: Flavour;
  readonly desk: TokenDesk;
  readonly callers: CallerDirectory;
}

/** Enough for every SDK's headers; more is refused before it is looked at. */
const HEADER_BYTES_MAX = 16 * 1024;
/** To send a request that fits into one packet. */
const REQUEST_MS_MAX = 5_000;
const IDLE_MS_MAX = 5_000;
/** More than the kernel lets wait to be accepted (connection-room.ts). */
const CONNECTIONS_MAX = 1024;

const plain = (address: string): string => (address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address);

/** Taken when the request comes: a socket that was closed meanwhile has forgotten its addresses. */
function connectionOf(socket: Socket): BrokerConnection {
  return {
    localAddress: plain(socket.localAddress ?? ''),
    localPort: socket.localPort ?? 0,
    remoteAddress: plain(socket.remoteAddress ?? ''),
    remotePort: socket.remotePort ?? 0,
  };
}

type Answer = GrantedToken | RefusedToken | { readonly kind: 'challenge'; readonly header: string };

function send(reply: FastifyReply, answer: Answer): FastifyReply {
  reply.header('cache-control', 'no-store').header('pragma', 'no-cache').type('application/json; charset=utf-8');
  if (answer.kind === 'challenge') {
    return reply.code(401).header('www-authenticate', answer.header).send(JSON.stringify(challengeBody()));
  }
  if (answer.kind === 'token') return reply.code(200).send(JSON.stringify(grantedBody(answer)));
  const { status } = REFUSALS[answer.reason];
  if (status === 429 || status === 503) reply.header('retry-after', String(answer.retryAfterS));
  return reply.code(status).send(JSON.stringify(refusedBody(answer)));
}

export interface LoopbackEndpoint {
  /** Resolves to the port. `port` 0 lets the kernel choose. */
  listen(port: number): Promise<number>;
  close(): Promise<void>;
}

export function createLoopbackEndpoint({ flavour, desk, callers }: LoopbackOptions): LoopbackEndpoint {
  let expected: ExpectedShape = { isPath: flavour.isPath, hosts: new Set() };

  const attestBy = (connection: BrokerConnection) => () => callers.callerOf(connection);

  const requestOf = (socket: Socket): Pick<TokenRequest, 'interface' | 'secret' | 'attest'> => ({
    interface: flavour.interface,
    secret: flavour.secret,
    attest: attestBy(connectionOf(socket)),
  });

  const refuse = (socket: Socket, reason: RefusalReason): Promise<GrantedToken | RefusedToken> =>
    desk.answer({ ...requestOf(socket), refuse: reason });

  async function answerTo(request: TokenRequest, { headers }: FastifyRequest): Promise<Answer> {
    const { challenge } = flavour;
    if (challenge === undefined) return desk.answer(request);
    if (challenge.isProven(headers)) {
      const refuse = request.refuse ?? challenge.proofProblem(headers, request.attest);
      return desk.answer(refuse === undefined ? request : { ...request, refuse });
    }
    // Who would be refused anyway is refused now: no file is made, and the client does not come back.
    const outcome = await desk.check(request);
    if (outcome.kind === 'refused') return outcome;
    try {
      return { kind: 'challenge', header: challenge.make(request.attest) };
    } catch {
      return desk.answer({ ...request, refuse: 'challenge_unavailable' });
    }
  }

  /** For what never becomes a request: a broken request line, too large headers, CONNECT. */
  function refuseRaw(socket: Socket): void {
    // One that never sent a byte has asked for nothing; who opened it would have to be looked for in /proc.
    if (!socket.writable || socket.remoteAddress === undefined || socket.bytesRead === 0) {
      socket.destroy();
      return;
    }
    refuse(socket, 'malformed_request').then(
      (answer) => {
        const body = answer.kind === 'refused' ? JSON.stringify(refusedBody(answer)) : '{}';
        const head = [
          'HTTP/1.1 400 Bad Request',
          'content-type: application/json; charset=utf-8',
          `content-length: ${Buffer.byteLength(body)}`,
          'cache-control: no-store',
          'connection: close',
        ];
        socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
      },
      () => socket.destroy(),
    );
  }

  async function handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { raw } = request;
    const url = raw.url ?? '';
    const problem = shapeProblem({ method: raw.method ?? '', url, rawHeaders: raw.rawHeaders }, expected);
    if (problem !== undefined) {
      // Whatever else waits on this connection is not worth reading.
      reply.header('connection', 'close');
      return send(reply, await refuse(raw.socket, problem));
    }
    const query = readQuery(url.slice(url.indexOf('?') + 1 || url.length), flavour.apiVersionMin);
    const asked = { ...requestOf(raw.socket), ...readRequest(flavour, query, request.headers) };
    return send(reply, await answerTo(asked, request));
  }

  async function handleBroken(_error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    reply.header('connection', 'close');
    send(reply, await refuse(request.raw.socket, 'malformed_request'));
  }

  const app: FastifyInstance = fastify({
    // Its own lines would carry URLs and headers.
    logger: false,
    bodyLimit: 1024,
    keepAliveTimeout: IDLE_MS_MAX,
    requestTimeout: REQUEST_MS_MAX,
    forceCloseConnections: true,
    return503OnClosing: false,
    exposeHeadRoutes: false,
    http: {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: REQUEST_MS_MAX,
      // How often the two limits above are looked after; half a minute otherwise.
      connectionsCheckingInterval: 1_000,
      requireHostHeader: false,
    },
    clientErrorHandler: (_error, socket) => refuseRaw(socket as Socket),
    frameworkErrors: (error, request, reply) => {
      handleBroken(error, request as FastifyRequest, reply as FastifyReply).catch(() => request.raw.socket.destroy());
    },
  });
  // One handler for every method and path, before a body is read or a route is looked for: what is not a right request is
  // refused in one way, and a framework's own 404, 405, 413 and 415 never come to be.
  app.addHook('onRequest', async (request, reply) => {
    await handle(request, reply);
    return reply;
  });
  app.setNotFoundHandler(() => undefined);
  app.setErrorHandler(handleBroken);
  keepRoom(app.server, CONNECTIONS_MAX, (socket) => {
    // The desk asks who it is before it waits for anything: the connection is closed after that.
    const request: TokenRequest = { ...requestOf(socket), refuse: 'too_many_requests' };
    const isSilent = socket.bytesRead === 0;
    desk.answer(isSilent ? { ...request, attest: () => undefined } : request).catch(() => undefined);
  });
  app.server.on('connect', (_request, socket) => refuseRaw(socket as Socket));
  app.server.on('checkExpectation', (request) => refuseRaw(request.socket));

  return {
    async listen(port) {
      await app.listen({ host: '127.0.0.1', port });
      const address = app.server.address();
      const bound = typeof address === 'object' && address !== null ? address.port : port;
      expected = { ...expected, hosts: new Set(flavour.hosts(bound)) };
      return bound;
    },
    close: () => app.close(),
  };
}
