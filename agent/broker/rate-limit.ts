// SPDX-License-Identifier: Apache-2.0

/**
 * How often one process may ask. Refusing is cheap, recording each refusal is not: what is refused for asking too often is
 * counted and becomes one line of the record now and then, so that nobody can flood it.
 */

import type { Clock } from './clock.ts';

export interface RateLimit {
  /**
   * `go`: serve it. Otherwise refuse it, and record `recorded` refusals (0: this one is counted and recorded later).
   * `key` names the process; a process that cannot be named shares a key with all such.
   */
  take(key: string): { readonly kind: 'go' } | { readonly kind: 'refuse'; readonly recorded: number };
  /** Refusals that were counted and not yet recorded, by key ('' for keys that were forgotten); cleared by this. */
  drain(): ReadonlyMap<string, number>;
}

export interface RateLimitOptions {
  readonly clock: Clock;
  /** Requests at once; SDKs of a large program may all ask when it starts. */
  readonly burst?: number;
  readonly perSecond?: number;
}

const BURST_DEFAULT = 200;
const PER_SECOND_DEFAULT = 20;
/** Between two records of the refusals of one process. */
const RECORD_EVERY_MS = 10_000;
/** Processes remembered; one that is forgotten begins with a full burst. */
const KEYS_MAX = 10_000;

interface Bucket {
  tokens: number;
  atMs: number;
  uncounted: number;
  recordedAtMs: number;
}

export function createRateLimit({
  clock,
  burst = BURST_DEFAULT,
  perSecond = PER_SECOND_DEFAULT,
}: RateLimitOptions): RateLimit {
  const buckets = new Map<string, Bucket>();
  /** Of processes that had to be forgotten. */
  let orphaned = 0;

  function bucketOf(key: string, nowMs: number): Bucket {
    const known = buckets.get(key);
    if (known !== undefined) return known;
    const [oldest] = buckets;
    if (buckets.size >= KEYS_MAX && oldest !== undefined) {
      orphaned += oldest[1].uncounted;
      buckets.delete(oldest[0]);
    }
    const fresh = { tokens: burst, atMs: nowMs, uncounted: 0, recordedAtMs: Number.NEGATIVE_INFINITY };
    buckets.set(key, fresh);
    return fresh;
  }

  return {
    take(key) {
      const nowMs = clock.monotonicMs();
      const bucket = bucketOf(key, nowMs);
      bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * perSecond);
      bucket.atMs = nowMs;
      if (bucket.tokens >= 1) {
        bucket.tokens -= 1;
        return { kind: 'go' };
      }
      bucket.uncounted += 1;
      if (nowMs - bucket.recordedAtMs < RECORD_EVERY_MS) return { kind: 'refuse', recorded: 0 };
      const recorded = bucket.uncounted;
      bucket.uncounted = 0;
      bucket.recordedAtMs = nowMs;
      return { kind: 'refuse', recorded };
    },
    drain() {
      const left = new Map<string, number>();
      if (orphaned > 0) left.set('', orphaned);
      orphaned = 0;
      for (const [key, bucket] of buckets) {
        if (bucket.uncounted === 0) continue;
        left.set(key, bucket.uncounted);
        bucket.uncounted = 0;
      }
      return left;
    },
  };
}
