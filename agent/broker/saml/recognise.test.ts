// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { openSamlStage } from '../testing/saml-stage.ts';
import { recogniseSaml } from './recognise.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

test('an assertion has one fingerprint: that of its bytes, wherever it stands and however it is encoded', async () => {
  const xml = (await openSamlStage()).assertion();
  const response = `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol">${xml}</samlp:Response>`;
  for (const document of [xml, response]) {
    const bytes = Buffer.from(document);
    const base64 = bytes.toString('base64');
    const wrapped = base64.replace(/.{76}/g, '$&\r\n');
    for (const text of [base64, bytes.toString('base64url'), wrapped, ` ${base64}\n`, base64.replaceAll('+', ' ')]) {
      assert.deepEqual(recogniseSaml(text), { xml: document, fingerprint: sha256(xml) });
    }
  }
});

test('is nothing else', () => {
  const encoded = (text: string | Buffer): string => Buffer.from(text).toString('base64');
  for (const text of [
    '',
    'PHN',
    'eyJhbGciOiJub25lIn0.e30.x',
    'Password1',
    encoded('<a/>'),
    encoded('<html>no SAML</html>'),
  ]) {
    assert.equal(recogniseSaml(text), undefined, text);
  }
  assert.equal(recogniseSaml(encoded(Buffer.from([0x3c, 0x61, 0xff, 0xfe]))), undefined, 'no UTF-8');
  assert.equal(
    recogniseSaml(encoded(`<a xmlns="urn:oasis:names:tc:SAML:2.0:assertion">${'x'.repeat(600_000)}`)),
    undefined,
  );
});

test('takes anything without throwing, broken assertions included', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void recogniseSaml(text)));
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (before, after) => {
      const xml = `<${before}:Assertion urn:oasis:names:tc:SAML:2.0:assertion ${after}</${before}:Assertion`;
      assert.match(recogniseSaml(Buffer.from(xml).toString('base64'))?.fingerprint ?? '', /^([0-9a-f]{64})?$/);
    }),
  );
});
