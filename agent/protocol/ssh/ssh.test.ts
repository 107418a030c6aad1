// SPDX-License-Identifier: Apache-2.0

/** Messages written by hand, in every way that bytes can be cut, and damaged. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frame, message, text, u32 } from '../../ssh/testing/packet-writer.ts';
import { DEFAULT_BOUNDS, type Exchange, type Side } from '../decoder.ts';
import { checkScript } from '../testing/check-script.ts';
import { mutated } from '../testing/mutated.ts';
import type { Run, RunOptions } from '../testing/run-script.ts';
import { misses, type Script, type Step, sends } from '../testing/script.ts';
import { ssh } from './ssh.ts';

const says = (from: Side, ...messages: readonly (Uint8Array | string)[]): Step =>
  sends(from, ...messages.map((one) => frame(one)));
const client = (...parts: Parameters<typeof message>) => says('client', message(...parts));
const server = (...parts: Parameters<typeof message>) => says('server', message(...parts));

const LOGIN: Script = [
  says('client', 'SSH-2.0-OpenSSH_9.2'),
  says('server', 'SSH-2.0-OpenSSH_9.9'),
  client(5, 'ssh-userauth'),
  server(6, 'ssh-userauth'),
  client(50, 'root', 'ssh-connection', 'none'),
  server(51, 'publickey,password', false),
  client(50, 'root', 'ssh-connection', 'password', false, 'hunter1'),
  server(51, 'publickey,password', false),
  client(50, 'root', 'ssh-connection', 'publickey', false, 'ssh-ed25519', key('a')),
  server(60, 'ssh-ed25519', key('a')),
  client(50, 'root', 'ssh-connection', 'publickey', true, 'ssh-ed25519', key('a'), 'signature'),
  server(52),
];

const OPEN: Script = [client(90, 'session', 0, 100, 100), server(91, 0, 7, 100, 100)];

const EXEC: Script = [
  ...OPEN,
  client(98, 7, 'env', false, 'LANG', 'C'),
  client(98, 7, 'exec', true, "cat '/etc/motd'"),
  server(99, 0),
  client(94, 7, 'in'),
  server(94, 0, 'out'),
  server(95, 0, 1, 'err'),
  client(96, 7),
  server(98, 0, 'exit-status', false, 3),
  server(96, 0),
  server(97, 0),
  client(97, 7),
];

const SHELL: Script = [
  ...OPEN,
  client(98, 7, 'pty-req', true, 'xterm', 80, 24, 0, 0, ''),
  server(99, 0),
  client(98, 7, 'shell', true),
  server(99, 0),
  server(94, 0, '$ '),
  client(94, 7, 'ls\n'),
  client(98, 7, 'window-change', false, 100, 30, 0, 0),
  server(94, 0, 'a b\r\n'),
  server(98, 0, 'exit-signal', false, 'HUP', false, '', ''),
  server(97, 0),
  client(97, 7),
];

const sftp = (...parts: Parameters<typeof message>) => text(message(...parts));
const packets = (...parts: readonly Buffer[]) => text(Buffer.concat(parts));
const FILES: Script = [
  ...OPEN,
  client(98, 7, 'subsystem', true, 'sftp'),
  server(99, 0),
  client(94, 7, packets(sftp(1, 3))),
  server(94, 0, packets(sftp(2, 3))),
  client(94, 7, packets(sftp(3, 1, '/tmp/a', 26, 0))),
  server(94, 0, packets(sftp(102, 1, 'H'))),
  client(94, 7, packets(sftp(6, 2, 'H', 0, 0, 'hello '), sftp(6, 3, 'H', 0, 6, 'world'), sftp(4, 4, 'H'))),
  server(94, 0, packets(sftp(101, 2, 0, '', ''), sftp(101, 3, 0, '', ''), sftp(101, 4, 0, '', ''))),
  client(94, 7, packets(sftp(13, 5, '/tmp/none'))),
  server(94, 0, packets(sftp(101, 5, 2, 'No such file', ''))),
  client(94, 7, packets(sftp(200, 6, 'posix-rename@openssh.com', '/tmp/a', '/tmp/b'))),
  server(94, 0, packets(sftp(101, 6, 0, '', ''))),
  client(94, 7, packets(sftp(11, 7, '/tmp'))),
  server(94, 0, packets(sftp(102, 7, 'D'))),
  client(94, 7, packets(sftp(12, 8, 'D'))),
  server(94, 0, packets(sftp(104, 8, 2, 'b', 'long b', 0, '..', 'long', 1, 0, 4))),
  client(94, 7, packets(sftp(12, 9, 'D'))),
  server(94, 0, packets(sftp(101, 9, 1, 'End of file', ''))),
  client(94, 7, packets(sftp(4, 10, 'D'))),
  server(94, 0, packets(sftp(101, 10, 0, '', ''))),
  server(97, 0),
  client(97, 7),
];

function key(letter: string): Buffer {
  return text(Buffer.concat([text('ssh-ed25519'), text(letter.repeat(32))]));
}

function check(script: Script, options: RunOptions = {}): Run {
  const run = checkScript(ssh, script, options);
  for (const [side, name] of [
    ['client', 'requestBytes'],
    ['server', 'responseBytes'],
  ] as const) {
    const sum = run.exchanges.reduce((bytes, exchange) => bytes + exchange[name], 0);
    assert.equal(sum, run.counts[side].decoded + run.counts[side].cut, `${name} of all, and what was decoded`);
  }
  return run;
}

const told = (run: Run) => run.exchanges.filter(({ routine }) => routine !== true);
const lineOf = ({ operation, target, resource, status, errorCode }: Exchange) =>
  [operation, target, resource, status, errorCode].join(' ').trim();
const textOf = ({ bytes }: { readonly bytes: Uint8Array }) => Buffer.from(bytes).toString();

test('each attempt to log in is an exchange, without its secret', () => {
  const run = check(LOGIN);
  assert.deepEqual(told(run).map(lineOf), ['login root password error auth_failed', 'login root publickey ok']);
  assert.deepEqual(run.credentials, [{ kind: 'ssh-password', secret: 'hunter1', reach: 'connection', at: 6 }]);
  assert.ok(!JSON.stringify(run.exchanges).includes('hunter1'));
  const by = run.exchanges.find(({ status, resource }) => status === 'ok' && resource === 'publickey');
  assert.match(by?.attributes['key_fingerprint'] ?? '', /^SHA256:[\w+/]{43}$/);
  assert.equal(by?.attributes['client_version'], 'SSH-2.0-OpenSSH_9.2');
  assert.deepEqual(run.troubles, {});
});

test('answers to prompts are credentials, and stand nowhere else', () => {
  const run = check([
    client(50, 'eve', 'ssh-connection', 'keyboard-interactive', '', ''),
    server(60, '', '', '', 1, 'Password: ', false),
    client(61, 1, 'hunter2'),
    server(52),
  ]);
  assert.deepEqual(told(run).map(lineOf), ['login eve keyboard-interactive ok']);
  assert.equal(run.credentials[0]?.secret, 'hunter2');
  assert.ok(!JSON.stringify(run.exchanges).includes('hunter2'));
});

test('a certificate is named by its id, serial, principals and authority, its key by the key’s own fingerprint', () => {
  const name = 'ssh-ed25519-cert-v01@openssh.com';
  const plain = 'p'.repeat(32);
  const certificate = Buffer.concat(
    [text(name), text('nonce'), text(plain), u32(0), u32(42), u32(1), text('deploy key')].concat([
      text(Buffer.concat([text('root'), text('deploy')])),
      Buffer.alloc(16, 255),
      ...[text(''), text(''), text(''), key('c'), text('signature')],
    ]),
  );
  const run = check([
    client(50, 'root', 'ssh-connection', 'publickey', true, name, text(certificate), 'signature'),
    server(52),
  ]);
  const same = check([
    client(50, 'root', 'ssh-connection', 'publickey', true, 'ssh-ed25519', key('p'), 's'),
    server(52),
  ]);
  const about = told(run)[0]?.attributes ?? {};
  assert.equal(about['certificate_id'], 'deploy key');
  assert.equal(about['certificate_serial'], '42');
  assert.equal(about['certificate_principals'], 'root,deploy');
  assert.equal(about['key_fingerprint'], told(same)[0]?.attributes['key_fingerprint']);
});

test('a command is an exchange with what went in and out, and how it ended', () => {
  const run = check([...LOGIN, ...EXEC]);
  const exchange = told(run).at(-1) as Exchange;
  assert.equal(lineOf(exchange), 'exec root cat error 3');
  assert.equal(exchange.statement, "cat '/etc/motd'");
  assert.equal(textOf(exchange.request), 'in');
  assert.equal(textOf(exchange.response), 'out');
  assert.equal(exchange.attributes['stderr'], 'err');
  assert.equal(exchange.attributes['auth_method'], 'publickey');
  assert.equal(exchange.attributes['environment'], '{"LANG":"C"}');
  assert.deepEqual(run.troubles, {});
});

test('a terminal gives stretches of what was typed and shown, with its sizes', () => {
  const run = check(SHELL);
  assert.equal(lineOf(told(run)[0] as Exchange), 'shell   error SIGHUP');
  const [stretch] = run.terminals;
  assert.equal(run.terminals.length, 1);
  assert.deepEqual([stretch?.columns, stretch?.rows], [80, 24]);
  assert.deepEqual(
    stretch?.events.map((event) =>
      event.kind === 'resized' ? [event.kind, event.columns, event.rows] : [event.kind, textOf(event as never)],
    ),
    [
      ['shown', '$ '],
      ['typed', 'ls\n'],
      ['resized', 100, 30],
      ['shown', 'a b\r\n'],
    ],
  );
});

test('sftp: each operation is an exchange, and what is done with one handle is one', () => {
  const run = check(FILES);
  assert.deepEqual(told(run).map(lineOf), [
    'sftp write  /tmp/a ok',
    'sftp remove  /tmp/none error SSH_FX_NO_SUCH_FILE',
    'sftp posix-rename  /tmp/a ok',
    'sftp readdir  /tmp ok',
    'subsystem  sftp ok',
  ]);
  assert.equal(textOf((run.exchanges[0] as Exchange).request), 'hello world');
  assert.equal(textOf((run.exchanges[3] as Exchange).response), 'b\n..\n');
  assert.equal(run.exchanges[3]?.rows, 2);
  assert.equal(run.exchanges[2]?.statement, 'posix-rename /tmp/a /tmp/b');
  assert.deepEqual(run.troubles, {});
});

test('git, scp and rsync are about a path', () => {
  const run = (command: string, ...data: Step[]) =>
    told(
      check([...OPEN, client(98, 7, 'exec', true, command), server(99, 0), ...data, server(97, 0), client(97, 7)]),
    )[0] as Exchange;
  assert.equal(run("git-upload-pack '/srv/my repo.git'").resource, '/srv/my repo.git');
  assert.equal(run('rsync --server -logDtpre.iLsfxC . /data').resource, '/data');
  const scp = run('scp -r -t /dst', client(94, 7, 'D0755 0 d\nC0644 5 a b\nhello\0E\n'));
  assert.equal(scp.resource, '/dst');
  assert.equal(scp.parameters, '[{"name":"d/a b","size":5}]');
});

const FORWARDS: Script = [
  client(80, 'tcpip-forward', true, 'localhost', 0),
  server(81, 4022),
  client(90, 'direct-tcpip', 3, 100, 100, 'db', 5432, '127.0.0.1', 999),
  server(91, 3, 4, 100, 100),
  client(94, 4, 'q'),
  server(94, 3, 'r'),
  server(97, 3),
  client(97, 4),
  server(90, 'forwarded-tcpip', 9, 100, 100, 'localhost', 4022, '::1', 5),
  client(92, 9, 2, 'refused', ''),
];

test('forwards name their place and give out what they carry; requests for ports their answer', () => {
  const run = check(FORWARDS);
  assert.deepEqual(told(run).map(lineOf), [
    'tcpip-forward  localhost:0 ok',
    'forward  db:5432 ok',
    'forward  localhost:4022 error CONNECT_FAILED',
  ]);
  assert.equal(run.exchanges[0]?.attributes['port'], '4022');
  const place = { via: 'ssh', target: 'db:5432', port: 5432, client: 'client' };
  assert.deepEqual(run.carried, [
    { id: 'channel 1', place, client: 'q', server: 'r', missingBytes: 0, isClosed: true },
  ]);
});

test('several sessions of one connection are told apart', () => {
  const second = [
    client(90, 'session', 1, 9, 9),
    server(91, 1, 8, 9, 9),
    client(98, 8, 'exec', true, 'two'),
    server(99, 1),
  ];
  const run = check([
    ...OPEN,
    client(98, 7, 'exec', true, 'one'),
    server(99, 0),
    ...second,
    server(94, 1, 'b'),
    server(94, 0, 'a'),
  ]);
  assert.deepEqual(
    told(run).map(({ statement, response, status }) => [statement, textOf(response), status]),
    [
      ['one', 'a', 'unknown'],
      ['two', 'b', 'unknown'],
    ],
  );
});

test('what is above a bound is cut and hashed; what all channels keep together is bounded', () => {
  const data = Array.from({ length: 20 }, () => server(94, 0, 'x'.repeat(1000)));
  const bounds = { ...DEFAULT_BOUNDS, requestBytesMax: 1000, responseBytesMax: 5000, pendingBytesMax: 2000 };
  const run = check(
    [...OPEN, client(98, 7, 'exec', true, 'cat'), server(99, 0), ...data, server(97, 0), client(97, 7)],
    {
      bounds,
    },
  );
  const [exchange] = told(run);
  assert.equal(exchange?.response.bytes.length, 5000);
  assert.equal(exchange?.response.totalBytes, 20_000);
  assert.ok(exchange?.response.sha256 !== undefined && exchange.truncated);
  assert.equal(run.counts.server.cut, 15_000);
});

test('behind a gap messages go on, and what has a hole says so', () => {
  const at = EXEC.findIndex((step) => step.from === 'server' && step.kind === 'bytes' && step.bytes.includes(0x6f));
  const run = check([...EXEC.slice(0, at), misses('server', 500), ...EXEC.slice(at)]);
  assert.equal(told(run)[0]?.truncated, true);
  assert.equal(run.troubles['server gap_in_messages'], 500);
});

test('damaged conversations: nothing throws, memory is bounded, bytes add up', () => {
  mutated(ssh, [[...LOGIN, ...EXEC], SHELL, FILES, FORWARDS], { runs: 250 });
});
