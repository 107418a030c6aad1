// SPDX-License-Identifier: Apache-2.0

/**
 * The SSH keys of one session, from when a program gives them to a cipher until a connection proves that they are its own.
 * Bounded in number and in age; what leaves in any other way than by being taken is filled with zeros.
 */
import type { SshCipherKey } from '../model/ssh-key.ts';

/** The keys that may be of one connection; more come while it lives. */
export interface SshKeyStore {
  /** How many keys have come, ever: who tried them all by then need not try again. */
  readonly arrivals: number;
  /** Keys to try, likeliest first: of the connection's own processes, the newest in front. None that is taken. */
  candidates(): Iterable<SshCipherKey>;
  /** A packet has proved it. Whoever takes it fills it with zeros when it is done. */
  take(key: SshCipherKey): void;
}

export interface SshKeyPoolOptions {
  /** Two keys a connection and rekeying, more where a program sets one again; nobody takes those of other ciphers' uses. */
  readonly keysMax?: number;
  readonly unusedNsMax?: number;
}

export interface SshKeyPoolCounts {
  readonly added: number;
  readonly taken: number;
  /** Too old. */
  readonly expired: number;
  /** Beyond the number, the same as one that is there, or the session ended. */
  readonly dropped: number;
}

interface Entry {
  readonly key: SshCipherKey;
  readonly pid: number;
  readonly atNs: number;
}

/** Each is tried with the first packet of each direction of a connection that waits: some microseconds a try. */
const KEYS_MAX = 1024;
const UNUSED_NS_MAX = 60e9;

export class SshKeyPool {
  readonly #keysMax: number;
  readonly #unusedNsMax: number;
  /** In order of arrival. */
  readonly #entries = new Map<SshCipherKey, Entry>();
  readonly #counts = { added: 0, taken: 0, expired: 0, dropped: 0 };

  constructor(options: SshKeyPoolOptions = {}) {
    this.#keysMax = options.keysMax ?? KEYS_MAX;
    this.#unusedNsMax = options.unusedNsMax ?? UNUSED_NS_MAX;
  }

  /** added = taken + expired + dropped + those that are in it. */
  get counts(): SshKeyPoolCounts {
    return { ...this.#counts };
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The key is the pool's from here on. */
  add(key: SshCipherKey, pid: number, atNs: number): void {
    this.#counts.added++;
    this.#entries.set(key, { key, pid, atNs });
    const newest = [...this.#entries.values()].at(-2);
    // A cipher that is set up in two steps shows its key twice.
    if (newest !== undefined && newest.pid === pid && sameKey(newest.key, key)) this.#drop(newest.key);
    while (this.#entries.size > this.#keysMax) this.#dropOldest();
  }

  /** What one connection sees of the pool; `pids` are its processes. */
  storeFor(pids: () => Iterable<number>): SshKeyStore {
    const arrivals = () => this.#counts.added;
    return {
      get arrivals() {
        return arrivals();
      },
      candidates: () => this.#candidates(new Set(pids())),
      take: (key) => {
        if (this.#entries.delete(key)) this.#counts.taken++;
      },
    };
  }

  expire(nowNs: number): void {
    for (const { key, atNs } of [...this.#entries.values()]) {
      if (atNs >= nowNs - this.#unusedNsMax) continue;
      this.#forget(key);
      this.#counts.expired++;
    }
  }

  /** The session ended. */
  drop(): void {
    while (this.#entries.size > 0) this.#dropOldest();
  }

  #candidates(pids: ReadonlySet<number>): SshCipherKey[] {
    const newestFirst = [...this.#entries.values()].reverse();
    const own = newestFirst.filter(({ pid }) => pids.has(pid));
    const others = newestFirst.filter(({ pid }) => !pids.has(pid));
    return [...own, ...others].map(({ key }) => key);
  }

  #dropOldest(): void {
    const oldest = this.#entries.keys().next().value;
    if (oldest !== undefined) this.#drop(oldest);
  }

  #drop(key: SshCipherKey): void {
    this.#forget(key);
    this.#counts.dropped++;
  }

  #forget(key: SshCipherKey): void {
    this.#entries.delete(key);
    key.key.fill(0);
    key.iv.fill(0);
  }
}

function sameKey(one: SshCipherKey, other: SshCipherKey): boolean {
  return one.key.equals(other.key) && one.iv.equals(other.iv) && one.cipher === other.cipher;
}
