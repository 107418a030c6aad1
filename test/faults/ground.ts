// SPDX-License-Identifier: Apache-2.0

/** What iterations share because it is dear to start: each thing is started when it is first asked for. */
import { LiveCollector } from './live-collector.ts';
import { SplitNetwork } from './split-network.ts';
import { TwoCollectors } from './two-collectors.ts';

export class Ground {
  #collector: Promise<LiveCollector> | undefined;
  #network: Promise<SplitNetwork> | undefined;
  #pair: Promise<TwoCollectors> | undefined;

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

  /** Two collectors at one store. */
  pair(): Promise<TwoCollectors> {
    this.#pair ??= TwoCollectors.start();
    return this.#pair;
  }

  async stop(): Promise<void> {
    const started = [this.#collector, this.#network, this.#pair].filter((one) => one !== undefined);
    const ends = await Promise.allSettled(started.map(async (one) => (await one).stop()));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
}
