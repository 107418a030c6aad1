// SPDX-License-Identifier: Apache-2.0

/**
 * The traffic secrets of a session of workloads that no connection has taken, in order of arrival. A connection looks at
 * each of them once: it says up to which arrival it has looked.
 *
 * Where both ends of a connection are recorded and only one library handed its secrets over, a secret that one end takes
 * stays as a copy for the other, until that takes it or ends.
 */
import { createHash } from 'node:crypto';
import type { TrafficSecret } from '../model/tls-secret.ts';

/** One end of a connection: whoever asks. */
export type End = object;

export interface TrafficQuery {
  readonly clientRandom: Uint8Array | undefined;
  /** Secrets that came up to then were looked at. */
  readonly afterArrival: number;
  /** Secrets without a name that are older are of no interest. */
  readonly sinceNs: number;
}

interface Entry {
  readonly secret: TrafficSecret;
  readonly pid: number;
  readonly atNs: number;
  readonly arrival: number;
  /** A copy that waits for these ends only. */
  readonly keptFor: Set<End> | undefined;
  isGone: boolean;
}

/** What is gone is swept out of the order when it is as much as that, and half of it. */
const GONE_MIN = 64;

export class TrafficSecrets {
  /** How many have come, ever. */
  arrivals = 0;
  readonly #entries = new Map<TrafficSecret, Entry>();
  /** Also those that are gone, until they are swept out. */
  #ordered: Entry[] = [];
  readonly #byRandom = new Map<string, Entry[]>();
  readonly #kept = new Set<Entry>();
  /** By client random: its ends, and digests of what each has taken. */
  readonly #ends = new Map<string, Map<End, Set<string>>>();

  get size(): number {
    return this.#entries.size;
  }

  get oldest(): { readonly secret: TrafficSecret; readonly atNs: number } | undefined {
    return this.#entries.values().next().value;
  }

  add(secret: TrafficSecret, pid: number, atNs: number, keptFor?: Set<End>): void {
    const entry = { secret, pid, atNs, arrival: ++this.arrivals, keptFor, isGone: false };
    this.#entries.set(secret, entry);
    this.#ordered.push(entry);
    if (keptFor !== undefined) this.#kept.add(entry);
    if (secret.clientRandom === undefined) return;
    const key = keyOf(secret.clientRandom);
    const same = this.#byRandom.get(key);
    if (same === undefined) this.#byRandom.set(key, [entry]);
    else same.push(entry);
  }

  /** Secrets to try: those that name the connection, then those of its processes, then others; newest first. */
  *candidates(end: End, pids: ReadonlySet<number>, query: TrafficQuery): Iterable<TrafficSecret> {
    const { clientRandom, afterArrival, sinceNs } = query;
    const named = clientRandom && this.#byRandom.get(keyOf(clientRandom));
    if (named !== undefined) {
      for (const { secret } of newestFirst(named, afterArrival, end)) yield secret;
    }
    for (const own of [true, false]) {
      for (const { secret, pid, atNs } of newestFirst(this.#ordered, afterArrival, end)) {
        if (clientRandom !== undefined && (secret.clientRandom !== undefined || atNs < sinceNs)) continue;
        if (pids.has(pid) === own) yield secret;
      }
    }
  }

  /** A connection has begun: its other end may be among those that have, too. */
  begin(end: End, clientRandom: Uint8Array): void {
    const key = keyOf(clientRandom);
    const ends = this.#ends.get(key);
    if (ends === undefined) this.#ends.set(key, new Map([[end, new Set()]]));
    else if (!ends.has(end)) ends.set(end, new Set());
  }

  /** Returns the copies that nobody waits for any longer; they are still in it. */
  end(end: End, clientRandom: Uint8Array): readonly TrafficSecret[] {
    const key = keyOf(clientRandom);
    const ends = this.#ends.get(key);
    if (ends?.delete(end) !== true) return [];
    if (ends.size === 0) this.#ends.delete(key);
    const copies = (this.#byRandom.get(key) ?? []).filter(({ keptFor }) => keptFor?.delete(end) && keptFor.size === 0);
    return copies.map(({ secret }) => secret);
  }

  /** `end` takes it, and owns it. Returns the ends for which a copy has to be kept; undefined when it is not there. */
  take(end: End, secret: TrafficSecret, clientRandom: Uint8Array | undefined): Set<End> | undefined {
    if (!this.delete(secret)) return undefined;
    const others = new Set<End>();
    const ends = clientRandom && this.#ends.get(keyOf(clientRandom));
    if (ends === undefined || ends.size < 2) return others;
    const digest = createHash('sha256').update(secret.secret).digest('latin1');
    ends.get(end)?.add(digest);
    for (const [other, taken] of ends) if (!taken.has(digest)) others.add(other);
    if (others.size === 0) return others;
    // What the other end's own library has handed over is there for it.
    for (const { secret: left } of this.#entries.values()) {
      if (sameBytes(left.secret, secret.secret)) return new Set();
    }
    return others;
  }

  /** Copies of it that are kept for others: a library has handed it over for them after all. */
  keptCopies(secret: TrafficSecret): readonly TrafficSecret[] {
    const copies = [...this.#kept].filter((entry) => sameBytes(entry.secret.secret, secret.secret));
    return copies.map((entry) => entry.secret);
  }

  /** Those that came before then. */
  *olderThan(atNs: number): Iterable<TrafficSecret> {
    for (const entry of this.#entries.values()) if (entry.atNs < atNs) yield entry.secret;
  }

  /** It is not filled with zeros. */
  delete(secret: TrafficSecret): boolean {
    const entry = this.#entries.get(secret);
    if (entry === undefined) return false;
    entry.isGone = true;
    this.#entries.delete(secret);
    this.#kept.delete(entry);
    if (secret.clientRandom !== undefined) {
      const key = keyOf(secret.clientRandom);
      const left = (this.#byRandom.get(key) ?? []).filter((other) => other !== entry);
      if (left.length > 0) this.#byRandom.set(key, left);
      else this.#byRandom.delete(key);
    }
    const gone = this.#ordered.length - this.size;
    if (gone >= GONE_MIN && gone > this.size) this.#ordered = this.#ordered.filter(({ isGone }) => !isGone);
    return true;
  }
}

/** `entries` in order of arrival. Those that are added meanwhile are not seen. */
function* newestFirst(entries: readonly Entry[], afterArrival: number, end: End): Iterable<Entry> {
  for (let i = entries.length - 1; i >= 0; i--) {
    const entry = entries[i] as Entry;
    if (entry.arrival <= afterArrival) return;
    if (!entry.isGone && (entry.keptFor === undefined || entry.keptFor.has(end))) yield entry;
  }
}

function keyOf(random: Uint8Array): string {
  return Buffer.from(random.buffer, random.byteOffset, random.byteLength).toString('latin1');
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
