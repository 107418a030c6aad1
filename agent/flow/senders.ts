// SPDX-License-Identifier: Apache-2.0

/** Changes of sender that are kept of one connection: processes that take turns on a socket would fill any list. */
const CHANGES_MAX = 64;

/** Which process sent on a connection, from when on; more than one only when the connection is handed on. */
export class Senders {
  readonly #changes: { readonly sinceNs: number; readonly pid: number }[] = [];

  note(atNs: number, pid: number): void {
    if (pid === 0 || pid === this.#changes.at(-1)?.pid) return;
    this.#changes.push({ sinceNs: atNs, pid });
    if (this.#changes.length > CHANGES_MAX) this.#changes.shift();
  }

  /** All that are known, the newest first. */
  get pids(): readonly number[] {
    return this.#changes.map(({ pid }) => pid).reverse();
  }

  /** Who sent at that time, or next; 0 when nobody is known to have sent. */
  at(atNs: number): number {
    for (let i = this.#changes.length - 1; i >= 0; i--) {
      const change = this.#changes[i] as { sinceNs: number; pid: number };
      if (change.sinceNs <= atNs) return change.pid;
    }
    return this.#changes[0]?.pid ?? 0;
  }
}
