// SPDX-License-Identifier: Apache-2.0

/**
 * Is this assertion genuine? The same three answers as for a token (token/verify.ts), and the same rule: observing is not
 * accepting, so neither audience nor recipient nor replay is judged; they are kept, or are somebody else's to judge.
 *
 * Values are read only from the bytes that the signature covers. Of an assertion that is not verified no more is kept than
 * who is said to have issued it.
 */

import { SignedXml } from 'xml-crypto';
import type { Clock } from '../clock.ts';
import type { JsonObject } from '../token/compact-token.ts';
import { textClaim, timeClaim } from '../token/compact-token.ts';
import type { IssuerRead } from '../token/issuer.ts';
import { type InvalidReason, outOfTime, type UnverifiableReason, type Verification } from '../token/verify.ts';
import { ASSERTION_NAMESPACE, claimsOfAssertion } from './assertion.ts';
import { ENVELOPED, EXC_C14N, formOf, RSA_SHA256, SHA256, type SignedAssertion } from './signed-assertion.ts';
import type { PinnedCertificate, TenantCertificates } from './tenant-certificates.ts';
import { readXml } from './xml.ts';

export interface VerifiedAssertion {
  readonly verification: Verification;
  /** What may be recorded. */
  readonly claims: JsonObject;
}

export interface AssertionVerifier {
  /** `xml` is a Response or an Assertion. Never throws, never rejects. */
  verify(xml: string): Promise<VerifiedAssertion>;
}

export interface AssertionVerifierOptions {
  readonly certificates: TenantCertificates;
  readonly readIssuer: (issuer: string) => IssuerRead | undefined;
  readonly clock: Clock;
}

const ISSUER_CHARACTERS_MAX = 512;

export function createAssertionVerifier(options: AssertionVerifierOptions): AssertionVerifier {
  const { certificates, readIssuer, clock } = options;

  /** Before it is verified: who is said to have issued it. */
  function claimed(issuer: string): JsonObject {
    if (issuer === '' || issuer.length > ISSUER_CHARACTERS_MAX) return {};
    const tenant = readIssuer(issuer)?.tenant;
    return { iss: issuer, ...(tenant !== undefined && { tid: tenant }) };
  }

  const invalid = (reason: InvalidReason, issuer: string): VerifiedAssertion => ({
    verification: { state: 'invalid', reason },
    claims: claimed(issuer),
  });
  const unverifiable = (reason: UnverifiableReason, issuer: string): VerifiedAssertion => ({
    verification: { state: 'unverifiable', reason },
    claims: claimed(issuer),
  });

  function judged(signedXml: string, { id, issuer }: SignedAssertion, tenant: string): VerifiedAssertion {
    const root = readXml(signedXml);
    const isIt =
      root?.namespaceURI === ASSERTION_NAMESPACE && root.localName === 'Assertion' && root.getAttribute('ID') === id;
    if (!isIt) return invalid('signature_wrapped', issuer);
    const read = claimsOfAssertion(root);
    const inside = textClaim(read, 'tid').toLowerCase();
    if (textClaim(read, 'iss') !== issuer || (inside !== '' && inside !== tenant)) {
      return invalid('wrong_issuer', issuer);
    }
    const claims = { ...read, tid: tenant };
    if (timeClaim(read, 'exp') === undefined)
      return { verification: { state: 'invalid', reason: 'claims_missing' }, claims };
    const when = outOfTime(read, clock.wallMs());
    const verification: Verification = when === undefined ? { state: 'verified' } : { state: 'invalid', reason: when };
    return { verification, claims };
  }

  async function verify(xml: string): Promise<VerifiedAssertion> {
    const form = formOf(xml);
    if (form.kind === 'invalid') return invalid(form.reason, form.issuer);
    if (form.kind === 'unverifiable') return unverifiable(form.reason, form.issuer);
    const { signed } = form;
    const { issuer } = signed;
    const from = readIssuer(issuer);
    // Entra writes the v1 form into assertions, whatever the application's tokens have.
    if (from?.version !== '1.0') return unverifiable('unknown_issuer', issuer);
    const pinned = certificates.of(from.tenant);
    if (pinned === undefined) return unverifiable('foreign_tenant', issuer);

    const isHinted = ({ base64 }: PinnedCertificate): boolean => base64 === signed.certificateHint;
    let known = await pinned(false);
    const hintIsNew = signed.certificateHint !== '' && known !== undefined && !known.some(isHinted);
    if (hintIsNew) known = await pinned(true);
    if (known === undefined) return unverifiable('keys_unavailable', issuer);
    const hinted = known.filter(isHinted);
    for (const certificate of hinted.length > 0 ? hinted : known) {
      const signedXml = signedPart(xml, signed, certificate);
      if (signedXml !== undefined) return judged(signedXml, signed, from.tenant);
    }
    const isOther = signed.certificateHint !== '' && hinted.length === 0;
    return isOther ? unverifiable('key_not_published', issuer) : invalid('bad_signature', issuer);
  }

  return {
    async verify(xml) {
      try {
        return await verify(xml);
      } catch {
        // Too deep for the library's recursion, or nothing that it understands.
        return invalid('malformed', '');
      }
    },
  };
}

/** The canonical bytes that the signature covers; undefined when the certificate did not sign them. */
function signedPart(xml: string, { signature }: SignedAssertion, certificate: PinnedCertificate): string | undefined {
  const verifier = new SignedXml({
    publicCert: certificate.pem,
    // What stands in the document is never the key.
    getCertFromKeyInfo: () => null,
  });
  verifier.SignatureAlgorithms = only(verifier.SignatureAlgorithms, [RSA_SHA256]);
  verifier.HashAlgorithms = only(verifier.HashAlgorithms, [SHA256]);
  verifier.CanonicalizationAlgorithms = only(verifier.CanonicalizationAlgorithms, [EXC_C14N, ENVELOPED]);
  try {
    verifier.loadSignature(signature as never);
    if (!verifier.checkSignature(xml)) return undefined;
  } catch {
    return undefined;
  }
  const [signed, ...others] = verifier.getSignedReferences();
  return others.length === 0 ? signed : undefined;
}

function only<T>(all: Record<string, T>, names: readonly string[]): Record<string, T> {
  return Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));
}
