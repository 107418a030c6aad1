// SPDX-License-Identifier: Apache-2.0

/** Where the clients of the matrix play: an authority that lives as long as the run, and the servers that it vouches for. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createCertificateAuthority } from '../entra-stand-in/certificates.ts';
import { seededBytes, seededText } from '../oracle/http/seeded-bytes.ts';
import { readServerLog, type ServerLog } from '../oracle/http/server-log.ts';
import { type PostgresServer, startPostgres } from '../oracle/postgres/postgres-server.ts';
import { node } from '../oracle/recording/recording.ts';
import { type Plaintext, readPlaintexts } from './plaintext.ts';

/** '' is no TLS at all: the control, in which the same comparing must find everything. */
export type TlsVersion = 'TLSv1.3' | 'TLSv1.2' | '';

/** More than one TLS record (16 KiB), and no multiple of it. */
export const BODY_BYTES = 40_000;
/** Random, so that git sends as much. */
const REPOSITORY_BYTES = 150_000;

export interface HttpsServer {
  readonly ports: Readonly<Record<TlsVersion, number>>;
  /** Ends it; what it wrote down of itself. */
  finish(): Promise<{ readonly log: ServerLog; readonly plaintexts: readonly Plaintext[] }>;
  stop(): Promise<void>;
}

export interface Stage {
  readonly authorityFile: string;
  readonly bodyFile: string;
  startHttps(): Promise<HttpsServer>;
  /** One for each version, started when it is first asked for. */
  postgres(version: TlsVersion): Promise<PostgresServer>;
  stop(): Promise<void>;
}

export async function setStage(): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-runtimes-'));
  const at = (...names: string[]): string => join(folder, ...names);
  const authority = await createCertificateAuthority('Authority of the runtimes');
  const { certificatePem, keyPem } = await authority.issueServerCertificate(['localhost']);
  writeFileSync(at('ca.pem'), authority.certificatePem);
  writeFileSync(at('body.txt'), seededText('request', BODY_BYTES));
  mkdirSync(at('server'));
  writeFileSync(at('server/server.pem'), certificatePem);
  writeFileSync(at('server/server-key.pem'), keyPem, { mode: 0o600 });
  makeRepository(at('server/git'));

  const servers = new Map<TlsVersion, Promise<PostgresServer>>();
  const started: HttpsServer[] = [];
  return {
    authorityFile: at('ca.pem'),
    bodyFile: at('body.txt'),
    async startHttps() {
      const place = at(`https-${started.length + 1}`);
      cpSync(at('server'), place, { recursive: true });
      const server = await startHttps(place);
      started.push(server);
      return server;
    },
    postgres(version) {
      const there = servers.get(version) ?? startPostgres({ settings: settingsFor(version, at('server')) });
      servers.set(version, there);
      return there;
    },
    async stop() {
      for (const server of started) await server.stop();
      for (const server of servers.values()) await (await server).stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function settingsFor(version: TlsVersion, folder: string): Record<string, string> {
  if (version === '') return {};
  return {
    ssl: 'on',
    ssl_cert_file: join(folder, 'server.pem'),
    ssl_key_file: join(folder, 'server-key.pem'),
    ssl_min_protocol_version: version,
    ssl_max_protocol_version: version,
  };
}

function makeRepository(folder: string): void {
  const git = (...args: string[]): void => {
    const author = ['-c', 'user.name=tests', '-c', 'user.email=tests@localhost'];
    execFileSync('git', [...author, ...args], { stdio: 'ignore' });
  };
  const work = join(folder, 'work');
  git('init', '-q', '-b', 'main', work);
  writeFileSync(join(work, 'thing'), seededBytes('repository', REPOSITORY_BYTES));
  git('-C', work, 'add', '.');
  git('-C', work, 'commit', '-q', '-m', 'things');
  git('clone', '-q', '--bare', work, join(folder, 'things'));
  rmSync(work, { recursive: true });
}

async function startHttps(folder: string): Promise<HttpsServer> {
  const program = join(import.meta.dirname, 'https-server.ts');
  const child = spawn(node, [program, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const end = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await ended;
  };
  const [line] = (await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended])) as [unknown];
  const found = /^listens on (\d+) (\d+) (\d+)$/.exec(String(line));
  if (found === null) throw new Error(`the server did not start: ${String(line)}`);
  const [, newest, older, plain] = found.map(Number) as [number, number, number, number];
  return {
    ports: { 'TLSv1.3': newest, 'TLSv1.2': older, '': plain },
    async finish() {
      await end();
      return { log: readServerLog(folder), plaintexts: readPlaintexts(folder) };
    },
    stop: end,
  };
}
