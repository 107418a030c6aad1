// SPDX-License-Identifier: Apache-2.0

/**
 * chDB behind the part of ClickHouse's HTTP interface that `@clickhouse/client` uses, so that the embedded engine and a
 * server are one code path. Runs in the engine process only, on a unix socket that only its user can reach.
 *
 * Every request has an engine session of its own (0.2 ms), as it has on a server: settings and query parameters of one
 * request cannot reach another, and `readonly` holds for the whole of it. Parameters are given by `SET param_x`, because
 * the binding's own parameter calls share state between sessions and are not safe side by side.
 *
 * What it does not do: data behind an INSERT (the engine ends it at an empty line, so no binary format survives; batches
 * come as files, see batch-source.ts), authentication, compression, sessions by id.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { ChdbQueryStream, Session } from 'chdb';
import { giveBack } from '../../../model/given-back.ts';
import { headerBytes, isStreamable } from './answer-header.ts';

/** Longest SQL text that is taken; the API's own bound is lower. */
const SQL_BYTES_MAX = 4 << 20;
/** Settings and parameters are in the URL; a person's SQL is a parameter when it is checked. */
const PARAMETERS_BYTES_MAX = 1 << 20;
/** URL parameters that are not settings of the engine. */
const NOT_SETTINGS = new Set([
  'query',
  'query_id',
  'session_id',
  'role',
  'default_format',
  'database',
  'wait_end_of_query',
  'send_progress_in_http_headers',
  'http_headers_progress_interval_ms',
  'enable_http_compression',
]);

/** As on a server: who closes the connection wants no answer any more. */
const CANCEL_SETTING = 'cancel_http_readonly_queries_on_client_close';

const KILL_AGAIN_MS = 100;
const DRAIN_POLL_MS = 20;

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** An SQL string literal. */
export function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** The statements that give one session the role, settings and parameters of one request; `readonly` locks the rest. */
export function sessionStatements(search: URLSearchParams): string[] {
  const changes: string[] = [];
  let last = '';
  for (const [name, value] of search) {
    if (NOT_SETTINGS.has(name)) continue;
    if (!NAME.test(name)) throw new Error(`not the name of a setting: ${JSON.stringify(name)}`);
    const change = `${name} = ${quote(value)}`;
    if (name === 'readonly') last = change;
    else changes.push(change);
  }
  if (last !== '') changes.push(last);
  const database = search.get('database');
  const statements: string[] = [];
  if (database !== null && database !== '') {
    if (!NAME.test(database)) throw new Error(`not the name of a database: ${JSON.stringify(database)}`);
    statements.push(`USE ${database}`);
  }
  for (const role of search.getAll('role')) {
    if (!NAME.test(role)) throw new Error(`not the name of a role: ${JSON.stringify(role)}`);
    statements.push(`SET ROLE ${role}`);
  }
  if (changes.length > 0) statements.push(`SET ${changes.join(', ')}`);
  return statements;
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > SQL_BYTES_MAX) throw new Error(`SQL of more than ${SQL_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

export class ChdbHttp {
  readonly #openSession: () => Session;
  readonly server: Server;
  #requests = 0;
  /** Requests whose session is open: something of theirs may be running in the engine. */
  #active = 0;

  constructor(openSession: () => Session) {
    this.#openSession = openSession;
    this.server = createServer(
      { maxHeaderSize: PARAMETERS_BYTES_MAX, keepAliveTimeout: 60_000 },
      (request, response) => {
        this.#answer(request, response).catch((error: unknown) => this.#fail(response, error));
      },
    );
    // A long query is not a slow client.
    this.server.requestTimeout = 0;
  }

  /** Take no more, end what people ask, wait for the rest. False when something would not end in time. */
  async drain(msMax: number): Promise<boolean> {
    const deadline = Date.now() + msMax;
    this.server.close();
    this.server.closeIdleConnections();
    const session = this.#openSession();
    while (this.#active > 0) {
      if (Date.now() > deadline) return false;
      await session.queryAsync("KILL QUERY WHERE query_kind = 'Select' ASYNC").catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
    }
    session.close();
    return true;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://engine');
    if (url.pathname.endsWith('/ping')) {
      response.end('Ok.\n');
      return;
    }
    const body = await readText(request);
    const inUrl = url.searchParams.get('query');
    if (inUrl !== null && body !== '') throw new Error('data behind a statement cannot be taken; see batch-source.ts');
    const sql = inUrl ?? body;
    const session = this.#openSession();
    let answered = false;
    this.#active += 1;
    try {
      if (url.searchParams.get(CANCEL_SETTING) === '1') {
        const name = `request ${++this.#requests}`;
        url.searchParams.set('log_comment', name);
        response.once('close', () => {
          if (!response.writableFinished) void this.#kill(name, () => answered);
        });
      }
      for (const statement of sessionStatements(url.searchParams)) await session.queryAsync(statement);
      // Whoever has gone by now was too early to be killed.
      if (response.destroyed) return;
      await this.#select(session, sql, url.searchParams.get('default_format'), response);
    } finally {
      answered = true;
      this.#active -= 1;
      session.close();
    }
  }

  /**
   * The binding cannot interrupt a query; the engine can, by its name. Again and again until it has ended: one that is only
   * about to begin cannot be killed yet.
   */
  async #kill(name: string, ended: () => boolean): Promise<void> {
    const session = this.#openSession();
    try {
      while (!ended()) {
        await session.queryAsync(`KILL QUERY WHERE Settings['log_comment'] = ${quote(name)} ASYNC`);
        await new Promise((resolve) => setTimeout(resolve, KILL_AGAIN_MS));
      }
    } catch {
      // Its time limit ends it then.
    } finally {
      session.close();
    }
  }

  async #select(session: Session, sql: string, format: string | null, response: ServerResponse): Promise<void> {
    if (format === null || !isStreamable(format)) {
      await this.#whole(session, sql, format, response);
      return;
    }
    let stream: ChdbQueryStream;
    try {
      stream = session.queryStream(sql, { format });
    } catch (error) {
      // EXPLAIN, DESCRIBE and SHOW give a few lines, and only as a whole.
      if (!(error instanceof Error) || !error.message.includes('Streaming query is not supported')) throw error;
      await this.#whole(session, sql, format, response);
      return;
    }
    response.on('close', () => stream.cancel());
    let header: Buffer | undefined;
    for await (const chunk of stream) {
      const raw = chunk.raw();
      let bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
      if (response.destroyed) return;
      if (header === undefined) {
        // A copy: the chunk itself is given back.
        header = Buffer.from(bytes.subarray(0, headerBytes(format, bytes)));
        response.writeHead(200, { 'x-clickhouse-format': format });
      } else if (header.length > 0 && bytes.subarray(0, header.length).equals(header)) {
        // Each chunk of the engine is a whole document of its own, header and all.
        bytes = bytes.subarray(header.length);
      }
      if (!response.write(bytes, () => giveBack(bytes))) await drained(response);
    }
    response.end();
  }

  async #whole(session: Session, sql: string, format: string | null, response: ServerResponse): Promise<void> {
    const result = await session.queryAsync(sql, format === null ? {} : { format });
    response.writeHead(200).end(result.bytes());
  }

  #fail(response: ServerResponse, error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    if (response.headersSent) {
      // Half of a result is out: a broken connection is the only honest end.
      response.destroy();
      return;
    }
    const code = /^Code: (\d+)\./.exec(text)?.[1];
    response.writeHead(500, {
      'content-type': 'text/plain; charset=UTF-8',
      ...(code === undefined ? {} : { 'x-clickhouse-exception-code': code }),
    });
    response.end(text);
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}
