// SPDX-License-Identifier: Apache-2.0

/**
 * One row of the matrix: a client, one version of TLS, an agent that has never seen the client. A short-lived process
 * comes first, so that it finds the agent unprepared; then one that asks for several things.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { PostgresServer } from '../oracle/postgres/postgres-server.ts';
import { askServer } from '../oracle/postgres/statement-statistics.ts';
import { type Recording, startRecording } from '../oracle/recording/recording.ts';
import { type Comparison, compareHttp, comparePostgres } from './compare.ts';
import {
  type EncryptedConnection,
  type EncryptedRecord,
  type Finding,
  readEncryptedRecord,
} from './encrypted-record.ts';
import type { Client, Life, Runtime } from './runtimes.ts';
import type { Stage, TlsVersion } from './stage.ts';
import { ASKED_AT_LEAST, STATEMENTS } from './statements.ts';
import { ToolMissing } from './tools.ts';

export interface Row {
  readonly name: string;
  readonly client: string;
  readonly version: string;
  readonly protocol: Runtime['protocol'];
  readonly tls: TlsVersion;
  /** By the server's word, of all connections. */
  readonly spoken: readonly string[];
  readonly library: string;
  /** Which library the agent says it found. */
  readonly found: string;
  readonly expect: 'readable' | 'unreadable';
  readonly seen: 'readable' | 'unreadable' | 'partly' | 'absent';
  /** Requests or statements that the server had, and how many of them are in the record. */
  readonly asked: number;
  readonly read: number;
  readonly requestsEqual: boolean;
  readonly responsesEqual: boolean;
  /** A `tls_unreadable` finding says where what to whom, and of how many bytes. */
  readonly isFound: boolean;
  /** Longest time that a connection waited for its probes; null when the record does not say. */
  readonly heldMs: number | null;
  readonly ok: boolean;
  /** Why it is not ok. */
  readonly reason: string;
}

const LIVES: readonly Life[] = ['one', 'several'];
/** The identity that the client acts for; the role in PostgreSQL too. */
const IDENTITY = 'runtime_agent';
const REASONS_MAX = 4;

export function rowName(runtime: Runtime, tls: TlsVersion): string {
  return `${runtime.name} ${tls === '' ? 'plain' : tls}`;
}

export async function runRow(stage: Stage, runtime: Runtime, tls: TlsVersion): Promise<Row> {
  const expect = runtime.expect === 'readable' || tls === '' ? 'readable' : 'unreadable';
  const about = { name: rowName(runtime, tls), client: runtime.name, protocol: runtime.protocol, tls, expect } as const;
  const nothing = { asked: 0, read: 0, requestsEqual: false, responsesEqual: false, isFound: false, heldMs: null };
  const failed = (reason: string, version = ''): Row => ({
    ...{ ...about, ...nothing, version, spoken: [], library: runtime.library, found: '' },
    ...{ seen: 'absent', ok: false, reason },
  });
  let client: Client | undefined;
  try {
    client = runtime.install(stage.authorityFile);
    const { spoken, comparison, encrypted } = await (runtime.protocol === 'http' ? playHttp : playPostgres)(
      stage,
      client,
      tls,
    );
    return judged({ ...failed('', client.version), spoken }, comparison, encrypted);
  } catch (error) {
    if (error instanceof ToolMissing) return failed(error.message);
    return failed(`the client did not do its work: ${(error as Error).message.slice(-600)}`, client?.version);
  }
}

interface Played {
  readonly spoken: readonly string[];
  readonly comparison: Comparison;
  readonly encrypted: EncryptedRecord;
}

