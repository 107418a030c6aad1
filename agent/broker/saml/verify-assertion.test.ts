// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import {
  AUDIENCE,
  base64Of,
  OTHER_TENANT,
  openSamlStage,
  type SamlStage,
  sign,
  TENANT,
  USER,
  withHmac,
} from '../testing/saml-stage.ts';

const MINUTE = 60_000;
const PROTOCOL = 'urn:oasis:names:tc:SAML:2.0:protocol';
const SAML = 'urn:oasis:names:tc:SAML:2.0:assertion';

let stage: SamlStage;
beforeEach(async () => {
  stage = await openSamlStage();
});

const inResponse = (content: string, attributes = ''): string =>
  `<?xml version="1.0"?><samlp:Response xmlns:samlp="${PROTOCOL}" ID="_response" Version="2.0"${attributes}>` +
  `<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>${content}</samlp:Response>`;

/** As Entra's, but not signed, and for signing oneself. */
const bare = (issuer = `https://sts.windows.net/${TENANT}/`, more = ''): string =>
  `<saml:Assertion xmlns:saml="${SAML}" ID="_bare" IssueInstant="2026-01-01T00:00:00.000Z" Version="2.0">` +
  `<saml:Issuer>${issuer}</saml:Issuer><saml:Subject><saml:NameID>${USER.upn}</saml:NameID></saml:Subject>` +
  `<saml:Conditions NotBefore="${new Date(stage.clock.wallMs()).toISOString()}" NotOnOrAfter="${new Date(stage.clock.wallMs() + MINUTE).toISOString()}"/>` +
  `${more}</saml:Assertion>`;

const idOf = (xml: string): string => /ID="([^"]+)"/.exec(xml)?.[1] ?? '';
/** What an attacker would have read: another person. */
const evil = (xml: string): string => xml.replaceAll(USER.objectId, '66666666-6666-4666-8666-666666666666');
const withoutSignature = (xml: string): string => xml.replace(/<Signature .*<\/Signature>/s, '');
const signatureIn = (xml: string): string => /<Signature .*<\/Signature>/s.exec(xml)?.[0] ?? '';

describe('an assertion is verified', () => {
  test('alone and in a response, and its claims have the names of a token', async () => {
    const xml = stage.assertion();
    for (const document of [xml, inResponse(xml), `\ufeff${xml}`]) {
      const { verification, claims } = await stage.verify(document);
      assert.deepEqual(verification, { state: 'verified' });
      const { sworn_omitted, ...kept } = claims;
      const nowS = Math.floor(stage.clock.wallMs() / 1000);
      assert.deepEqual(kept, {
        iss: `https://sts.windows.net/${TENANT}/`,
        aud: [AUDIENCE],
        tid: TENANT,
        oid: USER.objectId,
        jti: idOf(xml),
        ver: '2.0',
        iat: nowS,
        nbf: nowS - 300,
        exp: nowS + 3600,
        name_id_format: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
      });
      assert.ok((sworn_omitted as string[]).includes('name_id'));
      assert.ok(!JSON.stringify(claims).includes(USER.upn), 'who it is says the object id');
    }
    assert.deepEqual(stage.fetched, [TENANT], 'the metadata is fetched once');
  });

  test('in other prefixes, and with a NameID that is an object id', async () => {
    const signed = sign(bare().replace(USER.upn, USER.objectId), { key: stage.own });
    const { verification, claims } = await stage.verify(signed);
    assert.deepEqual([verification.state, claims['sub']], ['verified', USER.objectId]);
  });

  test('up to the edge of the skew that is allowed, not beyond', async () => {
    const xml = stage.assertion({ lifetimeSeconds: 600 });
    stage.clock.advance(600_000 + 299_000);
    assert.equal(await stage.answer(xml), 'verified');
    stage.clock.advance(2000);
    assert.equal(await stage.answer(xml), 'invalid: expired');
    const early = stage.assertion({ nowMs: stage.clock.wallMs() + 601_000 });
    assert.equal(await stage.answer(early), 'invalid: not_yet_valid');
    assert.equal(await stage.answer(stage.assertion({ nowMs: stage.clock.wallMs() + 599_000 })), 'verified');
  });

  test('after a rollover, with one request in five minutes whatever is sent', async () => {
    stage = await openSamlStage({ ownKeys: true });
    assert.equal(await stage.answer(stage.assertion()), 'verified');
    await stage.issuer.roll();
    const xml = stage.assertion();
    assert.equal(await stage.answer(xml), 'unverifiable: key_not_published');
    stage.clock.advance(5 * MINUTE);
    const storm = Array.from({ length: 50 }, () => stage.assertion({ signing: 'unpublished-key' }));
    const answers = await Promise.all(storm.map((each) => stage.answer(each)));
    assert.deepEqual(new Set(answers), new Set(['unverifiable: key_not_published']));
    assert.equal(await stage.answer(xml), 'verified');
    assert.equal(stage.fetched.length, 2);
  });
});

