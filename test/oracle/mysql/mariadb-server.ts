// SPDX-License-Identifier: Apache-2.0

/** A real MariaDB server, started for a test and gone after it. Its general log is what the record is compared with. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../../deploy/testing/free-ports.ts';
import { fromDebian } from '../../runtimes/toolbox.ts';

/** `nobody`: the server refuses to run as root. */
const SERVER_USER = 'nobody';
const SERVER_UID = 65534;
const START_MS_MAX = 60_000;

export interface LoggedCommand {
  /** The server's number of the connection. */
  readonly connection: number;
  /** Connect, Query, Prepare, Execute, Init DB, Quit, … */
  readonly command: string;
  readonly text: string;
}

export interface MariadbServer {
  readonly port: number;
  readonly version: string;
  /** Runs statements as nobody's workload. */
  ask(text: string): string;
  log(): LoggedCommand[];
  stop(): Promise<void>;
}

/** Errors: ToolMissing; an Error when it does not come up. */
export async function startMariadb(): Promise<MariadbServer> {
  const program = fromDebian('/usr/sbin/mariadbd', 'mariadb-server-core');
  const install = fromDebian('/usr/bin/mariadb-install-db', 'mariadb-server-core');
  const cli = fromDebian('mariadb', 'mariadb-client-core');
  const folder = mkdtempSync(join(tmpdir(), 'sworn-mariadb-'));
  chownSync(folder, SERVER_UID, SERVER_UID);
  const data = join(folder, 'data');
  const about = ['--no-defaults', `--datadir=${data}`, `--user=${SERVER_USER}`];
  execFileSync(install, [...about, '--auth-root-authentication-method=normal', '--skip-test-db'], { stdio: 'ignore' });
  const files = { key: join(folder, 'server.key'), certificate: join(folder, 'server.pem') };
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost'];
  execFileSync('openssl', [...request, '-keyout', files.key, '-out', files.certificate], { stdio: 'ignore' });
  for (const file of Object.values(files)) chownSync(file, SERVER_UID, SERVER_UID);
  writeFileSync(join(folder, 'lines.txt'), '1\tone\n2\ttwo\n');
  const port = await freePort();
  const log = join(folder, 'general.log');
  const settings = {
    port: String(port),
    'bind-address': '127.0.0.1',
    socket: join(folder, 'server.sock'),
    'general-log': '1',
    'general-log-file': log,
    'local-infile': '1',
    'ssl-key': files.key,
    'ssl-cert': files.certificate,
    'character-set-server': 'utf8mb4',
    'innodb-flush-log-at-trx-commit': '0',
  };
  const server = spawn(program, [...about, ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`)], {
    stdio: 'ignore',
  });
  const ask = (text: string): string =>
    execFileSync(cli, ['-h127.0.0.1', `-P${port}`, '-uroot', '-N', '-e', text], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  const stop = async (): Promise<void> => {
    if (server.exitCode === null && server.signalCode === null) {
      server.kill();
      await once(server, 'exit');
    }
    rmSync(folder, { recursive: true, force: true });
  };
  for (const end = Date.now() + START_MS_MAX; ; await sleep(50)) {
    try {
      ask('select 1');
      break;
    } catch (error) {
      if (Date.now() < end && server.exitCode === null) continue;
      await stop();
      throw new Error('the server does not answer', { cause: error });
    }
  }
  return {
    port,
    version: ask('select version()').trim(),
    ask,
    log: () => readGeneralLog(readFileSync(log, 'utf8')),
    stop,
  };
}

/** Columns: time, where it changed · number of the connection, command · text, which may go on over lines. */
export function readGeneralLog(text: string): LoggedCommand[] {
  const commands: { connection: number; command: string; text: string }[] = [];
  for (const line of text.split('\n')) {
    const begun = /^(?:\d{6} [ \d]\d:\d\d:\d\d)?\t+ *(\d+) ([A-Z][A-Za-z]*(?: [A-Za-z]+)*)(?:\t(.*))?$/s.exec(line);
    const last = commands.at(-1);
    if (begun !== null)
      commands.push({ connection: Number(begun[1]), command: begun[2] as string, text: begun[3] ?? '' });
    else if (last !== undefined) last.text += `\n${line}`;
  }
  const end = commands.at(-1);
  if (end?.text.endsWith('\n')) end.text = end.text.slice(0, -1);
  return commands;
}
