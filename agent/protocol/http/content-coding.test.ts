// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { DEFAULT_BOUNDS } from '../decoder.ts';
import { asks, check, only, text } from '../http1/testing.ts';
import { sends } from '../testing/script.ts';
import { decodeContent } from './content-coding.ts';

const CODERS = {
  gzip: gzipSync,
  deflate: deflateSync,
  // The default quality takes seconds for what is tried here.
  br: (bytes: Buffer) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }),
  zstd: zstdCompressSync,
};
/** Words in no order: compresses to a third or so, like the JSON of an API. */
const TEXT = Buffer.from(
  Array.from({ length: 60_000 }, (_, i) => `{"id":${(i * 7919) % 100_003},"name":"item ${(i * 31) % 997}"}`).join(),
);
const MIB = 1024 * 1024;

for (const [coding, encode] of Object.entries(CODERS)) {
  test(`${coding}: a whole body is decoded whole`, () => {
    const decoded = decodeContent(encode(TEXT), [coding], true, 8 * MIB);
    assert.equal(decoded.kind, 'whole');
    assert.ok(decoded.kind === 'whole' && decoded.bytes.equals(TEXT));
  });

  test(`${coding}: of a body that broke off there is what it had`, () => {
    const encoded = encode(TEXT);
    const decoded = decodeContent(encoded.subarray(0, encoded.length >> 1), [coding], false, 8 * MIB);
    assert.ok(decoded.kind === 'head' && decoded.bytes.length > MIB / 2, JSON.stringify(decoded.kind));
    assert.ok(decoded.bytes.equals(TEXT.subarray(0, decoded.bytes.length)));
  });

  test(`${coding}: output above the bound is cut at the bound`, () => {
    const decoded = decodeContent(encode(TEXT), [coding], true, 100_000);
    assert.ok(decoded.kind === 'head' && decoded.bytes.equals(TEXT.subarray(0, 100_000)));
  });

  test(`${coding}: a bomb costs no more than its bound`, () => {
    const bomb = encode(Buffer.alloc(256 * MIB));
    const before = process.memoryUsage().arrayBuffers;
    const decoded = decodeContent(bomb, [coding], true, MIB);
    assert.ok(process.memoryUsage().arrayBuffers - before < 64 * MIB);
    // Where even the smallest prefix is too much, the body stays as it is.
    if (decoded.kind !== 'no') assert.ok(decoded.bytes.length <= MIB);
  });

  test(`${coding}: damage further on leaves what was before it`, () => {
    const encoded = Buffer.from(encode(TEXT));
    encoded.fill(0xff, encoded.length >> 1);
    const decoded = decodeContent(encoded, [coding], true, 8 * MIB);
    assert.ok(decoded.kind === 'head' && decoded.bytes.length > 1000, decoded.kind);
    assert.ok(decoded.bytes.subarray(0, 1000).equals(TEXT.subarray(0, 1000)));
  });
}

test('what is not in the coding that it names stays as it is', () => {
  for (const coding of Object.keys(CODERS)) {
    assert.deepEqual(decodeContent(Buffer.from('not compressed at all'), [coding], true, MIB), {
      kind: 'no',
      reason: 'malformed',
    });
  }
  assert.deepEqual(decodeContent(Buffer.from('x'), ['compress'], true, MIB), {
    kind: 'no',
    reason: 'unsupported-coding',
  });
  assert.deepEqual(decodeContent(Buffer.from('x'), ['toString'], true, MIB), {
    kind: 'no',
    reason: 'unsupported-coding',
  });
});

test('deflate without its wrapper is read as well', () => {
  const decoded = decodeContent(deflateRawSync('bare'), ['deflate'], true, MIB);
  assert.ok(decoded.kind === 'whole' && decoded.bytes.toString() === 'bare');
});

test('codings come off in the reverse order', () => {
  const decoded = decodeContent(brotliCompressSync(gzipSync('twice')), ['gzip', 'br'], true, MIB);
  assert.ok(decoded.kind === 'whole' && decoded.bytes.toString() === 'twice');
  assert.equal(decodeContent(Buffer.from('x'), Array(4).fill('gzip'), true, MIB).kind, 'no');
});

test('random bytes are never more than their bound, and never throw', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('gzip', 'deflate', 'br', 'zstd'),
      fc.uint8Array({ maxLength: 200 }),
      fc.boolean(),
      (coding, bytes, complete) => {
        const decoded = decodeContent(Buffer.from(bytes), [coding], complete, 50);
        assert.ok(decoded.kind === 'no' || decoded.bytes.length <= 50);
      },
    ),
    { numRuns: 500 },
  );
});

const reply = (fields: string, body: Buffer) =>
  sends('server', `HTTP/1.1 200 OK\r\n${fields}\r\nContent-Length: ${body.length}\r\n\r\n`, body);

test('a body that decodes beyond the bound is cut, and hashed as it was carried', () => {
  const body = gzipSync(TEXT);
  const bounds = { ...DEFAULT_BOUNDS, responseBytesMax: MIB };
  const exchange = only(check([asks('GET / HTTP/1.1'), reply('Content-Encoding: gzip', body)], { bounds }));
  assert.equal(exchange.response.bytes.length, MIB);
  assert.equal(exchange.response.totalBytes, body.length);
  assert.deepEqual(Buffer.from(exchange.response.sha256!), createHash('sha256').update(body).digest());
  assert.equal(exchange.truncated, true);
  assert.equal(exchange.attributes['response_content_decoded'], 'head');
  assert.equal(exchange.attributes['response_content_bytes'], undefined);
});

test('of a compressed body above the bound the kept head is decoded', () => {
  const noise = randomBytes(3000).toString('hex');
  const body = gzipSync(noise);
  const bounds = { ...DEFAULT_BOUNDS, responseBytesMax: 1000 };
  const exchange = only(check([asks('GET / HTTP/1.1'), reply('Content-Encoding: gzip', body)], { bounds }));
  assert.ok(exchange.response.bytes.length > 500);
  assert.ok(noise.startsWith(text(exchange.response.bytes)));
  assert.deepEqual(Buffer.from(exchange.response.sha256!), createHash('sha256').update(body).digest());
});

test('a body that cannot be decoded is kept as it was carried, and why is said', () => {
  const exchange = only(check([asks('GET / HTTP/1.1'), reply('Content-Encoding: gzip', Buffer.from('plain'))]));
  assert.equal(text(exchange.response.bytes), 'plain');
  assert.equal(exchange.attributes['response_content_decoded'], 'no');
  assert.equal(exchange.attributes['response_content_undecoded_reason'], 'malformed');
});

test('a transfer coding below chunked comes off as well', () => {
  const body = gzipSync('inside');
  const exchange = only(
    check([
      asks('GET / HTTP/1.1'),
      sends(
        'server',
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
        body.length.toString(16),
        '\r\n',
        body,
        '\r\n0\r\n\r\n',
      ),
    ]),
  );
  assert.equal(text(exchange.response.bytes), 'inside');
});
