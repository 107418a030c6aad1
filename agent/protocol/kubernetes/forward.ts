// SPDX-License-Identifier: Apache-2.0

/**
 * One connection that `port-forward` carries: given out to be read as one of its own, and a row when it is over.
 *
 * Bounds   FORWARD_BYTES_MAX of each direction are kept, in case that nobody understands what is said in it
 */
import type { DecoderBounds, DecoderSink, Side } from '../decoder.ts';
import { Session, type SessionEnd } from './session.ts';
import type { StreamRequest } from './stream-request.ts';

/** Enough for a person to see what it is. */
const FORWARD_BYTES_MAX = 64 * 1024;
/** More are missing than anybody knows, and nothing of that side follows. */
const AT_LEAST = 1;

export class Forward {
  readonly session: Session;
  readonly #sink: DecoderSink;
  readonly #id: string;
  readonly #port: string;
  readonly #request: StreamRequest;
  #isCarrying = false;
  #isClosed = false;
  #lastAt = 0;

  /** `id` tells those of one connection apart; `port` as the client named it, '' when it is not known. */
  constructor(id: string, port: string, bounds: DecoderBounds, sink: DecoderSink, request: StreamRequest) {
    const { statement, statementShape, attributes } = request;
    this.#id = id;
    this.#port = port;
    this.#sink = sink;
    this.#request = request;
    const kept = {
      ...bounds,
      requestBytesMax: Math.min(bounds.requestBytesMax, FORWARD_BYTES_MAX),
      responseBytesMax: Math.min(bounds.responseBytesMax, FORWARD_BYTES_MAX),
    };
    this.session = new Session(kept, sink, {
      ...request,
      ...(port !== '' && {
        statement: `${statement} ${port}`,
        statementShape: `${statementShape} ?`,
        attributes: { ...attributes, k8s_port: port },
      }),
    });
  }

  get heldBytes(): number {
    return this.session.heldBytes;
  }

  data(from: Side, bytes: Uint8Array, at: number): void {
    this.#lastAt = at;
    if (bytes.length > 0 && !this.#isClosed) {
      this.#open(at);
      this.#sink.carried({ kind: 'bytes', id: this.#id, from, bytes: Buffer.from(bytes), at });
    }
    this.session.data(from === 'client' ? 'stdin' : 'stdout', bytes, at);
  }

  /** Bytes of the connection itself; `undefined` when frames were missed, and with them nobody knows what. */
  hole(from: Side, missingBytes: number | undefined): void {
    this.session.hole(missingBytes === undefined ? undefined : dataOf(from), missingBytes ?? 0, from);
    if (!this.#isCarrying || this.#isClosed) return;
    const gap = { from, missingBytes: missingBytes ?? AT_LEAST, at: this.#lastAt };
    this.#sink.carried({ kind: 'gap', id: this.#id, ...gap });
  }

  /** Nothing more is said in it. */
  close(): void {
    if (this.#isCarrying && !this.#isClosed) this.#sink.carried({ kind: 'closed', id: this.#id, at: this.#lastAt });
    this.#isClosed = true;
  }

  end(how: SessionEnd): void {
    this.close();
    this.session.end({ ...how, ...(this.#isCarrying && { carries: this.#id }) });
  }

  #open(at: number): void {
    if (this.#isCarrying) return;
    this.#isCarrying = true;
    const { resource, name, namespace } = this.#request.info;
    const pod = [resource, namespace, name].join('/');
    const target = this.#port === '' ? pod : `${pod}:${this.#port}`;
    const place = { via: 'kubernetes', target, port: portOf(this.#port), client: 'client' } as const;
    this.#sink.carried({ kind: 'opened', id: this.#id, place, at });
  }
}

const dataOf = (from: Side) => (from === 'client' ? 'stdin' : 'stdout');

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port < 65_536 ? port : 0;
}
