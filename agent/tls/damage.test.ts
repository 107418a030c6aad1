// SPDX-License-Identifier: Apache-2.0

/**
 * Conversations with holes, and damaged ones. Whatever is missing or changed: nothing wrong is given out, the counts add
 * up after each push, memory stays bounded, and behind a hole it reads on.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Side } from '../protocol/decoder.ts';
import { bytesFrom, misses, normalised, type Script, type Step } from '../protocol/testing/script.ts';
import { readTlsCaptures, type TlsCapture } from './capture/tls-capture.ts';
import { isOfPlaintext, plaintextOf, readWhole, runLayer, secretsFor, unlabelled } from './testing/run-layer.ts';

const captures = readTlsCaptures();
const named = (name: string): TlsCapture => captures.find((capture) => capture.name === name)!;
/** Neither padding nor messages in between, so that each missing record is application data. */
const PLAIN_CBC = /_CBC_/;

/** The script without `count` bytes of one side, from its byte `from` on. */
function without(script: Script, side: Side, from: number, count: number): Script {
  let at = 0;
  let left = count;
  const out: Step[] = [];
  for (const step of script) {
    if (step.kind !== 'bytes' || step.from !== side) {
      out.push(step);
      continue;
    }
    const start = Math.min(Math.max(from - at, 0), step.bytes.length);
    const end = Math.min(start + (at + step.bytes.length > from ? left : 0), step.bytes.length);
    if (start > 0) out.push({ ...step, bytes: step.bytes.subarray(0, start) });
    if (end > start) out.push(misses(side, end - start));
    if (end < step.bytes.length) out.push({ ...step, bytes: step.bytes.subarray(end) });
    left -= end - start;
    at += step.bytes.length;
  }
  return out;
}

/** Where the records of a side begin. */
function recordsOf(script: Script, side: Side): number[] {
  const bytes = Buffer.from(bytesFrom(script, side));
  const starts: number[] = [];
  for (let at = 0; at + 5 <= bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) starts.push(at);
  return starts;
}

for (const name of [
  'node-1.3-aes_128_gcm_sha256',
  'node-1.3-chacha20_poly1305_sha256',
  'node-1.3-aes_128_ccm_8_sha256',
  'node-1.3-alpn-long',
  'node-1.2-ecdhe-rsa-aes128-gcm-sha256',
  'node-1.2-ecdhe-rsa-chacha20-poly1305',
  'node-1.2-alpn-long',
  'go-1.2',
]) {
  test(`${name}: each application record is lost once; the gap has its exact size and all else is read`, () => {
    const capture = named(name);
    const plain = plaintextOf(capture);
    const whole = runLayer(capture.script, { secrets: secretsFor(capture) });
    for (const side of ['client', 'server'] as const) {
      const starts = recordsOf(capture.script, side);
      const pieces = whole.pieces[side];
      // The last record of the client is its close_notify; in front of the application data stands the handshake.
      const bytes = bytesFrom(capture.script, side);
      const records = starts.filter((at) => bytes[at] === 23).slice(-pieces.length - (name.includes('1.3') ? 1 : 0));
      for (const [index, start] of records.entries()) {
        const end = starts[starts.indexOf(start) + 1] ?? bytes.length;
        if (index >= pieces.length - 1) break;
        for (const [from, count] of [
          [start, end - start],
          [start + 1, end - start - 1],
          [start + 7, 3],
          [end - 1, 1],
          [start, end - start - 2],
        ] as const) {
          const run = runLayer(without(capture.script, side, from, count), { secrets: secretsFor(capture) });
          const what = `${side}: record ${index}, ${count} bytes from ${from - start}`;
          isOfPlaintext(run, plain);
          assert.equal(run.offsets[side], plain[side].length, what);
          assert.equal(run.gaps[side], plain[side].length - readWhole(run, side).length, what);
          const other = side === 'client' ? 'server' : 'client';
          assert.ok(readWhole(run, other).equals(plain[other]), what);
          // A boundary that moved may cost the record behind the gap, and no more.
          assert.ok(run.pieces[side].length >= pieces.length - 2, what);
        }
      }
    }
  });
}

