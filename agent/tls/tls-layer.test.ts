// SPDX-License-Identifier: Apache-2.0

/** What the layer does when a secret is late, lost or nobody's, and when it joined late. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TlsSecret, TrafficSecret } from '../model/tls-secret.ts';
import type { Side } from '../protocol/decoder.ts';
import { bytesFrom, type Script, type Step } from '../protocol/testing/script.ts';
import { readTlsCaptures, type TlsCapture } from './capture/tls-capture.ts';
import { nextTrafficSecret } from './key-derivation.ts';
import { SecretPool } from './secret-pool.ts';
import { isOfPlaintext, plaintextOf, readWhole, runLayer, secretsFor, unlabelled } from './testing/run-layer.ts';
import { TlsLayer, type TlsSink } from './tls-layer.ts';

const captures = readTlsCaptures();
const named = (name: string): TlsCapture => captures.find((capture) => capture.name === name)!;
const TLS13 = 'node-1.3-aes_128_gcm_sha256';
const TLS12 = 'node-1.2-ecdhe-rsa-aes128-gcm-sha256';

function silent(): TlsSink & { readonly said: string[] } {
  const said: string[] = [];
  return {
    said,
    data: (from, bytes) => said.push(`${from} data ${bytes.length}`),
    gap: (from, bytes) => said.push(`${from} gap ${bytes}`),
    unreadable: (from, reason, bytes) => said.push(`${from} ${reason} ${bytes}`),
  };
}

function push(layer: TlsLayer, script: Script, at = 0): void {
  for (const step of script) if (step.kind === 'bytes') layer.push(step.from, step.bytes, at);
}

function layerOf(secrets: readonly TlsSecret[], options: { late?: boolean; waitBytesMax?: number } = {}) {
  const pool = new SecretPool();
  for (const secret of secrets) pool.add(secret, 1, 0);
  const sink = silent();
  const store = pool.storeFor(() => [1]);
  return { pool, sink, layer: new TlsLayer(sink, store, { late: false, ...options }) };
}

test('what waits longer than its time is unreadable; what comes then is read where its secret is there', () => {
  const capture = named(TLS13);
  // The client's secret for its Finished never comes.
  const secrets = secretsFor(capture).filter((s) => s.kind !== 'traffic' || s.label !== 'client-handshake');
  const { layer, sink } = layerOf(secrets);
  push(layer, capture.script, 100);
  assert.equal(layer.waitingSince, 100);
  assert.ok(layer.counts('client').waiting > 0 && layer.heldBytes > 0);
  layer.expire(100 + 5e9);
  assert.equal(layer.waitingSince, 100, 'not longer than that');
  layer.expire(101 + 5e9);
  assert.equal(layer.waitingSince, undefined);
  layer.end(101 + 5e9);
  const data = (side: Side) => sink.said.filter((one) => one.startsWith(`${side} data`)).length;
  assert.equal(
    sink.said.find((one) => one.startsWith('client')),
    'client no_secret 58',
  );
  assert.deepEqual([data('client'), data('server')], [3, 3]);
});

for (const name of [TLS13, TLS12]) {
  test(`${name}: a secret that comes after it was given up opens what follows`, () => {
    const capture = named(name);
    const all = secretsFor(capture);
    const given = name === TLS12 ? [] : all.filter((s) => s.kind === 'traffic' && s.label?.endsWith('handshake'));
    const steps = capture.script.filter((step) => step.kind === 'bytes');
    const run = runLayer(capture.script, {
      secrets: given,
      before: ({ layer, pool }, at) => {
        if (at !== steps.length - 4) return;
        layer.expire(1e12);
        for (const secret of secretsFor(capture)) pool.add(secret, 1, at);
        layer.secretsChanged(at);
      },
    });
    // TLS 1.3 does not show which records are session tickets: they are taken for data that is missing.
    isOfPlaintext(run, plaintextOf(capture), name === TLS12);
    assert.ok(readWhole(run, 'client').length > 0 && readWhole(run, 'server').length > 0);
    assert.ok(run.unreadable['client no_secret']! > 0);
  });
}

test('what waits is bounded in bytes; beyond, the oldest is given up and its reason says so', () => {
  const capture = named('node-1.3-alpn-long');
  const { layer, sink } = layerOf([], { waitBytesMax: 20_000 });
  for (const step of capture.script) {
    if (step.kind !== 'bytes') continue;
    layer.push(step.from, step.bytes, 0);
    assert.ok(layer.heldBytes < 20_000 + 40_000, `${layer.heldBytes}`);
  }
  layer.end(0);
  assert.ok(sink.said.some((one) => one.includes('memory_bound')));
  assert.ok(!sink.said.some((one) => one.includes('data')));
});

test('many small pushes that wait do not cost more memory than the bound', () => {
  const capture = named(TLS13);
  const { layer } = layerOf([], { waitBytesMax: 64 * 1024 });
  for (const step of capture.script) {
    if (step.kind === 'bytes') for (const byte of step.bytes) layer.push(step.from, Uint8Array.of(byte), 0);
  }
  assert.ok(layer.heldBytes <= 64 * 1024 + 40_000);
  layer.end(0);
});

test('joined late, it reads from the next KeyUpdate on, once the new secret is there', () => {
  const capture = named('openssl-1.3-key-update-both');
  const plain = plaintextOf(capture);
  const secrets = secretsFor(capture).filter((s): s is TrafficSecret => s.kind === 'traffic');
  const next = (label: string): TrafficSecret => {
    const { secret } = secrets.find((one) => one.label === label)!;
    return { kind: 'traffic', label: undefined, clientRandom: undefined, secret: nextTrafficSecret('sha384', secret) };
  };
  // The first steps are the handshake.
  const steps = capture.script.filter((step): step is Step & { kind: 'bytes' } => step.kind === 'bytes').slice(4);
  const run = runLayer(steps, { late: true, secrets: [next('client-application'), next('server-application')] });
  for (const side of ['client', 'server'] as const) {
    const read = readWhole(run, side);
    assert.ok(read.length > 100, `${side}: ${read.length}`);
    assert.ok(plain[side].subarray(-read.length).equals(read), `${side} read to its end`);
    assert.ok(run.unreadable[`${side} joined_late`]! > 0);
  }
  assert.deepEqual(
    [run.layer.description.version, run.layer.description.cipherSuite],
    ['TLS 1.3', 'TLS_AES_256_GCM_SHA384'],
  );
});

test('joined late in the middle of a record, nothing is read and all is told', () => {
  for (const name of [TLS13, TLS12]) {
    const capture = named(name);
    const steps = capture.script.filter((step): step is Step & { kind: 'bytes' } => step.kind === 'bytes').slice(4);
    const cut = steps.map((step, i) => (i < 2 ? { ...step, bytes: step.bytes.subarray(9) } : step));
    const run = runLayer(cut, { late: true });
    assert.deepEqual(Object.keys(run.unreadable).sort(), ['client joined_late', 'server joined_late']);
  }
});

test('bytes that are not TLS are told as such', () => {
  const { layer, sink } = layerOf([]);
  layer.push('client', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 0);
  layer.push('client', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 0);
  layer.end(0);
  assert.deepEqual(sink.said, ['client not_tls 18', 'client not_tls 18']);
});

test('a suite that is not known is told, and named by its number', () => {
  const capture = named(TLS12);
  const script = capture.script.map((step) => {
    if (step.kind !== 'bytes' || step.from !== 'server') return step;
    const bytes = Buffer.from(step.bytes);
    const suite = bytes.indexOf(Buffer.from('c02f', 'hex'));
    if (suite > 0) bytes.writeUInt16BE(0x0005, suite);
    return { ...step, bytes };
  });
  const run = runLayer(script, { secrets: secretsFor(capture) });
  assert.equal(run.layer.description.cipherSuite, 'unknown (0x0005)');
  assert.ok(run.unreadable['client suite_unsupported']! > 0 && run.unreadable['server suite_unsupported']! > 0);
});

test('trials are bounded: a flood of secrets of others does not stop the layer', () => {
  const capture = named(TLS13);
  const { layer, sink, pool } = layerOf([]);
  let at = 0;
  for (const step of capture.script) {
    if (step.kind !== 'bytes') continue;
    for (let i = 0; i < 3000; i++) {
      pool.add({ kind: 'traffic', label: undefined, clientRandom: undefined, secret: Buffer.alloc(32, i) }, 1, at++);
    }
    layer.secretsChanged(at);
    layer.push(step.from, step.bytes, at);
  }
  layer.end(at);
  assert.ok(
    sink.said.some((one) => one.includes('trials_exhausted')),
    sink.said.join('\n'),
  );
});

test('secrets and keys are zeros when the connection ends', () => {
  for (const { name, script, expected } of captures) {
    const capture = named(name);
    const secrets = unlabelled(secretsFor(capture));
    const { layer, pool } = layerOf(secrets);
    push(layer, script);
    layer.end(0);
    if (expected.version === 'TLS 1.3') {
      assert.ok(pool.counts.taken >= 4, name);
      const left = secrets.filter(({ secret }) => secret.some((byte) => byte !== 0));
      assert.equal(left.length, pool.size, `${name}: those that were taken are zeros`);
    }
    pool.drop();
    assert.ok(
      secrets.every(({ secret }) => secret.every((byte) => byte === 0)),
      name,
    );
  }
});

test('after the end nothing is said or held', () => {
  const capture = named(TLS13);
  const { layer, sink } = layerOf(secretsFor(capture));
  layer.end(0);
  push(layer, capture.script);
  layer.gap('client', 5, 0);
  layer.secretsChanged(0);
  layer.expire(1e15);
  layer.end(0);
  assert.deepEqual([sink.said, layer.heldBytes, layer.waitingSince], [[], 0, undefined]);
});

test('what one side lost is told before what the other side sends after it', () => {
  const capture = named(TLS13);
  const { layer, sink } = layerOf(secretsFor(capture));
  const steps = capture.script.filter((step): step is Step & { kind: 'bytes' } => step.kind === 'bytes');
  const lost = steps.findIndex((step) => step.from === 'client' && step.bytes.length === 60 + 22);
  for (const [i, step] of steps.entries()) {
    if (i === lost) layer.gap('client', step.bytes.length, i);
    else layer.push(step.from, step.bytes, i);
  }
  layer.end(99);
  assert.deepEqual(sink.said.slice(0, 4), ['client gap 1', 'server data 90', 'client gap 59', 'client data 200']);
});

test('early data comes before what the server says, however much of it was seen at once', () => {
  const capture = named('openssl-1.3-early-data');
  const all = (side: Side): Step => ({ kind: 'bytes', from: side, bytes: bytesFrom(capture.script, side) });
  const run = runLayer([all('client'), all('server')], { secrets: secretsFor(capture) });
  assert.ok(readWhole(run, 'client').equals(plaintextOf(capture).client));
  assert.ok(readWhole(run, 'server').equals(plaintextOf(capture).server));
  assert.deepEqual(run.order, ['client', 'server']);
});

test('early data that is under way when the server refuses it is not given out', () => {
  for (const name of ['openssl-1.3-early-data-refused', 'openssl-1.3-early-data-retry']) {
    const capture = named(name);
    const plain = plaintextOf(capture);
    const [first, ...others] = capture.script.filter((step): step is Step & { kind: 'bytes' } => step.kind === 'bytes');
    const hello = 5 + Buffer.from(first!.bytes).readUInt16BE(3);
    const script = [
      { ...first!, bytes: first!.bytes.subarray(0, hello) },
      others[0]!,
      { ...first!, bytes: first!.bytes.subarray(hello) },
      ...others.slice(1),
    ];
    for (const secrets of [secretsFor(capture), unlabelled(secretsFor(capture))]) {
      const run = runLayer(script, { secrets });
      assert.ok(readWhole(run, 'client').equals(plain.client) && readWhole(run, 'server').equals(plain.server), name);
      assert.deepEqual(Object.keys(run.unreadable), ['client early_data_rejected'], name);
      assert.deepEqual(run.gaps, { client: 0, server: 0 });
    }
  }
});

test('the client tells what it wants, the server what it shows', () => {
  const { description } = runLayer(named('node-1.3-client-certificate').script, {
    secrets: secretsFor(named('node-1.3-client-certificate')),
  }).layer;
  assert.equal(description.serverName, 'rsa.example');
  assert.equal(description.certificate?.subject, 'O=Example, CN=rsa.example');
  assert.equal(description.clientCertificate?.issuer, 'O=Example, CN=user.example');
  const { layer } = runLayer(named('node-1.3-alpn-long').script);
  assert.deepEqual(layer.description.offeredProtocols, ['h2', 'http/1.1']);
});
