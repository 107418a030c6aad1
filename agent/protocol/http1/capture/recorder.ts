// SPDX-License-Identifier: Apache-2.0

/** A TCP proxy on loopback that writes down what each side sent, in the order in which it passed. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Side } from '../../decoder.ts';
import { ends, type Script, type Step, sends } from '../../testing/script.ts';

export interface Recorder {
  readonly port: number;
  /** One script for each connection, in the order in which they were opened. */
  readonly scripts: readonly Script[];
  close(): void;
}

export async function record(serverPort: number): Promise<Recorder> {
  const scripts: Step[][] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const script: Step[] = [];
    scripts.push(script);
    const upstream = connect({ port: serverPort, host: '127.0.0.1', allowHalfOpen: true });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    }
    pass('client', client, upstream, script);
    pass('server', upstream, client, script);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: portOf(server), scripts, close: () => closeAll(server, sockets) };
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function pass(from: Side, source: Socket, target: Socket, script: Step[]): void {
  let ended = false;
  const end = () => {
    if (!ended) script.push(ends(from));
    ended = true;
    target.end();
  };
  source.on('data', (bytes) => {
    script.push(sends(from, bytes));
    target.write(bytes);
  });
  source.on('end', end);
  source.on('error', end);
  source.on('close', end);
  target.on('error', () => {});
}

function closeAll(server: Server, sockets: ReadonlySet<Socket>): void {
  server.close();
  for (const socket of sockets) socket.destroy();
}
