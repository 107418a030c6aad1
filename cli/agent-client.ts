// SPDX-License-Identifier: Apache-2.0

/** The agent's control socket, from the side of the command line. */
import { askSocket } from './ask-socket.ts';
import { CliError } from './exit.ts';

const AGENT = {
  who: 'agent',
  startIt: 'Start it: systemctl start sworn-agent, or: sworn agent --config FILE. Another socket: --socket PATH',
  openIt: 'Run this as root.',
  lookAt: 'Its log says more.',
} as const;

/** Errors: CliError when no agent answers, or when it refuses. */
export async function askAgent(socketPath: string, method: string, path: string, body?: object): Promise<unknown> {
  const answer = await askSocket({ ...AGENT, path: socketPath }, method, path, body);
  if (answer.status === 200) return answer.body;
  const { message } = (answer.body ?? {}) as { message?: unknown };
  throw new CliError(
    `the agent says: ${typeof message === 'string' ? message : `status ${answer.status}`}`,
    answer.status === 403 ? 'Workloads and who may run them stand in its configuration, under workloads.' : '',
  );
}
