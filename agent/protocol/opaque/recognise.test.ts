// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readCapture } from '../testing/capture-file.ts';
import { bytesFrom } from '../testing/script.ts';
import { readClientHello } from './client-hello.ts';
import { recognise } from './recognise.ts';

const NONE = new Uint8Array();
const bytes = (text: string) => Buffer.from(text, 'latin1');
const captured = (name: string) =>
  Buffer.from(bytesFrom(readCapture(new URL(`./captures/${name}.jsonl`, import.meta.url)).script, 'client'));
const named = (client: Uint8Array, server: Uint8Array = NONE, late = false) =>
  recognise({ client, server, serverPort: 0, late });

/** Written from the protocols' descriptions; those of TLS, SSH, git, MQTT and LDAP are captured. */
const OPENINGS: readonly (readonly [string, Buffer, Buffer?])[] = [
  ['tls', captured('tls-curl')],
  ['tls', captured('tls-openssl-without-names')],
  ['ssh', captured('ssh')],
  ['git', captured('git')],
  ['mqtt', captured('mqtt')],
  ['ldap', captured('ldap')],
  ['ssh', Buffer.alloc(0), bytes('SSH-2.0-OpenSSH_9.2\r\n')],
  ['redis', bytes('*2\r\n$3\r\nGET\r\n$1\r\na\r\n')],
  ['mysql', Buffer.alloc(0), bytes('\x4a\0\0\0\x0a8.0.36\0\x01\0\0\0abcdefgh\0')],
  ['mysql', Buffer.alloc(0), bytes('\x5b\0\0\0\x0a5.5.5-10.11.6-MariaDB-1:10.11\0\x01\0\0\0')],
  ['mongodb', bytes('\x3a\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0')],
  ['kafka', bytes('\0\0\0\x18\0\x12\0\x03\0\0\0\x01\0\x07console\0\x03a\x021')],
  ['amqp', bytes('AMQP\0\0\x09\x01')],
  ['amqp', bytes('AMQP\x03\x01\0\0')],
  ['smtp', Buffer.alloc(0), bytes('220 mail.example ESMTP ready\r\n')],
  ['smtp', bytes('EHLO client.example\r\n'), bytes('220 mail.example ready\r\n')],
  ['ssh-mux', bytes('\0\0\0\x08\0\0\0\x01\0\0\0\x04'), bytes('\0\0\0\x08\0\0\0\x01\0\0\0\x04')],
  ['ftp', Buffer.alloc(0), bytes('220 (vsFTPd 3.0.5)\r\n')],
  ['ftp', bytes('USER anonymous\r\n'), bytes('220 welcome\r\n')],
  ['imap', bytes('a1 CAPABILITY\r\n'), bytes('* OK [CAPABILITY IMAP4rev1 SASL-IR] Dovecot ready.\r\n')],
  ['pop3', Buffer.alloc(0), bytes('+OK POP3 server ready <1896.697@mail.example>\r\n')],
  ['ldap', bytes('\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\0\x80\0')],
  ['ldap', bytes('\x30\x84\0\0\0\x2d\x02\x01\x07\x63\x84\0\0\0\x24')],
  ['rdp', bytes('\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0')],
  ['vnc', Buffer.alloc(0), bytes('RFB 003.008\n')],
  ['mqtt', bytes('\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04abcd')],
  ['nats', Buffer.alloc(0), bytes('INFO {"server_id":"NA","version":"2.10.0","auth_required":true}\r\n')],
  ['memcached', bytes('set key 0 900 5\r\nvalue\r\n')],
  ['memcached', bytes('get some:key\r\n')],
  ['cassandra', bytes('\x04\0\0\0\x05\0\0\0\0')],
  ['tds', bytes('\x12\x01\0\x2f\0\0\0\0\0\0\x1a\0\x06\x01\0\x20\0\x01')],
  ['oracle', bytes(`\0\x7a\0\0\x01\0\0\0${'\0'.repeat(50)}(DESCRIPTION=(CONNECT_DATA=(SERVICE_NAME=x)))`)],
  ['bittorrent', bytes('\x13BitTorrent protocol\0\0\0\0\0\x10\0\x05')],
  ['socks', bytes('\x05\x01\0'), bytes('\x05\0')],
  ['stun', bytes('\0\x01\0\0\x21\x12\xa4\x42abcdefghijkl')],
  ['rsync', Buffer.alloc(0), bytes('@RSYNCD: 31.0 sha512 sha256\n')],
  ['git', bytes('0032git-upload-pack /project.git\0host=git.example\0')],
  ['modbus', bytes('\0\x01\0\0\0\x06\x01\x03\0\0\0\x02'), bytes('\0\x01\0\0\0\x07\x01\x03\x04\0\x01\0\x02')],
  ['zookeeper', bytes(`\0\0\0\x2d\0\0\0\0${'\0'.repeat(8)}\0\0\x75\x30${'\0'.repeat(8)}\0\0\0\x10${'\0'.repeat(17)}`)],
  ['dns', bytes('\0\x1d\x12\x34\x01\x20\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\x01\0\x01')],
  ['dns', bytes('\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\x01\0\x01')],
];

