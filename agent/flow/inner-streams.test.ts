// SPDX-License-Identifier: Apache-2.0

/** Connections that SSH carries: read as their own, with the bytes of the socket counted once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Exchange } from '../protocol/decoder.ts';
import { SshKeyPool } from '../ssh/key-pool.ts';
import { message, text } from '../ssh/testing/packet-writer.ts';
import { type Said, Talk } from '../ssh/testing/talk.ts';
import { play } from './testing/ssh-connection.ts';
import { DIRECTIONS } from './testing/watched-flow.ts';

const GCM = { cipher: 'aes256-gcm@openssh.com', mac: '', compression: 'none' };

type Saying = Pick<Said, 'from'> & { readonly wire: string | Uint8Array };

/** A connection that carries others: each to host `inner-N` and port 7000 + N, opened by `opener`; and its keys, with `more`. */
function carrying(connections: readonly (readonly Saying[])[], opener: 'client' | 'server', more: Talk['keys'] = []) {
  const talk = loggedIn('outer');
  const other = opener === 'client' ? 'server' : 'client';
  const type = opener === 'client' ? 'direct-tcpip' : 'forwarded-tcpip';
  for (const number of connections.keys()) {
    talk.say(opener, message(90, type, number, 100, 100, `inner-${number}`, 7000 + number, '::1', 1));
    talk.say(other, message(91, number, 50 + number, 100, 100));
  }
  const longest = Math.max(...connections.map(({ length }) => length));
  for (let step = 0; step < longest; step++) {
    for (const [number, said] of connections.entries()) {
      const saying = said[step];
      if (saying === undefined) continue;
      const { from, wire } = saying;
      talk.say(from, message(94, from === opener ? 50 + number : number, text(wire)));
    }
  }
  for (const number of connections.keys()) talk.say(other, message(97, number)).say(opener, message(97, 50 + number));
  return { said: talk.said, keys: [...more, ...talk.keys] };
}

function loggedIn(user: string): Talk {
  const talk = new Talk().exchangeKeys(GCM);
  talk.say('client', message(5, 'ssh-userauth')).say('server', message(6, 'ssh-userauth'));
  return talk.say('client', message(50, user, 'ssh-connection', 'none')).say('server', message(52));
}

function command(): Talk {
  const talk = loggedIn('far');
  talk.say('client', message(90, 'session', 0, 100, 100)).say('server', message(91, 0, 7, 100, 100));
  talk.say('client', message(98, 7, 'exec', true, 'uptime')).say('server', message(99, 0));
  talk.say('server', message(94, 0, 'up')).say('server', message(98, 0, 'exit-status', false, 0));
  return talk.say('server', message(97, 0)).say('client', message(97, 7));
}

