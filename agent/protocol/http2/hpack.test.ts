// SPDX-License-Identifier: Apache-2.0

/** The examples of RFC 7541, appendix C, and what the RFC says must be refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HEADER_LIST_BYTES_MAX, HpackReader, TABLE_BYTES_MAX } from './hpack.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

function lines(reader: HpackReader, block: string): string[] | undefined {
  return reader.read(hex(block))?.lines.map(({ name, value }) => `${name ?? '?'}: ${value ?? '?'}`);
}

for (const [title, block, expected] of [
  ['C.2.1', '400a637573746f6d2d6b65790d637573746f6d2d686561646572', 'custom-key: custom-header'],
  ['C.2.2', '040c2f73616d706c652f70617468', ':path: /sample/path'],
  ['C.2.3', '100870617373776f726406736563726574', 'password: secret'],
  ['C.2.4', '82', ':method: GET'],
] as const) {
  test(`a line of RFC 7541, ${title}`, () => {
    assert.deepEqual(lines(new HpackReader(), block), [expected]);
  });
}

const REQUESTS = [
  [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
  [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com', 'cache-control: no-cache'],
  [':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com', 'custom-key: custom-value'],
];
const DATES = ['date: Mon, 21 Oct 2013 20:13:21 GMT', 'date: Mon, 21 Oct 2013 20:13:22 GMT'];
const LOCATION = 'location: https://www.example.com';
const REPLIES = [
  [':status: 302', 'cache-control: private', DATES[0], LOCATION],
  [':status: 307', 'cache-control: private', DATES[0], LOCATION],
  [
    ':status: 200',
    'cache-control: private',
    DATES[1],
    LOCATION,
    'content-encoding: gzip',
    'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
  ],
];

for (const [title, blocks, expected, heldBytes] of [
  [
    'C.3, requests',
    [
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ],
    REQUESTS,
    164,
  ],
  [
    'C.4, requests in the Huffman code',
    [
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ],
    REQUESTS,
    164,
  ],
  [
    'C.5, replies with a table of 256 bytes',
    [
      '3fe1 01 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '4803 3330 37c1 c0bf',
      '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
    ],
    REPLIES,
    215,
  ],
  [
    'C.6, replies in the Huffman code with a table of 256 bytes',
    [
      '3fe1 01 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
      '4883 640e ffc1 c0bf',
      '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
    ],
    REPLIES,
    215,
  ],
] as const) {
  test(`a conversation of RFC 7541, ${title}`, () => {
    const reader = new HpackReader();
    assert.deepEqual(
      blocks.map((block) => lines(reader, block)),
      expected,
    );
    assert.equal(reader.heldBytes, heldBytes);
  });
}

test('a table that was not seen is unknown, but for what is inserted from then on', () => {
  const reader = new HpackReader();
  reader.forget();
  assert.deepEqual(lines(reader, '82 be 40 01 61 01 62 be bf 7f 00 01 63'), [
    ':method: GET',
    '?: ?',
    'a: b',
    'a: b',
    '?: ?',
    '?: c',
  ]);
});

for (const [title, block] of [
  ['an index of nothing', '80'],
  ['an index beyond the table', 'be'],
  ['a length beyond the block', '10 05 61'],
  ['an integer without an end', 'ff ff ff ff ff ff ff ff ff ff'],
  ['a block that breaks off', '40'],
  ['padding of zeros in the Huffman code', '10 81 18 00'],
  ['the end of string in the Huffman code', '10 84 ff ff ff ff 00'],
] as const) {
  test(`${title} is refused, and the table forgotten`, () => {
    const reader = new HpackReader();
    assert.equal(lines(reader, block), undefined);
    assert.equal(reader.isUnknown, true);
  });
}

test('a few bytes that stand for megabytes cost little', () => {
  const reader = new HpackReader();
  const value = 'v'.repeat(4000);
  const entry = Buffer.concat([Buffer.from([0x40, 1, 0x61, 0x7f, 0xa1, 0x1e]), Buffer.from(value)]);
  const bomb = reader.read(Buffer.concat([entry, Buffer.alloc(100_000, 0xbe)]))!;
  assert.ok(bomb.listBytes <= HEADER_LIST_BYTES_MAX);
  assert.equal(bomb.lines.length + bomb.linesNotKept, 100_001);
  assert.ok(reader.heldBytes <= 4096);
});

test('a table is never larger than the bound, whatever is announced', () => {
  const reader = new HpackReader();
  const entry = Buffer.concat([Buffer.from([0x40, 1, 0x61, 0x7f, 0xe9, 0x06]), Buffer.alloc(1000, 0x61)]);
  const blocks = Buffer.concat([hex('3f e1 ff ff 7f'), ...Array.from({ length: 200 }, () => entry)]);
  assert.ok(reader.read(blocks));
  assert.ok(reader.heldBytes <= TABLE_BYTES_MAX && reader.heldBytes > TABLE_BYTES_MAX / 2);
});

test('whatever arrives, nothing is thrown and the table stays small', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 12 }), fc.boolean(), (blocks, late) => {
      const reader = new HpackReader();
      if (late) reader.forget();
      for (const one of blocks) reader.read(Buffer.from(one));
      assert.ok(reader.heldBytes >= 0 && reader.heldBytes <= TABLE_BYTES_MAX);
    }),
    { numRuns: 500 },
  );
});
