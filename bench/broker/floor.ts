// SPDX-License-Identifier: Apache-2.0

/**
 * What no broker can be faster than: the same server library that gives the same body to whoever asks. Until SIGTERM.
 *
 *   node bench/broker/floor.ts BYTES    a token of that length; prints {"port"}
 */
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';

const token = 'x'.repeat(Number(process.argv[2]));
const nowS = Math.floor(Date.now() / 1000);
const body = {
  access_token: token,
  client_id: randomUUID(),
  object_id: randomUUID(),
  expires_in: '900',
  expires_on: String(nowS + 900),
  ext_expires_in: '900',
  not_before: String(nowS),
  resource: 'https://bench.example',
  token_type: 'Bearer',
};
const app = fastify({ logger: false });
app.get('/msi/token', (_request, reply) =>
  reply.header('cache-control', 'no-store').type('application/json; charset=utf-8').send(JSON.stringify(body)),
);
await app.listen({ host: '127.0.0.1', port: 0 });
console.log(JSON.stringify({ port: (app.server.address() as AddressInfo).port }));
process.once('SIGTERM', () => void app.close().then(() => process.exit(0)));