for (const { name, script, expected } of captures) {
  test(`${name}: a record of which one bit is wrong is not given out; TLS reads on behind it`, () => {
    const capture = named(name);
    const plain = plaintextOf(capture);
    const whole = runLayer(script, { secrets: secretsFor(capture) });
    for (const side of ['client', 'server'] as const) {
      const bytes = bytesFrom(script, side);
      const starts = recordsOf(script, side);
      const data = starts.filter((at) => bytes[at] === 23).slice(-4);
      for (const start of data) {
        const end = starts[starts.indexOf(start) + 1] ?? bytes.length;
        const flipped = flip(script, side, Math.floor((start + 5 + end) / 2));
        const run = runLayer(flipped, { secrets: secretsFor(capture) });
        // A suite that pads, and records that carry no data, leave the size of what is missing to an estimate.
        isOfPlaintext(run, plain, !PLAIN_CBC.test(expected.cipherSuite) && /^(?:node|go|gnutls)/.test(name));
        assert.ok(readWhole(run, side).length <= readWhole(whole, side).length);
        const told = Object.values(run.unreadable).reduce((sum, n) => sum + n, 0);
        assert.ok(told >= end - start, `${side}: ${told} of ${end - start} bytes are told`);
      }
    }
  });
}

function flip(script: Script, side: Side, place: number): Script {
  let at = 0;
  return script.map((step) => {
    if (step.kind !== 'bytes' || step.from !== side) return step;
    const inside = place - at;
    at += step.bytes.length;
    if (inside < 0 || inside >= step.bytes.length) return step;
    const bytes = Buffer.from(step.bytes);
    bytes[inside] = (bytes[inside] as number) ^ 1;
    return { ...step, bytes };
  });
}

test('MAC-then-encrypt: content whose MAC does not verify is not given out, though its padding is right', () => {
  for (const name of ['node-1.2-mac-then-encrypt', 'node-1.0', 'node-1.1']) {
    const capture = named(name);
    const bytes = bytesFrom(capture.script, 'server');
    const start = recordsOf(capture.script, 'server').findLast(
      (at) => bytes[at] === 23 && bytes[at + 3]! * 256 + bytes[at + 4]! > 500,
    )!;
    // In the first block of a long record: its end, where the padding is, stays as it was.
    const run = runLayer(flip(capture.script, 'server', start + 5 + 40), { secrets: secretsFor(capture) });
    isOfPlaintext(run, plaintextOf(capture), false);
    assert.ok(run.unreadable['server record_damaged']! >= 500, name);
  }
});

test('a KeyUpdate that is lost is made up for', () => {
  const capture = named('openssl-1.3-key-update-both');
  const plain = plaintextOf(capture);
  for (const side of ['client', 'server'] as const) {
    const bytes = bytesFrom(capture.script, side);
    const starts = recordsOf(capture.script, side);
    // The record of a KeyUpdate: header, message of five bytes, type, tag.
    const updates = starts.filter((at) => bytes[at] === 23 && bytes[at + 3] === 0 && bytes[at + 4] === 5 + 1 + 16);
    const missing = updates.map((start) => {
      const run = runLayer(without(capture.script, side, start, 27), { secrets: secretsFor(capture) });
      isOfPlaintext(run, plain, false);
      return plain[side].length - readWhole(run, side).length;
    });
    // One message of the client is of that size as well: 'x' and what follows it, five bytes.
    assert.ok(missing.includes(0), side);
    assert.ok(
      missing.every((bytes) => bytes === 0 || bytes === 5),
      `${side}: ${missing}`,
    );
  }
});

test('TLS 1.2: a handshake message that is lost in the clear costs nothing else', () => {
  for (const { name, script, expected } of captures) {
    if (expected.version !== 'TLS 1.2' || expected.resumed) continue;
    const capture = named(name);
    const bytes = bytesFrom(script, 'client');
    const starts = recordsOf(script, 'client');
    const exchange = starts.findIndex((at) => bytes[at + 5] === 16);
    const start = starts[exchange]!;
    const run = runLayer(without(script, 'client', start, starts[exchange + 1]! - start), {
      secrets: secretsFor(capture),
    });
    const plain = plaintextOf(capture);
    assert.ok(readWhole(run, 'client').equals(plain.client) && readWhole(run, 'server').equals(plain.server), name);
    // What is in the clear and proved by nothing is told; the keys change as if nothing was missing.
    assert.deepEqual(
      Object.keys(run.unreadable).filter((key) => key !== 'client after_gap'),
      [],
      name,
    );
    assert.equal(run.gaps.client, 0, name);
  }
});

