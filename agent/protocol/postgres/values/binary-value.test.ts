// SPDX-License-Identifier: Apache-2.0

/** The server's own text for a value is the oracle: a capture asks for each value in both formats. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { captured, check, responseText } from '../testing/captures.ts';
import { binaryValueText } from './binary-value.ts';
import { float4Text, float8Text } from './numbers.ts';

/** Types that are not read, or that are shown in another way than the server does. */
const NOT_READ = new Set(['mo', 'bt', 'vb', 'pt', 'rp', 'ls', 'rw', 'rg', 'sn', 'td']);

test('values in binary have the text that the server has for them', () => {
  const selects = check(captured('libpq-types-text-and-binary')).exchanges.filter((one) => one.operation === 'SELECT');
  let compared = 0;
  for (let i = 0; i < selects.length; i += 2) {
    const [text, binary] = [selects[i], selects[i + 1]].map((one) =>
      responseText(one)
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as string[]),
    );
    const [names = [], values = []] = text ?? [];
    names.forEach((name, column) => {
      if (NOT_READ.has(name)) return;
      compared++;
      assert.equal(binary?.[1]?.[column], values[column], name);
    });
  }
  assert.ok(compared >= 80, `${compared} values`);
});

test('floats have the digits of the server, also where two decimals are equally near', () => {
  // Left: what PostgreSQL 18 writes.
  for (const [text, value] of [
    ['3.3230982494744592e+16', 33230982494744592],
    ['6.226568231333167e+16', 62265682313331672],
    ['1.4010569321205699e+17', 2 ** 5 * 4378302912876781],
    ['1e+15', 1e15],
    ['999999999999999', 999999999999999],
    ['0.0001', 0.0001],
    ['1e-05', 0.00001],
    ['5e-324', 5e-324],
    ['1.7976931348623157e+308', Number.MAX_VALUE],
    ['-0', -0],
  ] as const) {
    assert.equal(float8Text(value), text);
  }
  for (const [text, value] of [
    ['-1.2711262e+06', -1271126.25],
    ['8.3623757e+08', 836237568],
    ['-1.13731776e+08', -113731776],
    ['100000', 100000],
    ['1e+06', 1000000],
    ['1e-45', 2 ** -149],
    ['3.4028235e+38', 3.4028234663852886e38],
  ] as const) {
    assert.equal(float4Text(value), text);
  }
});

test('floats give the same number again', () => {
  fc.assert(fc.property(fc.double({ noNaN: true }), (value) => assert.equal(Number(float8Text(value)), value)));
  fc.assert(
    fc.property(fc.float({ noNaN: true }), (value) => assert.equal(Math.fround(Number(float4Text(value))), value)),
  );
});

test('bytes that do not fit their type are shown as they are', () => {
  for (const [typeOid, hex] of [
    [16, '02'],
    [23, '000000'],
    [1700, '0001000000000000'],
    [1700, '000100000000000027ff'],
    [2950, '00'],
    [3802, '0278'],
    [869, '0220000401020304ff'],
    [1007, '0000000100000000000000177fffffff00000001'],
    [1007, '00000007000000000000001700000001'],
    [1009, '000000010000000000000019000000010000000100000009'],
    [1083, 'ffffffffffffffff'],
    [0, 'ff'],
  ] as const) {
    const bytes = Buffer.from(hex, 'hex');
    assert.equal(binaryValueText(typeOid, bytes, 0, bytes.length), `binary(${typeOid}) \\x${hex}`);
  }
});

test('no bytes of any type throw, or give more than a few characters for each', () => {
  const types = [
    16, 17, 20, 21, 23, 25, 114, 700, 701, 869, 829, 1007, 1009, 1082, 1083, 1114, 1184, 1185, 1186, 1231, 1266, 1700,
    2950, 3802, 3807,
  ];
  fc.assert(
    fc.property(fc.constantFrom(...types), fc.uint8Array({ maxLength: 60 }), (typeOid, bytes) => {
      const text = binaryValueText(typeOid, Buffer.from(bytes), 0, bytes.length);
      // A numeric of few bytes may have 131,072 digits before and 16,383 behind the point.
      assert.ok(text.length <= (typeOid === 1700 || typeOid === 1231 ? 160_000 : 400), `${text.length} characters`);
    }),
    { numRuns: 3000 },
  );
});
