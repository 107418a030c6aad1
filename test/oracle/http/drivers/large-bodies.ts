// SPDX-License-Identifier: Apache-2.0

/**
 * A workload: one large body in each direction of one connection, streamed both ways.
 *
 *   node large-bodies.ts URL
 */
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { seededBytes } from '../seeded-bytes.ts';

const url = process.argv[2] as string;
const MIB = 1024 * 1024;

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
for (const framing of ['length', 'chunked']) {
  const target = `${url}/stream?bytes=${3 * MIB}&kind=binary&framing=${framing}&parts=11`;
  const body = seededBytes(framing, 3 * MIB);
  const headers = framing === 'length' ? { 'content-length': body.length } : {};
  const outgoing = request(target, { agent, method: 'POST', headers });
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
  const slices = Array.from({ length: 48 }, (_, n) =>
    body.subarray((n * body.length) / 48, ((n + 1) * body.length) / 48),
  );
  await pipeline(Readable.from(slices), outgoing);
  const [incoming] = await answered;
  for await (const _ of incoming);
}
agent.destroy();
