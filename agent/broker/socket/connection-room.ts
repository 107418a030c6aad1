// SPDX-License-Identifier: Apache-2.0

/**
 * Room for new connections. Anybody on the host may connect; who opens all connections that there are and sends nothing would
 * keep everybody else from asking. So the one that has waited longest for a whole request goes when there are too many: honest
 * clients send theirs at once. A request that is being answered is never cut off.
 */

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * `onTurnedAway` is told of a connection just before it is closed.
 *
 * Limits   a host's queue of connections that wait to be accepted (511) must be smaller than `connectionsMax`: one that was
 *          accepted together with so many others has its turn before it is the oldest
 */
export function keepRoom(server: Server, connectionsMax: number, onTurnedAway: (socket: Socket) => void): void {
  /** Oldest first. */
  const waiting = new Set<Socket>();
  let open = 0;

  server.on('connection', (socket: Socket) => {
    open += 1;
    waiting.add(socket);
    socket.once('close', () => {
      open -= 1;
      waiting.delete(socket);
    });
    if (open <= connectionsMax) return;
    const [oldest = socket] = waiting;
    waiting.delete(oldest);
    onTurnedAway(oldest);
    oldest.destroy();
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    let isAnswered = false;
    // Who announces a body and sends none would hold the connection as well as who sends nothing.
    if (hasBody(request)) {
      request.once('end', () => {
        if (!isAnswered) waiting.delete(socket);
      });
    } else {
      waiting.delete(socket);
    }
    response.once('close', () => {
      isAnswered = true;
      waiting.delete(socket);
      if (!socket.destroyed) waiting.add(socket);
    });
  });
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
