// SPDX-License-Identifier: Apache-2.0

/**
 * The secrets of one session, from when a library derives them until a connection takes them. Bounded in number and in
 * age; what leaves in any other way than by being taken is filled with zeros.
 */
import type { MasterSecret, TlsSecret } from '../model/tls-secret.ts';
import type { SecretStore } from './secret-store.ts';
import { type SessionCounts, SessionMemory, type SessionMemoryOptions } from './session-memory.ts';
import { TrafficSecrets } from './traffic-secrets.ts';
import { TrialBudget } from './trial-budget.ts';

export interface SecretPoolOptions extends SessionMemoryOptions {
  /** Four secrets a connection, and nobody takes those of connections that are not recorded. */
  readonly secretsMax?: number;
  /** A master secret starts anew with each use: the same session may be resumed. */
  readonly unusedNsMax?: number;
}

export interface SecretPoolCounts {
  /** Also a copy that is kept for the other end of a connection. */
  readonly added: number;
  readonly taken: number;
  /** Too old. */
  readonly expired: number;
  /** Beyond the number, a copy that nobody needs any longer, or the session ended. */
  readonly dropped: number;
}

interface Entry {
  readonly secret: MasterSecret;
  usedAtNs: number;
}

const SECRETS_MAX = 4096;
const UNUSED_NS_MAX = 60e9;

export class SecretPool {
  readonly #secretsMax: number;
  readonly #unusedNsMax: number;
  readonly #traffic = new TrafficSecrets();
  /** In order of last use. */
  readonly #masters = new Map<MasterSecret, Entry>();
  /** By client random, newest last: a handshake asks by it. */
  readonly #mastersOf = new Map<string, MasterSecret[]>();
  readonly #sessions: SessionMemory;
  readonly #trials = new TrialBudget();
  readonly #counts = { added: 0, taken: 0, expired: 0, dropped: 0 };
  /** The pool has no clock: the latest time that it was told. */
  #nowNs = 0;

  constructor(options: SecretPoolOptions = {}) {
    this.#secretsMax = options.secretsMax ?? SECRETS_MAX;
    this.#unusedNsMax = options.unusedNsMax ?? UNUSED_NS_MAX;
    this.#sessions = new SessionMemory(options);
  }

  /** added = taken + expired + dropped + those that are in it. */
  get counts(): SecretPoolCounts {
    return { ...this.#counts };
  }

  get sessionCounts(): SessionCounts {
    return this.#sessions.counts;
  }

  get size(): number {
    return this.#traffic.size + this.#masters.size;
  }

  /** The secret is the pool's from here on. */
  add(secret: TlsSecret, pid: number, atNs: number): void {
    this.#nowNs = Math.max(this.#nowNs, atNs);
    this.#counts.added++;
    if (secret.kind === 'traffic') {
      for (const copy of this.#traffic.keptCopies(secret)) this.#drop(copy);
      this.#traffic.add(secret, pid, atNs);
    } else {
      this.#masters.set(secret, { secret, usedAtNs: atNs });
      const key = keyOf(secret.clientRandom);
      const same = this.#mastersOf.get(key);
      if (same === undefined) this.#mastersOf.set(key, [secret]);
      else same.push(secret);
    }
    while (this.size > this.#secretsMax) this.#dropOldest();
  }

  /** What one end of a connection sees of the pool; `pids` are its processes. */
  storeFor(pids: () => Iterable<number>): SecretStore {
    const end = {};
    const traffic = this.#traffic;
    return {
      master: (clientRandom, serverRandom) => this.#master(clientRandom, serverRandom),
      begin: (clientRandom) => traffic.begin(end, clientRandom),
      end: (clientRandom) => {
        for (const copy of traffic.end(end, clientRandom)) this.#drop(copy);
      },
      get arrivals() {
        return traffic.arrivals;
      },
      traffic: (query) =>
        query.afterArrival < traffic.arrivals ? traffic.candidates(end, new Set(pids()), query) : [],
      spendTrials: (trials) => this.#trials.spend(trials, this.#nowNs),
      remember: (sessionName, master) => this.#sessions.remember(sessionName, master, this.#nowNs),
      resumed: (sessionName) => this.#sessions.resumed(sessionName, this.#nowNs),
      take: (secret, clientRandom) => {
        const others = traffic.take(end, secret, clientRandom);
        if (others === undefined) return;
        this.#counts.taken++;
        this.#trials.earn();
        if (others.size === 0) return;
        const copy = { ...secret, clientRandom, secret: Buffer.from(secret.secret) };
        traffic.add(copy, 0, this.#nowNs, others);
        this.#counts.added++;
      },
    };
  }

  expire(nowNs: number): void {
    this.#nowNs = Math.max(this.#nowNs, nowNs);
    const oldestNs = nowNs - this.#unusedNsMax;
    const masters = [...this.#masters.values()].filter(({ usedAtNs }) => usedAtNs < oldestNs);
    for (const secret of [...this.#traffic.olderThan(oldestNs), ...masters.map((entry) => entry.secret)]) {
      this.#forget(secret);
      this.#counts.expired++;
    }
    this.#sessions.expire(nowNs);
  }

  /** The session ended. */
  drop(): void {
    while (this.size > 0) this.#dropOldest();
    this.#sessions.drop();
  }

  #master(clientRandom: Uint8Array, serverRandom: Uint8Array): MasterSecret | undefined {
    const found = this.#mastersOf
      .get(keyOf(clientRandom))
      ?.findLast((master) => master.serverRandom === undefined || sameBytes(master.serverRandom, serverRandom));
    const entry = found && this.#masters.get(found);
    if (found !== undefined && entry !== undefined) {
      entry.usedAtNs = this.#nowNs;
      this.#masters.delete(found);
      this.#masters.set(found, entry);
    }
    return found;
  }

  #dropOldest(): void {
    const traffic = this.#traffic.oldest;
    const master = this.#masters.values().next().value;
    const oldest = master === undefined || (traffic && traffic.atNs <= master.usedAtNs) ? traffic : master;
    if (oldest !== undefined) this.#drop(oldest.secret);
  }

  #drop(secret: TlsSecret): void {
    this.#forget(secret);
    this.#counts.dropped++;
  }

  #forget(secret: TlsSecret): void {
    if (secret.kind === 'traffic') this.#traffic.delete(secret);
    else {
      this.#masters.delete(secret);
      const key = keyOf(secret.clientRandom);
      const left = (this.#mastersOf.get(key) ?? []).filter((other) => other !== secret);
      if (left.length > 0) this.#mastersOf.set(key, left);
      else this.#mastersOf.delete(key);
    }
    secret.secret.fill(0);
  }
}

function keyOf(random: Uint8Array): string {
  return Buffer.from(random.buffer, random.byteOffset, random.byteLength).toString('latin1');
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
