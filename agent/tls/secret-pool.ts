// SPDX-License-Identifier: Apache-2.0

/**
 * The secrets of one session, from when a library derives them until a connection takes them. Bounded in number and in
 * age; what leaves in any other way than by being taken is filled with zeros.
 */
import type { MasterSecret, TlsSecret, TrafficSecret } from '../model/tls-secret.ts';
import type { SecretStore } from './secret-store.ts';
import { type SessionCounts, SessionMemory, type SessionMemoryOptions } from './session-memory.ts';

export interface SecretPoolOptions extends SessionMemoryOptions {
  /** Four secrets a connection, and nobody takes those of connections that are not recorded. */
  readonly secretsMax?: number;
  /** A master secret starts anew with each use: the same session may be resumed. */
  readonly unusedNsMax?: number;
}

export interface SecretPoolCounts {
  readonly added: number;
  readonly taken: number;
  /** Too old. */
  readonly expired: number;
  /** Beyond the number, or the session ended. */
  readonly dropped: number;
}

interface Entry<S extends TlsSecret> {
  readonly secret: S;
  readonly pid: number;
  usedAtNs: number;
}

const SECRETS_MAX = 4096;
const UNUSED_NS_MAX = 60e9;

export class SecretPool {
  readonly #secretsMax: number;
  readonly #unusedNsMax: number;
  /** In order of arrival, or of last use. */
  readonly #traffic = new Map<TrafficSecret, Entry<TrafficSecret>>();
  readonly #masters = new Map<MasterSecret, Entry<MasterSecret>>();
  /** By client random, newest last: a handshake asks by it. */
  readonly #mastersOf = new Map<string, MasterSecret[]>();
  readonly #sessions: SessionMemory;
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
    if (secret.kind === 'traffic') this.#traffic.set(secret, { secret, pid, usedAtNs: atNs });
    else {
      this.#masters.set(secret, { secret, pid, usedAtNs: atNs });
      const key = keyOf(secret.clientRandom);
      const same = this.#mastersOf.get(key);
      if (same === undefined) this.#mastersOf.set(key, [secret]);
      else same.push(secret);
    }
    while (this.size > this.#secretsMax) this.#dropOldest();
  }

  /** What a connection sees of the pool: secrets that name it, then those of its own processes, then others; newest first. */
  storeFor(pids: () => Iterable<number>): SecretStore {
    return {
      master: (clientRandom, serverRandom) => this.#master(clientRandom, serverRandom),
      traffic: (clientRandom) => this.#candidates(clientRandom, new Set(pids())),
      remember: (sessionName, master) => this.#sessions.remember(sessionName, master, this.#nowNs),
      resumed: (sessionName) => this.#sessions.resumed(sessionName, this.#nowNs),
      take: (secret) => {
        if (this.#traffic.delete(secret)) this.#counts.taken++;
      },
    };
  }

  expire(nowNs: number): void {
    this.#nowNs = Math.max(this.#nowNs, nowNs);
    for (const entries of [this.#traffic, this.#masters]) {
      for (const { secret, usedAtNs } of entries.values()) {
        if (nowNs - usedAtNs <= this.#unusedNsMax) continue;
        this.#forget(secret);
        this.#counts.expired++;
      }
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

  #candidates(clientRandom: Uint8Array | undefined, pids: ReadonlySet<number>): readonly TrafficSecret[] {
    const named: TrafficSecret[] = [];
    const own: TrafficSecret[] = [];
    const others: TrafficSecret[] = [];
    for (const { secret, pid } of this.#traffic.values()) {
      const random = secret.clientRandom;
      const names = random !== undefined && clientRandom !== undefined;
      if (names && !sameBytes(random, clientRandom)) continue;
      (names ? named : pids.has(pid) ? own : others).push(secret);
    }
    return [...named.reverse(), ...own.reverse(), ...others.reverse()];
  }

  #dropOldest(): void {
    const traffic = this.#traffic.values().next().value;
    const master = this.#masters.values().next().value;
    const oldest = master === undefined || (traffic && traffic.usedAtNs <= master.usedAtNs) ? traffic : master;
    if (oldest === undefined) return;
    this.#forget(oldest.secret);
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
