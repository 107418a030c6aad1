// SPDX-License-Identifier: Apache-2.0

/** JSON-RPC in lines, in every way that bytes can be cut. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_BOUNDS, type Exchange, type Side } from '../decoder.ts';
import { checkDetect, checkScript } from '../testing/check-script.ts';
import { mutated } from '../testing/mutated.ts';
import { type Run, type RunOptions, runScript } from '../testing/run-script.ts';
import { misses, type Script, type Step, sends } from '../testing/script.ts';
import { mcp } from './mcp.ts';

const line = (from: Side, message: object): Step => sends(from, Buffer.from(`${JSON.stringify(message)}\n`));
const asks = (id: number | string, method: string, params?: object, from: Side = 'client') =>
  line(from, { jsonrpc: '2.0', id, method, params });
const answers = (id: number | string, result: object, from: Side = 'server') =>
  line(from, { jsonrpc: '2.0', id, result });
const fails = (id: number, code: number, message: string) =>
  line('server', { jsonrpc: '2.0', id, error: { code, message } });
const tells = (from: Side, method: string, params?: object) => line(from, { jsonrpc: '2.0', method, params });

function addsUp(run: Run): Run {
  let [given, decoded, troubled, notUnderstood] = [0, 0, 0, 0];
  for (const one of run.exchanges) given += one.requestBytes + one.responseBytes;
  for (const side of ['client', 'server'] as const) {
    decoded += run.counts[side].decoded + run.counts[side].cut;
    notUnderstood += run.counts[side].notUnderstood;
  }
  for (const [key, bytes] of Object.entries(run.troubles)) if (!key.includes(' gap')) troubled += bytes;
  assert.deepEqual([given, troubled], [decoded, notUnderstood], 'bytes of the exchanges, bytes in trouble');
  return run;
}
const check = (script: Script, options: RunOptions = {}) => addsUp(checkScript(mcp, script, options));
const text = (exchange: Exchange | undefined, half: 'request' | 'response') =>
  Buffer.from(exchange?.[half].bytes ?? []).toString();
const brief = ({ protocol, statement, status, errorCode, errorMessage, attributes }: Exchange) =>
  [protocol, statement, status, errorCode, errorMessage, attributes['response_missing'] ?? '']
    .filter((word) => word !== '')
    .join(' ');
const briefs = (run: Run) => run.exchanges.map(brief);

const INITIALIZE = {
  protocolVersion: '2025-06-18',
  capabilities: {},
  clientInfo: { name: 'agent', version: '1.0' },
};
const GREETING = [
  asks(0, 'initialize', INITIALIZE),
  answers(0, { protocolVersion: '2025-06-18', capabilities: {}, serverInfo: { name: 'sums', version: '2' } }),
  tells('client', 'notifications/initialized'),
];
const CONVERSATION: Script = [
  ...GREETING,
  asks(1, 'tools/call', { name: 'add', arguments: { a: 1, b: 2 } }),
  asks('1', 'resources/read', { uri: 'file:///notes' }),
  answers('1', { contents: [{ uri: 'file:///notes', text: 'é' }] }),
  tells('server', 'notifications/progress', { progressToken: 1, progress: 0.5 }),
  asks(1, 'sampling/createMessage', { maxTokens: 5 }, 'server'),
  answers(1, { role: 'assistant', content: { type: 'text', text: 'four' } }, 'client'),
  answers(1, { content: [{ type: 'text', text: '3' }] }),
  asks(2, 'prompts/get', { name: 'greet', arguments: { who: 'x' } }),
  fails(2, -32602, 'no such prompt'),
  asks(3, 'tools/call', { name: 'fail', arguments: {} }),
  answers(3, { content: [{ type: 'text', text: 'it broke' }], isError: true }),
  asks(4, 'tools/list'),
];

test('requests are paired with replies by id and direction, notifications stand alone', () => {
  const run = check(CONVERSATION);
  assert.deepEqual(run.troubles, {});
  assert.deepEqual(briefs(run), [
    `mcp initialize ${JSON.stringify(INITIALIZE)} ok`,
    'mcp notifications/initialized ok',
    'mcp resources/read file:///notes ok',
    'mcp notifications/progress {"progressToken":1,"progress":0.5} ok',
    'mcp sampling/createMessage {"maxTokens":5} ok',
    'mcp tools/call add {"a":1,"b":2} ok',
    'mcp prompts/get greet {"who":"x"} error -32602 no such prompt',
    'mcp tools/call fail {} error isError it broke',
    'mcp tools/list unknown connection-ended',
  ]);
  const [greeting] = run.exchanges;
  assert.deepEqual(
    ['client_name', 'client_version', 'server_name', 'server_protocol_version'].map(
      (name) => greeting?.attributes[name],
    ),
    ['agent', '1.0', 'sums', '2025-06-18'],
  );
  const call = run.exchanges.find(({ resource }) => resource === 'add');
  assert.deepEqual([call?.operation, call?.parameters, call?.target], ['tools/call', '{"a":1,"b":2}', 'sums']);
  assert.equal(call?.statementShape, 'tools/call add');
  assert.equal(JSON.parse(text(call, 'response')).result.content[0].text, '3');
  const asked = run.exchanges.find(({ operation }) => operation === 'sampling/createMessage');
  assert.equal(asked?.attributes['asked_by'], 'server');
  assert.equal(JSON.parse(text(asked, 'response')).result.content.text, 'four');
});

test('who asks first is the client, whichever way round it is looked at', () => {
  assert.equal(checkDetect(mcp, CONVERSATION), 'yes');
  const turned = CONVERSATION.map((step) => ({ ...step, from: step.from === 'client' ? 'server' : 'client' }) as Step);
  assert.equal(checkDetect(mcp, turned.slice(0, 1)), 'not-yet');
  assert.equal(checkDetect(mcp, turned), 'yes');
});

test('what is no JSON-RPC is somebody else’s', () => {
  for (const other of ['GET / HTTP/1.1\r\n', '{"level":30,"msg":"x"}\n', '{}\n', '*1\r\n', '{a', '[1]\n', 'hello\n']) {
    assert.equal(checkDetect(mcp, [sends('client', other)]), 'no', other);
    assert.equal(checkDetect(mcp, [sends('server', other)]), 'no', other);
  }
  const long = Buffer.from(`{"jsonrpc":"2.0","method":"m","params":"${'x'.repeat(9000)}`);
  assert.equal(mcp.detect({ client: long, server: Buffer.alloc(0), serverPort: 0, late: false }), 'yes');
});

test('JSON-RPC that is not MCP is paired all the same', () => {
  const run = check([asks(1, 'session/new', { cwd: '/' }), answers(1, {}), tells('server', 'session/update')]);
  assert.deepEqual(briefs(run), ['json-rpc session/new {"cwd":"/"} ok', 'json-rpc session/update ok']);
});

test('a batch is several, the bytes are with the first', () => {
  const batch = [
    { jsonrpc: '2.0', id: 1, method: 'ping' },
    { jsonrpc: '2.0', id: 2, method: 'tools/list' },
  ];
  const replies = [
    { jsonrpc: '2.0', id: 2, result: { tools: [] } },
    { jsonrpc: '2.0', id: 1, result: {} },
  ];
  const run = check([...GREETING, line('client', batch), line('server', replies)]);
  assert.deepEqual(briefs(run).slice(2), ['mcp tools/list ok', 'mcp ping ok']);
});

test('lines that are no messages are told and passed over', () => {
  const noise = 'server listening\r\n\n';
  const run = check([...GREETING, sends('server', noise), asks(7, 'ping'), answers(7, {})]);
  assert.equal(briefs(run).at(-1), 'mcp ping ok');
  assert.deepEqual(run.troubles, { 'server not_json_rpc': noise.length - 1 });
});

test('a message above the bound is cut and hashed, and finds its request all the same', () => {
  const bounds = { ...DEFAULT_BOUNDS, pendingBytesMax: 4096 };
  const big = 'x"\\{['.repeat(4000);
  const run = check(
    [
      ...GREETING,
      asks(5, 'tools/call', { name: 'big', arguments: { big } }),
      line('server', { result: { content: [{ type: 'text', text: big, id: 6 }] }, jsonrpc: '2.0', id: 5 }),
      asks(6, 'ping'),
      answers(6, {}),
    ],
    { bounds },
  );
  assert.deepEqual(briefs(run).slice(2), ['mcp tools/call ok', 'mcp ping ok']);
  const big_ = run.exchanges[2];
  assert.equal(big_?.truncated, true);
  assert.ok(big_?.request.sha256 !== undefined && big_.response.sha256 !== undefined);
  assert.ok(run.counts.client.cut > 10_000 && run.counts.server.cut > 10_000);
});

test('JSON that is too deep harms nobody', () => {
  const deep = `{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"deep","arguments":${'['.repeat(100_000)}${']'.repeat(100_000)}}}\n`;
  const run = addsUp(runScript(mcp, [...GREETING, sends('client', deep), answers(9, {})]));
  assert.ok(run.exchanges.length >= 2);
});

test('a gap breaks one line; a reply that was lost leaves its request unanswered, not the next one', () => {
  const run = check([
    ...GREETING,
    asks(1, 'tools/call', { name: 'one' }),
    misses('server', 50),
    sends('server', '"rest of a line"}\n'),
    asks(2, 'tools/call', { name: 'two' }),
    answers(2, {}),
  ]);
  assert.deepEqual(briefs(run).slice(2), ['mcp tools/call two ok', 'mcp tools/call one unknown connection-ended']);
  assert.deepEqual(run.troubles, { 'server gap_in_lines': 50, 'server skipped_to_resync': 18 });
});

test('joined late, in the middle of a line', () => {
  const run = check([sends('client', 'ne"}}\n'), asks(3, 'tools/list'), answers(3, {})], { late: true });
  assert.deepEqual(briefs(run), ['mcp tools/list ok']);
});

test('requests beyond the pipeline are given out, and a reply without a request is a line', () => {
  const bounds = { ...DEFAULT_BOUNDS, pipelineMax: 1 };
  const run = check([asks(1, 'ping'), asks(2, 'tools/list'), answers(1, {}), answers(2, {})], { bounds });
  assert.deepEqual(briefs(run), ['mcp ping unknown not-awaited', 'mcp response ok', 'mcp tools/list ok']);
});

test('credentials in arguments and results are taken out and handed over', () => {
  const run = check([
    ...GREETING,
    asks(1, 'tools/call', { name: 'login', arguments: { password: 's3cret-1', api_key: 's3cret-2' } }),
    answers(1, { content: [{ type: 'text', text: JSON.stringify({ access_token: 's3cret-3' }) }] }),
  ]);
  const said = JSON.stringify(run.exchanges.map((one) => [one, text(one, 'request'), text(one, 'response')]));
  assert.doesNotMatch(said, /s3cret/);
  assert.match(run.exchanges.at(-1)?.statement ?? '', /^tools\/call login \{"password":"\[redacted\]"/);
  assert.deepEqual(
    run.credentials.map(({ secret }) => secret),
    ['s3cret-1', 's3cret-2', 's3cret-3'],
  );
});

test('damaged conversations: bytes add up, memory is bounded, and cuts change nothing', () => {
  mutated(mcp, [CONVERSATION], { holds: (run) => void addsUp(run), runs: 300 });
});

test('random lines of JSON-like text', () => {
  const word = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    '"jsonrpc":"2.0"',
    '"id":1',
    '"method":"ping"',
    ',',
    '"result":{}',
    '\n',
    'x',
  );
  const step = fc.tuple(fc.constantFrom<Side>('client', 'server'), fc.array(word, { maxLength: 40 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
      const bounds = { ...DEFAULT_BOUNDS, pendingBytesMax: 64 };
      addsUp(
        runScript(
          mcp,
          steps.map(([side, words]) => sends(side, words.join(''))),
          { bounds },
        ),
      );
    }),
    { numRuns: 300 },
  );
});
