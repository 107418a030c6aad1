// SPDX-License-Identifier: Apache-2.0

/** A whole collector with its embedded engine, for agents whose disks and clocks are simulated. */
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TrustFiles } from '../../agent/delivery/grpc/trust.ts';
import {
  removeFolder,
  startTestCollector,
  type TestCollector,
  temporaryFolder,
} from '../../collector/testing/test-collector.ts';
import type { AgentCertificate } from '../../collector/trust/certificates.ts';
import { type RecordRow, recordSql } from './record-check.ts';

const SWORN = join(import.meta.dirname, '../../cli/main.ts');
const OUTPUT_BYTES_MAX = 64 << 20;
const run = promisify(execFile);

export class LiveCollector {
  readonly #collector: TestCollector;

  private constructor(collector: TestCollector) {
    this.#collector = collector;
  }

  static async start(): Promise<LiveCollector> {
    return new LiveCollector(await startTestCollector(temporaryFolder()));
  }

  get address(): string {
    return `localhost:${this.#collector.ingest.port}`;
  }

  get apiUrl(): string {
    return this.#collector.apiUrl;
  }

  get tokenFile(): string {
    return join(this.#collector.stateDir, 'api-token');
  }

  async enrol(agentId: string): Promise<TrustFiles> {
    return writeTrust(
      join(this.#collector.stateDir, 'agents', agentId),
      await this.#collector.issueAgentCertificate(agentId),
    );
  }

  /** The record of one agent, in the order of its numbers. */
  record(agentId: string): Promise<RecordRow[]> {
    return this.#collector.ask(recordSql(agentId));
  }

  /** What was judged of its checkpoints: verdict → how many. */
  async verdicts(agentId: string): Promise<ReadonlyMap<string, number>> {
    const rows = await this.rows<{ verdict: string; count: string }>(
      `SELECT verdict, count() AS count FROM sworn.checkpoints WHERE agent_id = '${agentId}' GROUP BY verdict`,
    );
    return new Map(rows.map(({ verdict, count }) => [verdict, Number(count)]));
  }

  rows<Row>(sql: string): Promise<Row[]> {
    return this.#collector.ask(sql);
  }

  /** `sworn …` asks this collector; what it printed, whatever its exit code was. */
  async sworn(args: readonly string[]): Promise<string> {
    const places = ['--url', this.apiUrl, '--token-file', this.tokenFile];
    const asked = run(process.execPath, [SWORN, ...args, ...places], { maxBuffer: OUTPUT_BYTES_MAX });
    return (await asked.catch((error: { stdout: string }) => error)).stdout;
  }

  async stop(): Promise<void> {
    await this.#collector.stop();
    removeFolder(this.#collector.stateDir);
  }
}

export function writeTrust(folder: string, certificate: AgentCertificate): TrustFiles {
  mkdirSync(folder, { recursive: true });
  const files = {
    caFile: join(folder, 'ca.pem'),
    certFile: join(folder, 'agent.pem'),
    keyFile: join(folder, 'agent.key'),
  };
  writeFileSync(files.caFile, certificate.caPem);
  writeFileSync(files.certFile, certificate.certificatePem);
  writeFileSync(files.keyFile, certificate.privateKeyPem, { mode: 0o600 });
  return files;
}
