// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Opening, ProtocolDefinition } from './decoder.ts';
import { detect, OPENING_BYTES_MAX, protocols } from './detect.ts';
import { OpaqueDecoder } from './opaque/decoder.ts';

const opening = (client: string, server = '', late = false): Opening => ({
  client: Buffer.from(client, 'latin1'),
  server: Buffer.from(server, 'latin1'),
  serverPort: 0,
  late,
});

function outcome(client: string, server = '', late = false): string {
  const detection = detect(opening(client, server, late));
  if (detection.kind === 'found') return detection.definition.name;
  return detection.kind === 'none' ? `none: ${detection.name}` : detection.kind;
}

const says = (name: string, answer: ReturnType<ProtocolDefinition['detect']>): ProtocolDefinition => ({
  name,
  detect: () => answer,
  create: () => new OpaqueDecoder(),
});

for (const [client, server, expected] of [
  ['GET / HTTP/1.1\r\n', '', 'http'],
  ['\r\nPOST /a?b=c HTTP/1.0\n', '', 'http'],
  ['PROPFIND /dav HTTP/1.1\r\n', '', 'http'],
  ['GET / HTTP/1.1', '', 'not-yet'],
  ['', '', 'not-yet'],
  ['', 'HTTP/1.1 408 Request Timeout\r\n', 'http'],
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '', 'http2'],
  ['OPTIONS rtsp://h/a RTSP/1.0\r\n'.padEnd(80), '', 'none: unknown'],
  ['SSH-2.0-OpenSSH_9.2\r\n', '', 'none: ssh'],
  ['*1\r\n$4\r\nPING\r\n', '', 'redis'],
  ['PING\r\n', '+PONG\r\n', 'redis'],
  ['', `\x48\0\0\0\x0a8.4.0\0${'x'.repeat(70)}`, 'mysql'],
  [`GET /${'a'.repeat(9000)}`, '', 'http'],
  ['binary \x01\x02\x03'.padEnd(80, '\x01'), '', 'none: unknown'],
] as const) {
  test(`an opening is ${expected}: ${JSON.stringify((client || server).slice(0, 30))}`, () => {
    assert.equal(outcome(client, server), expected);
  });
}

test('a connection joined late is known by a start line anywhere', () => {
  assert.equal(outcome('"tail"}GET /next HTTP/1.1\r\n', '', true), 'http');
  assert.equal(outcome('', 'rest of a body HTTP/1.1 200 OK\r\n', true), 'http');
  assert.equal(outcome('tail of something', '', true), 'not-yet');
});

test('it is not awaited for ever', () => {
  assert.equal(outcome('', 'x'.repeat(OPENING_BYTES_MAX), true), 'none: unknown');
});

test('one certain yes wins, whatever others wait for', () => {
  const yes = says('a', 'yes');
  assert.deepEqual(detect(opening('x'), [says('b', 'not-yet'), yes, says('c', 'no')]), {
    kind: 'found',
    definition: yes,
  });
  assert.deepEqual(detect(opening('x'), [says('b', 'not-yet'), says('c', 'no')]), { kind: 'not-yet' });
});

test('what two protocols claim is nobody’s', () => {
  assert.deepEqual(detect(opening('x'), [says('a', 'yes'), says('b', 'yes')]), { kind: 'none', name: 'ambiguous' });
});

test('every protocol has a name of its own', () => {
  assert.equal(new Set(protocols.map(({ name }) => name)).size, protocols.length);
});
