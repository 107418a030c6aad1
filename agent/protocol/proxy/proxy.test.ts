// SPDX-License-Identifier: Apache-2.0

/** Written from the protocols' descriptions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProtocolDefinition } from '../decoder.ts';
import { checkDetect, checkScript } from '../testing/check-script.ts';
import { mutated } from '../testing/mutated.ts';
import type { Run } from '../testing/run-script.ts';
import { ends, misses, type Script, sends } from '../testing/script.ts';
import { proxyHeader } from './proxy-header.ts';
import { socks } from './socks.ts';

const client = (text: string) => sends('client', text);
const server = (text: string) => sends('server', text);
const saidBy = ({ exchanges }: Run): string[] =>
  exchanges.map(({ operation, resource, status, errorCode, attributes }) =>
    [operation, resource, status, errorCode, JSON.stringify(attributes)].filter((part) => part !== '').join(' '),
  );
const check = (definition: ProtocolDefinition, script: Script): Run => checkScript(definition, script);

const GREETING = [client('\x05\x01\0'), server('\x05\0')];
const TO_NAME = client('\x05\x01\0\x03\x0bexample.com\x01\xbb');
const GRANTED = '\x05\0\0\x01\x0a\0\0\x01\x1f\x90';
const SOCKS_5: Script = [...GREETING, TO_NAME, server(GRANTED)];
const WITH_LOGIN: Script = [
  ...[client('\x05\x02\0\x02'), server('\x05\x02'), client('\x01\x04user\x06secret'), server('\x01\0')],
  ...[client('\x05\x01\0\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0\x50'), server(GRANTED)],
];
const SOCKS_4A: Script = [client('\x04\x01\0\x50\0\0\0\x01me\0example.com\0'), server('\0\x5a\0\0\0\0\0\0')];
const V1 = 'PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n';
const V2 = '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0f\xc0\0\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb\x04\0\0';

test('SOCKS 5: where to, and then what is spoken there', () => {
  const run = check(socks, SOCKS_5);
  assert.deepEqual(saidBy(run), ['CONNECT example.com:443 ok {"socks_version":"5","bound":"10.0.0.1:8080"}']);
  assert.deepEqual(run.handover, { protocol: 'tunnel', from: 'server', atByte: 12 });
  assert.equal(checkDetect(socks, SOCKS_5), 'yes');
  assert.equal(run.exchanges[0]?.requestBytes, run.counts.client.decoded);
  assert.equal(run.exchanges[0]?.responseBytes, run.counts.server.decoded);
});

test('SOCKS 5 with a login: the name is in the record, the password goes to its fingerprint', () => {
  const run = check(socks, WITH_LOGIN);
  assert.deepEqual(saidBy(run), [
    'CONNECT [2001:db8::1]:80 ok {"socks_version":"5","user":"user","bound":"10.0.0.1:8080"}',
  ]);
  assert.deepEqual(
    run.credentials.map(({ kind, secret, reach }) => [kind, secret, reach]),
    [['socks-password', 'secret', 'connection']],
  );
  assert.doesNotMatch(JSON.stringify(run.exchanges), /secret/);
});

test('SOCKS 5 that is refused says why, and nothing is handed over', () => {
  const refused = (...script: Script) => {
    const run = check(socks, script);
    assert.equal(run.handover, undefined);
    return saidBy(run)[0]?.replace(/ \{.*/, '');
  };
  assert.equal(
    refused(...GREETING, TO_NAME, server('\x05\x05\0\x01\0\0\0\0\0\0')),
    'CONNECT example.com:443 error connection-refused',
  );
  assert.equal(refused(client('\x05\x01\x02'), server('\x05\xff')), 'LOGIN error no-acceptable-method');
  assert.equal(refused(...WITH_LOGIN.slice(0, 3), server('\x01\x01')), 'LOGIN error login-refused');
  assert.equal(refused(...GREETING, TO_NAME), 'CONNECT example.com:443 unknown');
  assert.equal(
    refused(...GREETING, client('\x05\x03\0\x01\0\0\0\0\0\0'), server(GRANTED)),
    'UDP ASSOCIATE 0.0.0.0:0 ok',
  );
});

test('SOCKS 4a: the name behind the user', () => {
  const run = check(socks, SOCKS_4A);
  assert.deepEqual(saidBy(run), ['CONNECT example.com:80 ok {"socks_version":"4","user":"me"}']);
  assert.equal(run.handover?.protocol, 'tunnel');
  assert.equal(checkDetect(socks, SOCKS_4A), 'yes');
  const refused = check(socks, [client('\x04\x01\0\x50\x0a\0\0\x01\0'), server('\0\x5b\0\0\0\0\0\0')]);
  assert.deepEqual(saidBy(refused), ['CONNECT 10.0.0.1:80 error 91 {"socks_version":"4"}']);
});

test('PROXY: who it is made for, and then what is spoken', () => {
  for (const [header, version] of [
    [V1, '1'],
    [V2, '2'],
  ] as const) {
    const run = check(proxyHeader, [client(`${header}GET / HTTP/1.1\r\n\r\n`)]);
    assert.equal(saidBy(run)[0]?.slice(0, 26), 'PROXY 198.51.100.2:443 ok ');
    assert.equal(run.exchanges[0]?.attributes['proxy_version'], version);
    assert.match(run.exchanges[0]?.attributes['proxied_source'] ?? '', /^192\.0\.2\.1:\d+$/);
    assert.deepEqual(run.handover, { protocol: 'tunnel', from: 'client', atByte: header.length });
    assert.equal(checkDetect(proxyHeader, [client(header)]), 'yes');
  }
  for (const header of ['PROXY UNKNOWN\r\n', '\r\n\r\n\0\r\nQUIT\n\x20\0\0\0']) {
    const run = check(proxyHeader, [client(header)]);
    assert.deepEqual([run.exchanges[0]?.resource, run.handover?.atByte], ['', header.length]);
  }
});

test('what is none is not taken for it, and what breaks is not understood', () => {
  for (const text of ['PROXYING\r\n', 'GET / HTTP/1.1\r\n', '\r\n\r\nQUIT', '\x05\0', '\x04\x07\0\0']) {
    assert.notEqual(checkDetect(proxyHeader, [client(text)]), 'yes', text);
    assert.notEqual(checkDetect(socks, [client(text), server('\x05\0')]), 'yes', text);
  }
  assert.equal(checkDetect(socks, [client('\x05\x01\0'), server('\x05\x02')]), 'no');
  assert.deepEqual(check(proxyHeader, [client('PROXY TCP4 what\r\nmore')]).troubles, { 'client malformed': 21 });
  assert.deepEqual(check(socks, [...GREETING, misses('server', 4), TO_NAME]).troubles, {
    'server gap': 4,
    'client behind_gap': 18,
  });
  assert.deepEqual(check(socks, [...GREETING, client('\x05\x01'), ends('client')]).troubles, {
    'client unfinished': 2,
  });
  assert.deepEqual(check(socks, [...GREETING, TO_NAME, client('early')]).troubles, { 'client early_data': 5 });
});

test('damaged conversations: nothing thrown, every byte accounted for, memory bounded', () => {
  mutated(socks, [SOCKS_5, WITH_LOGIN, SOCKS_4A], { runs: 300 });
  mutated(proxyHeader, [[client(V1)], [client(V2)]], { runs: 200 });
});
