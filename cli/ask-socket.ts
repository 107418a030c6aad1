// SPDX-License-Identifier: Apache-2.0

/**
 * A question to one of the agent's unix sockets: HTTP with JSON. Nothing is loaded here but Node's own HTTP, since commands that
 * ask are started for each request of another program.
 */
import { request } from 'node:http';
import { CliError, EXIT } from './exit.ts';

/** The agent's own door, or its broker: they differ in what they are called, and in what helps. */
export interface AskedSocket {
  readonly path: string;
  /** "agent", "broker" */
  readonly who: string;
  /** The next step when nobody listens, when it may not be opened, and when anything else is wrong. */
  readonly startIt: string;
  readonly openIt: string;
  readonly lookAt: string;
}

export interface SocketAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** The broker waits 8 s for Entra at most. */
const ANSWER_MS = 15_000;

/** Errors: CliError when nobody answers, or not with JSON. */
export async function askSocket(
  asked: AskedSocket,
  method: string,
  path: string,
  body?: object,
): Promise<SocketAnswer> {
  const { status, text } = await exchange(asked, method, path, body);
  try {
    return { status, body: JSON.parse(text) as unknown };
  } catch {
    throw new CliError(
      `what listens on ${asked.path} gave an answer that is not understood (status ${status})`,
      'Is it a Sworn agent, and of the same version? See: sworn status',
    );
  }
}

function exchange(
  asked: AskedSocket,
  method: string,
  path: string,
  body: object | undefined,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => reject(unreachable(asked, error));
    const headers = { host: 'localhost', ...(body !== undefined && { 'content-type': 'application/json' }) };
    // A connection of its own: one that was kept may be closed by the agent while the next request is being written.
    const options = { socketPath: asked.path, method, path, headers, timeout: ANSWER_MS, agent: false };
    const sent = request(options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', fail);
    });
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${ANSWER_MS / 1000} s`)));
    sent.on('error', fail);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function unreachable({ path, who, startIt, openIt, lookAt }: AskedSocket, error: NodeJS.ErrnoException): CliError {
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED')
    return new CliError(`no ${who} listens on ${path}`, startIt, EXIT.unusable);
  if (error.code === 'EACCES') return new CliError(`${path} is not open to you`, openIt, EXIT.unusable);
  return new CliError(`the ${who} on ${path} cannot be asked: ${error.message}`, lookAt);
}
