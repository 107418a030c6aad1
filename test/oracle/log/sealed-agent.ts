// SPDX-License-Identifier: Apache-2.0

/** An agent that delivers activities and seals them, as far as a collector sees it. */
import { setTimeout } from 'node:timers/promises';
import { makeActivity } from '../../../collector/testing/activity-maker.ts';
import { encodeBatch } from '../../../collector/testing/batch-maker.ts';
import { TestAgent } from '../../../collector/testing/test-agent.ts';
import type { TestCollector } from '../../../collector/testing/test-collector.ts';
import { sworn } from '../../../proto/record.ts';
import { TestLog } from '../../../witness/testing/test-log.ts';

const BATCH = 5000;

export class SealedAgent {
  readonly agentId: string;
  readonly log: TestLog;
  readonly #collector: TestCollector;
  readonly #agent: TestAgent;

  private constructor(collector: TestCollector, agent: TestAgent, log: TestLog) {
    this.agentId = agent.agentId;
    this.log = log;
    this.#collector = collector;
    this.#agent = agent;
  }

  static async connect(collector: TestCollector, agentId: string): Promise<SealedAgent> {
    const agent = new TestAgent(collector.ingest.port, await collector.issueAgentCertificate(agentId));
    const log = new TestLog(`sworn/${agentId}`);
    await agent.hello({ sealKey: log.keyLine });
    return new SealedAgent(collector, agent, log);
  }

  /** The same agent, at a collector that was started again. */
  static async reconnect(collector: TestCollector, { agentId, log }: SealedAgent): Promise<SealedAgent> {
    const agent = new TestAgent(collector.ingest.port, await collector.issueAgentCertificate(agentId));
    await agent.hello({ sealKey: log.keyLine, treeSize: log.size, lastSeq: log.size });
    return new SealedAgent(collector, agent, log);
  }

  /** Resolves when all up to `size` is stored, sealed and cosigned. */
  async deliver(size: number): Promise<void> {
    while (this.log.size < size) {
      const count = Math.min(BATCH, size - this.log.size);
      const first = this.log.size + 1;
      const activities = Array.from({ length: count }, (_, i) => makeActivity(first + i));
      for (const { leaf } of activities) this.log.append(leaf as Uint8Array);
      this.#agent.send(encodeBatch(activities));
      await this.#agent.stored(this.log.size);
    }
    this.#agent.send(Buffer.from(sworn.v1.Delivery.encode({ checkpoint: { note: this.log.note } }).finish()));
    for (;;) {
      const [row] = await this.#collector.ask<{ verdict: string }>(
        'SELECT verdict FROM sworn.checkpoints WHERE agent_id = {agent:String} AND size = {size:UInt64}',
        { agent: this.agentId, size },
      );
      if (row?.verdict === 'cosigned') return;
      if (row !== undefined) throw new Error(`the checkpoint at ${size} was not cosigned: ${row.verdict}`);
      await setTimeout(50);
    }
  }

  close(): void {
    this.#agent.close();
  }
}
