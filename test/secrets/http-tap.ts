// SPDX-License-Identifier: Apache-2.0

/**
 * All that HTTP servers of this process receive and send, TLS or not: that is how a test learns of the assertions and
 * tokens that cross between the broker and Entra, which neither shows to anybody.
 */
import diagnostics from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface HttpTap {
  /** Bodies so far, one after the other. */
  text(): string;
  stop(): void;
}

const CHANNEL = 'http.server.request.start';

export function tapHttp(): HttpTap {
  const parts: string[] = [];
  const keep = (chunk: unknown): void => {
    if (typeof chunk === 'string') parts.push(chunk);
    else if (chunk instanceof Uint8Array) parts.push(Buffer.from(chunk).toString('latin1'));
    parts.push('\n');
  };
  const listen = (message: unknown): void => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
    const { push } = request;
    const { write, end } = response;
    request.push = (chunk: unknown, ...rest) => {
      keep(chunk);
      return push.call(request, chunk, ...rest);
    };
    // Both have several forms; in all of them what is sent comes first.
    response.write = ((...args: Parameters<typeof write>) => {
      keep(args[0]);
      return write.apply(response, args);
    }) as typeof write;
    response.end = ((...args: unknown[]) => {
      keep(args[0]);
      return (end as (...all: unknown[]) => ServerResponse).apply(response, args);
    }) as typeof end;
  };
  diagnostics.subscribe(CHANNEL, listen);
  return { text: () => parts.join(''), stop: () => diagnostics.unsubscribe(CHANNEL, listen) };
}
