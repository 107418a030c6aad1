// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkDetect } from '../testing/check-script.ts';
import { ends, sends } from '../testing/script.ts';
import { ALL_SECRETS, SECRETS } from './capture/secrets.ts';
import { http1 } from './definition.ts';
import {
  asks,
  briefs,
  captured,
  captureNames,
  check,
  everythingSaid,
  headers,
  only,
  replies,
  text,
} from './testing.ts';

const item = (method: string, url: string) => JSON.stringify({ method, url });

for (const name of captureNames()) {
  test(`${name}: every byte is understood, and no credential is in what is said`, () => {
    const { script } = captured(name);
    const run = check(script);
    const said = everythingSaid(run);
    for (const secret of ALL_SECRETS) assert.ok(!said.includes(secret), `${secret} is in ${said}`);
    // The one head that its client never ended is the exception.
    if (name !== 'node-request-timeout') assert.deepEqual(run.troubles, {});
    assert.equal(checkDetect(http1, script), 'yes');
  });
}

test('an exchange says who asked for what, and what came back', () => {
  const [get, post, missing] = check(captured('curl-bearer').script).exchanges;
  assert.equal(get?.operation, 'GET');
  assert.match(get.target, /^127\.0\.0\.1:\d+$/);
  assert.equal(get.resource, '/users/42/orders');
  assert.equal(get.statement, 'GET /users/42/orders?limit=10&sig=[redacted]');
  assert.equal(get.statementShape, 'GET /users/?/orders');
  assert.equal(get.parameters, '{"limit":"10","sig":"[redacted]"}');
  assert.equal(text(get.response.bytes), item('GET', '/users/42/orders'));
  assert.deepEqual([get.status, get.errorCode, get.errorMessage], ['ok', '', '']);
  assert.deepEqual([get.attributes['status_code'], get.attributes['http_version']], ['200', '1.1']);
  assert.equal(get.attributes['user_agent'], 'curl/7.88.1');
  assert.equal(get.attributes['response_content_type'], 'application/json');
  assert.equal(headers(get, 'request')['authorization'], 'Bearer [redacted]');
  assert.equal(headers(get, 'response')['content-type'], 'application/json');

  assert.equal(text(post?.request.bytes ?? new Uint8Array()), '{"name":"one"}');
  assert.equal(post?.attributes['request_content_type'], 'application/json');
  assert.deepEqual([missing?.status, missing?.errorCode, missing?.errorMessage], ['error', '404', 'Not Found']);
  assert.equal(missing?.attributes['status_code'], '404');
});

test('content codings are taken off, and sizes stay those of the wire', () => {
  const run = check(captured('curl-codings').script);
  const sizes = run.exchanges.map(({ response, attributes }) => [
    attributes['response_content_encoding'],
    response.totalBytes,
    attributes['response_content_bytes'],
  ]);
  assert.deepEqual(sizes, [
    ['gzip', 232, '1071'],
    ['deflate', 220, '1071'],
    ['br', 145, '1071'],
    ['zstd', 168, '1071'],
  ]);
  for (const { response, attributes, truncated } of run.exchanges) {
    assert.equal(JSON.parse(text(response.bytes)).items.length, 40);
    assert.equal(attributes['response_content_decoded'], 'whole');
    assert.equal(truncated, false);
    assert.equal(response.sha256, undefined);
  }
});

test('HEAD, 204 and 304 have no body, whatever their fields announce', () => {
  assert.deepEqual(briefs(check(captured('curl-no-body').script)), [
    'HEAD /gzip -> 200',
    'GET /none -> 204',
    'GET /unchanged -> 304',
    `GET /after -> 200 ${item('GET', '/after')}`,
  ]);
});

test('chunks are joined both ways, and trailers are shown', () => {
  const exchange = only(check(captured('curl-chunked-both-ways').script));
  assert.equal(text(exchange.request.bytes), 'z'.repeat(5000));
  assert.equal(text(exchange.response.bytes), 'first part, second part');
  assert.equal(exchange.attributes['response_trailers'], '{"x-checksum":"abc123"}');
});

test('a body streamed by fetch is joined', () => {
  const exchange = only(check(captured('node-fetch-stream').script));
  assert.equal(text(exchange.request.bytes), 'one two three');
  assert.equal(headers(exchange, 'request')['transfer-encoding'], 'chunked');
});

test('an interim reply is noted, and the final one answers', () => {
  const awaited = only(check(captured('curl-expect-continue').script));
  assert.equal(awaited.attributes['interim_status'], '100');
  assert.equal(awaited.attributes['expect'], '100-continue');
  assert.equal(awaited.request.totalBytes, 3011);
  const hinted = only(check(captured('node-early-hints').script));
  assert.equal(hinted.attributes['interim_status'], '103 102');
  assert.equal(text(hinted.response.bytes), 'hinted');
});

test('a request that is refused before its body is whole is answered all the same', () => {
  const [refused, late] = check(captured('curl-early-error').script).exchanges;
  assert.equal(refused?.errorCode, '413');
  assert.equal(refused?.attributes['early_response'], 'true');
  assert.equal(refused?.attributes['request_incomplete'], 'connection-ended');
  assert.equal(refused?.request.totalBytes, 65536);
  // The server then complains of the body that broke off: a reply to nothing.
  assert.deepEqual([late?.errorCode, late?.attributes['request_missing']], ['400', 'not-seen']);
});

