// SPDX-License-Identifier: Apache-2.0

/** A whole collector in a folder of its own, on free ports, for tests. One at a time in a process. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { CollectorConfig } from '../config/collector-config.ts';
import { readCollectorConfig } from '../config/read-config.ts';
import { type RunningCollector, startCollector } from '../main.ts';
import type { AnswerFormat } from '../store/event-store.ts';
import { createLog } from '../telemetry/log.ts';

export type ConfigChanges = { readonly [K in keyof CollectorConfig]?: Partial<CollectorConfig[K]> };

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'sworn-collector-'));
}

/** The defaults, in this folder, on free ports, with the changes. */
export function testConfig(stateDir: string, changes: ConfigChanges = {}): CollectorConfig {
  const text = stringify({
    ...changes,
    state_dir: stateDir,
    ingest: { listen: '127.0.0.1:0', insert_interval_ms: 5, ...changes.ingest },
    api: { listen: '127.0.0.1:0', ...changes.api },
  });
  return readCollectorConfig(text, 'test configuration');
}

export interface TestCollector extends RunningCollector {
  readonly stateDir: string;
  /** SQL through the API, as people ask; rows as objects. */
  ask<Row>(sql: string, parameters?: Record<string, string | number>): Promise<Row[]>;
  post(sql: string, format?: AnswerFormat): Promise<Response>;
}

export async function startTestCollector(
  stateDir: string,
  changes: ConfigChanges = {},
  notify: (state: string) => void = () => {},
): Promise<TestCollector> {
  const running = await startCollector({
    config: testConfig(stateDir, changes),
    version: 'test',
    notify,
    log: createLog((process.env['SWORN_TEST_LOG'] ?? 'silent') as 'silent'),
  });
  const request = (body: object) =>
    fetch(`${running.apiUrl}/v1/query`, {
      method: 'POST',
      headers: { authorization: `Bearer ${running.apiToken}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  return {
    ...running,
    stateDir,
    post: (sql, format = 'JSONEachRow') => request({ sql, format }),
    async ask<Row>(sql: string, parameters?: Record<string, string | number>) {
      const response = await request({ sql, format: 'JSONEachRow', parameters });
      const text = await response.text();
      if (!response.ok) throw new Error(`${response.status}: ${text}`);
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Row);
    },
  };
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
