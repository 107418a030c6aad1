// SPDX-License-Identifier: Apache-2.0

/** exec, attach and port-forward as kubectl and kube-apiserver said them, in every way that bytes can be cut and damaged. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { type Agreement, DEFAULT_BOUNDS, type Exchange, type ProtocolDefinition } from '../decoder.ts';
import { spdy } from '../spdy/spdy.ts';
import { readCapture } from '../testing/capture-file.ts';
import { checkScript } from '../testing/check-script.ts';
import { mutated } from '../testing/mutated.ts';
import type { Run, RunOptions } from '../testing/run-script.ts';
import { ends, misses, normalised, type Script, sends } from '../testing/script.ts';
import { frame } from '../websocket/testing.ts';
import { websocket } from '../websocket/websocket.ts';
import { afterUpgrade } from './testing.ts';

const directory = new URL('captures/', import.meta.url);
const read = (name: string) => readCapture(new URL(`${name}.jsonl`, directory)).script;
const names = readdirSync(directory)
  .map((name) => name.replace(/\.jsonl$/, ''))
  .filter((name) => /^(?:exec|forward)/.test(name));
const definitionOf = (protocol: string): ProtocolDefinition => (protocol === 'websocket' ? websocket : spdy);

function check(definition: ProtocolDefinition, script: Script, options: RunOptions = {}): Run {
  const run = checkScript(definition, script, options);
  for (const [side, key] of [
    ['client', 'requestBytes'],
    ['server', 'responseBytes'],
  ] as const) {
    const sum = run.exchanges.reduce((bytes, exchange) => bytes + exchange[key], 0);
    assert.equal(sum, run.counts[side].decoded + run.counts[side].cut, `${key} of all, and what was decoded`);
  }
  return run;
}

function captured(name: string, options: RunOptions = {}): Run {
  const { rest, agreement, protocol, upgrade } = afterUpgrade(read(name));
  const asked = upgrade.exchanges.at(-1);
  assert.equal(asked?.protocol, 'kubernetes');
  assert.equal(asked?.operation, 'connect');
  // Taken behind the proxy that shows the token.
  const credential = { kind: 'http-bearer', reach: 'exchange', fingerprint: 'f' } as const;
  const run = check(definitionOf(protocol), rest, { ...options, agreement: { ...agreement, credential } });
  for (const line of lines(run)) assert.deepEqual(line.credential, credential);
  return run;
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
const said = ({ operation, statement, status, errorCode, request, response, attributes }: Exchange) =>
  [
    operation,
    statement,
    status,
    errorCode,
    text(request.bytes),
    text(response.bytes),
    attributes['stderr'] ?? '',
  ] as const;
const lines = (run: Run) =>
  run.exchanges.filter(({ protocol, routine }) => protocol === 'kubernetes' && routine !== true);

for (const name of names) {
  test(`${name} is understood to the last byte, however it is cut`, () => {
    const run = captured(name);
    assert.deepEqual(run.troubles, {});
    assert.deepEqual([run.counts.client.notUnderstood, run.counts.server.notUnderstood], [0, 0]);
  });
}

for (const name of ['exec-websocket', 'exec-spdy']) {
  test(`${name}: one exchange has the command, what it wrote, and how it ended`, () => {
    const [one, ...others] = lines(captured(name));
    assert.deepEqual(others, []);
    assert.deepEqual(said(one!), [
      'exec',
      "exec pods web -n default -c main -- sh -c 'echo out; echo err >&2; exit 3'",
      'error',
      '3',
      '',
      'out\n',
      'err\n',
    ]);
    assert.equal(one!.statementShape, 'exec pods ? -n ? -c ? -- sh ?');
    assert.equal(one!.resource, 'pods/default/web/exec');
    assert.equal(one!.attributes['exit_code'], '3');
    assert.equal(one!.attributes['stderr_bytes'], '4');
    assert.deepEqual(JSON.parse(one!.parameters).command, ['sh', '-c', 'echo out; echo err >&2; exit 3']);
  });
}

for (const name of ['exec-stdin', 'exec-spdy-stdin']) {
  test(`${name}: what was typed is the request`, () => {
    const [one] = lines(captured(name));
    assert.deepEqual(said(one!).slice(2), ['ok', '', 'typed in\n', 'typed in\n', '']);
    assert.equal(one!.attributes['exit_code'], '0');
  });
}

test('a terminal gives stretches of what was shown and how large it was', () => {
  const run = captured('exec-terminal');
  assert.equal(lines(run)[0]?.attributes['tty'], 'true');
  const events = run.terminals.flatMap((stretch) => stretch.events);
  const shown = events.map((event) => (event.kind === 'shown' ? text(event.bytes) : '')).join('');
  // The terminal shows the zero byte that the capturing program typed.
  assert.equal(shown, 'hi\r\n^@30 100\r\n');
  const [resized] = events.filter((event) => event.kind === 'resized');
  assert.deepEqual(resized && { ...resized, at: 0 }, { kind: 'resized', columns: 100, rows: 30, at: 0 });
});

for (const name of ['forward-websocket', 'forward-spdy']) {
  test(`${name}: each connection that is forwarded is an exchange with its port and its bytes`, () => {
    const run = captured(name);
    const forwarded = lines(run);
    assert.deepEqual(
      run.carried.map(({ place, client }) => [place.target, client.split('\r\n')[0]]),
      [
        ['pods/default/web:28081', 'GET /a HTTP/1.1'],
        ['pods/default/web:28081', 'GET /b HTTP/1.1'],
      ],
    );
    assert.deepEqual(
      forwarded.map(({ carries }) => carries),
      ['forward 1', 'forward 2'],
    );
    const heads = forwarded.map(({ statement, request, response, attributes }) => [
      statement,
      text(request.bytes).split('\r\n')[0],
      /from-[ab]\n$/.exec(text(response.bytes))?.[0],
      attributes['k8s_port'],
    ]);
    assert.deepEqual(heads, [
      ['portforward pods web -n default 28081', 'GET /a HTTP/1.1', 'from-a\n', '28081'],
      ['portforward pods web -n default 28081', 'GET /b HTTP/1.1', 'from-b\n', '28081'],
    ]);
  });
}

test('what is above the bounds is counted as cut', () => {
  const bounds = { ...DEFAULT_BOUNDS, requestBytesMax: 4, responseBytesMax: 2 };
  for (const name of ['exec-stdin', 'exec-spdy-stdin']) {
    const run = captured(name, { bounds });
    assert.deepEqual([run.counts.client.cut, run.counts.server.cut], [5, 7]);
    const [one] = lines(run);
    assert.deepEqual([text(one!.request.bytes), one!.request.totalBytes, one!.truncated], ['type', 9, true]);
  }
});

const agreement: Agreement = {
  method: 'GET',
  authority: 'h:1',
  path: '/api/v1/namespaces/a/pods/p/exec?command=cat&stdin=true&stdout=true',
  requestFields: [],
  responseFields: [['sec-websocket-protocol', 'v5.channel.k8s.io']],
};
const says = (from: 'client' | 'server', channel: number, content: string) =>
  sends(from, frame(from, 'binary', Buffer.from(`${String.fromCharCode(channel)}${content}`, 'latin1')));

test('the end of a channel and channels of nobody are no output', () => {
  const run = check(
    websocket,
    [
      says('client', 0, 'x'),
      says('client', 255, '\0'),
      says('server', 1, 'x'),
      says('server', 9, 'zz'),
      says('client', 1, 'y'),
      says('server', 3, '{"status":"Success"}'),
    ],
    { agreement },
  );
  const [one] = lines(run);
  assert.deepEqual(said(one!).slice(2), ['ok', '', 'x', 'x', '']);
  assert.equal(one!.attributes['unexpected_channel_bytes'], '3');
});

const portAgreement: Agreement = {
  ...agreement,
  path: '/api/v1/namespaces/a/pods/p/portforward?ports=80&ports=443',
  responseFields: [['sec-websocket-protocol', 'v4.channel.k8s.io']],
};

test('a port that is forwarded over channels: the server names it before its data', () => {
  const run = check(
    websocket,
    [
      ...[says('server', 0, 'P\0'), says('server', 1, 'P\0'), says('server', 2, '\xbb\x01tell the other')],
      ...[says('client', 0, 'ask'), says('server', 0, 'tell'), says('client', 2, 'ask the other')],
      says('server', 3, '\xbb\x01refused'),
    ],
    { agreement: portAgreement },
  );
  assert.deepEqual(
    lines(run).map((line) => said(line).slice(1, 6)),
    [
      ['portforward pods p -n a 80', 'unknown', '', 'ask', 'tell'],
      ['portforward pods p -n a 443', 'error', 'error', 'ask the other', 'tell the other'],
    ],
  );
  assert.deepEqual(
    run.carried.map(({ place, client, server }) => [place.target, place.port, client, server]),
    [
      ['pods/a/p:443', 443, 'ask the other', 'tell the other'],
      ['pods/a/p:80', 80, 'ask', 'tell'],
    ],
  );
});

test('a gap in a forwarded connection is one of that connection', () => {
  const whole = frame('server', 'binary', '\0P\0abcdefgh');
  const steps = [sends('server', whole.subarray(0, 8)), misses('server', 3), sends('server', whole.subarray(11))];
  const run = check(websocket, [...steps, says('client', 2, 'other')], { agreement: portAgreement });
  assert.deepEqual(
    run.carried.map(({ server, missingBytes }) => [server, missingBytes]),
    [
      ['abcgh', 3],
      ['', 0],
    ],
  );
  assert.deepEqual(
    lines(run).map(({ attributes }) => attributes['incomplete']),
    ['gap', undefined],
  );
});

test('a gap inside of output is a hole, and says so', () => {
  const whole = frame('server', 'binary', '\x01abcdefgh');
  const run = check(
    websocket,
    [sends('server', whole.subarray(0, 5)), misses('server', 3), sends('server', whole.subarray(8))],
    { agreement },
  );
  assert.equal(lines(run)[0]?.attributes['incomplete'], 'gap');
  assert.equal(lines(run)[0]?.response.totalBytes, 8);
});

const { rest: spdyRest, agreement: spdyAgreement } = afterUpgrade(read('exec-spdy-stdin'));
const at = (from: 'client' | 'server', byte: number, missing: number): Script => {
  let before = 0;
  return spdyRest.flatMap((step) => {
    if (step.kind !== 'bytes' || step.from !== from) return [step];
    const start = before;
    before += step.bytes.length;
    if (byte < start || byte >= before) return [step];
    return [
      sends(from, step.bytes.subarray(0, byte - start)),
      misses(from, missing),
      sends(from, step.bytes.subarray(byte - start + missing)),
    ];
  });
};

test('SPDY behind a gap between frames is not understood, and every byte of it counted', () => {
  const run = check(spdy, at('client', 3, 10), { agreement: spdyAgreement });
  assert.equal(run.troubles['client gap-in-frames'], 10);
  assert.equal(run.troubles['client after-gap'], run.counts.client.notUnderstood);
  assert.equal(lines(run)[0]?.attributes['incomplete'], 'gap');
});

test('SPDY that ends within its goodbye is understood, within anything else it is not', () => {
  const goodbye = Buffer.of(0x80, 3, 0, 7, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0);
  for (const bytes of [1, 2, 4, 8, 12, 15]) {
    const run = check(spdy, [sends('client', goodbye.subarray(0, bytes)), ends('client')], {
      agreement: spdyAgreement,
    });
    assert.deepEqual([run.troubles, run.exchanges[0]?.requestBytes], [{}, bytes]);
  }
  const other = check(spdy, [sends('client', '\x80\x03\0\x06\0'), ends('client')], { agreement: spdyAgreement });
  assert.deepEqual(other.troubles, { 'client frame-incomplete': 5 });
});

test('SPDY in a later version, and of somebody else, is not understood', () => {
  const foreign = check(spdy, [sends('client', '\x80\x04\0\x01\0\0\0\x01x'), ends('client')], { agreement });
  assert.deepEqual(foreign.troubles, { 'client malformed-frame': 9 });
  const unknown = check(spdy, [sends('client', 'abc')], { agreement: { ...agreement, path: '/docker' } });
  assert.deepEqual(unknown.troubles, { 'client unknown-streams': 3 });
});

for (const protocol of ['websocket', 'spdy']) {
  test(`damaged captures over ${protocol}: nothing throws, memory is bounded, every byte has one fate`, () => {
    for (const name of names) {
      const opened = afterUpgrade(read(name));
      if (opened.protocol !== protocol) continue;
      mutated(definitionOf(protocol), [opened.rest], { agreement: opened.agreement, runs: 80 });
    }
  });
}

test('a tunnel whose SPDY is broken counts the same however it is cut', () => {
  const { rest, agreement } = afterUpgrade(read('forward-websocket'));
  const [first, ...others] = normalised(rest);
  assert.ok(first !== undefined && 'bytes' in first);
  const doubled = { ...first, bytes: Buffer.concat([first.bytes.subarray(0, 16), first.bytes]) };
  check(websocket, [doubled, ...others], agreement === undefined ? {} : { agreement });
});
