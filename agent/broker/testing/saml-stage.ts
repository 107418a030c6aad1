// SPDX-License-Identifier: Apache-2.0

/** For tests: a tenant that signs assertions, one's own forms of them included, and a verifier that has its metadata. */

import { createHmac } from 'node:crypto';
import { SignedXml } from 'xml-crypto';
import { createClientCertificate, type KeyAndCertificate } from '../../../test/entra-stand-in/certificates.ts';
import { createSamlIssuer, type SamlGrant, type SamlIssuer } from '../../../test/entra-stand-in/saml.ts';
import { silentLog } from '../log.ts';
import { ENVELOPED, EXC_C14N, RSA_SHA256, SHA256 } from '../saml/signed-assertion.ts';
import { createTenantCertificates } from '../saml/tenant-certificates.ts';
import { createAssertionVerifier, type VerifiedAssertion } from '../saml/verify-assertion.ts';
import { createIssuerReader, PUBLIC_CLOUD_ISSUERS } from '../token/issuer.ts';
import { createHandClock, type HandClock } from './hand-clock.ts';

export const TENANT = '10000000-0000-4000-8000-0000000000aa';
export const OTHER_TENANT = '10000000-0000-4000-8000-0000000000bb';
export const USER = {
  objectId: '30000000-0000-4000-8000-0000000000cc',
  upn: 'person@contoso.example',
  name: 'A Person',
};
export const AUDIENCE = 'https://service.example/saml';
const DSIG = 'http://www.w3.org/2000/09/xmldsig#';

export interface SamlStage {
  readonly clock: HandClock;
  readonly issuer: SamlIssuer;
  /** Requests for metadata so far, by tenant. */
  readonly fetched: string[];
  /** A published key of this stage's own, beside the issuer's. */
  readonly own: KeyAndCertificate;
  /** What the metadata requests answer from now on; undefined: all is well. */
  failure: (() => never) | undefined;
  assertion(changes?: Partial<SamlGrant>): string;
  verify(xml: string): Promise<VerifiedAssertion>;
  /** "verified", or state and reason. */
  answer(xml: string): Promise<string>;
}

/** Keys take a second or so to make, and few tests change them. */
let shared: Promise<[SamlIssuer, KeyAndCertificate]> | undefined;
const create = () => Promise.all([createSamlIssuer(), createClientCertificate('own')]);

/** `ownKeys`: for a test that rolls them. */
export async function openSamlStage({ ownKeys = false } = {}): Promise<SamlStage> {
  const clock = createHandClock();
  shared ??= create();
  const [issuer, own] = await (ownKeys ? create() : shared);
  const fetched: string[] = [];
  const certificates = createTenantCertificates({
    authority: 'https://login.example',
    tenants: [TENANT.toUpperCase()],
    clock,
    log: silentLog,
    timeoutMs: 1,
    issuerOf: (tenant) => PUBLIC_CLOUD_ISSUERS.v1.replace('{tenant}', tenant),
    async fetch({ url }) {
      fetched.push(url.pathname.split('/')[1] ?? '');
      stage.failure?.();
      const ownKey =
        `<KeyDescriptor use="signing"><KeyInfo xmlns="${DSIG}"><X509Data><X509Certificate>` +
        `${base64Of(own.certificatePem)}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>`;
      const body = issuer
        .metadata('https://login.example', TENANT)
        .replace('<SingleSignOnService', `${ownKey}<SingleSignOnService`);
      return { status: 200, header: () => undefined, body };
    },
  });
  const readIssuer = createIssuerReader(PUBLIC_CLOUD_ISSUERS);
  const verifier = createAssertionVerifier({ certificates, readIssuer, clock });
  const stage: SamlStage = {
    clock,
    issuer,
    fetched,
    own,
    failure: undefined,
    assertion: (changes = {}) =>
      issuer.assertionFor({
        tenant: { tenantId: TENANT, applications: [], resources: [] },
        user: USER,
        audience: AUDIENCE,
        nowMs: clock.wallMs(),
        ...changes,
      }),
    verify: (xml) => verifier.verify(xml),
    async answer(xml) {
      const { verification } = await verifier.verify(xml);
      return verification.state === 'verified' ? 'verified' : `${verification.state}: ${verification.reason}`;
    },
  };
  return stage;
}

export const base64Of = (pem: string): string => pem.replace(/-----[^-]+-----|\s/g, '');

export interface Signing {
  readonly key: KeyAndCertificate;
  readonly signatureAlgorithm?: string;
  readonly digestAlgorithm?: string;
  readonly transforms?: readonly string[];
  /** Element that the reference points to. */
  readonly element?: string;
}

/** Sign the assertion (or another element) in `xml`, whatever else is in it. */
export function sign(xml: string, { key, element = 'Assertion', ...how }: Signing): string {
  const signer = new SignedXml({
    privateKey: key.keyPem,
    publicCert: key.certificatePem,
    canonicalizationAlgorithm: EXC_C14N,
    signatureAlgorithm: (how.signatureAlgorithm ?? RSA_SHA256) as never,
  });
  const xpath = `//*[local-name(.)='${element}']`;
  signer.addReference({
    xpath,
    transforms: [...(how.transforms ?? [ENVELOPED, EXC_C14N])] as never,
    digestAlgorithm: (how.digestAlgorithm ?? SHA256) as never,
  });
  const reference = `${xpath}/*[local-name(.)='Issuer']`;
  signer.computeSignature(xml, { location: { reference, action: 'after' } });
  return signer.getSignedXml();
}

/** The classic confusion: HMAC, keyed with what everybody can read. */
export function withHmac(xml: string, certificatePem: string): string {
  const mac = createHmac('sha1', certificatePem).update('x').digest('base64');
  return xml.replace(RSA_SHA256, `${DSIG}hmac-sha1`).replace(/<SignatureValue>[^<]*/, `<SignatureValue>${mac}`);
}
