// SPDX-License-Identifier: Apache-2.0

/** The agent's control socket, from the side of the command line. */
import { request } from 'node:http';
import { CliError, EXIT } from './exit.ts';

const ANSWER_MS = 15_000;

/** Errors: CliError when no agent answers, or when it refuses. */
export async function askAgent(socketPath: string, method: string, path: string, body?: object): Promise<unknown> {
  const { status, text } = await exchange(socketPath, method, path, body);
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new CliError(`the agent gave an answer that is not understood (${status})`);
  }
  if (status === 200) return answer;
  throw new CliError(`the agent says: ${(answer as { message?: string }).message ?? status}`);
}

function exchange(
  socketPath: string,
  method: string,
  path: string,
  body: object | undefined,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method, path, timeout: ANSWER_MS }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${ANSWER_MS / 1000} s`)));
    asked.on('error', (error: NodeJS.ErrnoException) => reject(unreachable(socketPath, error)));
    asked.end(body === undefined ? '' : JSON.stringify(body));
  });
}

function unreachable(socketPath: string, error: NodeJS.ErrnoException): CliError {
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') {
    return new CliError(
      `no agent listens on ${socketPath}`,
      'Start it: systemctl start sworn-agent, or: sworn agent --config FILE. Another socket: --socket PATH',
      EXIT.unusable,
    );
  }
  if (error.code === 'EACCES')
    return new CliError(`${socketPath} is not open to you`, 'Run this as root.', EXIT.unusable);
  return new CliError(`the agent cannot be asked: ${error.message}`);
}