async function playHttp(stage: Stage, client: Client, tls: TlsVersion): Promise<Played> {
  const server = await stage.startHttps();
  let recording: Recording | undefined;
  try {
    recording = await startRecording({ identities: [IDENTITY] });
    for (const life of LIVES) {
      const environment = {
        ...client.environment,
        RUNTIME_URL: `${tls === '' ? 'http' : 'https'}://localhost:${server.ports[tls]}/client`,
        RUNTIME_CA: stage.authorityFile,
        RUNTIME_BODY: stage.bodyFile,
      };
      await recording.run(IDENTITY, client.command(life), { environment });
    }
    const record = await recording.finish();
    const encrypted = await readEncryptedRecord(recording);
    const { log, plaintexts } = await server.finish();
    return {
      spoken: [...new Set(plaintexts.map(({ tls: version }) => version))],
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
      await recording.run(IDENTITY, client.command(life), { environment });
    }
    const record = await recording.finish();
    const encrypted = await readEncryptedRecord(recording);
    const logText = server.logText().slice(logBefore);
    const comparison = comparePostgres(record, logText, IDENTITY, readFileSync(stage.bodyFile, 'utf8'));
    if (comparison.asked < ASKED_AT_LEAST) throw new Error(`the server was asked ${comparison.asked} times`);
    return { spoken: spokenTo(logText), comparison, encrypted: only(encrypted, server.port) };
  } finally {
    await recording.stop();
  }
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

function judged(row: Row, comparison: Comparison, { connections, findings }: EncryptedRecord): Row {
  const { asked, read, requestsEqual, responsesEqual, differences } = comparison;
  const isTls = connections.length > 0 && connections.every(({ protocol }) => protocol === 'tls');
  const seen = read > 0 ? (read === asked ? 'readable' : 'partly') : isTls ? 'unreadable' : 'absent';
  const found = [...new Set(connections.map(({ attributes }) => attributes['tls_library'] ?? ''))].join(', ');
  const held = connections.flatMap(({ attributes: { held_ns: ns } }) => (ns === undefined ? [] : [Number(ns) / 1e6]));
  const isFound = isTls && findingTellsAll(findings, connections);
  const reasons = [
    ...(row.spoken.join() === row.tls ? [] : [`spoken was ${row.spoken.join(', ') || 'nothing'}`]),
    ...(row.expect === seen ? [] : [`expected ${row.expect}, it is ${seen}: ${read} of ${asked}`]),
    ...(seen === 'unreadable' && !isFound ? ['no tls_unreadable finding tells of it'] : []),
    ...(seen === 'readable' && !requestsEqual ? ['requests differ'] : []),
    ...(seen === 'readable' && !responsesEqual ? ['responses differ'] : []),
    ...(seen === 'readable' && connections.some(({ tls }) => tls !== row.tls)
      ? [`the record says ${connections.map(({ tls }) => tls || 'no TLS').join(', ')}`]
      : []),
    ...differences,
  ];
  return {
    ...{ ...row, found, seen, asked, read, requestsEqual, responsesEqual, isFound },
    heldMs: held.length === 0 ? null : Math.max(...held),
    ok: reasons.length === 0,
    reason: reasons.slice(0, REASONS_MAX).join('; '),
  };
}

/** Findings name the program, the server by name and port, and as many bytes as the connections had unread. */
function findingTellsAll(findings: readonly Finding[], connections: readonly EncryptedConnection[]): boolean {
  const ours = findings.filter(({ kind }) => kind === 'tls_unreadable');
  const told = ours.reduce((sum, { bytes }) => sum + bytes, 0);
  const unread = connections.reduce((sum, { unreadableBytes }) => sum + unreadableBytes, 0);
  return (
    ours.length > 0 &&
    told === unread &&
    connections.every(({ remotePort, serverName }) =>
      ours.some(({ subject, message, attributes }) => {
        const all = [subject, message, ...Object.values(attributes)].join(' ');
        return all.includes(String(remotePort)) && all.includes(serverName) && (attributes['exe'] ?? '') !== '';
      }),
    )
  );
}

/** The kernel and the processor that a table is of. */
export function hostLine(): string {
  const kernel = execFileSync('uname', ['-r'], { encoding: 'utf8' }).trim();
  return `Linux ${kernel}, ${process.arch}, ${basename(process.execPath)} ${process.version}`;
}
