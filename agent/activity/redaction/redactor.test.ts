// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Redactor } from './redactor.ts';
import { exchangeOf, KEY, markOf, redactor, tokenMarkOf } from './testing/marked.ts';

const JWT = 'eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJhdWQiOiJhIiwic3ViIjoiYiJ9.c2lnbmF0dXJlLW9mLXRoaXMtdG9rZW4';

/** What scanners stumble over, to be put together at random. */
const FRAGMENTS = [
  ...['password', 'token', 'API_KEY', 'name', 'value', 'code', 'sig', 'login x ', 'Bearer ', 'Basic ', 'Cookie: '],
  ...['"', "'", '`', '=', ':', ': ', ' ', '\n', '&', '?', ';', ',', '(', ')', '[', ']', '{', '}', '@', '://', '%41'],
  ...['curl ', '-u ', 'mysql ', '-p', 'IDENTIFIED BY ', 'AKIAIOSFODNN7EXAMPLE', 'hunter2', 'abcdef0123456789ABCD'],
  ...['$1', '$$', 'ALTER USER ', 'INSERT INTO t (', 'VALUES', ' in', 'set ', '/*', '*/', 'é', '\u{1F600}', '\ud800'],
  ...['[redacted:0123456789ab]', `[token:${'0'.repeat(64)}]`, JWT, 'sh', ' -c '],
];
const jumble = fc
  .array(fc.oneof(fc.constantFrom(...FRAGMENTS), fc.string({ maxLength: 8 })), { maxLength: 40 })
  .map((parts) => parts.join(''));
const ordinaryJumble = fc.array(fc.constantFrom(...FRAGMENTS), { maxLength: 25 }).map((parts) => parts.join(''));

/** Each makes another part of the scanners look again and again. */
const HOSTILE = [
  ...['password', 'password=', 'password:\\n', 'password=(', '?password=', "?password='", ';password=;', 'password '],
  ...['token:', '?code=', '?token=a', 'x-api-key: ', 'Bearer ', 'authorization: x ', 'Authorization: Digest a="'],
  ...['cookie: a=', '"', "'", '\\', '\\"password\\":', '://', '://:x@', '://a:', 'eyJ.', 'eyJaa.', 'sk-', 'AKIA'],
  ...['-----BEGIN PRIVATE KEY-----', 'curl -u ', ' -u', ' -p', 'identified by "', 'name":"password","value":'],
  ...[
    'login x password ',
    'set (password) = (',
    'password in (',
    '$$ set password ',
    '$a$password$b$',
    'crypt(',
    '[token:',
  ],
];

describe('a mark', () => {
  it('is the HMAC-SHA-256 that node:crypto makes, cut to 12 digits', () => {
    const secrets = fc.stringMatching(/^[A-Za-z][0-9][A-Za-z0-9]{6,80}$/);
    const keys = fc.uint8Array({ minLength: 1, maxLength: 64 });
    fc.assert(
      fc.property(keys, secrets, (key, secret) => {
        const digest = createHmac('sha256', key).update(secret).digest('hex');
        assert.equal(new Redactor(key).text(`password=${secret}`), `password=[redacted:${digest.slice(0, 12)}]`);
      }),
    );
  });

  it('is equal for equal secrets, wherever they stand', () => {
    const mark = markOf('hunter2hunter2');
    assert.equal(redactor().text('password=hunter2hunter2'), `password=${mark}`);
    assert.deepEqual(redactor().argv(['x', '--secret', 'hunter2hunter2']), ['x', '--secret', mark]);
    const { statement } = redactor().exchange(
      'postgresql',
      exchangeOf({ statement: "ALTER USER a PASSWORD 'hunter2hunter2'" }),
    );
    assert.equal(statement, `ALTER USER a PASSWORD '${mark}'`);
  });

  it('is another one under another key', () => {
    const other = new Redactor(KEY.map((byte) => byte ^ 1));
    assert.notEqual(other.text('password=hunter2'), redactor().text('password=hunter2'));
  });

  it('of a JSON Web Token is its fingerprint, whatever the key', () => {
    assert.equal(new Redactor(new Uint8Array(32)).text(JWT), tokenMarkOf(JWT));
    assert.equal(redactor().text(`Authorization: Bearer ${JWT}`), `Authorization: Bearer ${tokenMarkOf(JWT)}`);
    const token = `${JWT.split('.').slice(0, 2).join('.')}.${'A'.repeat(22)}`;
    assert.equal(redactor().text(`${token.slice(0, -1)}B`), tokenMarkOf(token), 'one mark for all spellings');
  });

  it('is counted', () => {
    const counting = redactor();
    counting.text('password=hunter2&secret=a1b2c3');
    assert.equal(counting.count, 2);
  });

  it('needs a key that HMAC takes as it is', () => {
    assert.throws(() => new Redactor(new Uint8Array(65)), RangeError);
  });
});

