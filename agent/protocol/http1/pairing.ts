// SPDX-License-Identifier: Apache-2.0

/**
 * Which reply answers which request. HTTP/1.1 has no numbers: replies come in the order of the requests (RFC 9112,
 * section 9.3.2), so one missed message shifts all that follow. Where bytes were lost, this says what is certain and
 * marks what is not.
 */
import type { SwitchRequest } from '../http/agreement.ts';
import type { FollowedReply } from '../http/meanings.ts';
import type { ReplyPart, RequestPart } from '../http/parts.ts';

/** A request that is seen or awaited, with what came back so far. */
export interface OpenExchange {
  readonly startedAt: number;
  /** Undefined until the head is whole. */
  method: string | undefined;
  expectsContinue: boolean;
  /** Kept of a request that asks for another language. */
  switchRequest: SwitchRequest | undefined;
  /** Its bytes are still arriving. */
  inFlight: boolean;
  /** Its head was never whole. */
  unread: boolean;
  request: RequestPart | undefined;
  /** It was given out before its reply; the place in the queue stays. */
  givenOut: boolean;
  /** Memory that it costs while it waits. */
  waitingBytes: number;
  replyBegan: boolean;
  reply: ReplyPart | undefined;
  /** Who reads the reply on while it arrives. */
  followed: FollowedReply | undefined;
  /** The reply began before the request was whole. */
  early: boolean;
  /** Status codes of interim replies (1xx), the first few of them, and the bytes of all. */
  interim: number[];
  interimBytes: number;
  /** Another pairing is possible. */
  uncertain: boolean;
  /** Why there is no reply. */
  missing: 'connection-ended' | 'not-awaited' | 'lost';
}

const INTERIM_KEPT_MAX = 16;
/** Below this the queue's dead head is not worth a copy. */
const QUEUE_SLACK = 64;

export class Pairing {
  readonly #pipelineMax: number;
  readonly #waitingBytesMax: number;
  readonly #give: (exchange: OpenExchange) => void;
  /** Requests without a whole reply, oldest at `#first`; those before `#firstKept` were given out. */
  #queue: OpenExchange[] = [];
  #first = 0;
  #firstKept = 0;
  /** The sum over all that wait. */
  #waitingBytes = 0;
  #pipelines = false;
  /** Replies may have gone by unseen since the last one. */
  #repliesLost: boolean;
  /** Requests may have gone by unseen since the last one. */
  #requestsLost = false;
  #uncertain = false;
  #noMoreReplies = false;
  /** So many requests were given out unanswered that their places are not kept any more. */
  #orderLost = false;

  constructor(pipelineMax: number, waitingBytesMax: number, late: boolean, give: (exchange: OpenExchange) => void) {
    this.#pipelineMax = pipelineMax;
    this.#waitingBytesMax = waitingBytesMax;
    this.#repliesLost = late;
    this.#give = give;
  }

  get heldBytes(): number {
    return this.#waitingBytes;
  }

  get noMoreReplies(): boolean {
    return this.#noMoreReplies;
  }

