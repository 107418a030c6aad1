// SPDX-License-Identifier: Apache-2.0

import { createServer } from 'node:net';

/**
 * Ports on which nobody listened a moment ago, below those that the kernel gives to connections: one that is bound later, or
 * again after a while, is still free then. `host` is 127.0.0.1 unless told.
 */
export async function freePorts(count: number, host = '127.0.0.1'): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    if (!ports.includes(port) && (await isFree(port, host))) ports.push(port);
  }
  return ports;
}

export async function freePort(host?: string): Promise<number> {
  const [port] = await freePorts(1, host);
  return port as number;
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
