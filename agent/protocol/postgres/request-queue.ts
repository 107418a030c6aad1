// SPDX-License-Identifier: Apache-2.0

/**
 * What the client sent and the server has not answered: requests, and for each the replies that are awaited, in order.
 *
 * The server answers messages one by one. After an error in the extended protocol it discards messages up to a Sync; the
 * requests that this hits are given out as skipped.
 */
import type { PreparedStatement } from './prepared.ts';
import type { Request } from './request.ts';

/** The message whose reply is awaited; `copyEnd` awaits none, it marks where the data of a COPY ended. */
export type StepKind =
  | 'startup'
  | 'query'
  | 'parse'
  | 'bind'
  | 'describe-statement'
  | 'describe-portal'
  | 'execute'
  | 'close'
  | 'sync'
  | 'function-call'
  | 'copy-end'
  /** A reply whose request was not seen. */
  | 'reply';

/** Steps that the server answers with ReadyForQuery. */
type GroupEnd = Extract<StepKind, 'startup' | 'query' | 'sync' | 'function-call' | 'reply'>;

export function endsGroup(kind: StepKind): kind is GroupEnd {
  return kind === 'query' || kind === 'sync' || kind === 'startup' || kind === 'function-call' || kind === 'reply';
}

export interface Step {
  readonly kind: StepKind;
  readonly request: Request;
  readonly prepared: PreparedStatement | undefined;
}

export interface QueueEvents {
  /** All replies to `request` came, or it waits no longer. Called once for each. */
  finished(request: Request): void;
  /** The server discarded the message that `step` stands for. */
  skipped(step: Step): void;
}

/** Steps cost memory too, and a request may have many: Describe can be sent over and over. */
const STEPS_PER_REQUEST_MAX = 16;
const STEP_OVERHEAD_BYTES = 48;
/** A reply that does not fit the awaited step is held against so many later ones. */
const SEEK_STEPS_MAX = 64;
/** Answered steps are dropped from the front of the list when there are so many. */
const ANSWERED_MAX = 1024;

export class RequestQueue {
  readonly #pipelineMax: number;
  readonly #heldBytesMax: number;
  readonly #events: QueueEvents;
  #steps: Step[] = [];
  #first = 0;
  #heldBytes = 0;
  #waiting = 0;
  /** Steps before this one are of requests that were given out before their time. */
  #givenOutUntil = 0;
  #readyBehind = 0;
  /** Between an error and a Sync that was not sent yet. */
  #isSkipping = false;
  #skippedBecause = '';
  /** How many steps there are of each kind that ends a group. */
  readonly #ends: Record<GroupEnd, number> = { startup: 0, query: 0, sync: 0, 'function-call': 0, reply: 0 };

  constructor(pipelineMax: number, heldBytesMax: number, events: QueueEvents) {
    this.#pipelineMax = pipelineMax;
    this.#heldBytesMax = heldBytesMax;
    this.#events = events;
  }

  get heldBytes(): number {
    return this.#heldBytes + (this.#steps.length - this.#first) * STEP_OVERHEAD_BYTES;
  }

  get isEmpty(): boolean {
    return this.#first === this.#steps.length;
  }

  get head(): Step | undefined {
    return this.#steps[this.#first];
  }

  /** Await a reply. */
  push(kind: StepKind, request: Request, prepared?: PreparedStatement): void {
    if (request.openSteps === 0 && !request.isGivenOut) {
      this.#waiting++;
      this.#heldBytes += request.heldBytes;
    }
    request.openSteps++;
    this.#steps.push({ kind, request, prepared });
    if (endsGroup(kind)) this.#ends[kind]++;
    if (kind === 'sync' && this.#isSkipping) {
      this.#isSkipping = false;
      this.#skipTo(this.#steps.length - 1);
    }
    this.#boundWaiting();
    this.#boundSteps(kind);
  }

  /** `request` holds more than when it was pushed. */
  addHeldBytes(request: Request, bytes: number): void {
    request.heldBytes += bytes;
    if (request.openSteps > 0 && !request.isGivenOut) this.#heldBytes += bytes;
    this.#boundWaiting();
  }

  /** The head was answered. */
  pop(): void {
    const step = this.#steps[this.#first];
    if (step === undefined) return;
    this.#first++;
    if (this.#first === this.#steps.length) {
      this.#steps.length = 0;
      this.#first = 0;
      this.#givenOutUntil = 0;
    } else if (this.#first >= ANSWERED_MAX) {
      this.#steps = this.#steps.slice(this.#first);
      this.#givenOutUntil = Math.max(0, this.#givenOutUntil - this.#first);
      this.#first = 0;
    }
    this.#answered(step);
  }

