// SPDX-License-Identifier: Apache-2.0

/** A real Redis server, started for a test and gone after it. What MONITOR shows is what the record is compared with. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../../deploy/testing/free-ports.ts';
import { fromDebian } from '../../runtimes/toolbox.ts';

const START_MS_MAX = 30_000;

export interface RedisServer {
  readonly port: number;
  readonly version: string;
  /** Runs redis-cli as nobody's workload. */
  ask(...args: string[]): string;
  /** What MONITOR has shown so far. */
  shown(): string;
  /** Waits until MONITOR has shown the text. */
  untilShown(text: string): Promise<void>;
  stop(): Promise<void>;
}

/** Errors: ToolMissing; an Error when it does not come up. */
export async function startRedis(): Promise<RedisServer> {
  // The package redis-server has the units that start one, and a link; the program itself is here.
  const program = fromDebian('redis-check-rdb', 'redis-tools');
  const cli = fromDebian('redis-cli', 'redis-tools');
  const folder = mkdtempSync(join(tmpdir(), 'sworn-redis-'));
  const port = await freePort();
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
  const server = spawn(program, settings, { stdio: 'ignore', argv0: 'redis-server' });
  const ask = (...args: string[]): string =>
    execFileSync(cli, ['-p', String(port), ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const until = async (isThere: () => boolean, what: string): Promise<void> => {
    for (const end = Date.now() + START_MS_MAX; !isThere(); await sleep(20)) {
      if (Date.now() > end) throw new Error(`${what} does not come`);
    }
  };
  const answers = (): boolean => {
    try {
      return ask('ping').trim() === 'PONG';
    } catch {
      return false;
    }
  };
  await until(answers, 'the server');
  const file = join(folder, 'monitor.log');
  const out = openSync(file, 'w');
  const monitor = spawn(cli, ['-p', String(port), 'monitor'], { stdio: ['ignore', out, 'ignore'] });
  closeSync(out);
  const shown = (): string => readFileSync(file, 'latin1');
  await until(() => shown().startsWith('OK'), 'MONITOR');
  return {
    port,
    version: /\d+\.\d+\.\d+/.exec(execFileSync(cli, ['--version'], { encoding: 'utf8' }))?.[0] ?? '',
    ask,
    shown,
    untilShown: (text) => until(() => shown().includes(text), text),
    async stop() {
      for (const child of [monitor, server]) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        child.kill();
        await once(child, 'exit');
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
