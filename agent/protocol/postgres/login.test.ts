// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ends, sends } from '../testing/script.ts';
import { check } from './testing/captures.ts';
import {
  cancelRequest,
  error,
  gssEncRequest,
  hello,
  i32,
  message,
  password,
  query,
  ready,
  sslRequest,
  startup,
  terminate,
  welcome,
} from './testing/hand-made-messages.ts';

test('a user without a database logs in to the one of its name', () => {
  const run = check([sends('client', startup({ user: 'ann', Search_Path: 'x' })), sends('server', welcome())]);
  assert.equal(run.exchanges[0]?.target, 'ann');
  assert.equal(run.exchanges[0]?.attributes['startup_search_path'], 'x');
});

test('encryption by GSSAPI: granted the connection is handed over, refused the login goes on', () => {
  const granted = check([sends('client', gssEncRequest()), sends('server', 'G'), sends('client', 'opaque')]);
  assert.deepEqual(granted.handover, { protocol: 'gssapi', from: 'server', atByte: 1 });
  const refused = check([
    sends('client', gssEncRequest()),
    sends('server', 'N'),
    sends('client', sslRequest()),
    sends('server', 'N'),
    sends('client', hello()),
    sends('server', welcome()),
  ]);
  assert.equal(refused.exchanges.length, 1);
  const { gss, ssl } = refused.exchanges[0]?.attributes ?? {};
  assert.deepEqual([gss, ssl], ['refused', 'refused']);
});

test('a server that does not know the request for encryption answers with an error', () => {
  const run = check([sends('client', sslRequest()), sends('server', error('0A000', 'unsupported', 'FATAL'))]);
  assert.deepEqual([run.exchanges[0]?.operation, run.exchanges[0]?.errorCode], ['LOGIN', '0A000']);
});

test('a client that goes on in TLS though the answer was not seen is handed over', () => {
  const run = check([sends('client', sslRequest()), sends('client', '\x16\x03\x01\x00\x05hello')]);
  assert.deepEqual(run.handover, { protocol: 'tls', from: 'client', atByte: 8 });
});

test('a cancel behind a refused encryption is a cancel', () => {
  const run = check([
    sends('client', sslRequest()),
    sends('server', 'N'),
    sends('client', cancelRequest(42)),
    ends('client'),
  ]);
  assert.deepEqual([run.exchanges[0]?.operation, run.exchanges[0]?.status], ['CANCEL', 'unknown']);
  assert.equal(run.exchanges[0]?.attributes['backend_pid'], '42');
  assert.doesNotMatch(JSON.stringify(run.exchanges), /12345/, 'the key that cancels is not shown');
});

test('a bearer token of OAUTHBEARER is handed over, and is in no exchange', () => {
  const first = 'n,,\x01auth=Bearer ey.token\x01\x01';
  const run = check([
    sends('client', hello()),
    sends('server', message('R', i32(10), 'OAUTHBEARER\0', 0)),
    sends('client', message('p', 'OAUTHBEARER\0', i32(first.length), first)),
    sends('server', welcome()),
  ]);
  assert.deepEqual(
    run.credentials.map(({ kind, secret }) => [kind, secret]),
    [['postgresql-oauth-bearer', 'ey.token']],
  );
  assert.equal(run.exchanges[0]?.attributes['auth_method'], 'oauthbearer');
  assert.doesNotMatch(JSON.stringify(run.exchanges), /ey\.token/);
});

test('a password that nobody asked for is dropped: it may be of another kind', () => {
  for (const authentication of ['', message('R', i32(7))]) {
    const run = check([sends('client', hello()), sends('server', authentication), sends('client', password('s3cret'))]);
    assert.deepEqual(run.credentials, []);
    assert.doesNotMatch(JSON.stringify(run.exchanges), /s3cret/);
  }
});

test('a login that never ended has status unknown', () => {
  const run = check([sends('client', hello()), sends('server', message('R', i32(3)))]);
  assert.deepEqual(
    run.exchanges.map((one) => [one.operation, one.status]),
    [['LOGIN', 'unknown']],
  );
});

test('requests without a reply are given out at the end, with status unknown', () => {
  const run = check([
    sends('client', hello()),
    sends('server', welcome()),
    sends('client', query('select 1; delete from t'), terminate()),
  ]);
  assert.deepEqual(
    run.exchanges.map((one) => [one.operation, one.status]),
    [
      ['LOGIN', 'ok'],
      ['TERMINATE', 'ok'],
      ['SELECT', 'unknown'],
      ['DELETE', 'unknown'],
    ],
  );
});

test('a session that goes on as another user says so', () => {
  const run = check([
    sends('client', hello()),
    sends('server', welcome()),
    sends('client', query('set session authorization bob')),
    sends('server', message('C', 'SET\0'), message('S', 'session_authorization\0bob\0'), ready()),
    sends('client', query('select 1')),
  ]);
  assert.equal(run.exchanges[1]?.attributes['session_authorization'], 'bob');
  assert.equal(run.exchanges[2]?.attributes['session_authorization'], 'bob');
  assert.equal(run.exchanges[2]?.attributes['user'], 'u');
});
