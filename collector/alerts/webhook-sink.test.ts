// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { WebhookSink } from './webhook-sink.ts';

const SECRET = 'a secret that both sides know';
const ALERT = { alert_id: 'alert-1', level: 'high', summary: 'ünï "quoted"' };
const NEVER = new AbortController().signal;

describe('webhook', () => {
  let server: Server;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  let received: { request: IncomingMessage; body: string }[] = [];
  let url = '';

  before(async () => {
    server = createServer((request, response) => {
      void text(request).then((body) => {
        received.push({ request, body });
        answer(request, response);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });

  const deliver = (changes: { url?: string; timeoutMs?: number; signal?: AbortSignal } = {}) => {
    received = [];
    const sink = new WebhookSink({
      name: 's',
      url,
      secret: SECRET,
      timeoutMs: 2000,
      now: () => 1_760_000_000_999,
      ...changes,
    });
    return sink.deliver(ALERT, changes.signal ?? NEVER);
  };

  it('posts the alert, signed with time and secret', async () => {
    answer = (_request, response) => response.end();
    assert.deepEqual(await deliver(), { delivered: true, detail: 'HTTP 200' });
    const [{ request, body }] = received as [{ request: IncomingMessage; body: string }];
    assert.equal(request.method, 'POST');
    assert.deepEqual(JSON.parse(body), { type: 'sworn.alert', version: 1, alert: ALERT });
    assert.equal(request.headers['sworn-timestamp'], '1760000000');
    assert.equal(request.headers['sworn-alert-id'], 'alert-1');
    const expected = createHmac('sha256', SECRET).update(`1760000000.${body}`).digest('hex');
    assert.equal(request.headers['sworn-signature'], `v1=${expected}`);
    assert.ok(!JSON.stringify(request.headers).includes(SECRET));
  });

  it('takes no answer but 2xx for a delivery', async () => {
    for (const status of [400, 404, 429, 500]) {
      answer = (_request, response) => response.writeHead(status).end();
      assert.deepEqual(await deliver(), { delivered: false, detail: `HTTP ${status}` });
    }
  });

  it('does not follow redirects', async () => {
    answer = (_request, response) => response.writeHead(307, { location: `${url}/elsewhere` }).end();
    assert.deepEqual(await deliver(), { delivered: false, detail: 'HTTP 307; redirects are not followed' });
    assert.equal(received.length, 1);
  });

  it('gives up on a receiver that does not answer', async () => {
    answer = () => {};
    const { delivered } = await deliver({ timeoutMs: 50 });
    assert.equal(delivered, false);
  });

  it('does not read an answer without end', async () => {
    answer = (_request, response) => {
      const pour = () => {
        while (response.write('x'.repeat(65536)));
        response.once('drain', pour);
      };
      pour();
    };
    assert.deepEqual(await deliver(), { delivered: true, detail: 'HTTP 200' });
  });

  it('ends at once when the collector stops', async () => {
    answer = () => {};
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 20);
    assert.equal((await deliver({ signal: stop.signal })).delivered, false);
  });

  it('says when nobody listens', async () => {
    const attempt = await deliver({ url: 'http://127.0.0.1:1/' });
    assert.equal(attempt.delivered, false);
    assert.match(attempt.detail, /ECONNREFUSED|connect|bad port/i);
  });
});
