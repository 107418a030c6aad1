// SPDX-License-Identifier: Apache-2.0

/**
 * What the server of the tests writes down of its own work, one JSON object a line: its exchanges, as its HTTP library
 * (Node's, over llhttp) read them and as it answered them, and its connections, as its sockets counted them. Bodies are
 * files beside the log, named by their digests.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type FieldLine = readonly [name: string, value: string];

export interface LoggedBody {
  /** As transferred: transfer coding off, content coding on. */
  readonly carriedBytes: number;
  readonly carriedSha256: string;
  /** With the content coding off. The digest of what was carried when that cannot be done. */
  readonly contentBytes: number;
  readonly contentSha256: string;
}

export interface LoggedExchange {
  readonly kind: 'exchange';
  /** The client's port. */
  readonly port: number;
  /** Which of the server's connections, counted from 1: a port may be used again. */
  readonly connection: number;
  /** Place among the requests of the connection. */
  readonly index: number;
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly fields: readonly FieldLine[];
  readonly trailers: readonly FieldLine[];
  readonly request: LoggedBody;
  /** The server took it for malformed; of the request, method and target are all that is known, if even these. */
  readonly isRefused: boolean;
  /** The whole request was received. */
  readonly isReceived: boolean;
  /** Status codes of interim replies. */
  readonly interim: readonly number[];
  /** 0 when there was no reply. */
  readonly status: number;
  readonly reason: string;
  /** Those that the server set; its library adds others. */
  readonly sentFields: readonly FieldLine[];
  readonly sentTrailers: readonly FieldLine[];
  readonly response: LoggedBody;
  /** The whole reply was handed to the socket. */
  readonly isSent: boolean;
}

export interface LoggedConnection {
  readonly kind: 'connection';
  readonly port: number;
  /** Counted from 1 in the order in which the server accepted. */
  readonly connection: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  /** Of these, behind an upgrade. */
  readonly upgradedReadBytes: number;
  readonly upgradedWrittenBytes: number;
}

export interface ServerLog {
  /** By the number of the connection, in the order in which the requests arrived. */
  readonly exchanges: ReadonlyMap<number, readonly LoggedExchange[]>;
  /** In the order in which the server accepted them. */
  readonly connections: readonly LoggedConnection[];
  readonly body: (sha256: string) => Buffer;
}

export function readServerLog(folder: string): ServerLog {
  const exchanges = new Map<number, LoggedExchange[]>();
  const connections: LoggedConnection[] = [];
  for (const line of readFileSync(join(folder, 'server.log'), 'utf8').split('\n')) {
    if (line === '') continue;
    const entry = JSON.parse(line) as LoggedExchange | LoggedConnection;
    if (entry.kind === 'connection') {
      connections.push(entry);
      continue;
    }
    const sofar = exchanges.get(entry.connection);
    if (sofar === undefined) exchanges.set(entry.connection, [entry]);
    else sofar.push(entry);
  }
  for (const some of exchanges.values()) some.sort((one, other) => one.index - other.index);
  connections.sort((one, other) => one.connection - other.connection);
  return { exchanges, connections, body: (sha256) => readFileSync(join(folder, sha256)) };
}

/** Puts a body into the folder; answers its digest. */
export function keepBody(folder: string, body: Uint8Array): string {
  const sha256 = createHash('sha256').update(body).digest('hex');
  const file = join(folder, sha256);
  if (!existsSync(file)) writeFileSync(file, body);
  return sha256;
}
