// SPDX-License-Identifier: Apache-2.0

/** A real collector with embedded ClickHouse in processes of its own, an agent's stream into it, and the CPU of both. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestAgent } from '../../collector/testing/test-agent.ts';
import type { AgentCertificate } from '../../collector/trust/certificates.ts';
import { processUs } from '../machine.ts';
import { type Started, started } from '../started.ts';

export interface CollectorCpu {
  readonly collectorUs: number;
  readonly engineUs: number;
}

export class RealCollector {
  readonly folder: string;
  readonly #collector: Started;
  readonly #enginePid: number;

  static async start(): Promise<RealCollector> {
    const folder = mkdtempSync(join(tmpdir(), 'sworn-bench-'));
    const command = [process.execPath, join(import.meta.dirname, '../ingest-collector.ts'), folder];
    return new RealCollector(folder, await started(command));
  }

  private constructor(folder: string, collector: Started) {
    this.folder = folder;
    this.#collector = collector;
    const { pid } = collector;
    this.#enginePid = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0]);
  }

  get certificate(): AgentCertificate {
    return this.#collector.said['certificate'] as AgentCertificate;
  }

  get apiUrl(): string {
    return this.#collector.said['api'] as string;
  }

  get tokenFile(): string {
    return join(this.folder, 'api-token');
  }

  connect(): TestAgent {
    return new TestAgent(this.#collector.said['port'] as number, this.certificate);
  }

  /** Since they were started, in steps of a hundredth of a second. */
  get cpu(): CollectorCpu {
    return { collectorUs: processUs(this.#collector.pid), engineUs: processUs(this.#enginePid) };
  }

  async stop(): Promise<void> {
    await this.#collector.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
