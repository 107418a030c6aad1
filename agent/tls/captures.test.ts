// SPDX-License-Identifier: Apache-2.0

/** Real conversations: what the layer reads is, byte for byte, what both ends say that they sent and received. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Step } from '../protocol/testing/script.ts';
import { readTlsCaptures } from './capture/tls-capture.ts';
import { isOfPlaintext, plaintextOf, readWhole, runLayer, secretsFor, unlabelled } from './testing/run-layer.ts';

const captures = readTlsCaptures();
const allSecrets = () => captures.flatMap((capture) => secretsFor(capture));

test('there are captures', () => {
  assert.ok(captures.length >= 30, `${captures.length}`);
});

for (const capture of captures) {
  const { name, script, expected } = capture;
  const plain = plaintextOf(capture);
  const refusesEarlyData = name.includes('early-data-re');
  const reads = (run: ReturnType<typeof runLayer>, what: string): void => {
    for (const side of ['client', 'server'] as const) {
      assert.ok(readWhole(run, side).equals(plain[side]), `${what}: the ${side} sent ${plain[side].length} bytes`);
      assert.equal(run.gaps[side], 0, what);
    }
    const unread = Object.keys(run.unreadable);
    assert.deepEqual(unread, refusesEarlyData ? ['client early_data_rejected'] : [], what);
  };

  test(`${name}: reads what both ends report`, () => {
    const run = runLayer(script, { secrets: secretsFor(capture) });
    reads(run, 'whole');
    const { description } = run.layer;
    assert.equal(description.version, expected.version);
    assert.equal(description.cipherSuite, expected.cipherSuite);
    assert.equal(description.protocol, expected.protocol);
    assert.equal(description.resumed, expected.resumed);
    if (expected.certificate !== undefined) assert.equal(description.certificate?.sha256 ?? '', expected.certificate);
    if (expected.clientCertificate !== undefined)
      assert.equal(description.clientCertificate?.sha256 ?? '', expected.clientCertificate);
  });

  test(`${name}: cut anyhow, with secrets without labels, among those of others`, () => {
    for (const pieceBytes of [1, 7, 1000])
      reads(runLayer(script, { secrets: secretsFor(capture), pieceBytes }), `${pieceBytes}`);
    reads(runLayer(script, { secrets: unlabelled(secretsFor(capture)) }), 'without labels');
    reads(runLayer(script, { secrets: allSecrets() }), 'among others');
    reads(runLayer(script, { secrets: unlabelled(allSecrets()) }), 'among others, without labels');
  });

  test(`${name}: waits for secrets that come late, and keeps the order`, () => {
    const inTime = runLayer(script, { secrets: secretsFor(capture) });
    for (const each of [1, 3, 10]) {
      const secrets = unlabelled(secretsFor(capture));
      const run = runLayer(script, {
        before: ({ layer, pool }, push) => {
          if (push % each !== 0) return;
          const secret = secrets.shift();
          if (secret !== undefined) pool.add(secret, 1, push);
          layer.secretsChanged(push);
        },
        leaveOpen: true,
      });
      for (const secret of secrets) run.pool.add(secret, 1, 1000);
      run.layer.secretsChanged(1000);
      run.layer.end(1000);
      reads(run, `a secret before each ${each}`);
      assert.deepEqual(run.order, inTime.order);
    }
    const late = runLayer(script, { leaveOpen: true });
    assert.equal(readWhole(late, 'client').length + readWhole(late, 'server').length, 0);
    for (const secret of secretsFor(capture)) late.pool.add(secret, 1, 1000);
    late.layer.secretsChanged(1000);
    late.layer.end(1000);
    reads(late, 'all secrets at the end');
    assert.deepEqual(late.order, inTime.order);
  });

  test(`${name}: every beginning of it is read as far as it goes`, () => {
    const total = script.reduce((sum, step) => sum + (step.kind === 'bytes' ? step.bytes.length : 0), 0);
    for (let size = 0; size < total; size += total > 10_000 ? 997 : 41) {
      let left = size;
      const head = script.flatMap((step): Step[] => {
        if (step.kind !== 'bytes') return [step];
        const bytes = step.bytes.subarray(0, left);
        left -= bytes.length;
        return [{ ...step, bytes }];
      });
      isOfPlaintext(runLayer(head, { secrets: secretsFor(capture) }), plain);
    }
  });

  test(`${name}: without secrets nothing is read, and all of it is told`, () => {
    const run = runLayer(script);
    for (const side of ['client', 'server'] as const) {
      assert.equal(run.pieces[side].length, 0);
      assert.ok((run.unreadable[`${side} no_secret`] ?? 0) >= plain[side].length);
    }
  });
}
