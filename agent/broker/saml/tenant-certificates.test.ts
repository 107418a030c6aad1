// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createSamlIssuer } from '../../../test/entra-stand-in/saml.ts';
import { TENANT } from '../testing/saml-stage.ts';
import { certificatesIn } from './tenant-certificates.ts';

const ISSUER = `https://sts.windows.net/${TENANT}/`;

test('the metadata of a tenant gives its signing certificates, of each one once', async () => {
  const issuer = await createSamlIssuer();
  const read = () => certificatesIn(issuer.metadata('https://login.example', TENANT), ISSUER);
  assert.equal(read().length, 1);
  await issuer.roll();
  assert.equal(read().length, 2);
  const metadata = issuer.metadata('https://login.example', TENANT);
  const twice = metadata.replace(/<KeyDescriptor.*<\/KeyDescriptor>/s, '$&$&');
  assert.equal(certificatesIn(twice, ISSUER).length, 2);
  assert.match(read()[0]?.pem ?? '', /^-----BEGIN CERTIFICATE-----\n/);
});

test('what is no metadata of this issuer gives none', async () => {
  const metadata = (await createSamlIssuer()).metadata('https://login.example', TENANT);
  for (const [what, text] of [
    ['of another issuer', metadata.replace(ISSUER, 'https://sts.windows.net/other/')],
    ['only for encryption', metadata.replace('use="signing"', 'use="encryption"')],
    ['of a service provider', metadata.replaceAll('IDPSSODescriptor', 'SPSSODescriptor')],
    ['with a broken certificate', metadata.replace(/<X509Certificate>.{40}/, '<X509Certificate>')],
    ['with a DOCTYPE', metadata.replace('<EntityDescriptor', '<!DOCTYPE a><EntityDescriptor')],
    ['in another namespace', metadata.replace('SAML:2.0:metadata', 'SAML:1.0:metadata')],
    ['empty', ''],
  ] as const) {
    assert.throws(() => certificatesIn(text, ISSUER), Error, what);
  }
});

test('whatever a document is, it throws or gives certificates', async () => {
  const metadata = (await createSamlIssuer()).metadata('https://login.example', TENANT);
  fc.assert(
    fc.property(fc.nat(metadata.length), fc.nat(20), fc.string({ unit: 'binary' }), (at, removed, inserted) => {
      try {
        const text = metadata.slice(0, at) + inserted + metadata.slice(at + removed);
        assert.ok(certificatesIn(text, ISSUER).length > 0);
      } catch (error) {
        assert.ok(error instanceof Error && error.name !== 'AssertionError');
      }
    }),
  );
});
