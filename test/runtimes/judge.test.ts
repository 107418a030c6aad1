// SPDX-License-Identifier: Apache-2.0

/** When a row is ok: no agent, only what its record would hold. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Comparison } from './compare.ts';
import type { EncryptedConnection, EncryptedRecord, Finding } from './encrypted-record.ts';
import { judged, type Row } from './judge.ts';

const ROW: Row = {
  ...{ name: 'client TLSv1.3', client: 'client', version: '1.0', protocol: 'http', tls: 'TLSv1.3', resumed: 0 },
  ...{ spoken: ['TLSv1.3'], library: 'OpenSSL', found: '', expect: 'readable', seen: 'absent', asked: 0, read: 0 },
  ...{ requestsEqual: false, responsesEqual: false, isFound: false, held: 0, heldMs: 0, ok: false, reason: '' },
};
const UNREADABLE_ROW: Row = { ...ROW, expect: 'unreadable' };
const READ: Comparison = { asked: 5, read: 5, requestsEqual: true, responsesEqual: true, differences: [] };
const UNREAD: Comparison = { asked: 5, read: 0, requestsEqual: false, responsesEqual: false, differences: [] };
const CONNECTION: EncryptedConnection = {
  ...{
    connectionId: 'c',
    localPort: 4000,
    remotePort: 8443,
    protocol: 'http',
    tls: 'TLSv1.3',
    serverName: 'localhost',
  },
  ...{ attributes: {}, sentBytes: 500, receivedBytes: 1000, unreadableBytes: 0, requestBytes: 100, responseBytes: 800 },
};
const UNREAD_CONNECTION = { ...CONNECTION, protocol: 'tls', unreadableBytes: 1500 };
const FINDING: Finding = {
  kind: 'tls_unreadable',
  subject: '/usr/bin/client',
  message: 'nothing is known that reads it',
  bytes: 1500,
  attributes: { exe: '/usr/bin/client', server_name: 'localhost', destination: '127.0.0.1:8443' },
};

function recordOf(connection: EncryptedConnection, ...findings: Finding[]): EncryptedRecord {
  return { connections: [connection], findings };
}

test('the longest that a connection was held stands in the row', () => {
  const heldFor = (...us: string[]) =>
    judged(ROW, READ, {
      connections: [CONNECTION, ...us.map((held_us) => ({ ...CONNECTION, attributes: { held_us } }))],
      findings: [],
    }).heldMs;
  assert.deepEqual([heldFor(), heldFor('1500'), heldFor('204123', '9')], [0, 1.5, 204.123]);
});

test('what is read to the byte is ok', () => {
  const row = judged(ROW, READ, recordOf(CONNECTION));
  assert.deepEqual([row.ok, row.seen, row.reason], [true, 'readable', '']);
});

test('what is not read, read in part, or different is not ok', () => {
  for (const comparison of [
    UNREAD,
    { ...READ, read: 4 },
    { ...READ, requestsEqual: false },
    { ...READ, responsesEqual: false },
    { ...READ, differences: ['something else'] },
  ]) {
    const { ok, reason } = judged(ROW, comparison, recordOf(CONNECTION));
    assert.equal(ok, false, JSON.stringify(comparison));
    assert.notEqual(reason, '');
  }
});

test('another version of TLS than the server says, or than it was to be, is not ok', () => {
  assert.equal(judged(ROW, READ, recordOf({ ...CONNECTION, tls: 'TLS 1.2' })).ok, false);
  assert.equal(judged({ ...ROW, spoken: ['TLSv1.2'] }, READ, recordOf(CONNECTION)).ok, false);
  assert.equal(judged({ ...ROW, spoken: [] }, READ, recordOf(CONNECTION)).ok, false);
});

test('what cannot be read is ok when a finding tells program, server and every byte', () => {
  const row = judged(UNREADABLE_ROW, UNREAD, recordOf(UNREAD_CONNECTION, FINDING));
  assert.deepEqual([row.ok, row.seen, row.isFound], [true, 'unreadable', true]);
});

test('a finding that is not there, or leaves something out, is not enough', () => {
  const without = (name: string) =>
    Object.fromEntries(Object.entries(FINDING.attributes).filter(([other]) => other !== name));
  for (const findings of [
    [],
    [{ ...FINDING, kind: 'probe_silent' }],
    [{ ...FINDING, bytes: 1499 }],
    [FINDING, FINDING],
    ...Object.keys(FINDING.attributes).map((name) => [{ ...FINDING, attributes: without(name) }]),
  ]) {
    assert.equal(judged(UNREADABLE_ROW, UNREAD, recordOf(UNREAD_CONNECTION, ...findings)).ok, false);
  }
});

test('a client that was taken for unreadable and can be read is to be told of', () => {
  assert.equal(judged(UNREADABLE_ROW, READ, recordOf(CONNECTION)).ok, false);
});
