// SPDX-License-Identifier: Apache-2.0

/**
 * Activities to those who watch, as they are stored. A reader that is too slow loses the newest ones and is told how many;
 * nothing here can hold up ingest.
 */
import { type Kind, type SeenActivity, STATUSES, word } from '../model/activity.ts';
import type { CollectorMetrics } from '../telemetry/collector-metrics.ts';

export interface TailFilter {
  readonly kinds?: ReadonlySet<Kind>;
  readonly identity?: string;
  readonly session?: string;
  readonly protocol?: string;
  readonly status?: string;
}

export type TailItem =
  | { readonly kind: 'activity'; readonly seen: SeenActivity }
  | { readonly kind: 'dropped'; readonly count: number }
  /** Nothing has happened; tells a dead connection from a quiet one. */
  | { readonly kind: 'heartbeat' };

/** Some seconds of a busy host; each item is a reference to what is in memory anyway. */
const WAITING_MAX = 1000;
const HEARTBEAT_MS = 15_000;

export function passes({ kind, activity }: SeenActivity, filter: TailFilter): boolean {
  if (filter.kinds !== undefined && !filter.kinds.has(kind)) return false;
  const { identity, session, protocol, status } = filter;
  if (identity !== undefined && activity.identityId !== identity && activity.identityName !== identity) return false;
  if (session !== undefined && activity.sessionId !== session) return false;
  if (protocol !== undefined && (activity.command ?? activity.connection)?.protocol !== protocol) return false;
  if (status !== undefined && (activity.command == null || word(STATUSES, activity.command.status) !== status))
    return false;
  return true;
}

/** One reader. Items come in order; `close` ends the iteration. */
export class TailSubscription implements AsyncIterable<TailItem> {
  readonly filter: TailFilter;
  readonly #onClose: (subscription: TailSubscription) => void;
  readonly #waiting: SeenActivity[] = [];
  #dropped = 0;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(filter: TailFilter, onClose: (subscription: TailSubscription) => void) {
    this.filter = filter;
    this.#onClose = onClose;
  }

  /** How many of these it had no room for. */
  offer(seen: readonly SeenActivity[]): number {
    let dropped = 0;
    for (const one of seen) {
      if (!passes(one, this.filter)) continue;
      if (this.#waiting.length < WAITING_MAX) this.#waiting.push(one);
      else dropped += 1;
    }
    this.#dropped += dropped;
    this.#wake?.();
    return dropped;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose(this);
    this.#wake?.();
  }

  /** Wait for something to give, or for the end; false when nothing came for a while. */
  #news(): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (news: boolean) => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve(news);
      };
      const timer = setTimeout(() => done(false), HEARTBEAT_MS);
      this.#wake = () => done(true);
    });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TailItem> {
    try {
      while (!this.#closed) {
        const seen = this.#waiting.shift();
        if (seen !== undefined) {
          yield { kind: 'activity', seen };
        } else if (this.#dropped > 0) {
          const count = this.#dropped;
          this.#dropped = 0;
          yield { kind: 'dropped', count };
        } else {
          if (!(await this.#news())) yield { kind: 'heartbeat' };
        }
      }
    } finally {
      this.close();
    }
  }
}

export class LiveTail {
  readonly #subscriptions = new Set<TailSubscription>();
  readonly #metrics: CollectorMetrics;
  readonly #max: number;

  constructor(metrics: CollectorMetrics, max: number) {
    this.#metrics = metrics;
    this.#max = max;
  }

  /** Does anybody watch? Ingest keeps activities for us only then. */
  get watched(): boolean {
    return this.#subscriptions.size > 0;
  }

  /** Undefined when all places are taken. */
  subscribe(filter: TailFilter): TailSubscription | undefined {
    if (this.#subscriptions.size >= this.#max) return undefined;
    const subscription = new TailSubscription(filter, (closed) => {
      this.#subscriptions.delete(closed);
      this.#metrics.tailSubscribers.set(this.#subscriptions.size);
    });
    this.#subscriptions.add(subscription);
    this.#metrics.tailSubscribers.set(this.#subscriptions.size);
    return subscription;
  }

  publish(seen: readonly SeenActivity[]): void {
    for (const subscription of this.#subscriptions) this.#metrics.tailDropped.add(subscription.offer(seen));
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.close();
  }
}
