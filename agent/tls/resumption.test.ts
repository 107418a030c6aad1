// SPDX-License-Identifier: Apache-2.0

/** Resumed sessions of TLS 1.2 whose secret the library has handed over once only, in the full handshake. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MasterSecret } from '../model/tls-secret.ts';
import { bytesFrom, type Script } from '../protocol/testing/script.ts';
import { readTlsCaptures, type TlsCapture } from './capture/tls-capture.ts';
import { SecretPool } from './secret-pool.ts';
import { type LayerRun, plaintextOf, readWhole, runLayer, secretsFor } from './testing/run-layer.ts';

const captures = readTlsCaptures();
const named = (name: string): TlsCapture => captures.find((capture) => capture.name === name)!;
const [first, second, third] = [1, 2, 3].map((n) => named(`go-1.2-session-${n}`)) as [
  TlsCapture,
  TlsCapture,
  TlsCapture,
];
const byId = [named('openssl-1.2-resumed-by-id-first'), named('openssl-1.2-resumed-by-id')] as const;

function reads(run: LayerRun, capture: TlsCapture): void {
  const plain = plaintextOf(capture);
  for (const side of ['client', 'server'] as const) {
    assert.ok(plain.client.length > 0 && readWhole(run, side).equals(plain[side]), `${capture.name}: ${side}`);
  }
  assert.deepEqual(run.unreadable, {}, capture.name);
  assert.equal(run.layer.description.resumed, capture.expected.resumed);
}

function readsNothing(run: LayerRun): void {
  assert.deepEqual([run.pieces.client, run.pieces.server], [[], []]);
  assert.deepEqual(Object.keys(run.unreadable).sort(), ['client no_secret', 'server no_secret']);
}

const waitsUntilEnd = (script: Script, pool: SecretPool): LayerRun => runLayer(script, { pool, leaveOpen: true });

test('by ticket: the secret of the full handshake opens what resumes its session, and what resumes by a renewed ticket', () => {
  for (const pieceBytes of [1, 100, 100_000]) {
    const pool = new SecretPool();
    reads(runLayer(first.script, { pool, secrets: secretsFor(first), pieceBytes }), first);
    assert.equal(pool.sessionCounts.remembered, 1);
    reads(runLayer(second.script, { pool, pieceBytes }), second);
    assert.equal(pool.sessionCounts.remembered, 2);
    reads(runLayer(third.script, { pool, pieceBytes }), third);
    assert.equal(pool.counts.added, 1);
    assert.ok(!ticketOf(second.script).equals(ticketOf(third.script)), 'another ticket resumes');
  }
});

test('by id: the secret of the full handshake opens what resumes its session', () => {
  const pool = new SecretPool();
  reads(runLayer(byId[0].script, { pool, secrets: secretsFor(byId[0]) }), byId[0]);
  reads(runLayer(byId[1].script, { pool }), byId[1]);
});

test('what was not seen to begin is not read, nor what another session of workloads has begun', () => {
  const pool = new SecretPool();
  runLayer(first.script, { pool, secrets: secretsFor(first) });
  readsNothing(runLayer(byId[1].script, { pool }));
  readsNothing(runLayer(third.script, { pool }));
  readsNothing(runLayer(second.script));
});

test('long after the handed-over secret has left the pool, the session is still resumed', () => {
  const pool = new SecretPool();
  const secrets = secretsFor(first);
  runLayer(first.script, { pool, secrets });
  pool.expire(12 * 3600e9);
  assert.ok(secrets[0]!.secret.every((byte) => byte === 0));
  reads(runLayer(second.script, { pool }), second);
});

test('a secret that comes after both connections opens both, whichever is told first', () => {
  for (const order of [
    [0, 1],
    [1, 0],
  ] as const) {
    const pool = new SecretPool();
    const runs = [waitsUntilEnd(first.script, pool), waitsUntilEnd(second.script, pool)] as const;
    for (const secret of secretsFor(first)) pool.add(secret, 1, 0);
    for (const index of order) runs[index].layer.secretsChanged(1e9);
    // A second passes, and nobody else has said anything.
    for (const { layer } of runs) layer.expire(2e9);
    for (const { layer } of runs) layer.end(3e9);
    reads(runs[0], first);
    reads(runs[1], second);
  }
});

test('a tag decides: a session that is remembered with another secret is not read with it', () => {
  const pool = new SecretPool();
  const [foreign] = secretsFor(byId[0]) as [MasterSecret];
  const { clientRandom } = secretsFor(first)[0] as MasterSecret;
  readsNothing(runLayer(first.script, { pool, secrets: [{ ...foreign, clientRandom }] }));
  assert.equal(pool.sessionCounts.remembered, 0, 'what no tag has proved is not remembered');
  runLayer(first.script, { pool, secrets: secretsFor(first) });
  const remembering = pool.storeFor(() => []);
  remembering.remember(ticketOf(second.script), { ...foreign, secret: Buffer.alloc(48, 7) });
  readsNothing(runLayer(second.script, { pool }));
});

test('a secret that names both randoms is not remembered: its library hands it over at each handshake', () => {
  const pool = new SecretPool();
  const serverRandom = bytesFrom(first.script, 'server').slice(11, 43);
  const secrets = secretsFor(first).map((secret) => ({ ...(secret as MasterSecret), serverRandom }));
  reads(runLayer(first.script, { pool, secrets }), first);
  assert.equal(pool.sessionCounts.remembered, 0);
});

test('when the session of workloads has ended, no copy of a secret is left', () => {
  const pool = new SecretPool();
  runLayer(first.script, { pool, secrets: secretsFor(first) });
  const master = pool.storeFor(() => []).resumed(ticketOf(second.script))!;
  assert.ok(master.secret.equals(secretsFor(first)[0]!.secret));
  pool.drop();
  assert.ok(master.secret.every((byte) => byte === 0));
  assert.deepEqual(pool.sessionCounts, { remembered: 1, forgotten: 1 });
  readsNothing(runLayer(second.script, { pool }));
});

/** Of the ClientHello that a script begins with: extension 35, behind what has no such bytes. */
function ticketOf(script: Script): Buffer {
  const step = script.find((one) => one.kind === 'bytes')!;
  assert.ok(step.kind === 'bytes');
  const hello = Buffer.from(step.bytes);
  for (let at = 43; at + 4 < hello.length; at++) {
    const length = hello.readUInt16BE(at + 2);
    if (hello.readUInt16BE(at) === 35 && length > 64 && at + 4 + length <= hello.length) {
      return hello.subarray(at + 4, at + 4 + length);
    }
  }
  throw new Error('the ClientHello has no ticket');
}
