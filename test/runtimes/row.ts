// SPDX-License-Identifier: Apache-2.0

/**
 * One row of the matrix: a client, one version of TLS, an agent that has never seen the client. A short-lived process
 * comes first, so that it finds the agent unprepared; then one that asks for several things.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresServer } from '../oracle/postgres/postgres-server.ts';
import { askServer } from '../oracle/postgres/statement-statistics.ts';
import { type Recording, startRecording } from '../oracle/recording/recording.ts';
import { type Comparison, compareHttp, comparePostgres } from './compare.ts';
import { type EncryptedRecord, readEncryptedRecord } from './encrypted-record.ts';
import { judged, type Row } from './judge.ts';
import type { Client, Life, Runtime } from './runtimes.ts';
import type { Stage, TlsVersion } from './stage.ts';
import { ASKED_AT_LEAST, STATEMENTS } from './statements.ts';
import { ToolMissing } from './toolbox.ts';

const LIVES: readonly Life[] = ['one', 'several'];
/** The identity that the client acts for; the role in PostgreSQL too. */
const IDENTITY = 'runtime_agent';
/** Turns a hang into a row that is not ok. */
const CLIENT_MS_MAX = 120_000;

export function rowName(runtime: Runtime, tls: TlsVersion): string {
  return `${runtime.name} ${tls === '' ? 'plain' : tls}`;
}

export async function runRow(stage: Stage, runtime: Runtime, tls: TlsVersion): Promise<Row> {
  const expect = runtime.expect === 'readable' || tls === '' ? 'readable' : 'unreadable';
  const about = { name: rowName(runtime, tls), client: runtime.name, protocol: runtime.protocol, tls, expect } as const;
  const nothing = {
    asked: 0,
    read: 0,
    requestsEqual: false,
    responsesEqual: false,
    isFound: false,
    held: 0,
    heldMs: 0,
  };
  const failed = (reason: string, version = ''): Row => ({
    ...{ ...about, ...nothing, version, spoken: [], resumed: null, library: runtime.library, found: '' },
    ...{ seen: 'absent', ok: false, reason },
  });
  let client: Client | undefined;
  try {
    client = runtime.install(stage.authorityFile);
    const { spoken, resumed, held, comparison, encrypted } = await (runtime.protocol === 'http'
      ? playHttp
      : playPostgres)(stage, client, tls);
    return judged({ ...failed('', client.version), spoken, resumed, held }, comparison, encrypted);
  } catch (error) {
    if (error instanceof ToolMissing) return failed(error.message);
    return failed(`the client did not do its work: ${(error as Error).message.slice(-600)}`, client?.version);
  }
}

interface Played {
  readonly spoken: readonly string[];
  readonly resumed: number | null;
  readonly held: number;
  readonly comparison: Comparison;
  readonly encrypted: EncryptedRecord;
}

async function playHttp(stage: Stage, client: Client, tls: TlsVersion): Promise<Played> {
  const server = await stage.startHttps();
  let recording: Recording | undefined;
  try {
    recording = await startRecording({ identities: [IDENTITY] });
    if (client.ahead !== undefined) await makeKnown(recording, client.ahead);
    for (const life of LIVES) {
      const environment = {
        ...client.environment,
        RUNTIME_URL: `${tls === '' ? 'http' : 'https'}://localhost:${server.ports[tls]}/client`,
        RUNTIME_CA: stage.authorityFile,
        RUNTIME_BODY: stage.bodyFile,
      };
      await runClient(recording, client.command(life), environment);
    }
    const held = await holdsOf(recording);
    const record = await recording.finish();
    const encrypted = await readEncryptedRecord(recording);
    const { log, plaintexts } = await server.finish();
    return {
      spoken: [...new Set(plaintexts.map(({ tls: version }) => version))],
      resumed: plaintexts.filter(({ isResumed }) => isResumed).length,
      held,
      comparison: compareHttp(record, encrypted, log, plaintexts, IDENTITY),
      encrypted: only(encrypted, server.ports[tls]),
    };
  } finally {
    await recording?.stop();
    await server.stop();
  }
}

async function playPostgres(stage: Stage, client: Client, tls: TlsVersion): Promise<Played> {
  const server = await stage.postgres(tls);
  const logBefore = server.logText().length;
  makeRole(server);
  const recording = await startRecording({ identities: [IDENTITY] });
  try {
    for (const life of LIVES) {
      const environment = {
        ...server.environment,
        PGHOST: 'localhost',
        PGUSER: IDENTITY,
        PGSSLMODE: tls === '' ? 'disable' : 'verify-full',
        PGSSLROOTCERT: stage.authorityFile,
        ...STATEMENTS,
        RUNTIME_BODY: stage.bodyFile,
        ...client.environment,
      };
      await runClient(recording, client.command(life), environment);
    }
    const held = await holdsOf(recording);
    const record = await recording.finish();
    const encrypted = await readEncryptedRecord(recording);
    const logText = server.logText().slice(logBefore);
    const comparison = comparePostgres(record, logText, IDENTITY, readFileSync(stage.bodyFile, 'utf8'));
    if (comparison.asked < ASKED_AT_LEAST) throw new Error(`the server was asked ${comparison.asked} times`);
    return { spoken: spokenTo(logText), resumed: null, held, comparison, encrypted: only(encrypted, server.port) };
  } finally {
    await recording.stop();
  }
}

/** Errors: an Error with what it printed when it fails or does not end. */
async function runClient(
  recording: Recording,
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const program = recording.start(IDENTITY, command, { environment });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    void program.stop();
  }, CLIENT_MS_MAX);
  const { code, stderr } = await program.finished;
  clearTimeout(timer);
  if (isLate) throw new Error(`it did not end within ${CLIENT_MS_MAX} ms`);
  if (code !== 0) throw new Error(`it ended with ${code}: ${stderr.slice(-500)}`);
}

/** The look at a program of a hundred megabytes takes longer than a connection is held: its first one would stay unread. */
async function makeKnown(recording: Recording, command: readonly string[]): Promise<void> {
  const probes = async () => (await recording.status()).tls as { readonly attached: number; readonly waiting: number };
  const before = await probes();
  await runClient(recording, command, {});
  for (const until = Date.now() + CLIENT_MS_MAX; ; await sleep(50)) {
    const now = await probes();
    if (now.attached > before.attached && now.waiting === 0) return;
    if (Date.now() > until) throw new Error(`no probe was placed in ${command[0]}`);
  }
}

async function holdsOf(recording: Recording): Promise<number> {
  const { source } = await recording.status();
  return source.counters['held']?.events ?? 0;
}

function makeRole(server: PostgresServer): void {
  askServer(server, `DO $$ BEGIN CREATE ROLE ${IDENTITY} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$`);
}

/** As the server logs logins: `SSL enabled (protocol=TLSv1.3, cipher=…`. */
function spokenTo(logText: string): string[] {
  const logins = logText.split('\n').filter((line) => line.includes(`connection authorized: user=${IDENTITY} `));
  return [...new Set(logins.map((line) => /protocol=(TLSv[\d.]+)/.exec(line)?.[1] ?? ''))];
}

function only({ connections, findings }: EncryptedRecord, port: number): EncryptedRecord {
  return {
    findings,
    connections: connections.filter(({ remotePort, sentBytes }) => remotePort === port && sentBytes > 0),
  };
}
