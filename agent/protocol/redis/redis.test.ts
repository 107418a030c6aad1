// SPDX-License-Identifier: Apache-2.0

/** What a real client and server said to each other, and what is written by hand, in every way that bytes can be cut. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { DEFAULT_BOUNDS, type Exchange } from '../decoder.ts';
import { readCapture } from '../testing/capture-file.ts';
import { checkDetect, checkScript } from '../testing/check-script.ts';
import { mutated } from '../testing/mutated.ts';
import type { Run, RunOptions } from '../testing/run-script.ts';
import { ends, misses, normalised, type Script, sends } from '../testing/script.ts';
import { redis } from './redis.ts';

const directory = new URL('captures/', import.meta.url);
const names = readdirSync(directory).map((name) => name.replace(/\.jsonl$/, ''));
const captured = (name: string) => normalised(readCapture(new URL(`${name}.jsonl`, directory)).script);

function check(script: Script, options: RunOptions = {}): Run {
  const run = checkScript(redis, script, options);
  for (const [side, key] of [
    ['client', 'requestBytes'],
    ['server', 'responseBytes'],
  ] as const) {
    const sum = run.exchanges.reduce((bytes, exchange) => bytes + exchange[key], 0);
    assert.equal(sum, run.counts[side].decoded + run.counts[side].cut, `${key} of all, and what was decoded`);
  }
  return run;
}

const responseOf = (exchange: Exchange | undefined) => Buffer.from(exchange?.response.bytes ?? []).toString();
const lineOf = (one: Exchange) =>
  `${one.target}> ${one.statement || one.operation} = ${one.status}${one.errorCode && ` ${one.errorCode}`} ${responseOf(one)}`;
const linesOf = (run: Run) => run.exchanges.filter(({ operation }) => operation !== 'COMMAND DOCS').map(lineOf);
const command = (...args: string[]) =>
  `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join('')}`;

for (const name of names) {
  test(`${name} is understood to the last byte, however it is cut`, () => {
    const run = check(captured(name));
    assert.deepEqual(run.troubles, {});
    assert.equal(run.counts.client.notUnderstood + run.counts.server.notUnderstood, 0);
    assert.equal(checkDetect(redis, captured(name)), 'yes');
  });
}

test('each command is one exchange with its database, its outcome and its reply', () => {
  const lines = linesOf(check(captured('cli-commands')));
  assert.ok(lines.includes('0> mget a b nothing = ok ["1","2",null]'));
  assert.ok(
    lines.includes('0> incr list = error WRONGTYPE WRONGTYPE Operation against a key holding the wrong kind of value'),
  );
  assert.ok(lines.includes('3> set there 1 = ok OK'));
});

test('a transaction: each command has the outcome that EXEC tells, what was not run is said to be so', () => {
  const run = check(captured('cli-transaction'));
  assert.deepEqual(
    run.exchanges
      .slice(1)
      .map(({ operation, status, errorCode, attributes }) =>
        [operation, status, errorCode, attributes['skipped'] ?? ''].join(' ').trimEnd(),
      ),
    [
      ...['MULTI ok', 'SET ok', 'LPUSH error WRONGTYPE', 'INCR ok', 'EXEC error WRONGTYPE', 'MULTI ok'],
      ...[
        'SET error  true',
        'DISCARD ok',
        'MULTI ok',
        'NOSUCHCOMMAND error ERR',
        'SET error  true',
        'EXEC error EXECABORT',
      ],
    ],
  );
});

test('no credential stands in an exchange; the passwords of AUTH and HELLO are handed over, inline ones too', () => {
  const run = check(captured('credentials'));
  assert.doesNotMatch(JSON.stringify(run.exchanges.map((one) => [one, responseOf(one)])), /s3cret/);
  assert.deepEqual(
    run.credentials.map(({ kind, secret }) => `${kind} ${secret}`),
    ['first', 'wrong', 'second', 'second', 'second'].map((word) => `redis-auth ${word}-s3cret`),
  );
  const generated = run.exchanges.find(({ operation }) => operation === 'ACL GENPASS');
  assert.equal(responseOf(generated), '(redacted)');
  assert.equal(run.exchanges.at(-1)?.attributes['user'], undefined, 'RESET forgets who it was');
  const carried = run.exchanges.flatMap(({ credential }) => credential ?? []);
  const withPassword = carried.filter(({ fingerprint }) => fingerprint !== '');
  assert.deepEqual(
    withPassword.map(({ reach, fingerprint }) => [reach, fingerprint]),
    run.credentials.map(({ secret }) => ['connection', createHash('sha256').update(secret).digest('hex')]),
  );
  assert.equal(carried.at(-1)?.fingerprint, '', 'and by which token');
});

test('a pipeline with inline commands and replies that the client forbade', () => {
  const lines = linesOf(check(captured('pipeline')));
  assert.deepEqual(lines.slice(0, 3), ['0> SET p 1 = ok OK', '0> INCR p = ok 2', '0> PING = ok PONG']);
  assert.ok(lines.includes('0> SET p 2 = unknown '));
  assert.deepEqual(lines.slice(-3), [
    '0> SET "in line" "aA\\n" = ok OK',
    '0> GET "in line" = ok aA\n',
    '0> QUIT = ok OK',
  ]);
});

test('channels: confirmations belong to their command, messages and invalidated keys stand alone', () => {
  const run = check(captured('publish-subscribe'));
  assert.equal(responseOf(run.exchanges[0]), '["subscribe","news",1]\n["subscribe","other",2]');
  const alone = run.exchanges.filter(({ requestBytes }) => requestBytes === 0);
  assert.deepEqual(
    alone.map(({ operation, resource }) => `${operation} ${resource}`.trim()),
    ['MESSAGE news', 'MESSAGE news', 'MESSAGE news', 'INVALIDATE'],
  );
});

test('values above the bounds are cut, counted and hashed', () => {
  const bounds = { ...DEFAULT_BOUNDS, requestBytesMax: 1000, responseBytesMax: 2000 };
  const run = check(captured('large-values'), { bounds });
  const [set, get] = run.exchanges;
  assert.ok((set?.statement.length ?? 0) <= 1000 && set?.truncated);
  assert.equal(get?.response.totalBytes, 300_000);
  assert.equal(get?.response.bytes.length, 2000);
  assert.deepEqual(Buffer.from(get?.response.sha256 ?? []), createHash('sha256').update('v'.repeat(300_000)).digest());
  assert.ok(run.counts.client.cut > 298_000 && run.counts.server.cut > 890_000);
  const [, head] = JSON.parse(set?.parameters ?? '') as string[];
  assert.match(head ?? '', /^v{900,}$/);
});

test('RESP3: every type, attributes passed over, streamed strings and aggregates', () => {
  const reply = (text: string) => {
    const run = check([sends('client', command('GET', 'k')), sends('server', text)]);
    assert.deepEqual(run.troubles, {});
    return `${responseOf(run.exchanges[0])} ${run.exchanges[0]?.rows ?? ''}`.trimEnd();
  };
  assert.equal(
    reply('*7\r\n#t\r\n,1.5\r\n(12345678901234567890\r\n_\r\n=7\r\ntxt:abc\r\n:-1\r\n+ok\r\n'),
    '["t","1.5","12345678901234567890",null,"abc",-1,"ok"] 7',
  );
  assert.equal(reply('|1\r\n+ttl\r\n:3600\r\n$3\r\nabc\r\n'), 'abc');
  assert.equal(reply('%2\r\n+a\r\n:1\r\n+b\r\n~1\r\n+c\r\n'), '["a",1,"b",["c"]] 2');
  assert.equal(reply('$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n'), 'Hello');
  assert.equal(reply('*?\r\n:1\r\n$?\r\n;1\r\nx\r\n;0\r\n.\r\n'), '[1,"x"] 2');
  assert.equal(reply('*1\r\n|1\r\n+a\r\n*1\r\n+b\r\n*2\r\n*0\r\n*-1\r\n'), '[[[],null]] 1');
});

test('a cluster sends the client elsewhere: the word is the code', () => {
  const run = check([sends('client', command('GET', 'k')), sends('server', '-MOVED 3999 127.0.0.1:6381\r\n')]);
  assert.equal(run.exchanges[0]?.errorCode, 'MOVED');
});

test('replication is handed over, and a reply that was broken off is said to be incomplete', () => {
  const run = check([sends('client', command('PSYNC', '?', '-1')), sends('server', '+FULLRESYNC x 0\r\n')]);
  assert.deepEqual(run.handover, {
    protocol: 'redis-replication',
    from: 'client',
    atByte: command('PSYNC', '?', '-1').length,
  });
  const broken = check([sends('client', command('GET', 'k')), sends('server', '$100\r\nhalf'), ends('server')]);
  assert.equal(broken.exchanges[0]?.attributes['response_incomplete'], 'true');
  assert.equal(responseOf(broken.exchanges[0]), 'half');
});

test('a gap in a value damages that value, any other loses the place until the next command', () => {
  const inValue = check([
    sends('client', '*2\r\n$3\r\nGET\r\n$10\r\nab'),
    misses('client', 5),
    sends('client', 'cde\r\n'),
    sends('server', '+OK\r\n'),
  ]);
  assert.equal(inValue.exchanges[0]?.attributes['request_gap_bytes'], '5');
  const lost = check([
    sends('client', command('GET', 'a')),
    misses('server', 20),
    sends('server', 'rest\r\n'),
    sends('client', command('GET', 'b')),
    sends('server', '$1\r\nB\r\n'),
  ]);
  assert.deepEqual(linesOf(lost), ['0> GET a = unknown ', '0> GET b = ok B']);
  assert.equal(lost.troubles['server skipped_to_resync'], 6);
  const client = check([
    sends('client', command('GET', 'a')),
    sends('server', '$1\r\nA\r\n'),
    misses('client', 20),
    sends('client', `tail\r\n*x${command('GET', 'b')}`),
    sends('server', '$1\r\nB\r\n'),
  ]);
  assert.deepEqual(linesOf(client), ['0> GET a = ok A', '> GET b = ok B']);
});

test('a connection that was joined late goes on at the next command', () => {
  const run = check([sends('client', `lue\r\n${command('SET', 'a', '1')}`), sends('server', '+OK\r\n')], {
    late: true,
  });
  assert.deepEqual(linesOf(run), ['> SET a 1 = ok OK']);
});

test('requests that wait are bounded, their replies are still told apart', () => {
  const bounds = { ...DEFAULT_BOUNDS, pipelineMax: 2 };
  const asked = ['a', 'b', 'c'].map((key) => command('GET', key)).join('');
  const run = check([sends('client', asked), sends('server', '+A\r\n+B\r\n+C\r\n')], { bounds });
  assert.deepEqual(linesOf(run), ['0> GET a = unknown ', '> UNKNOWN = ok A', '0> GET b = ok B', '0> GET c = ok C']);
});

test('a line above the bound is said to be cut, and what follows it is understood', () => {
  const run = check([
    sends('client', command('GET', 'a') + command('GET', 'b') + command('GET', 'c')),
    sends('server', `+${'x'.repeat(70_000)}\r\n*2\r\n+${'x'.repeat(70_000)}\r\n:1\r\n+${'x'.repeat(65_535)}\r\n`),
  ]);
  assert.deepEqual(run.troubles, {});
  assert.deepEqual(
    run.exchanges.map(({ response, truncated }) => [response.totalBytes, truncated]),
    [
      [70_000, true],
      [70_006, true],
      [65_535, false],
    ],
  );
  assert.match(responseOf(run.exchanges[1]), /x",1\]$/);
});

test('joined late: a count that no server takes begins no command', () => {
  check([sends('client', 'xxx*2000000\r\n$3\r\nGET\r\n')], { late: true });
});

test('joined late: replication is handed over where it begins', () => {
  const run = check([sends('client', `xxx${command('SYNC')}`)], { late: true });
  assert.equal(run.handover?.atByte, 3 + command('SYNC').length);
});

for (const [what, asked, reply, pipelineMax] of [
  [
    'a setting of a sentinel',
    [['SENTINEL', 'CONFIG', 'GET', 'sentinel-pass']],
    '*2\r\n$13\r\nsentinel-pass\r\n$3\r\npw1\r\n',
  ],
  ['a list of users', [['ACL', 'LIST']], '*1\r\n$18\r\nuser a on #pw1 ~*x\r\n'],
  ['a user', [['ACL', 'GETUSER', 'a']], '*2\r\n$9\r\npasswords\r\n*1\r\n$3\r\npw1\r\n'],
  [
    'a reply that is not awaited',
    [
      ['ACL', 'GENPASS'],
      ['GET', 'a'],
      ['GET', 'b'],
    ],
    '$3\r\npw1\r\n',
    2,
  ],
  ['HELLO from a client called auth', [['HELLO', '3', 'SETNAME', 'auth', 'AUTH', 'u', 'pw1']], '*0\r\n'],
  ['HELLO of a user called setname', [['HELLO', '3', 'AUTH', 'setname', 'pw1']], '*0\r\n'],
  ['HELLO without a user', [['HELLO', '3', 'AUTH', 'pw1']], '-ERR\r\n'],
  ['a mistyped HELLO', [['HELLO', '3', 'SETNAME', 'AUTH', 'u', 'pw1']], '-ERR\r\n'],
] as const) {
  test(`no secret comes out of ${what}`, () => {
    const bounds = { ...DEFAULT_BOUNDS, pipelineMax: pipelineMax ?? DEFAULT_BOUNDS.pipelineMax };
    const sent = asked.map((args) => command(...args)).join('');
    const run = check([sends('client', sent), sends('server', reply)], { bounds });
    assert.deepEqual(run.troubles, {});
    assert.doesNotMatch(JSON.stringify(run.exchanges.map((one) => [one, responseOf(one)])), /pw1/);
  });
}

for (const [client, server, port, answer] of [
  ['PING\r\n', '+PONG\r\n', 0, 'yes'],
  ['PING\r\n', '', 6379, 'yes'],
  ['GET / HTTP/1.1\r\n', 'HTTP/1.1 200 OK\r\n', 0, 'no'],
  ['GET / HTTP/1.1\r\n', '', 6379, 'no'],
  ['USER ann\r\n', '', 0, 'no'],
  ['*1\r\n$4\r\nPI', '', 0, 'not-yet'],
  ['', '-ERR max number of clients reached\r\n', 0, 'yes'],
  ['', '+OK POP3 ready\r\n', 0, 'no'],
] as const) {
  test(`an opening is ${answer}: ${JSON.stringify(client || server)}`, () => {
    const opening = { client: Buffer.from(client), server: Buffer.from(server), serverPort: port, late: false };
    assert.equal(redis.detect(opening), answer);
  });
}

test('damaged captures: nothing throws, memory is bounded, every byte has one fate, and no secret comes out', () => {
  mutated(redis, names.filter((name) => name !== 'large-values').map(captured), { runs: 400 });
});
