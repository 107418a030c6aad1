// SPDX-License-Identifier: Apache-2.0

/** The broker's socket, from the side of the command line. */
import { Option } from 'commander';
import { askSocket } from './ask-socket.ts';
import { CliError } from './exit.ts';
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

const BROKER = {
  who: 'broker',
  startIt:
    'Start the agent: systemctl start sworn-agent. Is broker.enabled true in its configuration? Another socket: --socket PATH',
  openIt: 'Its folder has to let others through.',
  lookAt: "The agent's log says more.",
} as const;

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
  const answer = await askSocket({ ...BROKER, path: socketPath }, method, path, body);
  if (answer.status === 200) return answer.body;
  const { message, correlation_id: id } = (answer.body ?? {}) as { message?: unknown; correlation_id?: unknown };
  throw new CliError(
    `the broker says: ${typeof message === 'string' ? message : `status ${answer.status}`}`,
    `docs/ERRORS.md says what to do.${typeof id === 'string' ? ` Correlation id: ${id}` : ''}`,
  );
}
