// SPDX-License-Identifier: Apache-2.0

/**
 * What the server says unasked: messages of channels, keys that are no longer valid, commands that MONITOR shows; and the
 * confirmations of SUBSCRIBE and its like, one for each channel, which come in the form of pushes.
 */
import type { Payload } from '../decoder.ts';
import type { Reply } from './reply-reader.ts';
import { Request } from './request.ts';
import type { RequestQueue } from './request-queue.ts';
import { confirmationOf, isMessage, NAME_LENGTH_MAX, type Session } from './session.ts';

export interface Arrived {
  readonly response: Payload;
  readonly bytes: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** Confirmations of one command are kept up to here. */
const CONFIRMED_BYTES_MAX = 64 * 1024;
const MONITORED = /^\d+\.\d+ \[/;
const LINE_FEED = Buffer.from('\n');

export class Pushes {
  readonly #session: Session;
  readonly #queue: RequestQueue;
  readonly #give: (request: Request) => void;

  constructor(session: Session, queue: RequestQueue, give: (request: Request) => void) {
    this.#session = session;
    this.#queue = queue;
    this.#give = give;
  }

  /** Is it a push, or does it answer a request that was given up already? Then it is dealt with. */
  take(reply: Reply, arrived: Arrived): boolean {
    const kind = reply.elements[0] ?? '';
    const confirmation = this.#isPush(reply, kind) ? confirmationOf(kind) : undefined;
    if (confirmation !== undefined) {
      this.#confirm(reply, arrived, kind);
      return true;
    }
    if (this.#session.isMonitoring && reply.type === '+' && MONITORED.test(reply.text)) {
      this.#giveNew('MONITORED', '', arrived);
      return true;
    }
    if (this.#isPush(reply, kind)) {
      this.#giveNew(isMessage(kind) ? 'MESSAGE' : kind.toUpperCase() || 'PUSH', channelOf(reply), arrived);
      return true;
    }
    if (this.#queue.givenUp === 0) return false;
    this.#queue.givenUp--;
    this.giveUnasked(reply, arrived);
    return true;
  }

  /** A reply that no request waits for. */
  giveUnasked(reply: Reply, arrived: Arrived): void {
    const request = newRequest('UNKNOWN', '', arrived);
    request.attributes['request_unseen'] = 'true';
    if (reply.type === '-' || reply.type === '!') {
      request.fail(/^[A-Z][A-Z0-9_-]*(?= |$)/.exec(reply.text)?.[0] ?? '', reply.text);
    } else {
      request.status = 'ok';
    }
    if (reply.count !== undefined) request.rows = reply.count;
    this.#give(request);
  }

  /** In RESP2 a push looks as any array: who has subscribed gets no others, but for the reply to PING. */
  #isPush(reply: Reply, kind: string): boolean {
    if (reply.type === '>') return true;
    if (reply.type !== '*' || this.#session.isResp3) return false;
    if (isMessage(kind)) return this.#session.isSubscribed || this.#session.isUncertain;
    if (confirmationOf(kind) === undefined) return false;
    return this.#session.isSubscribed || this.#queue.head?.name === kind;
  }

  #confirm(reply: Reply, arrived: Arrived, word: string): void {
    const { kind, step } = confirmationOf(word) as NonNullable<ReturnType<typeof confirmationOf>>;
    const { subscriptions } = this.#session;
    const total = Number(reply.elements[2] ?? 0);
    const before = kind === 'shard' ? subscriptions.shard : subscriptions.channel + subscriptions.pattern;
    if (total !== before) subscriptions[kind] = Math.max(0, subscriptions[kind] + step);
    const request = this.#queue.head;
    if (request === undefined || request.name !== word) {
      // The server ends subscriptions by itself, when a slot moves or a user loses a right.
      this.#giveNew(word.toUpperCase(), channelOf(reply), arrived);
      return;
    }
    const isLast =
      request.repliesLeft === Number.POSITIVE_INFINITY ? subscriptions[kind] === 0 : request.repliesLeft <= 1;
    if (isLast) this.#queue.shift();
    request.repliesLeft--;
    request.addResponse(arrived.bytes, arrived.firstAt, arrived.lastAt);
    if (!isLast) {
      this.#queue.keep(() => addConfirmed(request, arrived.response));
      return;
    }
    addConfirmed(request, arrived.response);
    request.status = 'ok';
    request.rows = request.attributes['replies'] === undefined ? 1 : Number(request.attributes['replies']);
    delete request.attributes['replies'];
    this.#give(request);
  }

  #giveNew(operation: string, resource: string, arrived: Arrived): void {
    const request = newRequest(operation, resource, arrived);
    request.status = 'ok';
    this.#give(request);
  }
}

/** The channel of a message (of a pattern it is the third element), else what the push is about. */
function channelOf(reply: Reply): string {
  return (reply.elements[0] === 'pmessage' ? reply.elements[2] : reply.elements[1])?.slice(0, NAME_LENGTH_MAX) ?? '';
}

function addConfirmed(request: Request, response: Payload): void {
  const { bytes, totalBytes } = request.response;
  request.attributes['replies'] = String(Number(request.attributes['replies'] ?? 0) + 1);
  if (bytes.length === 0) {
    request.response = response;
  } else if (bytes.length + response.bytes.length < CONFIRMED_BYTES_MAX) {
    const joined = Buffer.concat([bytes, LINE_FEED, response.bytes]);
    request.response = { bytes: joined, totalBytes: totalBytes + 1 + response.totalBytes };
  } else {
    request.response = { bytes, totalBytes: totalBytes + 1 + response.totalBytes };
  }
}

function newRequest(operation: string, resource: string, arrived: Arrived): Request {
  const request = new Request();
  request.operation = operation;
  request.resource = resource;
  request.response = arrived.response;
  request.requestAt = arrived.firstAt;
  request.requestEndAt = arrived.firstAt;
  request.addResponse(arrived.bytes, arrived.firstAt, arrived.lastAt);
  return request;
}