const HTTP: readonly Saying[] = [
  { from: 'client', wire: 'GET /a HTTP/1.1\r\nHost: web\r\nAuthorization: Bearer s3cr3t-word\r\n\r\n' },
  { from: 'server', wire: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi' },
];
const UNKNOWN: readonly Saying[] = [
  { from: 'client', wire: '\x01\x02hello' },
  { from: 'server', wire: '\x03\x04you' },
];

const lineOf = ({ protocol, carriedIn, operation, resource, status, attributes }: Exchange) =>
  [protocol ?? carriedIn?.protocol, operation, resource, status, attributes['via'], attributes['via_target']]
    .filter(Boolean)
    .join(' ');

function linesOf(exchanges: readonly Exchange[]): string[] {
  return exchanges.filter(({ routine }) => !routine).map(lineOf);
}

function assertAddsUp({ flow, ends }: ReturnType<typeof play>, notUnderstood = { sent: 0, received: 0 }): void {
  for (const direction of DIRECTIONS) {
    const account = flow.account(direction);
    const { decoded, unreadable, cut } = account;
    assert.equal(account.notUnderstood, notUnderstood[direction]);
    assert.equal(decoded + unreadable + cut + account.notUnderstood, ends[direction]);
  }
}

for (const opener of ['client', 'server'] as const) {
  test(`HTTP in a connection that the ${opener} forwards is HTTP, and its bytes stand nowhere else`, () => {
    const talk = opener === 'client' ? HTTP : HTTP.map(({ from, wire }): Saying => ({ from: other(from), wire }));
    const played = play(carrying([talk], opener), 'client', new SshKeyPool());
    const { exchanges, credentials, troubles } = played.said;
    assert.deepEqual(linesOf(exchanges), [
      'ssh login none ok',
      'http GET /a ok ssh inner-0:7000',
      'ssh forward inner-0:7000 ok',
    ]);
    const forward = exchanges.find(({ operation }) => operation === 'forward');
    assert.equal(forward?.request.totalBytes, 0);
    assert.equal(forward?.attributes['carried_protocol'], 'http');
    const [get] = exchanges.filter(({ operation }) => operation === 'GET');
    assert.deepEqual(get?.carriedIn, { protocol: 'http', place: 'inner-0:7000', role: opener, tls: '' });
    assert.equal(credentials.length, 1);
    assert.doesNotMatch(JSON.stringify(exchanges), /s3cr3t/);
    assert.deepEqual(troubles, []);
    assertAddsUp(played);
    // The rows of the carrier and those of what it carries have each byte once.
    for (const [side, direction] of [['requestBytes', 'sent'] as const, ['responseBytes', 'received'] as const]) {
      if (opener === 'client') {
        const inRows = exchanges.reduce((sum, one) => sum + one[side], 0);
        assert.ok(inRows <= played.flow.account(direction).decoded, `${inRows} of ${direction}`);
      }
    }
  });
}

function other(side: 'client' | 'server'): 'client' | 'server' {
  return side === 'client' ? 'server' : 'client';
}

test('what nobody understands inside is kept as it is, and counted as not understood', () => {
  const played = play(carrying([UNKNOWN], 'client'), 'client', new SshKeyPool());
  const forward = played.said.exchanges.find(({ operation }) => operation === 'forward');
  assert.equal(Buffer.from(forward?.request.bytes ?? []).toString(), '\x01\x02hello');
  assertAddsUp(played, { sent: 7, received: 5 });
});

test('SSH in SSH in SSH is read, and says by which ways', () => {
  const far = command();
  const middle = carrying([far.said], 'client', far.keys);
  const played = play(carrying([middle.said, HTTP], 'client', middle.keys), 'client', new SshKeyPool());
  const lines = linesOf(played.said.exchanges);
  assert.ok(lines.includes('ssh exec uptime ok ssh ssh inner-0:7000 inner-0:7000'), lines.join('\n'));
  assert.ok(lines.includes('http GET /a ok ssh inner-1:7001'));
  assert.deepEqual(played.said.troubles, []);
  assert.equal(played.flow.unreadable.size, 0);
  assertAddsUp(played);
});

test('SSH inside whose keys are not there is unreadable with its reason, and the rest is read', () => {
  const played = play(carrying([command().said, HTTP], 'client'), 'client', new SshKeyPool());
  assert.deepEqual([...played.flow.unreadable.keys()], ['ssh_no_key']);
  const lines = linesOf(played.said.exchanges);
  assert.ok(lines.includes('http GET /a ok ssh inner-1:7001'));
  assert.ok(lines.includes('ssh forward inner-0:7000 ok'));
  assertAddsUp(played);
});

test('deeper than anybody goes, and more than are read at a time, is counted and not lost', () => {
  let talk: Pick<Talk, 'said' | 'keys'> = command();
  for (let depth = 0; depth < 5; depth++) talk = carrying([talk.said], 'client', talk.keys);
  const deep = play(talk, 'client', new SshKeyPool());
  for (const direction of DIRECTIONS) {
    const { decoded, notUnderstood, unreadable, cut } = deep.flow.account(direction);
    assert.equal(decoded + notUnderstood + unreadable + cut, deep.ends[direction]);
    assert.ok(notUnderstood + unreadable > 100);
  }
  const many = play(carrying(Array<readonly Saying[]>(100).fill(HTTP), 'client'), 'client', new SshKeyPool());
  assert.equal(many.said.exchanges.filter(({ operation }) => operation === 'GET').length, 64);
  const passedOver = many.said.troubles.filter((trouble) => / carried_not_followed \d+$/.test(trouble));
  assert.equal(passedOver.length, 2 * 36);
  const head = Buffer.from(HTTP[0]?.wire ?? '').length;
  assertAddsUp(many, { sent: 36 * head, received: 36 * Buffer.from(HTTP[1]?.wire ?? '').length });
});
