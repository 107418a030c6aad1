// SPDX-License-Identifier: Apache-2.0

/**
 * A witness behind HTTP: POST /add-checkpoint, and GET /status for people and their monitoring.
 *
 * Whoever reaches it may ask; bodies, connections and times are bounded. Source: C2SP tlog-witness.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { ADD_CHECKPOINT_PATH, SIZE_CONTENT_TYPE } from '../proto/log/add-checkpoint.ts';
import { formatNote } from '../proto/log/note.ts';
import type { Refusal, Verdict, Witness } from './witness.ts';

/** A checkpoint with 63 hashes has 4 KiB; many signatures make some more. */
const BODY_BYTES_MAX = 64 * 1024;
const CONNECTIONS_MAX = 1024;
const REQUEST_MS_MAX = 10_000;

const STATUS_OF: Readonly<Record<Refusal, number>> = {
  malformed: 400,
  unknown_log: 404,
  not_signed: 403,
  other_root: 409,
  not_grown: 422,
  busy: 429,
};

/** Outcomes of requests, for whoever keeps the witness. */
export interface WitnessServerOptions {
  readonly witness: Witness;
  readonly keyLine: string;
  readonly logs: number;
  readonly tls: { readonly certificatePem: string; readonly privateKeyPem: string } | undefined;
  /** What happened, in a word, and what is known about it. */
  readonly onOutcome: (outcome: string, detail: Readonly<Record<string, unknown>>) => void;
}

export class WitnessServer {
  readonly #options: WitnessServerOptions;
  readonly #server: Server;
  readonly #outcomes = new Map<string, number>();

  constructor(options: WitnessServerOptions) {
    this.#options = options;
    const bounds = { requestTimeout: REQUEST_MS_MAX, headersTimeout: REQUEST_MS_MAX, maxHeaderSize: 8192 };
    const answer = (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response);
    const { tls } = options;
    this.#server =
      tls === undefined
        ? createServer(bounds, answer)
        : createTlsServer({ ...bounds, cert: tls.certificatePem, key: tls.privateKeyPem }, answer);
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** Resolves with the port. Errors: those of listening. */
  start(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  /** What is asked is answered; then it ends. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeIdleConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const path = (request.url ?? '').replace(/\?.*$/s, '');
      if (path === '/status' && request.method === 'GET') return this.#sendStatus(response);
      if (path !== `/${ADD_CHECKPOINT_PATH}`) return this.#send(response, 404, 'There is no such path.\n');
      if (request.method !== 'POST') return this.#send(response, 405, 'It takes POST.\n', { allow: 'POST' });
      const body = await bodyOf(request);
      if (body === undefined) {
        this.#count('too_large', {});
        return this.#send(response, 413, 'The request is too large.\n', { connection: 'close' });
      }
      this.#sendVerdict(response, await this.#options.witness.add(body));
    } catch (error) {
      if (request.destroyed && !request.complete) return this.#count('broken_off', {});
      this.#count('failed', { err: error });
      this.#send(response, 500, 'The witness could not keep what it was to sign; nothing was signed.\n');
    }
  }

  #sendVerdict(response: ServerResponse, verdict: Verdict): void {
    this.#count(verdict.kind, { ...verdict, signature: undefined });
    if (verdict.kind === 'cosigned') {
      const [, lines = ''] = formatNote({ text: '', signatures: [verdict.signature] }).split(/^\n/);
      this.#send(response, 200, lines);
    } else if (verdict.kind === 'stale') {
      this.#send(response, 409, `${verdict.size}\n`, { 'content-type': SIZE_CONTENT_TYPE });
    } else {
      this.#send(response, STATUS_OF[verdict.kind], `${verdict.message}\n`);
    }
  }

  #sendStatus(response: ServerResponse): void {
    const { keyLine, logs } = this.#options;
    const status = { key: keyLine, logs, requests: Object.fromEntries(this.#outcomes) };
    this.#send(response, 200, `${JSON.stringify(status)}\n`, { 'content-type': 'application/json' });
  }

  #send(response: ServerResponse, status: number, body: string, headers: Readonly<Record<string, string>> = {}): void {
    if (response.headersSent || response.destroyed) return;
    response.writeHead(status, {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      ...headers,
    });
    response.end(body);
  }

  #count(outcome: string, detail: Readonly<Record<string, unknown>>): void {
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
    this.#options.onOutcome(outcome, detail);
  }
}

/** All of a body; undefined when it is too large. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > BODY_BYTES_MAX) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}
