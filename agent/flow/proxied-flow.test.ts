// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closed, moved, opened } from './testing/arrivals.ts';
import { WatchedFlow } from './testing/watched-flow.ts';

const GET = 'GET /a HTTP/1.1\r\nHost: h\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi';
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

function proxied(sentBefore: readonly string[], receivedBefore: readonly string[]) {
  const watched = new WatchedFlow(opened());
  let [sent, received] = [0, 0];
  const pairs = [...sentBefore.map((text, i) => [text, receivedBefore[i] ?? ''] as const), [GET, OK] as const];
  for (const [asked, answered] of pairs) {
    watched.arrive(moved('sent', sent, bytes(asked)));
    sent += asked.length;
    if (answered !== '') watched.arrive(moved('received', received, bytes(answered)));
    received += answered.length;
  }
  watched.arrive(closed(sent, received));
  assert.equal(watched.account('sent'), `moved ${sent}, decoded ${sent}`);
  assert.equal(watched.account('received'), `moved ${received}, decoded ${received}`);
  assert.equal(watched.flow.protocol, 'http');
  return watched.said.exchanges.map(({ protocol, statement, status }) =>
    [protocol, statement, status].join(' ').trim(),
  );
}

test('what is spoken behind SOCKS is read as if it were not there', () => {
  const greeting = ['\x05\x01\0', '\x05\x01\0\x03\x01h\0\x50'];
  assert.deepEqual(proxied(greeting, ['\x05\0', '\x05\0\0\x01\0\0\0\0\0\0']), ['socks CONNECT h:80 ok', 'GET /a ok']);
  assert.deepEqual(proxied(['\x04\x01\0\x50\x0a\0\0\x01\0'], ['\0\x5a\0\0\0\0\0\0']), [
    'socks CONNECT 10.0.0.1:80 ok',
    'GET /a ok',
  ]);
});

test('what is spoken behind a PROXY header, too', () => {
  assert.deepEqual(proxied(['PROXY TCP4 192.0.2.1 198.51.100.2 5 80\r\n'], []), [
    'proxy PROXY 198.51.100.2:80 ok',
    'GET /a ok',
  ]);
});
