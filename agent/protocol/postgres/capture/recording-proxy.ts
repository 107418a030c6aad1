// SPDX-License-Identifier: Apache-2.0

/**
 * A TCP proxy on loopback that writes down what both sides send, in the order in which it passed. Only for making
 * captures: the recorder itself never stands between a client and a server.
 */
import { connect, createServer, type Socket } from 'node:net';
import type { Side } from '../../decoder.ts';
import { ends, type Step, sends } from '../../testing/script.ts';

export interface RecordingProxy {
  readonly port: number;
  /** One script for each connection, in the order in which they were opened. */
  readonly connections: Step[][];
  /** Connections that are still open. */
  readonly openConnections: number;
  close(): void;
}

export function startRecordingProxy(serverPort: number): Promise<RecordingProxy> {
  const connections: Step[][] = [];
  const sockets = new Set<Socket>();
  let openConnections = 0;
  const relay = (steps: Step[], side: Side, from: Socket, to: Socket) => {
    sockets.add(from);
    from.setNoDelay(true);
    from.on('data', (bytes) => {
      steps.push(sends(side, bytes));
      to.write(bytes);
    });
    from.once('end', () => {
      steps.push(ends(side));
      to.end();
    });
    from.once('error', () => to.destroy());
    from.once('close', () => sockets.delete(from));
  };
  const proxy = createServer({ allowHalfOpen: true }, (client) => {
    const steps: Step[] = [];
    connections.push(steps);
    openConnections++;
    const server = connect({ port: serverPort, host: '127.0.0.1', allowHalfOpen: true });
    relay(steps, 'client', client, server);
    relay(steps, 'server', server, client);
    server.once('close', () => openConnections--);
  });
  return new Promise((resolve) => {
    proxy.listen(0, '127.0.0.1', () => {
      const address = proxy.address();
      resolve({
        port: typeof address === 'object' && address !== null ? address.port : 0,
        connections,
        get openConnections() {
          return openConnections;
        },
        close() {
          proxy.close();
          for (const socket of sockets) socket.destroy();
        },
      });
    });
  });
}
