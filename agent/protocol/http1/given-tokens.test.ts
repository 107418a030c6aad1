// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { TOKEN_RESPONSE, tokensGiven } from '../http/given-tokens.ts';
import { redactContent } from '../http/secret-content.ts';
import { sends } from '../testing/script.ts';
import { asks, check, everythingSaid, replies } from './testing.ts';

const ACCESS = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.planted-access-signature';
const ID = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiIyIn0.planted-id-signature';
const REFRESH = 'planted/refresh+token';

const ENTRA = {
  token_type: 'Bearer',
  expires_in: 3599,
  ext_expires_in: 3599,
  access_token: ACCESS,
  refresh_token: REFRESH,
  id_token: ID,
};

/** Kinds and secrets, as they are found in a document. */
function found(document: unknown, inReply = true): string[] {
  const text = typeof document === 'string' ? document : JSON.stringify(document);
  const { bytes, secrets } = redactContent(Buffer.from(text), 'application/json', inReply);
  for (const { secret } of secrets) assert.ok(!bytes.includes(secret), 'it is still there');
  return secrets.map(({ kind, secret }) => `${kind} ${secret}`);
}

describe('the answer of a token endpoint', () => {
  test('gives what stands at its top', () => {
    assert.deepEqual(found(ENTRA), [
      `${TOKEN_RESPONSE} ${ACCESS}`,
      `${TOKEN_RESPONSE} ${REFRESH}`,
      `${TOKEN_RESPONSE} ${ID}`,
    ]);
  });

  test('is that of a managed-identity endpoint as well, also with slashes escaped', () => {
    const text = `\r\n {"expires_on":"1795366936","resource":"https:\\/\\/vault.example","access_token":"a\\/b"}`;
    assert.deepEqual(found(text), [`${TOKEN_RESPONSE} a/b`]);
  });

  test('is not one whose kind is no text, and which nothing can be made a text of', () => {
    assert.equal(tokensGiven(Buffer.from('{"kind":{"toString":1},"id_token":0}')), undefined);
  });

  test('is Kubernetes’ with a token in its status', () => {
    const credential = { kind: 'ExecCredential', status: { token: 'opaque-token', clientKeyData: 'key' } };
    assert.deepEqual(found(credential), [`${TOKEN_RESPONSE} opaque-token`, 'http-json key']);
    assert.deepEqual(found({ kind: 'TokenRequest', status: { token: ACCESS } }), [`${TOKEN_RESPONSE} ${ACCESS}`]);
    assert.deepEqual(found(credential, false), ['http-json opaque-token', 'http-json key'], 'a request gives nothing');
  });

  for (const [what, document, inReply] of [
    ['a request with tokens in it', ENTRA, false],
    ['tokens deeper in a document', { data: { access_token: ACCESS } }, true],
    ['a list', [{ access_token: ACCESS }], true],
    ['JSON in JSON', { output: JSON.stringify({ access_token: ACCESS }) }, true],
    ['what is cut', `{"access_token":"${ACCESS}`, true],
    ['a document that is too large', { access_token: ACCESS, more: 'x'.repeat(70_000) }, true],
  ] as const) {
    test(`is not ${what}, and nothing stays in it all the same`, () => {
      const kinds = found(document, inReply);
      assert.ok(kinds.length > 0);
      assert.ok(
        kinds.every((text) => !text.startsWith(TOKEN_RESPONSE)),
        kinds.join(),
      );
    });
  }

  test('is what a TokenRequest in protobuf answers', () => {
    const text = `k8s\0\x0a\x26\x0a\x18authentication.k8s.io/v1\x12\x0cTokenRequest\x12\x40\x1a\x3e\x0a\x3c${ACCESS}`;
    const kinds = (inReply: boolean) => redactContent(Buffer.from(text), '', inReply).secrets.map(({ kind }) => kind);
    assert.deepEqual([kinds(true), kinds(false)], [[TOKEN_RESPONSE], ['http-jwt']]);
  });

  test('is nothing without tokens', () => {
    for (const text of ['', '{}', 'null', '{"access_token":7}', '{"access_token":""}', '{"kind":"ExecCredential"}']) {
      assert.equal(tokensGiven(Buffer.from(text))?.tokens.size ?? 0, 0, text);
    }
  });

  test('takes anything without throwing', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void tokensGiven(Buffer.from(bytes))));
    fc.assert(
      fc.property(fc.json(), fc.stringMatching(/^[A-Z]{8,20}$/), (value, token) => {
        const text = `{"access_token":"${token}","more":${value},"kind":"ExecCredential"}`;
        assert.ok(!redactContent(Buffer.from(text), '', true).bytes.includes(`"access_token":"${token}`));
      }),
    );
    tokensGiven(Buffer.from(`{"access_token":${'['.repeat(60_000)}`));
  });
});

describe('tokens in the reply of an exchange', () => {
  const body = JSON.stringify(ENTRA);
  const planted = [ACCESS, ID, REFRESH, 'planted-access-signature', 'planted-id-signature'];
  for (const [coding, bytes] of [
    ['identity', Buffer.from(body)],
    ['gzip', gzipSync(body)],
    ['br', brotliCompressSync(body)],
  ] as const) {
    test(`are handed over as obtained, and are nowhere in the record: ${coding}`, () => {
      const run = check([
        asks('POST /tenant/oauth2/v2.0/token HTTP/1.1\nHost: login.example\nContent-Length: 0', ''),
        replies(
          `HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Encoding: ${coding}\nContent-Length: ${bytes.length}`,
          '',
        ),
        sends('server', bytes),
      ]);
      const obtained = run.credentials.filter(({ kind }) => kind === TOKEN_RESPONSE).map(({ secret }) => secret);
      assert.deepEqual(obtained, [ACCESS, REFRESH, ID]);
      const said = everythingSaid(run);
      for (const secret of planted) assert.ok(!said.includes(secret), secret);
    });
  }

  test('the token of a WebSocket upgrade, and those of further tenants, are handed over as bearers', () => {
    const run = check([
      asks(
        `GET /socket HTTP/1.1\nHost: h\nUpgrade: websocket\nConnection: Upgrade\nAuthorization: Bearer ${ACCESS}\n` +
          `x-ms-authorization-auxiliary: Bearer ${ID}`,
        '',
      ),
      replies('HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade', ''),
    ]);
    assert.deepEqual(
      run.credentials.map(({ kind, secret }) => [kind, secret]),
      [
        ['http-bearer', ACCESS],
        ['http-bearer', ID],
      ],
    );
  });
});
