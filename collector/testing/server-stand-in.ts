// SPDX-License-Identifier: Apache-2.0

/**
 * Looks like a ClickHouse server over HTTP, for what the collector asks of one: users with passwords, SQL in the body, and
 * data behind an INSERT. Behind it is an embedded engine. It proves what the collector sends to a server, not the server.
 */
import { writeFileSync } from 'node:fs';
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

export class ServerStandIn {
  readonly #engine: EngineProcess;
  readonly #server: Server;
  #files = 0;

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
    const forwarded = query === null ? body : Buffer.from(this.#withFile(query, body));
    url.searchParams.delete('query');
    const options = { socketPath: this.#engine.socketPath, path: url.pathname + url.search, method: 'POST' };
    const forward = httpRequest(options, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.on('error', () => response.destroy());
      answer.on('aborted', () => response.destroy());
      answer.pipe(response);
    });
    forward.on('error', (error) => response.writeHead(500).end(String(error)));
    response.on('close', () => forward.destroy());
    forward.end(forwarded);
  }

  /** A server reads `input(…)` from behind the statement; the engine needs a file. */
  #withFile(query: string, body: Buffer): string {
    const match = /^(INSERT INTO .*) FROM input\((.*)\)( SETTINGS .*)? FORMAT RowBinary$/s.exec(query);
    if (match === null) throw new Error(`not what a server would be sent: ${query.slice(0, 200)}`);
    this.#files += 1;
    const path = join(this.#engine.incomingFolder, `stand-in-${this.#files}`);
    writeFileSync(path, body);
    return `${match[1]} FROM file('${path}', 'RowBinary', ${match[2]})${match[3] ?? ''}`;
  }
}
