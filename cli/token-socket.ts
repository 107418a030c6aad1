// SPDX-License-Identifier: Apache-2.0

/**
 * The broker's socket, from the side of the command line. These commands are started for each request of another program, so
 * nothing is loaded here but Node's own HTTP.
 */
import { request } from 'node:http';
import { Option } from 'commander';
import { CliError, EXIT } from './exit.ts';
import { DEFAULT_TOKEN_SOCKET } from './places.ts';

export interface IssuedToken {
  readonly access_token: string;
  readonly client_id: string;
  readonly tenant_id: string;
  readonly resource: string;
  readonly token_type: string;
  /** Seconds since 1970, as a text: when to ask again. The token itself may live longer. */
  readonly expires_on: string;
}

/** The broker waits 8 s for Entra at most. */
const ANSWER_MS = 15_000;

export function socketOption(): Option {
  const option = new Option('--socket <path>', "the broker's socket");
  return option.env('SWORN_TOKEN_SOCKET').default(DEFAULT_TOKEN_SOCKET);
}

/** `userAssertion`: a person's token, to act on that person's behalf. Errors: CliError with the broker's words. */
export async function askToken(socketPath: string, resource: string, userAssertion?: string): Promise<IssuedToken> {
  const answer =
    userAssertion === undefined
      ? await askBroker(socketPath, 'GET', `/v1/token?resource=${encodeURIComponent(resource)}`)
      : await askBroker(socketPath, 'POST', '/v1/token', { resource, userAssertion });
  const token = answer as IssuedToken;
  // It is written into headers and lines of other protocols.
  if (!/^[\x21-\x7e]+$/.test(token.access_token) || !/^\d+$/.test(token.expires_on)) {
    throw new CliError(`what listens on ${socketPath} gave an answer that is not understood`, 'Is it a Sworn agent?');
  }
  return token;
}

/** Errors: CliError when no broker answers, or when it refuses. */
export async function askBroker(socketPath: string, method: string, path: string, body?: object): Promise<unknown> {
  const { status, text } = await exchange(socketPath, method, path, body);
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new CliError(
      `what listens on ${socketPath} gave an answer that is not understood (status ${status})`,
      'Is it a Sworn agent, and of the same version? See: sworn status',
    );
  }
  if (status === 200) return answer;
  const { message, correlation_id: id } = answer as { message?: unknown; correlation_id?: unknown };
  throw new CliError(
    `the broker says: ${typeof message === 'string' ? message : `status ${status}`}`,
    `docs/ERRORS.md says what to do.${typeof id === 'string' ? ` Correlation id: ${id}` : ''}`,
  );
}

function exchange(
  socketPath: string,
  method: string,
  path: string,
  body: object | undefined,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => reject(unreachable(socketPath, error));
    const headers = { host: 'localhost', ...(body !== undefined && { 'content-type': 'application/json' }) };
    const asked = request({ socketPath, method, path, headers, timeout: ANSWER_MS, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', fail);
    });
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${ANSWER_MS / 1000} s`)));
    asked.on('error', fail);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function unreachable(socketPath: string, error: NodeJS.ErrnoException): CliError {
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') {
    return new CliError(
      `no broker listens on ${socketPath}`,
      'Start the agent: systemctl start sworn-agent. Is broker.enabled true in its configuration? Another socket: --socket PATH',
      EXIT.unusable,
    );
  }
  if (error.code === 'EACCES') {
    return new CliError(`${socketPath} is not open to you`, 'Its folder has to let others through.', EXIT.unusable);
  }
  return new CliError(`the broker on ${socketPath} cannot be asked: ${error.message}`, "The agent's log says more.");
}
