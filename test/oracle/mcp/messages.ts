// SPDX-License-Identifier: Apache-2.0

/** What ends of MCP wrote down, and what is in the record of it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { RecordedCommand } from '../recording/record.ts';

/** All messages of the record, sorted. */
export function messagesOf(commands: readonly RecordedCommand[]): string[] {
  return commands
    .flatMap(({ request, response }) => [request, response])
    .filter((bytes) => bytes.length > 0)
    .map((bytes) => bytes.toString())
    .toSorted();
}

export const linesOf = (file: string): string[] => readFileSync(file, 'utf8').trimEnd().split('\n');

/** How calls of tools ended, without those of `add`. */
export function outcomes(commands: readonly RecordedCommand[]): string[] {
  return commands
    .filter(({ operation, resource }) => operation === 'tools/call' && resource !== 'add')
    .map(({ resource, status, errorCode, errorMessage }) =>
      [resource, status, errorCode, errorMessage].join(' ').trim(),
    );
}

export interface RunningServer {
  readonly port: string;
  stop(): Promise<void>;
}

/** A server that is no workload and prints its port. */
export async function startServer([file, ...args]: readonly [string, ...string[]]): Promise<RunningServer> {
  const server = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = (await once(createInterface(server.stdout), 'line')) as [string];
  return {
    port,
    async stop() {
      server.kill('SIGKILL');
      if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
    },
  };
}