describe('the redactor', () => {
  it('gives back the same object when there is nothing to redact', () => {
    const bytes = Buffer.from('{"a":1}');
    assert.equal(redactor().bytes(bytes), bytes);
    const attributes = { user: 'bob' };
    assert.equal(redactor().record(attributes), attributes);
  });

  it('does not change attributes that others hold', () => {
    const attributes = { note: 'password=hunter2', user: 'bob' };
    const clean = redactor().record(attributes);
    assert.deepEqual({ ...clean }, { note: `password=${markOf('hunter2')}`, user: 'bob' });
    assert.equal(attributes.note, 'password=hunter2');
  });

  it('leaves bytes that are no text as they are, but for the secret among them', () => {
    const bytes = Buffer.concat([
      Buffer.from([0, 0xff, 0xfe, 0x80]),
      Buffer.from('"password":"hunter2"'),
      Buffer.from([0xc3, 0]),
    ]);
    const clean = Buffer.from(redactor().bytes(bytes));
    assert.deepEqual(clean, Buffer.from(bytes.toString('latin1').replace('hunter2', markOf('hunter2')), 'latin1'));
  });

  it('looks at every text and payload of an exchange', () => {
    for (const protocol of ['http', 'postgresql', 'unknown']) {
      const text = 'password=hunter2';
      const payload = { bytes: Buffer.from(text), totalBytes: text.length };
      const clean = redactor().exchange(
        protocol,
        exchangeOf({
          target: text,
          resource: text,
          statement: protocol === 'postgresql' ? `SELECT '${text}'` : text,
          statementShape: protocol === 'postgresql' ? 'select ?' : text,
          parameters: `["${text}"]`,
          errorMessage: text,
          attributes: { note: text },
          request: payload,
          response: payload,
        }),
      );
      const { request, response, ...texts } = clean;
      const seen = `${JSON.stringify(texts)}${Buffer.from(request)}${Buffer.from(response)}`;
      assert.ok(!seen.includes('hunter2'), seen);
    }
  });

  it('throws at nothing, however it is put together', () => {
    fc.assert(
      fc.property(jumble, jumble, (one, other) => {
        const payload = { bytes: Buffer.from(other), totalBytes: 0 };
        redactor().text(one);
        redactor().argv([one, other, 'sh', '-c', other]);
        for (const protocol of ['http', 'postgresql']) {
          redactor().exchange(
            protocol,
            exchangeOf({ statement: one, parameters: other, response: payload, request: payload }),
          );
        }
      }),
    );
  });

  it('finds nothing in what it has redacted', () => {
    fc.assert(
      fc.property(ordinaryJumble, (text) => {
        const clean = redactor().text(text);
        assert.equal(redactor().text(clean), clean);
      }),
    );
  });

  // Where the work grew with the square of the size, this would not end within what a test file may take.
  it('ends with half a megabyte of anything', () => {
    const size = 512 * 1024;
    for (const unit of HOSTILE) {
      const text = unit.repeat(Math.ceil(size / unit.length)).slice(0, size);
      redactor().text(text);
      redactor().argv(['sh', '-c', text.slice(0, size / 2)]);
      redactor().exchange('postgresql', exchangeOf({ statement: text, parameters: text }));
    }
  });
});