  /**
   * Make the first step of one of `kinds` the head; what stood before it lost its reply. Steps behind the next end of a
   * group are not looked at. False when none fits.
   */
  seek(kinds: readonly StepKind[]): boolean {
    const isEnd = kinds.some((kind) => endsGroup(kind) && this.#ends[kind] > 0);
    const until = isEnd && kinds.every(endsGroup) ? this.#steps.length : this.#first + SEEK_STEPS_MAX;
    for (let i = this.#first; i < until && i < this.#steps.length; i++) {
      const step = this.#steps[i] as Step;
      if (kinds.includes(step.kind)) {
        while (this.#steps[this.#first] !== step) {
          (this.head as Step).request.isReplyLost = true;
          this.pop();
        }
        return true;
      }
      if (endsGroup(step.kind)) return false;
    }
    return false;
  }

  /**
   * The head turned out to be a COPY of the client's data. Syncs that were sent before the data ended are not answered: the
   * server passes over them. Returns whether the data has ended already.
   */
  endCopyBehindHead(): boolean {
    const isEnd = (step: Step) => step.kind === 'copy-end';
    const end = this.#steps.findIndex((step, index) => index > this.#first && isEnd(step));
    const passedOver = (step: Step, index: number) =>
      index > this.#first && (step.kind === 'sync' || isEnd(step)) && (end < 0 || index <= end);
    const removed = this.#steps.filter(passedOver);
    if (removed.length === 0) return false;
    this.#steps = this.#steps.filter((step, index) => !passedOver(step, index));
    this.#givenOutUntil = Math.min(this.#givenOutUntil, this.#first);
    for (const step of removed) this.#answered(step);
    return end >= 0;
  }

  /** The server discards everything up to the next Sync. */
  skipToSync(because: string): void {
    this.#skippedBecause = because;
    this.#isSkipping = this.#ends.sync === 0;
    if (this.#isSkipping) return;
    for (let i = this.#first; i < this.#steps.length; i++) {
      if ((this.#steps[i] as Step).kind === 'sync') {
        this.#skipTo(i);
        return;
      }
    }
  }

  /** Requests were forgotten: so many times the server will say that it is ready before it answers one that is known. */
  get isBehind(): boolean {
    return this.#readyBehind > 0;
  }

  /** The server said once more that it is ready for what was forgotten. */
  catchUp(): void {
    this.#readyBehind--;
  }

  /** How many times the server will still say that it is ready. */
  get readyAwaited(): number {
    return Object.values(this.#ends).reduce((sum, count) => sum + count, 0);
  }

  /** Give out all that waits, and forget the awaited replies. `isLost`: they were sent, and are not seen. */
  giveOutAll(isLost: boolean): void {
    const steps = this.#steps.slice(this.#first);
    this.#steps = [];
    this.#first = 0;
    this.#givenOutUntil = 0;
    this.#isSkipping = false;
    for (const { kind } of steps) if (endsGroup(kind)) this.#ends[kind]--;
    for (const { request } of steps) this.#giveOut(request, isLost);
    for (const { request } of steps) request.openSteps = 0;
  }

  #skipTo(index: number): void {
    const until = this.#steps[index];
    for (let step = this.head; step !== undefined && step !== until; step = this.head) {
      step.request.skip(this.#skippedBecause);
      this.#events.skipped(step);
      this.pop();
    }
  }

  #answered({ kind, request }: Step): void {
    if (endsGroup(kind)) this.#ends[kind]--;
    request.openSteps--;
    if (request.openSteps > 0 || request.isGivenOut) return;
    this.#waiting--;
    this.#heldBytes -= request.heldBytes;
    this.#events.finished(request);
  }

  #giveOut(request: Request, isLost: boolean): void {
    if (request.isGivenOut) return;
    this.#waiting--;
    this.#heldBytes -= request.heldBytes;
    if (isLost && request.outcome === 'none') request.isReplyLost = true;
    this.#events.finished(request);
  }

  #boundWaiting(): void {
    for (let i = Math.max(this.#first, this.#givenOutUntil); i < this.#steps.length; i++) {
      if (this.#waiting <= this.#pipelineMax && this.#heldBytes <= this.#heldBytesMax) break;
      const { request } = this.#steps[i] as Step;
      this.#givenOutUntil = i + 1;
      if (request.isGivenOut) continue;
      request.setAttribute('given_up', 'pipeline');
      this.#giveOut(request, false);
    }
  }

  /** Forget everything when it is too much; if possible at the end of a group, so that the next is seen whole. */
  #boundSteps(pushed: StepKind): void {
    const count = this.#steps.length - this.#first;
    const max = STEPS_PER_REQUEST_MAX * (this.#pipelineMax + 1);
    if (count <= max || (count <= 2 * max && !endsGroup(pushed))) return;
    const readyAwaited = this.readyAwaited;
    for (let i = this.#first; i < this.#steps.length; i++) {
      (this.#steps[i] as Step).request.setAttribute('given_up', 'pipeline');
    }
    this.giveOutAll(false);
    this.#readyBehind += readyAwaited;
  }
}
