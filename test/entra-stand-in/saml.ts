// SPDX-License-Identifier: Apache-2.0

/**
 * SAML 2.0 assertions in Entra's shape, and the federation metadata that publishes their key.
 *
 * The text is written in canonical form from the start (exclusive c14n: no empty-element tags, attributes in order,
 * namespaces where they are first used), so that what is signed is what stands there, without an XML library.
 */

import { createHash, createPrivateKey, createSign, randomUUID } from 'node:crypto';
import { createClientCertificate, type KeyAndCertificate } from './certificates.ts';
import type { StandInTenant, StandInUser } from './directory.ts';

export interface SamlGrant {
  readonly tenant: StandInTenant;
  readonly user: StandInUser;
  /** Entity id of the service. */
  readonly audience: string;
  readonly nowMs: number;
  readonly recipient?: string;
  readonly lifetimeSeconds?: number;
  /** `unpublished-key`: signed by a certificate that is not in the metadata. `none`: not signed. */
  readonly signing?: 'current' | 'unpublished-key' | 'none';
}

export interface SamlIssuer {
  assertionFor(grant: SamlGrant): string;
  /** `GET /{tenant}/federationmetadata/2007-06/federationmetadata.xml` */
  metadata(authority: string, tenantId: string): string;
  /** A new certificate signs; the old one stays in the metadata unless `forgetOld`. */
  roll(options?: { forgetOld?: boolean }): Promise<void>;
}

const LIFETIME_S = 3600;
const DSIG = 'http://www.w3.org/2000/09/xmldsig#';
const EXC_C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const SAML = 'urn:oasis:names:tc:SAML:2.0:assertion';
const CLAIMS = 'http://schemas.microsoft.com/identity/claims';
const SOAP_CLAIMS = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims';

const NAMED: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#xD;',
};
/** Canonical XML leaves `>` in attributes and quotes in text as they are; so the two are written apart. */
const inText = (value: string): string => value.replace(/[&<>\r]/g, (sign) => NAMED[sign] ?? sign);
const inAttribute = (value: string): string => value.replace(/[&<"\r]/g, (sign) => NAMED[sign] ?? sign);
const time = (ms: number): string => new Date(ms).toISOString();

const certificateText = ({ certificatePem }: KeyAndCertificate): string =>
  certificatePem.replace(/-----[^-]+-----|\s/g, '');

function unsigned(grant: SamlGrant, id: string): { before: string; after: string } {
  const { tenant, user, audience, nowMs } = grant;
  const until = time(nowMs + (grant.lifetimeSeconds ?? LIFETIME_S) * 1000);
  const recipient = inAttribute(grant.recipient ?? audience);
  const attributes: readonly (readonly [string, string])[] = [
    [`${CLAIMS}/tenantid`, tenant.tenantId],
    [`${CLAIMS}/objectidentifier`, user.objectId],
    [`${CLAIMS}/identityprovider`, `https://sts.windows.net/${tenant.tenantId}/`],
    [`${CLAIMS}/displayname`, user.name],
    [`${SOAP_CLAIMS}/name`, user.upn],
  ];
  const attribute = ([name, value]: readonly [string, string]): string =>
    `<Attribute Name="${inAttribute(name)}"><AttributeValue>${inText(value)}</AttributeValue></Attribute>`;
  return {
    before:
      `<Assertion xmlns="${SAML}" ID="${id}" IssueInstant="${time(nowMs)}" Version="2.0">` +
      `<Issuer>https://sts.windows.net/${tenant.tenantId}/</Issuer>`,
    after:
      '<Subject>' +
      `<NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">${inText(user.upn)}</NameID>` +
      '<SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">' +
      `<SubjectConfirmationData NotOnOrAfter="${until}" Recipient="${recipient}"></SubjectConfirmationData>` +
      '</SubjectConfirmation></Subject>' +
      `<Conditions NotBefore="${time(nowMs - 300_000)}" NotOnOrAfter="${until}">` +
      `<AudienceRestriction><Audience>${inText(audience)}</Audience></AudienceRestriction></Conditions>` +
      `<AttributeStatement>${attributes.map(attribute).join('')}</AttributeStatement>` +
      `<AuthnStatement AuthnInstant="${time(nowMs)}"><AuthnContext>` +
      '<AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</AuthnContextClassRef>' +
      '</AuthnContext></AuthnStatement></Assertion>',
  };
}

function signatureOf(content: string, id: string, key: KeyAndCertificate): string {
  const digest = createHash('sha256').update(content).digest('base64');
  const signedInfo =
    `<CanonicalizationMethod Algorithm="${EXC_C14N}"></CanonicalizationMethod>` +
    '<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></SignatureMethod>' +
    `<Reference URI="#${id}"><Transforms>` +
    `<Transform Algorithm="${DSIG}enveloped-signature"></Transform>` +
    `<Transform Algorithm="${EXC_C14N}"></Transform></Transforms>` +
    '<DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></DigestMethod>' +
    `<DigestValue>${digest}</DigestValue></Reference></SignedInfo>`;
  const signed = `<SignedInfo xmlns="${DSIG}">${signedInfo}`;
  const value = createSign('RSA-SHA256').update(signed).sign(createPrivateKey(key.keyPem), 'base64');
  return (
    `<Signature xmlns="${DSIG}"><SignedInfo>${signedInfo}<SignatureValue>${value}</SignatureValue>` +
    `<KeyInfo><X509Data><X509Certificate>${certificateText(key)}</X509Certificate></X509Data></KeyInfo></Signature>`
  );
}

export async function createSamlIssuer(): Promise<SamlIssuer> {
  const create = (): Promise<KeyAndCertificate> => createClientCertificate('Sworn stand-in for Entra: SAML signing');
  let [published, unpublished] = [[await create()], await create()];
  return {
    assertionFor(grant) {
      const id = `_${randomUUID()}`;
      const { before, after } = unsigned(grant, id);
      if (grant.signing === 'none') return before + after;
      const current = published[published.length - 1] as KeyAndCertificate;
      const key = grant.signing === 'unpublished-key' ? unpublished : current;
      return before + signatureOf(before + after, id, key) + after;
    },
    metadata(authority, tenantId) {
      const issuer = `https://sts.windows.net/${tenantId}/`;
      const keys = published.map(
        (key) =>
          `<KeyDescriptor use="signing"><KeyInfo xmlns="${DSIG}"><X509Data>` +
          `<X509Certificate>${certificateText(key)}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>`,
      );
      return (
        '<?xml version="1.0" encoding="utf-8"?>' +
        `<EntityDescriptor ID="_${randomUUID()}" entityID="${issuer}" xmlns="urn:oasis:names:tc:SAML:2.0:metadata">` +
        '<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">' +
        keys.join('') +
        '<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" ' +
        `Location="${authority}/${tenantId}/saml2"></SingleSignOnService></IDPSSODescriptor></EntityDescriptor>`
      );
    },
    async roll(options = {}) {
      const next = await create();
      published = options.forgetOld ? [next] : [...published, next];
    },
  };
}
