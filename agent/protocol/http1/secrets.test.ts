// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { redactContent } from '../http/secret-content.ts';
import { redactField } from '../http/secret-fields.ts';
import { redactQuery } from '../http/secret-parameters.ts';
import { findTokens } from '../http/secret-tokens.ts';
import type { FoundSecret } from '../http/secrets.ts';
import { sends } from '../testing/script.ts';
import { SECRETS, SIGNATURES } from './capture/secrets.ts';
import { asks, check, everythingSaid, headers, only, replies, text } from './testing.ts';

function field(name: string, value: string): [string, ...string[]] {
  const secrets: FoundSecret[] = [];
  const shown = redactField(name, value, secrets);
  return [shown, ...secrets.map(({ kind, secret }) => `${kind}=${secret}`)];
}

for (const [name, value, shown, ...found] of [
  ['authorization', 'Bearer abc', 'Bearer [redacted]', 'http-bearer=abc'],
  ['authorization', 'basic dTpw', 'basic [redacted]', 'http-basic=dTpw'],
  ['authorization', 'Digest username="u", response="r"', 'Digest [redacted]', 'http-digest=username="u", response="r"'],
  ['authorization', 'raw-token', '[redacted]', 'http-authorization=raw-token'],
  ['authorization', 'Unheard of', '[redacted]', 'http-authorization=Unheard of'],
  ['proxy-authorization', 'Basic dTpw', 'Basic [redacted]', 'http-proxy-basic=dTpw'],
  ['x-ms-authorization', 'Bearer abc', 'Bearer [redacted]', 'http-bearer=abc'],
  [
    'x-ms-authorization-auxiliary',
    'Bearer one, EncryptedBearer two ,Bearer three',
    'Bearer [redacted], EncryptedBearer [redacted] ,Bearer [redacted]',
    'http-bearer=one',
    'http-encryptedbearer=two',
    'http-bearer=three',
  ],
  [
    'x-ms-authorization-auxiliary',
    'Bearer one;Bearer two; $& raw',
    'Bearer [redacted];Bearer [redacted]; [redacted]',
    'http-bearer=one',
    'http-bearer=two',
    'http-authorization=$& raw',
  ],
  ['x-ms-token-aad-access-token', 't', '[redacted]', 'http-secret-header=t'],
  ['cookie', 'a=b; c=d', '[redacted]', 'http-cookie=a=b; c=d'],
  ['set-cookie', 'a=b; Path=/', '[redacted]', 'http-cookie=a=b'],
  ['x-api-key', 'k', '[redacted]', 'http-api-key=k'],
  ['openai-api-key', 'k', '[redacted]', 'http-secret-header=k'],
  ['x-auth-token', 't', '[redacted]', 'http-secret-header=t'],
  ['x-vault-token', 't', '[redacted]', 'http-secret-header=t'],
  ['x-amz-security-token', 't', '[redacted]', 'http-secret-header=t'],
  ['x-identity-header', 'i', '[redacted]', 'http-identity-header=i'],
  ['secret', 's', '[redacted]', 'http-secret-header=s'],
  ['www-authenticate', 'Bearer realm="x"', 'Bearer realm="x"'],
  ['www-authenticate', 'Negotiate abc=', 'Negotiate [redacted]', 'http-negotiate=abc='],
  [
    'location',
    'https://u:p@h/cb?code=c0de&state=s',
    'https://[redacted]@h/cb?code=[redacted]&state=s',
    'http-userinfo=u:p',
    'http-query=c0de',
  ],
  ['location', '/cb#access_token=t&x=1', '/cb#access_token=[redacted]&x=1', 'http-query=t'],
  [
    'sec-websocket-protocol',
    'base64url.bearer.authorization.k8s.io.dG9r, v4',
    'base64url.bearer.authorization.k8s.io.[redacted], v4',
    'http-bearer=dG9r',
  ],
  ['x-ratelimit-remaining-tokens', '17', '17'],
  ['sec-websocket-key', 'bm9uY2U=', 'bm9uY2U='],
  ['x-idempotency-key', '17', '17'],
  ['etag', '"a=b?c"', '"a=b?c"'],
] as const) {
  test(`field ${name}: ${value}`, () => {
    assert.deepEqual(field(name, value), [shown, ...found]);
  });
}

