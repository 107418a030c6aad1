// SPDX-License-Identifier: Apache-2.0

/** DNS as HTTP/1 carries it; HTTP/2 asks the same meaning. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { asks, check, replies } from '../http1/testing.ts';
import { asks as asksHttp2, check as checkHttp2, OPENING, replies as repliesHttp2 } from '../http2/testing.ts';
import { resolvedBy } from './resolved.ts';
import { ASKED, message, question, REPLY, record } from './testing.ts';

const TYPE = 'Content-Type: application/dns-message';
const questions = [question('Www.example.com', 1)];
const query = message({ id: 0, questions });
const answer = message({
  id: 0,
  bits: REPLY,
  questions,
  answers: [record(ASKED, 1, Buffer.from([192, 0, 2, 7]))],
});
const post = (body: Buffer, type = TYPE) =>
  asks(`POST /dns-query HTTP/1.1\nHost: dns.example\n${type}\nContent-Length: ${body.length}`, body.toString('latin1'));
const get = (body: Buffer) =>
  asks(`GET /dns-query?dns=${body.toString('base64url')} HTTP/1.1\nHost: dns.example\nAccept: application/dns-message`);
const answers = (body: Buffer, status = '200 OK', type = TYPE) =>
  replies(`HTTP/1.1 ${status}\n${type}\nContent-Length: ${body.length}`, body.toString('latin1'));

test('a query is a line of DNS, by POST and by GET, and names what is connected to', () => {
  for (const asked of [post(query), get(query)]) {
    const [one, ...others] = check([asked, answers(answer)]).exchanges;
    assert.ok(one !== undefined && others.length === 0);
    assert.deepEqual(
      [one.protocol, one.operation, one.resource, one.statement, one.target, one.status, one.rows],
      ['dns', 'A', 'www.example.com', 'A Www.example.com', 'dns.example', 'ok', 1],
    );
    assert.deepEqual(
      [one.attributes['answers'], one.attributes['http_path'], one.attributes['status_code']],
      ['["Www.example.com 300 A 192.0.2.7"]', '/dns-query', '200'],
    );
    assert.deepEqual([Buffer.from(one.request.bytes), Buffer.from(one.response.bytes)], [query, answer]);
    assert.deepEqual(resolvedBy(one), [{ address: '192.0.2.7', name: 'www.example.com', ttl: 300 }]);
  }
});

test('HTTP/2 carries it as well', () => {
  const type = { 'content-type': 'application/dns-message' };
  const [one] = checkHttp2([
    ...OPENING,
    asksHttp2(1, { ':path': '/dns-query', ...type }, query.toString('latin1')),
    repliesHttp2(1, type, answer.toString('latin1')),
  ]).exchanges;
  assert.deepEqual([one?.protocol, one?.statement, one?.status], ['dns', 'A Www.example.com', 'ok']);
  assert.ok(one !== undefined && resolvedBy(one).length === 1);
});

test('errors are those of DNS where it answered, else those of HTTP', () => {
  const nobody = message({ id: 0, bits: REPLY | 3, questions });
  const [missing] = check([post(query), answers(nobody)]).exchanges;
  assert.deepEqual([missing?.status, missing?.errorCode], ['error', 'NXDOMAIN']);
  const [refused] = check([
    post(query),
    answers(Buffer.from('no'), '502 Bad Gateway', 'Content-Type: text/plain'),
  ]).exchanges;
  assert.deepEqual([refused?.protocol, refused?.status, refused?.errorCode], ['dns', 'error', '502']);
  assert.equal(Buffer.from(refused?.response.bytes ?? []).toString(), 'no');
});

test('an answer to another question names nothing', () => {
  const other = message({
    id: 0,
    bits: REPLY,
    questions: [question('other.example', 1)],
    answers: [record(ASKED, 1, Buffer.from([192, 0, 2, 7]))],
  });
  const [one] = check([post(query), answers(other)]).exchanges;
  assert.ok(one !== undefined);
  assert.equal(one.attributes['unasked'], 'true');
  assert.deepEqual(resolvedBy(one), []);
});

test('what is no message of DNS stays HTTP', () => {
  for (const body of [Buffer.from('hello'), Buffer.alloc(0), answer]) {
    const [one] = check([post(body), answers(answer)]).exchanges;
    assert.equal(one?.protocol, undefined);
  }
  const [plain] = check([
    post(query, 'Content-Type: text/plain'),
    answers(answer, '200 OK', 'Content-Type: text/plain'),
  ]).exchanges;
  assert.equal(plain?.protocol, undefined);
});

test('any bytes in either place are read without harm', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(60), fc.boolean(), (noise, at, byGet) => {
      const bent = Buffer.concat([query.subarray(0, at), noise]);
      const asked = bent.length === 0 || !byGet ? post(bent) : get(bent);
      const { exchanges } = check([asked, answers(Buffer.concat([answer.subarray(0, at), noise]))]);
      assert.equal(exchanges.length, 1);
    }),
    { numRuns: 30 },
  );
});