test('gaps at random places: nothing wrong is given out, and all that follows is told at the right place', () => {
  const chosen = captures.filter(({ name }) => !name.includes('padding'));
  fc.assert(
    fc.property(
      fc.constantFrom(...chosen),
      fc.constantFrom<Side>('client', 'server'),
      fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 1, max: 3000 })), {
        minLength: 1,
        maxLength: 3,
      }),
      fc.boolean(),
      (capture, side, gaps, labels) => {
        const size = bytesFrom(capture.script, side).length;
        const script = gaps.reduce(
          (left, [place, count]) => without(left, side, Math.floor(place * size), count),
          capture.script,
        );
        const secrets = labels ? secretsFor(capture) : unlabelled(secretsFor(capture));
        const run = runLayer(script, { secrets });
        isOfPlaintext(run, plaintextOf(capture), false);
        assert.ok(run.heldBytesMax < 2 * 1024 * 1024);
      },
    ),
    { numRuns: 400, includeErrorInReport: true },
  );
});

test('a gap among application data is exact wherever it is, but for suites that pad', () => {
  const chosen = captures.filter(
    ({ expected, name }) => !PLAIN_CBC.test(expected.cipherSuite) && /^(node|go)-/.test(name),
  );
  const simple = chosen.filter(({ name }) => !/renegotiated|early|certificate/.test(name));
  fc.assert(
    fc.property(
      fc.constantFrom(...simple),
      fc.constantFrom<Side>('client', 'server'),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 1, max: 2500 }),
      (capture, side, place, count) => {
        const plain = plaintextOf(capture);
        const whole = runLayer(capture.script, { secrets: secretsFor(capture) });
        const bytes = bytesFrom(capture.script, side);
        const starts = recordsOf(capture.script, side).filter((at) => bytes[at] === 23);
        const closing = capture.expected.version === 'TLS 1.3' && side === 'client' ? 1 : 0;
        const first = starts.at(-whole.pieces[side].length - closing)!;
        const from = first + Math.floor(place * (bytes.length - first));
        const run = runLayer(without(capture.script, side, from, count), { secrets: secretsFor(capture) });
        isOfPlaintext(run, plain);
      },
    ),
    { numRuns: 400, includeErrorInReport: true },
  );
});

test('damaged in any way: nothing wrong is given out, and the counts add up', () => {
  const change = fc.record({
    kind: fc.constantFrom('flip', 'cut', 'insert', 'double', 'other-side', 'drop', 'gap'),
    place: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    step: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }),
  });
  fc.assert(
    fc.property(
      fc.constantFrom(...captures),
      fc.array(change, { minLength: 1, maxLength: 5 }),
      fc.boolean(),
      fc.boolean(),
      fc.integer({ min: 1, max: 2000 }),
      (capture, changes, late, labels, pieceBytes) => {
        let script: Script = normalised(capture.script);
        // A record that is put to the other side is opened with its own key, if nothing says whose key that is.
        const named = labels || changes.some(({ kind }) => kind === 'other-side');
        for (const { kind, place, step, bytes } of changes) {
          const index = Math.floor(step * script.length);
          const old = script[index];
          if (old?.kind !== 'bytes') continue;
          const at = Math.floor(place * old.bytes.length);
          const [head, tail] = [old.bytes.subarray(0, at), old.bytes.subarray(at)];
          const joined = (...parts: Uint8Array[]): Step => ({ ...old, bytes: Buffer.concat(parts) });
          const changed: Record<string, Step[]> = {
            flip: [joined(head, bytes, tail.subarray(bytes.length))],
            cut: [joined(head, tail.subarray(bytes.length))],
            insert: [joined(head, bytes, tail)],
            double: [old, old],
            'other-side': [{ ...old, from: old.from === 'client' ? 'server' : 'client' }],
            drop: [],
            gap: [joined(head), misses(old.from, bytes.length), joined(tail.subarray(bytes.length))],
          };
          script = [...script.slice(0, index), ...(changed[kind] ?? []), ...script.slice(index + 1)];
        }
        const secrets = named ? secretsFor(capture) : unlabelled(secretsFor(capture));
        const run = runLayer(script, { secrets, late, pieceBytes });
        isOfPlaintext(run, plaintextOf(capture), false);
        assert.ok(run.heldBytesMax < 2 * 1024 * 1024);
      },
    ),
    { numRuns: 600, includeErrorInReport: true },
  );
});

test('bytes that are no TLS at all cost no more than their size', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 4000 }), { maxLength: 8 }), fc.boolean(), (chunks, late) => {
      const script = chunks.map((bytes, i): Step => ({ kind: 'bytes', from: i % 2 ? 'server' : 'client', bytes }));
      const run = runLayer(script, { late, secrets: secretsFor(captures[0]!) });
      assert.equal(run.pieces.client.length + run.pieces.server.length, 0);
    }),
    { numRuns: 200 },
  );
});
