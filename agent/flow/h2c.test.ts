// SPDX-License-Identifier: Apache-2.0

/** A connection that begins in HTTP/1.1 and goes on in HTTP/2 (RFC 7540, section 3.2), through both decoders. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asks, OPENING, replies } from '../protocol/http2/testing.ts';
import { bytesFrom } from '../protocol/testing/script.ts';
import { closed, moved, opened } from './testing/arrivals.ts';
import { WatchedFlow } from './testing/watched-flow.ts';

const ASKED =
  'GET /first HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n';
const GRANTED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n';

test('what asked for HTTP/2 has the answer that came in HTTP/2', () => {
  const script = [
    ...OPENING,
    replies(1, {}, 'first answer'),
    asks(3, { ':path': '/second' }),
    replies(3, {}, 'second answer'),
  ];
  const text = (side: 'client' | 'server'): string => Buffer.from(bytesFrom(script, side)).toString('latin1');
  const [sent, received] = [text('client'), text('server')];
  const watched = new WatchedFlow(opened()).arrive(
    moved('sent', 0, ASKED),
    moved('received', 0, GRANTED + received.slice(0, 30)),
    moved('sent', ASKED.length, sent),
    moved('received', GRANTED.length + 30, received.slice(30)),
    closed(ASKED.length + sent.length, GRANTED.length + received.length),
  );
  assert.equal(watched.flow.protocol, 'http2');
  assert.deepEqual(
    watched.said.exchanges.map(({ protocol, statement, response, status }) => [
      protocol,
      statement,
      Buffer.from(response.bytes).toString(),
      status,
    ]),
    [
      ['http', 'GET /first', 'first answer', 'ok'],
      ['http', 'GET /second', 'second answer', 'ok'],
    ],
  );
  const [first] = watched.said.exchanges;
  assert.deepEqual([first?.attributes['http_version'], first?.attributes['response_http_version']], ['1.1', '2']);
  assert.equal(watched.account('sent'), `moved ${ASKED.length + sent.length}, decoded ${ASKED.length + sent.length}`);
  const toldBytes = GRANTED.length + received.length;
  assert.equal(watched.account('received'), `moved ${toldBytes}, decoded ${toldBytes}`);
});
