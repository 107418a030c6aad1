// SPDX-License-Identifier: Apache-2.0

/** Starts the server of the tests beside the record, and reads its log when it has ended. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { node } from '../recording/recording.ts';
import { readServerLog, type ServerLog } from './server-log.ts';

export const SERVER_PROGRAM = join(import.meta.dirname, 'logging-server.ts');

export interface HttpServer {
  readonly port: number;
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** Lets go of the replies that are held. */
  letGo(): void;
  /** Ends the server, and gives what it wrote down. */
  finish(): Promise<ServerLog>;
  stop(): Promise<void>;
}

/** Errors: an Error when the server does not come up. */
export async function startHttpServer(): Promise<HttpServer> {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-http-'));
  const child = spawn(node, [SERVER_PROGRAM, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const end = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await ended;
  };
  const stop = async (): Promise<void> => {
    try {
      await end();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
  const lines = createInterface({ input: child.stdout });
  let port: number;
  try {
    const [line] = (await Promise.race([once(lines, 'line'), ended])) as [unknown];
    port = portIn(String(line));
  } catch (error) {
    await stop().catch(() => {});
    throw error;
  }
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    letGo: () => child.kill('SIGUSR2'),
    async finish() {
      await end();
      return readServerLog(folder);
    },
    stop,
  };
}

/** From the line with which the server says that it listens. */
export function portIn(line: string): number {
  const port = /^listens on (\d+)$/.exec(line)?.[1];
  if (port === undefined) throw new Error(`the server did not start: ${line}`);
  return Number(port);
}
