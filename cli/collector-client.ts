// SPDX-License-Identifier: Apache-2.0

/** The collector's HTTP API, from the side of the command line. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { CliError, EXIT } from './exit.ts';
import { DEFAULT_TOKEN_FILE, DEFAULT_URL } from './places.ts';

export interface CollectorOptions {
  readonly url: string;
  readonly tokenFile: string;
}

/** The options that every command has which asks a collector. */
export function addCollectorOptions(command: Command): Command {
  return command
    .option('--url <url>', "the collector's API (or SWORN_URL)", process.env['SWORN_URL'] ?? DEFAULT_URL)
    .option(
      '--token-file <file>',
      'file with the bearer token (or SWORN_TOKEN_FILE; SWORN_TOKEN is the token itself)',
      process.env['SWORN_TOKEN_FILE'] ?? DEFAULT_TOKEN_FILE,
    );
}

export class CollectorClient {
  readonly #options: CollectorOptions;

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  /** Errors: CliError that says what is wrong and what to do. */
  async get(
    path: string,
    query: Readonly<Record<string, string | readonly string[] | undefined>> = {},
  ): Promise<Response> {
    const url = new URL(path, this.#options.url);
    for (const [name, value] of Object.entries(query)) {
      if (typeof value === 'string') url.searchParams.set(name, value);
      else for (const one of value ?? []) url.searchParams.append(name, one);
    }
    return this.#ask(url, { headers: { accept: 'application/json' } });
  }

  async getJson<T>(path: string, query?: Readonly<Record<string, string | readonly string[] | undefined>>): Promise<T> {
    return (await (await this.get(path, query)).json()) as T;
  }

  /** Rows of a query, one JSON object each. For the CLI's own questions, whose answers are small. */
  async rows<T>(sql: string, parameters: Readonly<Record<string, string | number>> = {}): Promise<T[]> {
    const text = await (await this.query(sql, 'JSONEachRow', parameters)).text();
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as T);
  }

  query(sql: string, format: string, parameters: Readonly<Record<string, string | number>> = {}): Promise<Response> {
    return this.#ask(new URL('/v1/query', this.#options.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sql, format, parameters }),
    });
  }

  async #ask(url: URL, init: RequestInit): Promise<Response> {
    const headers = { ...(init.headers as Record<string, string>), authorization: `Bearer ${this.#token()}` };
    let response: Response;
    try {
      response = await fetch(url, { ...init, headers, redirect: 'error' });
    } catch (error) {
      const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
      throw new CliError(
        `the collector at ${url.origin} cannot be reached: ${cause?.code ?? cause?.message ?? (error as Error).message}`,
        'Start it: systemctl start sworn-collector, or: sworn collector --config FILE. Another one: --url URL',
        EXIT.unusable,
      );
    }
    if (response.ok) return response;
    throw await refusal(response);
  }

  #token(): string {
    const given = process.env['SWORN_TOKEN'];
    if (given !== undefined && given !== '') return given;
    try {
      return readFileSync(this.#options.tokenFile, 'utf8').trim();
    } catch (error) {
      throw new CliError(
        `the token of the collector cannot be read: ${(error as Error).message}`,
        'The collector keeps it as api-token in its state_dir: name it with --token-file, or set SWORN_TOKEN.',
        EXIT.unusable,
      );
    }
  }
}

async function refusal(response: Response): Promise<CliError> {
  const text = await response.text();
  let message = text.trim();
  let code = '';
  try {
    const body = JSON.parse(text) as { message?: string; code?: string; error?: { message?: string; code?: string } };
    message = body.error?.message ?? body.message ?? message;
    code = body.error?.code ?? body.code ?? '';
  } catch {
    // As it is.
  }
  if (response.status === 401) {
    return new CliError(
      'the collector does not take this token',
      'Name the right one with --token-file.',
      EXIT.unusable,
    );
  }
  return new CliError(code === '' ? message : `${message} (${code})`);
}