describe('signature wrapping is told as such', () => {
  const cases: [string, (xml: string) => string][] = [
    [
      'another assertion before the signed one',
      (xml) => inResponse(evil(withoutSignature(xml)).replace(idOf(xml), '_evil') + xml),
    ],
    [
      'another assertion behind the signed one',
      (xml) => inResponse(xml + evil(withoutSignature(xml)).replace(idOf(xml), '_evil')),
    ],
    [
      'the signed assertion within another',
      (xml) => evil(withoutSignature(xml)).replace(idOf(xml), '_evil').replace('<Subject>', `${xml}<Subject>`),
    ],
    [
      'the signed assertion in an extension of the response',
      (xml) =>
        inResponse(
          `<samlp:Extensions>${xml}</samlp:Extensions>${evil(withoutSignature(xml)).replace(idOf(xml), '_evil')}`,
        ),
    ],
    [
      'the signed assertion in an Object of the signature',
      (xml) => {
        const signature = signatureIn(xml).replace(
          '</Signature>',
          `<Object>${withoutSignature(xml)}</Object></Signature>`,
        );
        return evil(withoutSignature(xml)).replace(idOf(xml), '_evil').replace('</Issuer>', `</Issuer>${signature}`);
      },
    ],
    [
      'the signature moved away from the assertion',
      (xml) => withoutSignature(xml).replace('<Subject>', `<Subject>${signatureIn(xml)}`),
    ],
    ['the assertion in something that is no response', (xml) => `<wrapper>${xml}</wrapper>`],
    ['an identity that stands twice', (xml) => xml.replace('<Subject>', `<Subject Id="${idOf(xml)}">`)],
    ['a second identity of the assertion', (xml) => xml.replace(' Version=', ` AssertionID="_x" Version=`)],
    ['two signatures', (xml) => xml.replace('<Subject>', `${signatureIn(xml)}<Subject>`)],
    ['a reference to the whole document', (xml) => xml.replace(/URI="[^"]*"/, 'URI=""')],
    ['a reference to something else', (xml) => xml.replace(/URI="[^"]*"/, 'URI="#_other"')],
    ['a reference that is a query', (xml) => xml.replace(/URI="[^"]*"/, `URI="#xpointer(id('x'))"`)],
    ['two references', (xml) => xml.replace(/<Reference .*<\/Reference>/s, '$&$&')],
    ['two digests', (xml) => xml.replace(/<DigestValue>.*<\/DigestValue>/, '$&$&')],
    ['an element of the signature’s elsewhere', (xml) => xml.replace('<Subject>', '<Subject><SignatureMethod/>')],
  ];
  for (const [what, wrap] of cases) {
    test(what, async () => {
      const wrapped = wrap(stage.assertion());
      const { verification, claims } = await stage.verify(wrapped);
      assert.deepEqual(verification, { state: 'invalid', reason: 'signature_wrapped' });
      assert.equal(claims['oid'], undefined, 'it names nobody');
    });
  }
});

describe('an assertion is invalid', () => {
  const cases: [string, (xml: string) => string, string][] = [
    ['with another value than was signed', evil, 'bad_signature'],
    ['with an attribute more', (xml) => xml.replace('<Subject>', '<Subject x="y">'), 'bad_signature'],
    ['with an element more', (xml) => xml.replace('<Subject>', '<Subject><x/>'), 'bad_signature'],
    ['that is not signed', withoutSignature, 'unsigned'],
    ['with a key that everybody has', (xml) => withHmac(xml, stage.own.certificatePem), 'algorithm_not_allowed'],
    ['with a comment in a name', (xml) => xml.replace('person@', 'per<!---->son@'), 'malformed'],
    ['with CDATA', (xml) => xml.replace(USER.upn, `<![CDATA[${USER.upn}]]>`), 'malformed'],
    ['with a DOCTYPE', (xml) => `<!DOCTYPE a [<!ENTITY b "c">]>${xml}`, 'malformed'],
    ['with an entity of its own', (xml) => xml.replace(USER.upn, '&b;'), 'malformed'],
    ['with a processing instruction', (xml) => xml.replace('<Subject>', '<?x y?><Subject>'), 'malformed'],
    ['that is cut', (xml) => xml.slice(0, -20), 'malformed'],
    ['that is none', () => '<a/>', 'saml_not_supported'],
    ['of a great many tags', () => `<Assertion xmlns="${SAML}">${'<a/>'.repeat(5000)}</Assertion>`, 'malformed'],
    [
      'of a great many attributes',
      () => `<Assertion xmlns="${SAML}" ${Array.from({ length: 500 }, (_, i) => `a${i}=""`).join(' ')}/>`,
      'malformed',
    ],
    [
      'that is very deep',
      () => `<Assertion xmlns="${SAML}">${'<a>'.repeat(1900)}${'</a>'.repeat(1900)}</Assertion>`,
      'unsigned',
    ],
    ['that is very large', (xml) => xml.replace('<Subject>', `<Subject>${'x'.repeat(300_000)}`), 'malformed'],
  ];
  for (const [what, alter, reason] of cases) {
    test(what, async () => assert.match(await stage.answer(alter(stage.assertion())), new RegExp(`: ${reason}$`)));
  }

  test('signed by a stranger who shows a published certificate', async () => {
    const published = base64Of(stage.own.certificatePem);
    const xml = stage
      .assertion({ signing: 'unpublished-key' })
      .replace(/<X509Certificate>[^<]*/, `<X509Certificate>${published}`);
    assert.equal(await stage.answer(xml), 'invalid: bad_signature');
    assert.equal(await stage.answer(xml.replace(/<KeyInfo>.*<\/KeyInfo>/s, '')), 'invalid: bad_signature');
  });

  test('with another tenant within than that of its issuer, or without an end', async () => {
    const attribute =
      '<saml:AttributeStatement><saml:Attribute Name="http://schemas.microsoft.com/identity/claims/tenantid">' +
      `<saml:AttributeValue>${OTHER_TENANT}</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>`;
    assert.equal(await stage.answer(sign(bare(undefined, attribute), { key: stage.own })), 'invalid: wrong_issuer');
    const endless = bare().replace(/ NotOnOrAfter="[^"]*"/, '');
    assert.equal(await stage.answer(sign(endless, { key: stage.own })), 'invalid: claims_missing');
  });
});

describe('an assertion is unverifiable', () => {
  test('of a tenant that is not ours, of another issuer, of another cloud: and nothing is fetched', async () => {
    const other = stage.assertion({ tenant: { tenantId: OTHER_TENANT, applications: [], resources: [] } });
    assert.equal(await stage.answer(other), 'unverifiable: foreign_tenant');
    for (const issuer of [
      'https://idp.example/',
      `https://sts.chinacloudapi.cn/${TENANT}/`,
      `https://sts.windows.net/${TENANT}`,
    ]) {
      assert.equal(await stage.answer(sign(bare(issuer), { key: stage.own })), 'unverifiable: unknown_issuer');
    }
    assert.deepEqual(stage.fetched, []);
  });

  test('when its key is not published, whatever certificate it brings', async () => {
    const { verification, claims } = await stage.verify(stage.assertion({ signing: 'unpublished-key' }));
    assert.deepEqual(verification, { state: 'unverifiable', reason: 'key_not_published' });
    assert.deepEqual(
      claims,
      { iss: `https://sts.windows.net/${TENANT}/`, tid: TENANT },
      'what is not proven is not kept',
    );
  });

  test('while there is no metadata, and after that it is looked into', async () => {
    stage.failure = () => {
      throw new Error('no network');
    };
    const xml = stage.assertion();
    assert.equal(await stage.answer(xml), 'unverifiable: keys_unavailable');
    await stage.answer(xml);
    assert.equal(stage.fetched.length, 1, 'not again at once');
    stage.failure = undefined;
    stage.clock.advance(10_001);
    assert.equal(await stage.answer(xml), 'verified');
  });

  test('with algorithms that are not ours', async () => {
    const sha1 = { signatureAlgorithm: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1' };
    assert.equal(
      await stage.answer(sign(bare(), { key: stage.own, ...sha1 })),
      'unverifiable: algorithm_not_supported',
    );
    const digest = { digestAlgorithm: 'http://www.w3.org/2000/09/xmldsig#sha1' };
    assert.equal(
      await stage.answer(sign(bare(), { key: stage.own, ...digest })),
      'unverifiable: algorithm_not_supported',
    );
    const exclusive = 'http://www.w3.org/2001/10/xml-exc-c14n#';
    const transforms = [exclusive];
    assert.equal(
      await stage.answer(sign(bare(), { key: stage.own, transforms })),
      'unverifiable: algorithm_not_supported',
    );
    const xslt = stage
      .assertion()
      .replace('<Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature">', '$&<x/>');
    assert.equal(await stage.answer(xslt), 'unverifiable: algorithm_not_supported');
  });

  test('when the response is signed, when it is encrypted, and of version 1', async () => {
    const response = inResponse(
      `<saml:Issuer xmlns:saml="${SAML}">x</saml:Issuer>${withoutSignature(stage.assertion())}`,
    );
    const ofResponse = sign(response, { key: stage.own, element: 'Response' });
    assert.equal(await stage.answer(ofResponse), 'unverifiable: saml_not_supported');
    const encrypted = inResponse(`<EncryptedAssertion xmlns="${SAML}"/>`);
    assert.equal(await stage.answer(encrypted), 'unverifiable: encrypted');
    const first = stage.assertion().replace(SAML, 'urn:oasis:names:tc:SAML:1.0:assertion');
    assert.equal(await stage.answer(first), 'unverifiable: saml_not_supported');
  });
});

test('whatever is changed in an assertion, it never says anything else and is verified', async () => {
  const xml = stage.assertion();
  const { claims } = await stage.verify(xml);
  const mutation = fc.tuple(
    fc.nat(xml.length),
    fc.nat(40),
    fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('<', '&', '"', '</Issuer>', ' ID="_x"', '<a/>', '\r')),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 3 }), async (mutations) => {
      let text = xml;
      for (const [at, removed, inserted] of mutations) text = text.slice(0, at) + inserted + text.slice(at + removed);
      const answer = await stage.verify(text);
      if (answer.verification.state === 'verified') assert.deepEqual(answer.claims, claims);
    }),
    { numRuns: 1000 },
  );
});