for (const [query, shown, ...found] of [
  ['a=1&access_token=t&b=2', 'a=1&access_token=[redacted]&b=2', 't'],
  ['Client%5FSecret=s', 'Client%5FSecret=[redacted]', 's'],
  ['clientSecret=a%2Bb', 'clientSecret=[redacted]', 'a+b'],
  ['sv=2024&sig=a%3D', 'sv=2024&sig=[redacted]', 'a='],
  ['X-Amz-Signature=ab&X-Amz-Date=d', 'X-Amz-Signature=[redacted]&X-Amz-Date=d', 'ab'],
  ['code=c', 'code=[redacted]', 'c'],
  ['a=1;token=t', 'a=1;token=[redacted]', 't'],
  ['password=a;b', 'password=[redacted]', 'a;b'],
  ['a#access_token=t', 'a#access_token=[redacted]', 't'],
  ['key=name', 'key=name'],
  ['key=AIzaSyMadeUp0123456789abcdef', 'key=[redacted]', 'AIzaSyMadeUp0123456789abcdef'],
  ['token=', 'token='],
  ['token', 'token'],
  ['%zz=1&token=%zz', '%zz=1&token=[redacted]', '%zz'],
] as const) {
  test(`query ${query}`, () => {
    const secrets: FoundSecret[] = [];
    assert.equal(redactQuery(query, secrets), shown);
    assert.deepEqual(
      secrets.map(({ secret }) => secret),
      found,
    );
  });
}

function content(body: string, contentType = 'application/json'): [string, ...string[]] {
  const { bytes, secrets } = redactContent(Buffer.from(body), contentType);
  return [text(bytes), ...secrets.map(({ secret }) => secret)];
}

const FORM = 'application/x-www-form-urlencoded';
const JWT = `eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.${SIGNATURES.bearer}`;
for (const [title, contentType, body, shown, ...found] of [
  ['a form', FORM, 'a=1&client_secret=s%20t&b=2', 'a=1&client_secret=[redacted]&b=2', 's t'],
  ['a form without a type', '', 'grant_type=x&assertion=abc', 'grant_type=x&assertion=[redacted]', 'abc'],
  ['a form that is cut', FORM, 'refresh_token=abc', 'refresh_token=[redacted]', 'abc'],
  ['JSON', '', '{"access_token":"a\\/b", "x":1}', '{"access_token":"[redacted]", "x":1}', 'a/b'],
  ['JSON sent as a form', FORM, '{"password" : "p&q=r"}', '{"password" : "[redacted]"}', 'p&q=r'],
  [
    'JSON with other names',
    '',
    '{"refreshToken":"r","clientSecret":"c","id_token":"i"}',
    '{"refreshToken":"[redacted]","clientSecret":"[redacted]","id_token":"[redacted]"}',
    'r',
    'c',
    'i',
  ],
  ['a value with quotes', '', '{"password":"a\\"b\\\\","x":"y"}', '{"password":"[redacted]","x":"y"}', 'a"b\\'],
  ['a value that is cut', '', '{"password":"abc', '{"password":"[redacted]', 'abc'],
  [
    'JSON in JSON',
    '',
    '{"out":"{\\"access_token\\":\\"t\\",\\"n\\":1}"}',
    '{"out":"{\\"access_token\\":\\"[redacted]\\",\\"n\\":1}"}',
    't',
  ],
  ['values that are no text', '', '{"password":null,"access_token":7}', '{"password":null,"access_token":7}'],
  [
    'the tokens of a language model',
    '',
    '{"token":"hello","top":[{"token":"world"}]}',
    '{"token":"hello","top":[{"token":"world"}]}',
  ],
  [
    'a token anywhere',
    'text/plain',
    `see ${JWT}, it says`,
    `see ${JWT.replace(SIGNATURES.bearer, '[redacted]')}, it says`,
    JWT,
  ],
  ['a token in a secret value', '', `{"access_token":"${JWT}"}`, '{"access_token":"[redacted]"}', JWT],
  ['what only looks like a token', '', 'eyJ.eyJ eyJabc.eyX.sig eyJabc', 'eyJ.eyJ eyJabc.eyX.sig eyJabc'],
] as const) {
  test(`content: ${title}`, () => {
    assert.deepEqual(content(body, contentType), [shown, ...found]);
  });
}

