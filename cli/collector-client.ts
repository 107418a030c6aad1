// SPDX-License-Identifier: Apache-2.0

/** The collector's HTTP API, from the side of the command line. */
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import type { Command } from 'commander';
import { CliError, EXIT } from './exit.ts';
import { DEFAULT_ADMIN_TOKEN_FILE, DEFAULT_TOKEN_FILE, DEFAULT_URL } from './places.ts';

export interface CollectorOptions {
  readonly url: string;
  readonly tokenFile: string;
  /** Name of the environment variable that may hold the token itself. */
  readonly tokenVariable?: string;
}

export const ADMIN_TOKEN_VARIABLE = 'SWORN_ADMIN_TOKEN';

/** As `fetch` has it. */
const SILENT_MS_MAX = 300_000;

type Query = Readonly<Record<string, string | readonly string[] | undefined>>;
type Parameters = Readonly<Record<string, string | number>>;

/** The options that every command has which asks a collector. */
export function addCollectorOptions(command: Command): Command {
  return command
    .option('--url <url>', "the collector's API (or SWORN_URL)", process.env['SWORN_URL'] || DEFAULT_URL)
    .option(
      '--token-file <file>',
      'file with the bearer token (or SWORN_TOKEN_FILE; SWORN_TOKEN is the token itself)',
      process.env['SWORN_TOKEN_FILE'] || DEFAULT_TOKEN_FILE,
    );
}

/** For commands that take something out of the record. */
export function addAdminOptions(command: Command): Command {
  return command
    .option('--url <url>', "the collector's API (or SWORN_URL)", process.env['SWORN_URL'] || DEFAULT_URL)
    .option(
      '--token-file <file>',
      `file with the admin's token (or SWORN_ADMIN_TOKEN_FILE; ${ADMIN_TOKEN_VARIABLE} is the token itself)`,
      process.env['SWORN_ADMIN_TOKEN_FILE'] || DEFAULT_ADMIN_TOKEN_FILE,
    );
}

export class CollectorClient {
  readonly #options: CollectorOptions;
  #agent: HttpAgent | undefined;

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  /** Errors: CliError that says what is wrong and what to do. */
  get(path: string, query: Query = {}): Promise<Response> {
    const url = this.#address(path);
    for (const [name, value] of Object.entries(query)) {
      if (typeof value === 'string') url.searchParams.set(name, value);
      else for (const one of value ?? []) url.searchParams.append(name, one);
    }
    return this.#ask(url, { headers: { accept: 'application/json' } });
  }

  async getJson<T>(path: string, query?: Query): Promise<T> {
    const text = await textOf(await this.get(path, query));
    try {
      return JSON.parse(text) as T;
    } catch {
      throw new CliError(`what answers at ${this.#options.url} is no collector`, 'Name it with --url.', EXIT.unusable);
    }
  }

  /** Ask for something to be done. Errors: as `get`. */
  async postJson<T>(path: string, body: object): Promise<T> {
    const response = await this.#ask(this.#address(path), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return JSON.parse(await textOf(response)) as T;
  }

  /** Rows of a query, one JSON object each. For the CLI's own questions, whose answers are small. */
  async rows<T>(sql: string, parameters: Parameters = {}): Promise<T[]> {
    const text = await textOf(await this.query(sql, 'JSONEachRow', parameters));
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as T);
  }

  query(sql: string, format: string, parameters: Parameters = {}): Promise<Response> {
    return this.#ask(this.#address('/v1/query'), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sql, format, parameters }),
    });
  }

  /**
   * A long answer, without what `fetch` adds to each piece of it: a copy, and a promise.
   *
   * Errors   as `get`; those of the stream are for `brokenOff`
   */
  async stream(sql: string, format: string, parameters: Parameters = {}): Promise<IncomingMessage> {
    const url = this.#address('/v1/query');
    const body = JSON.stringify({ sql, format, parameters });
    const headers = {
      authorization: `Bearer ${this.#token()}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    const answer = await posted(url, { method: 'POST', headers, agent: this.#agentFor(url) }, body).catch((cause) => {
      throw unreachable(url, new Error(cause.message, { cause }));
    });
    const status = answer.statusCode ?? 0;
    if (status >= 200 && status < 300) return answer;
    if (status >= 300 && status < 400) {
      answer.destroy();
      throw unreachable(url, new Error('it answers with another address'));
    }
    throw await refusal(new Response(Readable.toWeb(answer) as ReadableStream<Uint8Array>, { status }));
  }

  #agentFor({ protocol }: URL): HttpAgent {
    this.#agent ??= protocol === 'https:' ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
    return this.#agent;
  }

  #address(path: string): URL {
    try {
      return new URL(path, this.#options.url);
    } catch {
      throw new CliError(
        `'${this.#options.url}' is no address of a collector`,
        `Write it as ${DEFAULT_URL}, in --url or SWORN_URL.`,
        EXIT.unusable,
      );
    }
  }

  async #ask(url: URL, init: RequestInit): Promise<Response> {
    const headers = { ...(init.headers as Record<string, string>), authorization: `Bearer ${this.#token()}` };
    let response: Response;
    try {
      response = await fetch(url, { ...init, headers, redirect: 'error' });
    } catch (error) {
      throw unreachable(url, error as Error);
    }
    if (response.ok) return response;
    throw await refusal(response);
  }

  #token(): string {
    const given = process.env[this.#options.tokenVariable ?? 'SWORN_TOKEN'] ?? '';
    const token = (given === '' ? this.#tokenOfFile() : given).trim();
    // What a header cannot carry would be told with the token in the message.
    if (/^[\x21-\x7e]+$/.test(token)) return token;
    throw new CliError('the token of the collector is empty or not one word', 'It is one line of text.', EXIT.unusable);
  }

  #tokenOfFile(): string {
    const { tokenFile } = this.#options;
    try {
      return readFileSync(tokenFile, 'utf8');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'EACCES') {
        throw new CliError(
          `the token of the collector, ${tokenFile}, is not yours to read`,
          'Run this as root, or have a copy: --token-file FILE, SWORN_TOKEN_FILE or SWORN_TOKEN.',
          EXIT.unusable,
        );
      }
      throw new CliError(
        `the token of the collector cannot be read: ${message}`,
        'The collector keeps it as api-token in its state_dir: name it with --token-file, or set SWORN_TOKEN.',
        EXIT.unusable,
      );
    }
  }
}

