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
