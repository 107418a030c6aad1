// SPDX-License-Identifier: Apache-2.0

/**
 * Node's own client and server talk through the recorder; what they say they sent and got is compared with what the
 * decoder makes of the bytes between them. Loopback only.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import { test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { runScript, uncut } from '../testing/run-script.ts';
import { normalised } from '../testing/script.ts';
import { portOf, record } from './capture/recorder.ts';
import { accounted } from './testing.ts';

const CODERS = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync, zstd: zstdCompressSync };

interface Plan {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly parts: number;
  readonly status: number;
  readonly reply: string;
  readonly replyParts: number;
  readonly coding: keyof typeof CODERS | undefined;
  readonly sized: boolean;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'),
  path: fc.stringMatching(/^[a-z0-9/]{0,20}$/),
  body: fc.string({ maxLength: 3000, size: 'max' }),
  parts: fc.integer({ min: 1, max: 5 }),
  status: fc.constantFrom(200, 201, 204, 304, 404, 500),
  reply: fc.string({ maxLength: 3000, size: 'max' }),
  replyParts: fc.integer({ min: 1, max: 5 }),
  coding: fc.constantFrom(undefined, 'gzip', 'deflate', 'br', 'zstd'),
  sized: fc.boolean(),
});

test('what the client sent and the server answered is what is decoded', async () => {
  const plans = fc.sample(plan, { numRuns: 150, seed: 7 });
  const server = createServer((incoming, outgoing) => {
    const { status, reply, replyParts, coding, sized } = plans[Number(incoming.headers['x-plan'])]!;
    incoming.resume().on('end', () => {
      const encoded = coding === undefined ? Buffer.from(reply) : CODERS[coding](reply);
      outgoing.statusCode = status;
      if (coding !== undefined) outgoing.setHeader('content-encoding', coding);
      if (sized) outgoing.setHeader('content-length', encoded.length);
      const step = Math.ceil(encoded.length / replyParts) || 1;
      for (let at = 0; at < encoded.length; at += step) outgoing.write(encoded.subarray(at, at + step));
      outgoing.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const recorder = await record(portOf(server));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    for (const [index, one] of plans.entries()) {
      const outgoing = request({
        ...{ host: '127.0.0.1', port: recorder.port, agent, method: one.method, path: `/${one.path}` },
        headers: { 'x-plan': String(index) },
      });
      const step = Math.ceil(one.body.length / one.parts) || 1;
      if (hasBody(one))
        for (let at = 0; at < one.body.length; at += step) outgoing.write(one.body.slice(at, at + step));
      outgoing.end();
      const [incoming] = await once(outgoing, 'response');
      await once(incoming.resume(), 'end');
    }
  } finally {
    agent.destroy();
    recorder.close();
    server.close();
    server.closeAllConnections();
  }
  const exchanges = recorder.scripts.flatMap((script) => runScript(accounted, normalised(script), {}, uncut).exchanges);
  assert.equal(exchanges.length, plans.length);
  for (const [index, one] of plans.entries()) {
    const exchange = exchanges[index]!;
    const bodiless = one.method === 'HEAD' || one.status === 204 || one.status === 304;
    const reply = bodiless ? '' : one.reply;
    assert.deepEqual(
      {
        statement: exchange.statement,
        request: digest(exchange.request.bytes),
        status: exchange.attributes['status_code'],
        response: digest(exchange.response.bytes),
        truncated: exchange.truncated,
      },
      {
        statement: `${one.method} /${one.path}`,
        request: digest(Buffer.from(hasBody(one) ? one.body : '')),
        status: String(one.status),
        response: digest(Buffer.from(reply)),
        truncated: false,
      },
      JSON.stringify(one),
    );
  }
});

function hasBody(one: Plan): boolean {
  return ['POST', 'PUT', 'PATCH'].includes(one.method);
}

function digest(bytes: Uint8Array): string {
  return `${bytes.length} ${createHash('sha256').update(bytes).digest('hex')}`;
}