/** All of a body. Errors: CliError when it breaks off. */
export async function textOf(response: Response): Promise<string> {
  try {
    return await response.text();
  } catch (error) {
    throw brokenOff(error);
  }
}

/** A body, piece by piece. Errors: CliError when it breaks off. */
export async function* piecesOf(response: Response): AsyncGenerator<Uint8Array> {
  const reader = (response.body as ReadableStream<Uint8Array> | null)?.getReader();
  if (reader === undefined) return;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => Promise.reject(brokenOff(error)));
      if (done) return;
      yield value;
    }
  } finally {
    reader.releaseLock();
  }
}

function posted(url: URL, options: RequestOptions, body: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, resolve);
    request.on('error', reject);
    request.setTimeout(SILENT_MS_MAX, () => request.destroy(new Error('nothing came for five minutes')));
    request.end(body);
  });
}

export function brokenOff(error: unknown): CliError {
  const cause = (error as Error).cause as Error | undefined;
  return new CliError(
    `the answer broke off: ${cause?.message ?? (error as Error).message}`,
    'It is not whole. The collector was stopped, or the query reached a limit on the way; its log says which.',
  );
}

function unreachable(url: URL, error: Error): CliError {
  const cause = error.cause as NodeJS.ErrnoException | undefined;
  const why = cause?.code ?? cause?.message ?? error.message;
  const untrusted = /CERT|SIGNATURE|SELF_SIGNED/.test(why);
  return new CliError(
    `the collector at ${url.origin} cannot be reached: ${why}`,
    untrusted
      ? 'Its certificate is not trusted here: name its authority with NODE_EXTRA_CA_CERTS=FILE.'
      : 'Start it: systemctl start sworn-collector, or: sworn collector --config FILE. Another one: --url URL',
    EXIT.unusable,
  );
}

/** What to do, by the collector's code. Codes that speak for themselves are left out. */
const NEXT: Readonly<Record<string, string>> = {
  forbidden: `It takes the token in admin-token of the collector's state_dir: --token-file, SWORN_ADMIN_TOKEN_FILE or ${ADMIN_TOKEN_VARIABLE}.`,
  erasure_running: 'See how far it is with: sworn erase --list',
  unauthorised: 'Name the right one with --token-file, SWORN_TOKEN_FILE or SWORN_TOKEN.',
  query_invalid: 'Columns: sworn query "DESCRIBE sworn.commands", and docs/SCHEMA.md',
  query_limit: 'Ask for less: a WHERE on time, fewer columns, a LIMIT. The limits are api.query of the collector.',
  query_busy: 'Try again in a moment.',
  tail_busy: 'End another tail; how many there may be is api.tails_max of the collector.',
  store_unavailable: 'The collector waits for ClickHouse; its log says more. Try again in a moment.',
};
const ASKED_WRONGLY = new Set([
  'forbidden',
  'unauthorised',
  'request_invalid',
  'request_too_large',
  'query_invalid',
  'query_refused',
]);
const EXPECTED_CHARACTERS_MAX = 80;

async function refusal(response: Response): Promise<CliError> {
  const text = await textOf(response);
  let code = response.status === 401 ? 'unauthorised' : '';
  let message = text.trim().slice(0, 500);
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string } };
    code = error.code;
    message = error.message;
  } catch {
    // Not of a collector: a proxy, most likely. Its own words are the best there is.
  }
  if (code === 'unauthorised') message = 'the collector does not take this token';
  else message = shortened(message || `status ${response.status}`);
  const named = code === '' || code === 'unauthorised' ? message : `${message} (${code})`;
  return new CliError(named, NEXT[code] ?? '', ASKED_WRONGLY.has(code) ? EXIT.unusable : EXIT.failed);
}

/** ClickHouse lists all that could have come next; the beginning is enough. */
function shortened(message: string): string {
  return message.replace(/(Expected one of: )(.*)/s, (_all, before: string, list: string) =>
    list.length <= EXPECTED_CHARACTERS_MAX ? before + list : `${before}${list.slice(0, EXPECTED_CHARACTERS_MAX)}…`,
  );
}
