// SPDX-License-Identifier: Apache-2.0

/** Takes all ways, one after another. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Observer } from '../../native/test/observer.ts';
import { OtherEnds } from './other-ends.ts';
import { type Outcome, tryWay } from './try-way.ts';
import type { Way } from './ways.ts';

/** Often, so that no row waits for it: how soon something is told is not what is tried here. */
const TIMING = { sweepMs: 100, udpIdleMs: 300 };

export class Evasion {
  readonly #observers = new Map<boolean, Observer>();
  readonly #ends: OtherEnds;
  readonly #folder: string;

  private constructor(ends: OtherEnds, folder: string) {
    this.#ends = ends;
    this.#folder = folder;
  }

  static async open(): Promise<Evasion> {
    const folder = mkdtempSync(join(tmpdir(), 'sworn-evasion-'));
    return new Evasion(await OtherEnds.open(folder), folder);
  }

  async try(way: Way): Promise<Outcome> {
    try {
      return await tryWay(way, await this.#observer(way.watchSyscalls === true), this.#ends);
    } catch (error) {
      const { name, does, expect } = way;
      return { name, does, ok: false, isClosed: false, expected: expect.join(', '), got: `${error}` };
    }
  }

  async close(): Promise<void> {
    for (const observer of this.#observers.values()) await observer.close();
    this.#ends.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #observer(watchSyscalls: boolean): Promise<Observer> {
    let observer = this.#observers.get(watchSyscalls);
    if (observer === undefined) {
      observer = await Observer.open({ capture: { watchSyscalls }, timing: TIMING });
      this.#observers.set(watchSyscalls, observer);
    }
    return observer;
  }
}
