// SPDX-License-Identifier: Apache-2.0

/**
 * The inserts of activities that run in ClickHouse, by the names (`log_comment`) that collectors give them. ClickHouse enters a
 * query in its list before it looks at any table, and takes it out after the last row is in: what is not in the list has
 * landed, or never will, or has not begun.
 */
import { randomBytes } from 'node:crypto';
import { CollectorError } from '../../model/error.ts';
import { textLiteral } from './erasure-sql.ts';
import type { Topology } from './migrations.ts';

/** Asks the store's own question: what for, SQL, parameters. Errors are CollectorErrors. */
export type Ask = <T>(
  doing: string,
  sql: string,
  parameters?: Readonly<Record<string, unknown>>,
) => Promise<readonly T[]>;

const PREFIX = 'sworn insert ';
const POLL_MS_MIN = 5;
const POLL_MS_MAX = 50;
const GRACE_MS = 300;
const WAIT_MS_MAX = 120_000;

export class RunningInserts {
  readonly #ask: Ask;
  readonly #processes: string;
  /** One for all inserts of this collector, however often it was started. */
  readonly #prefix: string;
  readonly #process = randomBytes(8).toString('hex');
  /** Names of inserts whose outcome is unknown; undefined until those of an earlier process are known to be over. */
  #unsure: Set<string> | undefined;
  #inserts = 0;

  constructor(ask: Ask, topology: Topology, collectorId: string) {
    this.#ask = ask;
    this.#prefix = `${PREFIX}${collectorId} `;
    this.#processes =
      topology.kind === 'single'
        ? 'system.processes'
        : `clusterAllReplicas(${textLiteral(topology.cluster)}, system.processes)`;
  }

  newName(): string {
    this.#inserts += 1;
    return `${this.#prefix}${this.#process}-${this.#inserts}`;
  }

  /** Nobody knows what became of this one. */
  unsure(name: string): void {
    this.#unsure?.add(name);
  }

  /** Resolves when none of this collector runs whose outcome is unknown. */
  async settle(): Promise<void> {
    if (this.#unsure?.size === 0) return;
    if (this.#unsure === undefined) {
      await this.#over(await this.#running(this.#prefix));
      this.#unsure = new Set();
      return;
    }
    const names = [...this.#unsure];
    // What broke off a moment ago may not have begun to run yet.
    await new Promise((resolve) => setTimeout(resolve, GRACE_MS));
    await this.#over(names);
    for (const name of names) this.#unsure.delete(name);
  }

  /** Resolves when all are over that run now, of any collector. Those that begin later are not waited for. */
  async passed(): Promise<void> {
    await this.#over(await this.#running(PREFIX));
  }

  async #running(prefix: string): Promise<string[]> {
    const rows = await this.#ask<{ name: string }>(
      'look for running inserts',
      `SELECT DISTINCT Settings['log_comment'] AS name FROM ${this.#processes} ` +
        "WHERE startsWith(Settings['log_comment'], {prefix:String})",
      { prefix },
    );
    return rows.map(({ name }) => name);
  }

  async #over(names: readonly string[]): Promise<void> {
    const deadline = performance.now() + WAIT_MS_MAX;
    let waitMs = POLL_MS_MIN;
    for (let left = names; left.length > 0; ) {
      const running = new Set(await this.#running(PREFIX));
      left = left.filter((name) => running.has(name));
      if (left.length === 0) return;
      if (performance.now() > deadline) {
        throw new CollectorError('store_unavailable', `an earlier insert still runs in ClickHouse: ${left[0]}`);
      }
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      waitMs = Math.min(waitMs * 2, POLL_MS_MAX);
    }
  }
}