test('a secret at the end of a large body is found', () => {
  const body = `${'{"a":"b"},'.repeat(200_000)}{"access_token":"made-up"}`;
  assert.ok(!content(body)[0].includes('made-up'));
});

test('looking for tokens takes each byte once or twice, whatever they are', () => {
  const startedAt = process.hrtime.bigint();
  for (const unit of [
    'eyJ',
    'eyJ.',
    'eyJ.eyJ',
    'eyJ.eyJ.',
    '"password":"',
    '"password\\":\\"',
    '"password\\\\\\":\\\\\\"',
    'a=&',
    'code',
  ]) {
    redactContent(Buffer.from(unit.repeat(Math.ceil(4_000_000 / unit.length))), FORM);
  }
  const ms = Number(process.hrtime.bigint() - startedAt) / 1e6;
  assert.ok(ms < 20_000, `${ms} ms for 36 MB; the square would be hours`);
});

test('a token has three parts', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[A-Za-z0-9_.-]{0,40}$/), (around) => {
      const bytes = Buffer.from(`${around} ${JWT} ${around}`);
      const spans = findTokens(bytes);
      assert.ok(
        spans.some(({ signatureFrom, end }) => bytes.toString('latin1', signatureFrom, end) === SIGNATURES.bearer),
      );
    }),
  );
});

test('credentials in every place of one exchange are taken out', () => {
  const body = JSON.stringify({ refresh_token: SECRETS.refreshToken, note: `see ${SECRETS.issuedJwt}` });
  const run = check([
    asks(
      `POST http://agent:${SECRETS.password}@h/a/${SECRETS.bearerJwt}?sig=${SECRETS.querySignature} HTTP/1.1\n` +
        `Host: agent:${SECRETS.password}@h\nX-Api-Key: ${SECRETS.apiKey}\nX-Api-Key: ${SECRETS.apiKey}\n` +
        `Referer: http://h/?access_token=${SECRETS.refreshToken}\nUser-Agent: bot (http://h/?api_key=${SECRETS.apiKey}) ${SECRETS.bearerJwt}\n` +
        `Authorization:\n Bearer ${SECRETS.bearerJwt}\nTransfer-Encoding: chunked`,
      `1\r\nx\r\n0\r\nX-Auth-Token: ${SECRETS.clientSecret}\r\n\r\n`,
    ),
    sends('server', `HTTP/1.1 103 Early Hints\r\nSet-Cookie: ${SECRETS.setCookie}\r\n\r\n`),
    replies(
      `HTTP/1.1 400 no ${SECRETS.issuedJwt}\nContent-Encoding: gzip\nContent-Length: ${gzipSync(body).length}`,
      '',
    ),
    sends('server', gzipSync(body)),
  ]);
  const said = everythingSaid(run);
  for (const secret of [...Object.values(SECRETS), ...Object.values(SIGNATURES)])
    assert.ok(!said.includes(secret), secret);
  const seen = new Set(run.credentials.map(({ secret }) => secret));
  for (const name of [
    'password',
    'bearerJwt',
    'querySignature',
    'apiKey',
    'refreshToken',
    'clientSecret',
    'issuedJwt',
    'setCookie',
  ] as const) {
    assert.ok(
      [...seen].some((secret) => secret.includes(SECRETS[name])),
      name,
    );
  }
  assert.deepEqual(headers(only(run), 'request')['x-api-key'], ['[redacted]', '[redacted]']);
});
