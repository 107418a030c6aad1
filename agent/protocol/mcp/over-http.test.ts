// SPDX-License-Identifier: Apache-2.0

/** MCP as HTTP/1 carries it: JSON, event streams, batches, and the halves that go by different requests. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Exchange } from '../decoder.ts';
import { asks, check, replies } from '../http1/testing.ts';

const SESSION = 'Mcp-Session-Id: s3cret-session';
const post = (message: object | string, headers = SESSION) => {
  const body = typeof message === 'string' ? message : JSON.stringify(message);
  return asks(
    `POST /mcp HTTP/1.1\nHost: h\n${headers}\nContent-Type: application/json\nContent-Length: ${body.length}`,
    body,
  );
};
const json = (message: object) => {
  const body = JSON.stringify(message);
  return replies(`HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: ${body.length}`, body);
};
const events = (...data: readonly (object | string)[]) => {
  const body = data.map((one) => `event: message\nid: 1\ndata: ${JSON.stringify(one)}\n\n`).join('');
  return replies(`HTTP/1.1 200 OK\nContent-Type: text/event-stream\nContent-Length: ${body.length}`, body);
};
const accepted = replies('HTTP/1.1 202 Accepted\nContent-Length: 0');
const call = (id: number, name: string, args: object = {}) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
});
const result = (id: number, text: string) => ({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text }] } });
const briefs = (exchanges: readonly Exchange[]) =>
  exchanges
    .filter(({ routine }) => !routine)
    .map(({ protocol, statement, status, attributes }) =>
      [protocol ?? 'http', statement, status, attributes['response_missing'] ?? attributes['request_missing'] ?? '']
        .join(' ')
        .trimEnd(),
    );

test('a call answered in JSON', () => {
  const { exchanges } = check([post(call(1, 'add', { a: 1 })), json(result(1, '3'))]);
  assert.deepEqual(briefs(exchanges), ['mcp tools/call add {"a":1} ok']);
  const [one] = exchanges;
  assert.deepEqual(
    [one?.operation, one?.resource, one?.target, one?.parameters],
    ['tools/call', 'add', 'h', '{"a":1}'],
  );
  assert.deepEqual([one?.attributes['rpc_id'], one?.attributes['http_path']], ['1', '/mcp']);
  assert.doesNotMatch(JSON.stringify(exchanges), /s3cret/);
});

test('a call answered among other events: each of them is a line, and the reply finds its request', () => {
  const progress = { jsonrpc: '2.0', method: 'notifications/progress', params: { progress: 1 } };
  const sampling = { jsonrpc: '2.0', id: 1, method: 'sampling/createMessage', params: { maxTokens: 1 } };
  const { exchanges } = check([post(call(1, 'ask')), events(progress, sampling, result(1, 'done'))]);
  assert.deepEqual(briefs(exchanges), [
    'mcp notifications/progress {"progress":1} ok',
    'mcp sampling/createMessage {"maxTokens":1} unknown elsewhere',
    'mcp tools/call ask {} ok',
  ]);
  assert.equal(Buffer.from(exchanges[2]!.response.bytes).toString(), JSON.stringify(result(1, 'done')));
  assert.deepEqual(
    exchanges.map(({ attributes }) => attributes['asked_by'] ?? 'client'),
    ['server', 'server', 'client', 'client'],
  );
});

test('the reply to the server’s own request, and a notification, are posted', () => {
  const { exchanges } = check([
    post(result(1, 'x')),
    accepted,
    post({ jsonrpc: '2.0', method: 'notifications/initialized' }),
    accepted,
  ]);
  assert.deepEqual(briefs(exchanges), ['mcp response ok elsewhere', 'mcp notifications/initialized ok']);
});

test('a batch is as many exchanges as it has members', () => {
  const { exchanges } = check([post([call(1, 'one'), call(2, 'two')]), json([result(2, 'b'), result(1, 'a')])]);
  assert.deepEqual(briefs(exchanges), ['mcp tools/call one {} ok', 'mcp tools/call two {} ok']);
  assert.match(Buffer.from(exchanges[1]!.response.bytes).toString(), /"b"/);
  assert.equal(exchanges[1]!.requestBytes, 0);
});

test('a batch with a member that is no message, or with too many, stays whole as HTTP', () => {
  const many = Array.from({ length: 1001 }, (_, at) => call(at, 'one'));
  for (const batch of [[call(1, 'one'), { id: 2, method: 'tools/call' }], many]) {
    const { exchanges } = check([post(batch), json([result(1, 'a')])]);
    assert.deepEqual(
      exchanges.map(({ protocol, operation, request }) => [protocol, operation, Buffer.from(request.bytes).toString()]),
      [[undefined, 'POST', JSON.stringify(batch)]],
    );
  }
});

test('errors: of JSON-RPC, of a tool, and of HTTP', () => {
  const failed = { jsonrpc: '2.0', id: 2, error: { code: -32601, message: 'no' } };
  const broken = { jsonrpc: '2.0', id: 3, result: { isError: true, content: [{ type: 'text', text: 'broke' }] } };
  const { exchanges } = check([
    post(call(2, 'a')),
    json(failed),
    post(call(3, 'b')),
    json(broken),
    post(call(4, 'c')),
    replies('HTTP/1.1 404 Not Found\nContent-Length: 7', 'no page'),
  ]);
  assert.equal(Buffer.from(exchanges[2]!.response.bytes).toString(), 'no page');
  assert.deepEqual(
    exchanges.map(({ status, errorCode, errorMessage }) => [status, errorCode, errorMessage].join(' ')),
    ['error -32601 no', 'error isError broke', 'error 404 Not Found'],
  );
});

test('the older transport: replies come in a stream of their own', () => {
  const body = `event: endpoint\ndata: /messages?sessionId=1\n\nevent: message\ndata: ${JSON.stringify(result(1, 'x'))}\n\nevent: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: {} })}\n\n`;
  const { exchanges } = check([
    asks('GET /sse HTTP/1.1\nHost: h'),
    replies(`HTTP/1.1 200 OK\nContent-Type: text/event-stream\nContent-Length: ${body.length}`, body),
    post(call(1, 'a'), 'Accept: */*'),
    accepted,
  ]);
  assert.deepEqual(briefs(exchanges), [
    'mcp response ok elsewhere',
    'mcp notifications/message {} ok',
    'http GET /sse ok',
    'mcp tools/call a {} unknown elsewhere',
  ]);
});

test('other JSON-RPC and other event streams stay HTTP’s; events are counted', () => {
  const { exchanges } = check([
    post({ jsonrpc: '2.0', id: 1, method: 'eth_call', params: [] }, 'Accept: */*'),
    json({ jsonrpc: '2.0', id: 1, result: '0x' }),
    asks('GET /ticks HTTP/1.1\nHost: h'),
    events('one', 'two'),
  ]);
  assert.deepEqual(briefs(exchanges), ['http POST /mcp ok', 'http GET /ticks ok']);
  assert.deepEqual([exchanges[1]?.attributes['sse_events'], exchanges[1]?.attributes['sse_last_event_id']], ['2', '1']);
});
