// SPDX-License-Identifier: Apache-2.0

/** What iterations share because it is dear to start: each thing is started when it is first asked for. */
import type { Fault } from './fault.ts';
import { LiveCollector } from './live-collector.ts';
import { SplitNetwork } from './split-network.ts';
import { verifyAgrees } from './verify.ts';

export class Ground {
  #collector: Promise<LiveCollector> | undefined;
  #network: Promise<SplitNetwork> | undefined;

  /** Agents that were given two histories. */
  readonly forked = new Set<string>();

  /** In this process, with an embedded engine in one of its own. */
  collector(): Promise<LiveCollector> {
    this.#collector ??= LiveCollector.start();
    return this.#collector;
  }

  /** A collector as a process, beyond a link that can be broken. */
  network(): Promise<SplitNetwork> {
    this.#network ??= SplitNetwork.start();
    return this.#network;
  }

  /** `sworn verify` over every store that iterations used. */
  async verify(say: (text: string) => void): Promise<Fault[]> {
    const faults: Fault[] = [];
    for (const one of [this.#collector, this.#network]) {
      const place = await one;
      if (place !== undefined)
        faults.push(...(await verifyAgrees((args) => place.sworn(args), { forked: this.forked, say })));
    }
    return faults;
  }

  async stop(): Promise<void> {
    const started = [this.#collector, this.#network].filter((one) => one !== undefined);
    const ends = await Promise.allSettled(started.map(async (one) => (await one).stop()));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
}
