// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { createCertificateAuthority } from '../../../test/entra-stand-in/certificates.ts';
import { createHostFetch, createHttpsFetch, type HttpsRequest, TransportError } from './https-fetch.ts';

let answer: RequestListener = () => {};
let server: ReturnType<typeof createServer>;
let ca: string;
let base: string;

const ask = (path: string, changes: Partial<HttpsRequest> = {}, signal?: AbortSignal) =>
  createHttpsFetch({ ca, ...(signal === undefined ? {} : { signal }) })({
    method: 'GET',
    url: new URL(path, base),
    timeoutMs: 2000,
    ...changes,
  });

const fails = (promise: Promise<unknown>, kind: string) =>
  assert.rejects(promise, (error: unknown) => error instanceof TransportError && error.kind === kind);

before(async () => {
  const authority = await createCertificateAuthority('test');
  ca = authority.certificatePem;
  const { keyPem, certificatePem } = await authority.issueServerCertificate(['localhost']);
  server = createServer({ key: keyPem, cert: certificatePem }, (request, response) => answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

describe('a request over https', () => {
  test('gives the answer as it is, also an error or a redirect, which is not followed', async () => {
    answer = (request, response) => {
      response.writeHead(302, { location: 'https://elsewhere.example/', 'Retry-After': '7' });
      request.pipe(response);
    };
    const got = await ask('/x', { method: 'POST', body: 'a=ü' });
    assert.deepEqual(
      [got.status, got.header('retry-after'), got.header('none'), got.body],
      [302, '7', undefined, 'a=ü'],
    );
  });

  test('fails within its time when nothing comes, or the end does not', async () => {
    answer = () => {};
    await fails(ask('/', { timeoutMs: 50 }), 'timeout');
    answer = (_request, response) => void response.write('{');
    await fails(ask('/', { timeoutMs: 50 }), 'timeout');
  });

  test('fails when the connection breaks, is refused, or the broker stops', async () => {
    answer = (request) => void request.socket.destroy();
    await fails(ask('/'), 'network');
    await fails(ask('/', { url: new URL('https://127.0.0.1:9/') }), 'network');
    const ending = new AbortController();
    answer = () => ending.abort();
    await fails(ask('/', {}, ending.signal), 'network');
    await fails(ask('/', {}, ending.signal), 'network');
  });

  test('takes no endless answer', async () => {
    answer = (_request, response) => {
      const more = (): void => {
        while (response.write('x'.repeat(65536)));
        response.once('drain', more);
      };
      more();
    };
    await fails(ask('/'), 'too-large');
  });

  test('trusts only the given authority, and speaks only https', async () => {
    answer = (_request, response) => void response.end('{}');
    const stranger = await createCertificateAuthority('another');
    const request: HttpsRequest = { method: 'GET', url: new URL(base), timeoutMs: 2000 };
    await fails(createHttpsFetch({ ca: stranger.certificatePem })(request), 'network');
    await fails(createHttpsFetch()(request), 'network');
    await fails(ask('/', { url: new URL(base.replace('https', 'http')) }), 'not-https');
  });
});

test('without TLS only this host is asked', async () => {
  const fetch = createHostFetch();
  for (const url of ['http://169.255.169.254/', 'http://localhost/', 'http://10.0.0.1/', 'https://127.0.0.1/']) {
    await assert.rejects(fetch({ method: 'GET', url: new URL(url), timeoutMs: 1000 }), /not-this-host/, url);
  }
  // There is nobody at this port; that is as far as it came.
  await assert.rejects(fetch({ method: 'GET', url: new URL('http://127.0.0.1:9/'), timeoutMs: 1000 }), /network/);
});