  beginRequest(at: number): OpenExchange {
    this.#dropUnread();
    this.#requestsLost = false;
    const exchange = openExchange(at, true);
    if (this.#isQueueing()) {
      const last = this.#last();
      if (last !== undefined && !last.replyBegan && !this.#repliesLost) this.#pipelines = true;
      this.#queue.push(exchange);
    }
    return exchange;
  }

  endRequest(exchange: OpenExchange, request: RequestPart): void {
    exchange.inFlight = false;
    exchange.request = request;
    if (exchange.reply !== undefined || !this.#isQueueing()) {
      this.#conclude(exchange);
      return;
    }
    this.#addWaiting(exchange, request.heldBytes);
    this.#relieve();
  }

  /** What began as a request is none; a reply to it may come all the same (400 Bad Request). */
  abandonRequest(exchange: OpenExchange): void {
    exchange.inFlight = false;
    exchange.unread = true;
    if (exchange.reply !== undefined || !this.#isQueueing()) this.#conclude(exchange);
  }

  /** A reply of class 1xx: the final one is still to come. */
  interimReply(statusCode: number, wireBytes: number, at: number): OpenExchange {
    const first = this.#queue[this.#first];
    const exchange = first === undefined || first.replyBegan ? openExchange(at, false) : first;
    if (exchange.interim.length < INTERIM_KEPT_MAX) exchange.interim.push(statusCode);
    exchange.interimBytes += wireBytes;
    if (exchange === first) return exchange;
    // Its request was not seen. The final reply finds this one in the queue, if it is first there.
    if (first === undefined && this.#isQueueing()) this.#queue.push(exchange);
    else this.#give(exchange);
    return exchange;
  }

  /** The request that a final reply answers; one without a request when it was not seen. */
  beginReply(at: number): OpenExchange {
    // The last request that was seen may be answered, and this be the reply to a later one that was not.
    const isDoubtful = this.#repliesLost && this.#requestsLost;
    if (this.#repliesLost) this.#realign();
    const first = this.#queue[this.#first];
    const exchange = first === undefined || first.replyBegan ? openExchange(at, false) : first;
    exchange.replyBegan = true;
    exchange.early = exchange.inFlight;
    exchange.uncertain = this.#uncertain || (isDoubtful && exchange === first);
    return exchange;
  }

  endReply(exchange: OpenExchange, reply: ReplyPart): void {
    exchange.reply = reply;
    if (exchange.inFlight) this.#addWaiting(exchange, reply.heldBytes);
    else this.#conclude(exchange);
  }

  repliesWereLost(): void {
    this.#repliesLost = true;
  }

  requestsWereLost(): void {
    this.#requestsLost = true;
  }

  /** The server ended: whoever waits, waits in vain. */
  endReplies(): void {
    this.#noMoreReplies = true;
    this.#giveUpWaiting();
  }

  /** Both ends are silent for good, or speak another language. */
  endAll(): void {
    for (const exchange of this.#queue) exchange.inFlight = false;
    this.endReplies();
  }

  #isQueueing(): boolean {
    return !this.#orderLost && !this.#noMoreReplies;
  }

  #last(): OpenExchange | undefined {
    return this.#queue.length > this.#first ? this.#queue.at(-1) : undefined;
  }

  /**
   * Replies were missed. A client that waits for each reply before it asks again has its last request answered now, and
   * the earlier ones were answered unseen. One that pipelines gives no such sign: order is kept, and doubted.
   */
  #realign(): void {
    this.#repliesLost = false;
    if (this.#queue.length - this.#first < 2) return;
    if (this.#pipelines) {
      this.#uncertain = true;
      return;
    }
    while (this.#queue.length - this.#first > 1) this.#conclude(this.#queue[this.#first]!, 'lost');
  }

  #giveUpWaiting(): void {
    for (;;) {
      const first = this.#queue[this.#first];
      // A request that still arrives is the last of the queue; it is concluded when it has arrived.
      if (first === undefined || first.inFlight) return;
      this.#conclude(first);
    }
  }

  #conclude(exchange: OpenExchange, missing: OpenExchange['missing'] = 'connection-ended'): void {
    exchange.missing = missing;
    this.#addWaiting(exchange, -exchange.waitingBytes);
    if (this.#queue[this.#first] === exchange) this.#removeFirst();
    this.#give(exchange);
  }

  #addWaiting(exchange: OpenExchange, bytes: number): void {
    exchange.waitingBytes += bytes;
    this.#waitingBytes += bytes;
  }

  #removeFirst(): void {
    this.#first++;
    this.#firstKept = Math.max(this.#firstKept, this.#first);
    if (this.#first < QUEUE_SLACK || this.#first * 2 < this.#queue.length) return;
    this.#queue = this.#queue.slice(this.#first);
    this.#firstKept -= this.#first;
    this.#first = 0;
  }

  /** Forget a place that was kept for a request whose head was never whole, and that nothing answered. */
  #dropUnread(): void {
    const last = this.#last();
    if (last === undefined || last.inFlight || last.replyBegan || last.method !== undefined) return;
    this.#queue.pop();
    this.#firstKept = Math.min(this.#firstKept, this.#queue.length);
    this.#give(last);
    if (this.#pipelines) this.#uncertain = true;
  }

  /** Too many requests wait, or too many bytes of them: the oldest are given out without a reply. */
  #relieve(): void {
    while (this.#waitsTooMuch()) {
      const oldest = this.#queue[this.#firstKept++]!;
      if (oldest.request !== undefined && !oldest.replyBegan) this.#giveOutEarly(oldest);
    }
    if (this.#queue.length - this.#first <= 2 * this.#pipelineMax) return;
    this.#orderLost = true;
    const waiting = this.#queue.slice(this.#first);
    this.#queue = [];
    this.#first = this.#firstKept = 0;
    for (const exchange of waiting) if (!exchange.replyBegan) this.#conclude(exchange, 'not-awaited');
  }

  #waitsTooMuch(): boolean {
    const kept = this.#queue.length - this.#firstKept;
    return kept > 1 && (kept > this.#pipelineMax || this.#waitingBytes > this.#waitingBytesMax);
  }

  #giveOutEarly(exchange: OpenExchange): void {
    this.#addWaiting(exchange, -exchange.waitingBytes);
    exchange.missing = 'not-awaited';
    this.#give(exchange);
    exchange.request = undefined;
    exchange.givenOut = true;
    exchange.interim = [];
    exchange.interimBytes = 0;
  }
}

function openExchange(startedAt: number, inFlight: boolean): OpenExchange {
  return {
    startedAt,
    method: undefined,
    expectsContinue: false,
    switchRequest: undefined,
    inFlight,
    unread: false,
    request: undefined,
    givenOut: false,
    waitingBytes: 0,
    replyBegan: false,
    reply: undefined,
    followed: undefined,
    early: false,
    interim: [],
    interimBytes: 0,
    uncertain: false,
    missing: 'connection-ended',
  };
}
