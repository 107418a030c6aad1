// SPDX-License-Identifier: Apache-2.0

/**
 * Looks like a ClickHouse server over HTTP, for what the collector asks of one: users with passwords, SQL in the body, and
 * data behind an INSERT. Behind it is an embedded engine. It proves what the collector sends to a server, not the server.
 */
import { execFileSync } from 'node:child_process';
import { constants, writeFileSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { EngineProcess } from '../store/clickhouse/engine/engine-process.ts';

export const STAND_IN_USERS: Readonly<Record<string, { password: string; role: string }>> = {
  collector: { password: 'password of the collector', role: 'writer' },
  analyst: { password: 'password of the reader', role: 'reader' },
};

/** What a test does to an insert of activities on its way. Blocks are to be smaller than a pipe (64 KiB). */
export interface InsertGate {
  /** The engine gets the statement after this. */
  readonly before?: Promise<unknown>;
  /** The engine runs the statement, has judged it, and waits for its rows. */
  readonly begun?: () => void;
  /** It gets its rows after this. */
  readonly rows?: Promise<unknown>;
  /** The connection breaks instead of the answer. */
  readonly loseAnswer?: boolean;
}

const FIFO_POLL_MS = 2;

export class ServerStandIn {
  readonly #engine: EngineProcess;
  readonly #server: Server;
  #files = 0;
  /** Asked for each insert of activities, with its rows. */
  gate: (rows: Buffer) => InsertGate = () => ({});
  /** How many statements came, inserts and questions. */
  statements = 0;

  constructor(engine: EngineProcess) {
    this.#engine = engine;
    this.#server = createServer({ maxHeaderSize: 1 << 20 }, (request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        response.writeHead(500).end(String(error));
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [scheme, credentials = ''] = (request.headers.authorization ?? '').split(' ');
    const [name = '', password] = Buffer.from(credentials, 'base64').toString('utf8').split(':');
    const user = STAND_IN_USERS[name];
    if (scheme !== 'Basic' || user === undefined || user.password !== password) {
      response.writeHead(403, { 'x-clickhouse-exception-code': '516' });
      response.end('Code: 516. DB::Exception: Authentication failed. (AUTHENTICATION_FAILED)');
      return;
    }
    const url = new URL(request.url ?? '/', 'http://server');
    const body = await buffer(request);
    url.searchParams.set('role', user.role);
    const query = url.searchParams.get('query');
    this.statements += 1;
    const gate = query?.startsWith('INSERT INTO sworn.activities ') ? this.gate(body) : {};
    await gate.before;
    const insert = query === null ? undefined : this.#withFile(query, body, gate.rows !== undefined);
    const forwarded = insert === undefined ? body : Buffer.from(insert.sql);
    url.searchParams.delete('query');
    const answered = new AbortController();
    const options = { socketPath: this.#engine.socketPath, path: url.pathname + url.search, method: 'POST' };
    const forward = httpRequest(options, (answer) => {
      answered.abort();
      if (gate.loseAnswer) {
        answer.resume().on('end', () => response.destroy());
        return;
      }
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.on('error', () => response.destroy());
      answer.on('aborted', () => response.destroy());
      answer.pipe(response);
    });
    forward.on('error', (error) => {
      answered.abort();
      if (!response.headersSent) response.writeHead(500).end(String(error));
    });
    response.on('close', () => forward.destroy());
    forward.end(forwarded);
    if (insert !== undefined && gate.rows !== undefined) await feed(insert.path, body, gate, answered.signal);
  }

  /** A server reads `input(…)` from behind the statement; the engine needs a file. */
  #withFile(query: string, body: Buffer, isPipe: boolean): { sql: string; path: string } {
    const match = /^(INSERT INTO .*) FROM input\(('(?:[^'\\]|\\.)*')\)(.*) FORMAT RowBinary$/s.exec(query);
    if (match === null) throw new Error(`not what a server would be sent: ${query.slice(0, 200)}`);
    this.#files += 1;
    const path = join(this.#engine.incomingFolder, `stand-in-${process.pid}-${Date.now()}-${this.#files}`);
    if (isPipe) execFileSync('mkfifo', [path]);
    else writeFileSync(path, body);
    return { sql: `${match[1]} FROM file('${path}', 'RowBinary', ${match[2]})${match[3]}`, path };
  }
}

/** Give the engine its rows through a pipe: when it has opened that, it has judged the statement. */
async function feed(path: string, body: Buffer, gate: InsertGate, answered: AbortSignal): Promise<void> {
  try {
    for (;;) {
      try {
        const pipe = await open(path, constants.O_WRONLY | constants.O_NONBLOCK);
        gate.begun?.();
        await gate.rows;
        await pipe.writeFile(body);
        await pipe.close();
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
      }
      if (answered.aborted) return;
      await new Promise((resolve) => setTimeout(resolve, FIFO_POLL_MS));
    }
  } finally {
    await rm(path, { force: true });
  }
}
