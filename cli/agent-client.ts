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
    throw new CliError(
      `what listens on ${socketPath} gave an answer that is not understood (status ${status})`,
      'Is it a Sworn agent, and of the same version? See: sworn status',
    );
  }
  if (status === 200) return answer;
  const { message } = answer as { message?: unknown };
  throw new CliError(
    `the agent says: ${typeof message === 'string' ? message : `status ${status}`}`,
    status === 403 ? 'Workloads and who may run them stand in its configuration, under workloads.' : '',
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
    // A connection of its own: one that was kept may be closed by the agent while the next request is being written.
    const options = { socketPath, method, path, timeout: ANSWER_MS, agent: false };
    const asked = request(options, (response) => {
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
  return new CliError(`the agent on ${socketPath} cannot be asked: ${error.message}`, 'Its log says more.');
}
