// SPDX-License-Identifier: Apache-2.0

/** Streams of MCP that stay open: each message when it is complete, and at the end what is left. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { DEFAULT_BOUNDS, type Exchange } from '../decoder.ts';
import { accounted, asks, check } from '../http1/testing.ts';
import { asks as asks2, check as check2, OPENING, replies as replies2 } from '../http2/testing.ts';
import { mutated } from '../testing/mutated.ts';
import { runScript } from '../testing/run-script.ts';
import { misses, type Script, type Step, sends } from '../testing/script.ts';

const GET = asks('GET /mcp HTTP/1.1\nHost: h\nMcp-Session-Id: s3cret-session');
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n';
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const tells = (...texts: readonly string[]): Step => sends('server', texts.map(chunk).join(''));
const HEAD_STEP = sends('server', HEAD);
const END = sends('server', '0\r\n\r\n');
const event = (data: string | object) => `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
const changed = (n: number) => ({
  jsonrpc: '2.0',
  method: 'notifications/resources/updated',
  params: { uri: `r:${n}` },
});
const call = { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'ask', arguments: {} } };
const POST = asks(
  `POST /mcp HTTP/1.1\nHost: h\nContent-Type: application/json\nContent-Length: ${JSON.stringify(call).length}`,
  JSON.stringify(call),
);
const result = (text: string) => ({ jsonrpc: '2.0', id: 7, result: { content: [{ type: 'text', text }] } });
const body = ({ response }: Exchange) => Buffer.from(response.bytes).toString();
const brief = ({ statement, routine }: Exchange) => `${statement}${routine ? ' (routine)' : ''}`;

test('a message is given out when its event is complete, long before its stream ends', () => {
  const script = [GET, HEAD_STEP, tells(event(changed(1))), tells(': ping\n\n'), tells(event(changed(2)))];
  const given: number[] = [];
  const decoder = accounted.create(
    DEFAULT_BOUNDS,
    {
      exchange: () => given.push(at),
      credential() {},
      terminal() {},
      carried() {},
      handover() {},
      trouble() {},
    },
    { client: new Uint8Array(), server: new Uint8Array(), serverPort: 0, late: false },
  );
  let at = 0;
  for (const step of script) if (step.kind === 'bytes') decoder.push(step.from, step.bytes, at++);
  assert.deepEqual(given, [3, 5]);
});

test('at its end the stream is a line of its own, with what it was', () => {
  const { exchanges } = check([GET, HEAD_STEP, tells(event(changed(1)), event(changed(2))), END]);
  assert.deepEqual(exchanges.map(brief), [
    'notifications/resources/updated r:1',
    'notifications/resources/updated r:2',
    'GET /mcp',
  ]);
  const { attributes, response } = exchanges[2]!;
  assert.deepEqual([attributes['sse_events'], attributes['mcp_messages'], response.totalBytes], ['2', '2', 0]);
  assert.doesNotMatch(JSON.stringify(exchanges), /s3cret/);
});

test('a reply that answers all needs no line besides: its last bytes are routine', () => {
  const { exchanges } = check([POST, HEAD_STEP, tells(event(changed(1)), event(result('done'))), END]);
  assert.deepEqual(exchanges.map(brief), [
    'notifications/resources/updated r:1',
    'tools/call ask {}',
    'POST /mcp (routine)',
  ]);
});

test('events that are no messages are counted, and kept as they were', () => {
  const broken = '{"jsonrpc":"2.0","id":7,"result":';
  const { exchanges } = check([POST, HEAD_STEP, tells(event(broken), event(result('x')), event('hello')), END]);
  assert.deepEqual(exchanges.map(brief), ['tools/call ask {}', 'POST /mcp']);
  assert.equal(exchanges[1]?.attributes['sse_other_events'], '2');
  assert.equal(body(exchanges[1]!), `event: message\n${event(broken)}event: message\n${event('hello')}`);
});

test('what is asked and not answered is told at the end, with what was cut off', () => {
  const { exchanges } = check([POST, HEAD_STEP, tells(event(changed(1)), 'data: {"jsonrpc"')]);
  assert.deepEqual(exchanges.map(brief), ['notifications/resources/updated r:1', 'tools/call ask {}']);
  const [, asked] = exchanges;
  assert.deepEqual([asked?.status, asked?.attributes['sse_cut_off']], ['unknown', 'true']);
  assert.equal(body(asked!), 'data: {"jsonrpc"\n');
});

test('of a message above the bound the head is kept, its hash taken, and it finds its request', () => {
  const long = JSON.stringify(result('y'.repeat(3000)));
  const bounds = { ...DEFAULT_BOUNDS, responseBytesMax: 1000 };
  const script = [POST, HEAD_STEP, tells(event(long), event(changed(1))), END];
  const { exchanges, counts } = check(script, { bounds });
  assert.deepEqual(exchanges.map(brief).slice(0, 2), ['tools/call ask {}', 'notifications/resources/updated r:1']);
  const { response, truncated } = exchanges[0]!;
  assert.deepEqual([response.bytes.length, response.totalBytes, truncated], [1000, long.length, true]);
  assert.deepEqual(Buffer.from(response.sha256!), createHash('sha256').update(long).digest());
  assert.equal(counts.server.cut, long.length - 1000);
});

test('a gap costs the event that it is in, and is told', () => {
  const one = event(changed(1));
  const lost = event(changed(2));
  const split = tells(one, lost, event(changed(3)));
  assert.ok(split.kind === 'bytes');
  const from = Buffer.from(split.bytes).indexOf('r:2') - 4;
  const script: Script = [
    GET,
    HEAD_STEP,
    sends('server', split.bytes.subarray(0, from)),
    misses('server', 10),
    sends('server', split.bytes.subarray(from + 10)),
    END,
  ];
  const { exchanges, troubles } = check(script);
  assert.deepEqual(exchanges.map(brief), [
    'notifications/resources/updated r:1',
    'notifications/resources/updated r:3',
    'GET /mcp',
  ]);
  assert.equal(exchanges[2]?.attributes['sse_events_passed_over'], '1');
  assert.equal(troubles['server gap-in-body'], 10);
});

test('a stream that nothing tells of is looked at once: `endpoint`, or another’s events', () => {
  const get = asks('GET /sse HTTP/1.1\nHost: h');
  const endpoint = 'event: endpoint\ndata: /messages?sessionId=1\n\n';
  const ours = check([get, HEAD_STEP, tells(': hi\n\n', endpoint, event(changed(1))), END]);
  assert.deepEqual(ours.exchanges.map(brief), ['notifications/resources/updated r:1', 'GET /sse']);
  assert.match(body(ours.exchanges[1]!), /^event: endpoint\ndata: \/messages/);
  for (const first of [event('tick'), `data: ${'z'.repeat(9000)}\n\n`]) {
    const others = check([get, HEAD_STEP, tells(first, event('tock')), END]);
    assert.deepEqual(others.exchanges.map(brief), ['GET /sse']);
    assert.equal(body(others.exchanges[0]!), `${first}${event('tock')}`);
  }
});

test('tokens in messages and in other events are handed over, and not kept', () => {
  const token = `eyJhbGciOiJIUzI1NiJ9.${'eyJzdWIiOiIxIn0'}.c2lnbmF0dXJlLXNpZ25hdHVyZQ`;
  const run = check([GET, HEAD_STEP, tells(event({ ...changed(1), params: { uri: token } }), event(token)), END]);
  assert.equal(
    run.exchanges
      .map((one) => JSON.stringify(one) + body(one))
      .join('')
      .includes('c2lnbmF0'),
    false,
  );
  assert.deepEqual(
    run.credentials.map(({ secret }) => secret === token),
    [false, true, true],
  );
});

test('over HTTP/2 the same', () => {
  const type = { 'content-type': 'text/event-stream' };
  const json = JSON.stringify(call);
  const script = [
    ...OPENING,
    asks2(1, { ':path': '/mcp', 'mcp-protocol-version': '2025-06-18' }, json),
    replies2(1, type, event(changed(1)), event(result('x')).slice(0, 20), event(result('x')).slice(20), ''),
    asks2(3, { ':path': '/mcp', 'mcp-session-id': 's' }),
    replies2(3, type, event(changed(2)), event(changed(3))),
  ];
  assert.deepEqual(check2(script).exchanges.map(brief), [
    'notifications/resources/updated r:1',
    'tools/call ask {}',
    'POST /mcp (routine)',
    'notifications/resources/updated r:2',
    'notifications/resources/updated r:3',
    'GET /mcp',
  ]);
});

test('damaged streams: bytes add up, memory is bounded, and cuts change nothing', () => {
  const stream = tells(event(changed(1)), event('x'), ': c\n\n', event(result('y'.repeat(300))), event(changed(2)));
  const bounds = { ...DEFAULT_BOUNDS, responseBytesMax: 200 };
  for (const script of [
    [POST, HEAD_STEP, stream, END, POST, HEAD_STEP, stream, END],
    [GET, HEAD_STEP, stream, stream, END],
  ]) {
    mutated(accounted, [script], { bounds, runs: 150 });
    runScript(accounted, script, { bounds });
  }
});