test('after a refused Expect the next request may stand where the body was announced', () => {
  const run = check([
    asks('POST /refused HTTP/1.1\nHost: h\nExpect: 100-continue\nContent-Length: 5000'),
    replies('HTTP/1.1 417 Expectation Failed\nContent-Length: 0'),
    asks('POST /refused HTTP/1.1\nHost: h\nContent-Length: 4', 'body'),
    replies('HTTP/1.1 200 OK\nContent-Length: 2', 'ok'),
  ]);
  assert.deepEqual(briefs(run), ['POST /refused -> 417', 'POST /refused -> 200 ok']);
  assert.equal(text(run.exchanges[1]!.request.bytes), 'body');
});

test('replies are paired in order when the client pipelines', () => {
  const run = check(captured('node-pipelined').script);
  assert.deepEqual(
    run.exchanges.map(({ statement, attributes }) => [statement, attributes['status_code']]),
    [
      ['GET /gzip', '200'],
      ['HEAD /gzip', '200'],
      ['GET /missing', '404'],
      ['DELETE /items/3', '200'],
    ],
  );
});

test('a body without a length ends with the connection', () => {
  const exchange = only(check(captured('curl-close-delimited').script));
  assert.equal(text(exchange.response.bytes), 'ends with the connection\n');
  assert.equal(exchange.status, 'ok');
  assert.equal(exchange.attributes['response_http_version'], '1.0');
  assert.equal(exchange.attributes['response_incomplete'], undefined);
});

test('a reply above the bound is cut, counted and hashed', () => {
  const run = check(captured('curl-large-reply').script);
  const { response, truncated } = only(run);
  assert.equal(response.bytes.length, 1024 * 1024);
  assert.equal(response.totalBytes, 1_500_000);
  assert.equal(run.counts.server.cut, 1_500_000 - 1024 * 1024);
  assert.equal(truncated, true);
  // head -c 1500000 /dev/zero | tr '\\0' y | sha256sum
  assert.equal(
    Buffer.from(response.sha256!).toString('hex'),
    'f7ce861acb66dfb2fe0d7c47b0bc569a359eb0d23dc6473fcae8efd1cb6d90b0',
  );
});

test('an upgrade hands the connection over where the 101 ends', () => {
  const run = check(captured('node-websocket').script);
  const exchange = only(run);
  assert.deepEqual(
    [exchange.statement, exchange.attributes['status_code'], exchange.status],
    ['GET /live', '101', 'ok'],
  );
  const { agreement, ...place } = run.handover!;
  assert.deepEqual(place, { protocol: 'websocket', from: 'server', atByte: 129 });
  assert.deepEqual([agreement?.method, agreement?.path, agreement?.unanswered], ['GET', '/live', undefined]);
  assert.equal(new Map(agreement?.requestFields).get('upgrade'), 'websocket');
  assert.ok(new Map(agreement?.responseFields).has('sec-websocket-accept'));
});

test('what was agreed on names the query and the fields of both heads, without the credentials', () => {
  const run = check([
    asks('GET /exec?command=ls&token=s3cret HTTP/1.1\nHost: h\nUpgrade: websocket\nAuthorization: Bearer s3cret'),
    replies('HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nSet-Cookie: a=s3cret\nSec-WebSocket-Protocol: one'),
  ]);
  const { agreement } = run.handover!;
  assert.deepEqual([agreement?.authority, agreement?.path], ['h', '/exec?command=ls&token=[redacted]']);
  assert.deepEqual(agreement?.requestFields.at(-1), ['authorization', 'Bearer [redacted]']);
  assert.deepEqual(agreement?.responseFields.at(-1), ['sec-websocket-protocol', 'one']);
  assert.deepEqual(agreement?.credential, run.exchanges.at(-1)?.credential);
  assert.equal(agreement?.credential?.kind, 'http-bearer');
  assert.doesNotMatch(JSON.stringify(agreement), /s3cret/);
  assert.deepEqual(run.credentials.map(({ kind }) => kind).toSorted(), ['http-bearer', 'http-cookie', 'http-query']);
});

test('an upgrade whose request was not seen is agreed on by its answer alone', () => {
  const run = check([replies('HTTP/1.1 101 Switching Protocols\nUpgrade: websocket')], { late: true });
  assert.deepEqual(run.handover?.agreement, {
    method: '',
    authority: '',
    path: '',
    requestFields: [],
    responseFields: [['upgrade', 'websocket']],
  });
});

test('the request that asked for h2c goes along unanswered: its reply is in HTTP/2', () => {
  const run = check([
    asks('GET /first HTTP/1.1\nHost: h\nUpgrade: h2c\nHTTP2-Settings: AAMAAABk'),
    replies('HTTP/1.1 101 Switching Protocols\nUpgrade: h2c'),
  ]);
  assert.deepEqual(run.exchanges, []);
  assert.equal(run.handover?.protocol, 'http2');
  assert.equal(run.handover?.agreement?.unanswered?.statement, 'GET /first');
  assert.equal(run.handover?.agreement?.unanswered?.responseBytes, run.counts.server.decoded);
});

