// SPDX-License-Identifier: Apache-2.0

/**
 * By which names a session knows addresses: what DNS answered to it. A name stands by a connection because the session was
 * told that the address has it; who was at the address no answer proves.
 */
import type { RemoteNames } from '../flow/connection-flow.ts';
import type { ResolvedAddress } from '../protocol/dns/resolved.ts';

/** Addresses of a session; beyond, what was answered longest ago is forgotten. Some 200 bytes each. */
const ADDRESSES_MAX = 4096;
/** Names of one address: hosts of a content network share theirs. */
const NAMES_MAX = 8;
/**
 * An hour at least: programs keep addresses beyond the time that they were given for (connection pools, Java's cache).
 * A day at most: addresses change hands.
 */
const KEPT_S_MIN = 3600;
const KEPT_S_MAX = 86_400;

interface Known {
  readonly name: string;
  /** The language that it was asked for in. */
  readonly by: string;
  /** Who asked last. */
  readonly pid: number;
  readonly untilNs: number;
}

export class NameBook {
  /** Newest last; the names of each, newest first. */
  readonly #byAddress = new Map<string, readonly Known[]>();

  get size(): number {
    return this.#byAddress.size;
  }

  learn(resolved: readonly ResolvedAddress[], pid: number, atNs: number, by = 'dns'): void {
    for (const { address, name, ttl } of resolved) {
      const keptS = Math.min(KEPT_S_MAX, Math.max(KEPT_S_MIN, ttl));
      const others = this.#known(address, atNs).filter((known) => known.name !== name);
      const known = { name, by, pid, untilNs: atNs + keptS * 1e9 };
      this.#byAddress.delete(address);
      this.#byAddress.set(address, [known, ...others].slice(0, NAMES_MAX));
      if (this.#byAddress.size > ADDRESSES_MAX) this.#byAddress.delete(this.#byAddress.keys().next().value as string);
    }
  }

  /** The newest that the process itself asked for, else the newest. */
  nameOf(address: string, pid: number, atNs: number): RemoteNames | undefined {
    const known = this.#known(address, atNs);
    const [newest] = known;
    if (newest === undefined) return undefined;
    const own = known.find((one) => one.pid === pid) ?? newest;
    return { name: own.name, by: own.by, all: known.map(({ name }) => name) };
  }

  #known(address: string, atNs: number): readonly Known[] {
    return (this.#byAddress.get(address) ?? []).filter(({ untilNs }) => untilNs > atNs);
  }
}
