// SPDX-License-Identifier: Apache-2.0

/** What the server writes down of its own work, and the server beside the record. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { node } from '../recording/recording.ts';

export interface LoggedStream {
  readonly kind: 'stream';
  /** The client's. */
  readonly port: number;
  readonly id: number;
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly requestBytes: number;
  readonly requestSha256: string;
  /** 0 when it was reset instead. */
  readonly status: number;
  readonly resetCode: number;
  /** With its content coding. */
  readonly responseBytes: number;
  /** Without. */
  readonly contentSha256: string;
  readonly hasTrailers: boolean;
}

/** Of connections in cleartext: what the socket counted. */
export interface LoggedConnection {
  readonly kind: 'connection';
  readonly port: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
}

export interface LoggedCall {
  readonly kind: 'call';
  readonly path: string;
  readonly messages: readonly string[];
  readonly code: number;
  readonly text: string;
}

export interface ServerLog {
  readonly streams: readonly LoggedStream[];
  readonly connections: readonly LoggedConnection[];
  readonly calls: readonly LoggedCall[];
}

export interface Http2Server {
  /** In cleartext, in TLS, of gRPC. */
  readonly ports: readonly [number, number, number];
  finish(): Promise<ServerLog>;
  stop(): Promise<void>;
}

/** Errors: an Error when the server does not come up. */
export async function startHttp2Server(): Promise<Http2Server> {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-http2-'));
  const at = (name: string): string => join(folder, name);
  const subject = ['-subj', '/CN=localhost', '-days', '2', '-keyout', at('key.pem'), '-out', at('certificate.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  execFileSync('openssl', ['req', '-x509', ...curve, ...subject], { stdio: 'ignore' });
  const program = join(import.meta.dirname, 'drivers/logging-server.ts');
  const child = spawn(node, [program, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const end = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await ended;
  };
  const stop = async (): Promise<void> => {
    await end();
    rmSync(folder, { recursive: true, force: true });
  };
  const [line] = (await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended])) as [unknown];
  const ports = /^listens on (\d+) (\d+) (\d+)$/.exec(String(line))?.slice(1).map(Number);
  if (ports === undefined) {
    await stop();
    throw new Error(`the server did not start: ${String(line)}`);
  }
  return {
    ports: ports as [number, number, number],
    async finish() {
      await end();
      const lines = readFileSync(at('server.log'), 'utf8').trimEnd().split('\n');
      const entries = lines.map((one) => JSON.parse(one) as LoggedStream | LoggedConnection | LoggedCall);
      const of = <Kind extends string>(kind: Kind) => entries.filter((one) => one.kind === kind);
      return {
        streams: of('stream') as LoggedStream[],
        connections: of('connection') as LoggedConnection[],
        calls: of('call') as LoggedCall[],
      };
    },
    stop,
  };
}