test('an upgrade that is passed over leaves the connection as it is', () => {
  const run = check(captured('curl-h2c-refused').script);
  assert.equal(run.exchanges.length, 2);
  assert.equal(run.handover, undefined);
});

test('a tunnel is handed over', () => {
  const run = check(captured('curl-connect').script);
  const exchange = only(run);
  assert.equal(exchange.statement, 'CONNECT service.internal:8080');
  assert.equal(exchange.target, 'service.internal:8080');
  assert.equal(headers(exchange, 'request')['proxy-authorization'], 'Basic [redacted]');
  assert.equal(run.handover?.protocol, 'tunnel');
});

test('bytes that the client sent ahead of the tunnel’s grant are counted, not guessed at', () => {
  const run = check([asks('CONNECT h:443 HTTP/1.1\nHost: h'), sends('client', 'early'), replies('HTTP/1.1 200 OK')]);
  assert.equal(run.handover?.protocol, 'tunnel');
  assert.deepEqual(run.troubles, { 'client sent-before-handover': 5 });
});

test('a tunnel that is refused leaves HTTP, also for what the client sent ahead', () => {
  const run = check([
    asks('CONNECT h:443 HTTP/1.1\nHost: h'),
    asks('GET /other HTTP/1.1\nHost: h'),
    replies('HTTP/1.1 403 Forbidden\nContent-Length: 0'),
    replies('HTTP/1.1 200 OK\nContent-Length: 2', 'ok'),
  ]);
  assert.deepEqual(briefs(run), ['CONNECT h:443 -> 403', 'GET /other -> 200 ok']);
});

test('the absolute form names its own target', () => {
  const exchange = only(check(captured('curl-absolute-form').script));
  assert.equal(exchange.target, 'service.internal');
  assert.equal(exchange.resource, '/things/7');
  assert.equal(exchange.statement, 'GET http://service.internal/things/7?view=full');
});

test('a reply to a head that never ended is kept without a request', () => {
  const exchange = only(check(captured('node-request-timeout').script));
  assert.equal(exchange.errorCode, '408');
  assert.equal(exchange.attributes['request_missing'], 'not-understood');
  assert.equal(exchange.statement, '');
});

test('a request without a reply has an unknown end', () => {
  const exchange = only(check([asks('GET /slow HTTP/1.1\nHost: h'), ends('client'), ends('server')]));
  assert.deepEqual([exchange.status, exchange.errorCode], ['unknown', '']);
  assert.equal(exchange.attributes['response_missing'], 'connection-ended');
  assert.equal(exchange.responseAt, exchange.requestAt);
});

test('a reply that breaks off has an unknown end, unless it was an error before', () => {
  for (const [code, status] of [
    ['200 OK', 'unknown'],
    ['500 No', 'error'],
  ] as const) {
    const exchange = only(
      check([asks('GET / HTTP/1.1\nHost: h'), replies(`HTTP/1.1 ${code}\nContent-Length: 10`, 'half'), ends('server')]),
    );
    assert.equal(exchange.status, status);
    assert.equal(exchange.attributes['response_incomplete'], 'connection-ended');
    assert.equal(text(exchange.response.bytes), 'half');
    assert.equal(exchange.response.totalBytes, 4);
  }
});

test('labels are those of the first and last bytes', () => {
  const { requestAt, requestEndAt, responseAt, responseEndAt } = only(
    check([
      sends('client', 'POST / HTTP/1.1\r\nContent-Le'),
      replies('HTTP/1.1 100 Continue'),
      sends('client', 'ngth: 3\r\n\r\nabc'),
      replies('HTTP/1.1 200 OK\nTransfer-Encoding: chunked', '1\r\na\r\n'),
      sends('client', '\r\n'),
      sends('server', '0\r\n\r\n'),
    ]),
  );
  assert.deepEqual(
    { requestAt, requestEndAt, responseAt, responseEndAt },
    {
      requestAt: 0,
      requestEndAt: 2,
      responseAt: 3,
      responseEndAt: 5,
    },
  );
});

test('credentials are handed over as the program meant them', () => {
  const seen = (name: string) => check(captured(name).script).credentials.map(({ kind, secret }) => [kind, secret]);
  assert.deepEqual(seen('curl-oauth'), [
    ['http-form', SECRETS.clientSecret],
    ['http-token-response', SECRETS.issuedJwt],
    ['http-token-response', SECRETS.refreshToken],
  ]);
  assert.deepEqual(seen('node-fetch'), [['http-bearer', SECRETS.bearerJwt]]);
  assert.deepEqual(seen('python-requests').slice(0, 3), [
    ['http-cookie', `session=${SECRETS.setCookie}`],
    ['http-cookie', 'theme=dark'],
    ['http-cookie', `session=${SECRETS.setCookie}; theme=dark`],
  ]);
  assert.ok(seen('curl-bearer').some(([kind, secret]) => kind === 'http-api-key' && secret === SECRETS.apiKey));
});