for (const [name, client, server] of OPENINGS) {
  test(`${name} is recognised: ${JSON.stringify((client.length > 0 ? client : server!).toString('latin1', 0, 24))}`, () => {
    assert.equal(named(client, server), name);
    // The bytes in the middle of a connection are not its first ones.
    assert.equal(named(client, server, true), 'unknown');
  });
}

for (const text of [
  '',
  'hello\r\n',
  '220 no telling what\r\n',
  '*x\r\n',
  '\x16\x03',
  'SSH-1.5-old',
  '\0\0\0\0',
  'AMQP',
]) {
  test(`${JSON.stringify(text)} has no name`, () => {
    assert.equal(named(bytes(text), bytes(text)), 'unknown');
  });
}

test('a name needs no more bytes than the opening, and never throws', () => {
  for (const [, client, server = NONE] of OPENINGS) {
    for (let i = 0; i <= Math.min(client.length, 80); i++) named(client.subarray(0, i), server.subarray(0, i));
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.uint8Array({ maxLength: 64 }), (client, server) => {
      named(client, server);
    }),
  );
});

test('a client hello says which server it wants and what it would speak', () => {
  assert.deepEqual(readClientHello(captured('tls-curl')), {
    kind: 'found',
    hello: { serverName: 'vault.example', protocols: ['h2', 'http/1.1'] },
  });
  assert.deepEqual(readClientHello(captured('tls-openssl-without-names')), {
    kind: 'found',
    hello: { serverName: '', protocols: [] },
  });
});

test('a client hello is awaited while it may still come', () => {
  const hello = captured('tls-curl');
  for (let i = 0; i < hello.length; i++) assert.equal(readClientHello(hello.subarray(0, i)).kind, 'need-more', `${i}`);
  assert.equal(readClientHello(bytes('GET / HTTP/1.1\r\n')).kind, 'malformed');
});

test('a client hello in several records is joined', () => {
  const hello = captured('tls-curl');
  const message = hello.subarray(5);
  const record = (fragment: Buffer) =>
    Buffer.concat([Buffer.from([22, 3, 1, fragment.length >> 8, fragment.length & 255]), fragment]);
  const split = Buffer.concat([record(message.subarray(0, 100)), record(message.subarray(100))]);
  assert.deepEqual(readClientHello(split), readClientHello(hello));
});

test('a damaged client hello is malformed or read, and never throws', () => {
  const hello = captured('tls-curl');
  fc.assert(
    fc.property(fc.nat({ max: hello.length - 1 }), fc.uint8Array({ minLength: 1, maxLength: 8 }), (at, noise) => {
      const damaged = Buffer.from(hello);
      damaged.set(noise.subarray(0, damaged.length - at), at);
      readClientHello(damaged);
    }),
    { numRuns: 2000 },
  );
});
