// SPDX-License-Identifier: Apache-2.0

/**
 * The engine process: ClickHouse in a process of its own, so that a query that brings it down takes no agent's stream
 * with it. Started by engine-process.ts only; lives as long as the channel to its parent.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Session } from 'chdb';
import { ChdbHttp } from './chdb-http.ts';
import { writeEngineConfig } from './engine-config.ts';

export interface EngineStart {
  readonly dataFolder: string;
  readonly socketPath: string;
  readonly memoryBytesMax: number;
  /** How long to wait for an engine that still holds the data (its parent was killed a moment ago). */
  readonly lockWaitMs: number;
}

const LOCK_RETRY_MS = 50;
const DRAIN_MS_MAX = 5_000;

async function openFirstSession(path: string, args: string[], waitMs: number): Promise<Session> {
  const deadline = Date.now() + waitMs;
  for (;;) {
    try {
      return new Session(path, { connectionArgs: args });
    } catch (error) {
      // The binding does not say why, it prints it. Nearly always it is the lock; what else it is stays so.
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, LOCK_RETRY_MS));
    }
  }
}

async function run(start: EngineStart): Promise<void> {
  const tables = join(start.dataFolder, 'tables');
  mkdirSync(tables, { recursive: true, mode: 0o700 });
  const args = writeEngineConfig(join(start.dataFolder, 'engine'), start);
  process.chdir(join(start.dataFolder, 'engine'));
  const first = await openFirstSession(tables, args, start.lockWaitMs);
  rmSync(start.socketPath, { force: true });

  const http = new ChdbHttp(() => new Session(tables));
  http.server.listen(start.socketPath, () => process.send?.({ ready: true }));
  process.on('message', (message) => {
    if (message !== 'stop') return;
    void http.drain(DRAIN_MS_MAX).then((drained) => {
      // A process with a query in one of its threads cannot exit; what is acknowledged is on disk either way.
      if (!drained) process.kill(process.pid, 'SIGKILL');
      first.close();
      process.exit(0);
    });
  });
}

// Ctrl-C and a service manager signal the whole group; the parent decides when its engine may go.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
// The parent is gone. Inserts are atomic and on disk before they are answered, so there is nothing to put in order.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

await run(JSON.parse(process.argv[2] ?? '{}') as EngineStart);
