// SPDX-License-Identifier: Apache-2.0

/**
 * The form that a signed assertion must have before its signature is looked at. Signature wrapping works by a document in
 * which the signed element and the one that is read are two; so there is exactly one of each, each in its one place.
 *
 * Source   SAML 2.0 core, section 5.4 (profile of XML Signature); "On Breaking SAML" (USENIX Security 2012) for the attacks
 */

import type { InvalidReason, UnverifiableReason } from '../token/verify.ts';
import { ASSERTION_NAMESPACE } from './assertion.ts';
import { allIn, childrenOf, isElement, onlyChild, readXml, textOf, type XmlElement } from './xml.ts';

export interface SignedAssertion {
  readonly assertion: XmlElement;
  readonly signature: XmlElement;
  readonly id: string;
  /** As the document claims it. */
  readonly issuer: string;
  /** DER in base64, of the certificate that stands beside the signature: a hint which key it was, never the key. */
  readonly certificateHint: string;
}

export type AssertionForm =
  | { readonly kind: 'signed'; readonly signed: SignedAssertion }
  | { readonly kind: 'unverifiable'; readonly reason: UnverifiableReason; readonly issuer: string }
  | { readonly kind: 'invalid'; readonly reason: InvalidReason; readonly issuer: string };

const PROTOCOL_NAMESPACE = 'urn:oasis:names:tc:SAML:2.0:protocol';
const SAML1_NAMESPACE = 'urn:oasis:names:tc:SAML:1.0:assertion';
const DSIG = 'http://www.w3.org/2000/09/xmldsig#';
export const EXC_C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#';
export const ENVELOPED = `${DSIG}enveloped-signature`;
export const RSA_SHA256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';
export const SHA256 = 'http://www.w3.org/2001/04/xmlenc#sha256';

/** Names that a verifier takes for an element's identity. */
const ID_NAMES = new Set(['id', 'assertionid', 'responseid']);
/** An XML name without a colon, so nothing that means something in a query. */
const ID = /^[A-Za-z_][\w.-]{0,255}$/;

const invalid = (reason: InvalidReason, issuer = ''): AssertionForm => ({ kind: 'invalid', reason, issuer });
const unverifiable = (reason: UnverifiableReason, issuer = ''): AssertionForm => ({
  kind: 'unverifiable',
  reason,
  issuer,
});

export function formOf(xml: string): AssertionForm {
  const root = readXml(xml);
  if (root === undefined) return invalid('malformed');
  const elements = allIn(root);
  const named = (name: string): XmlElement[] => elements.filter(({ localName }) => localName === name);
  if (elements.some(({ namespaceURI }) => namespaceURI === SAML1_NAMESPACE)) return unverifiable('saml_not_supported');
  const [assertion, ...otherAssertions] = named('Assertion');
  if (assertion === undefined) {
    return named('EncryptedAssertion').length > 0 ? unverifiable('encrypted') : unverifiable('saml_not_supported');
  }
  const issuer = textOf(onlyChild(assertion, ASSERTION_NAMESPACE, 'Issuer'));
  const isPlaced =
    assertion.namespaceURI === ASSERTION_NAMESPACE && (assertion === root || isResponseAround(assertion, root));
  if (!isPlaced || otherAssertions.length > 0 || named('EncryptedAssertion').length > 0 || !haveOwnIds(elements)) {
    return invalid('signature_wrapped', issuer);
  }
  const signatures = named('Signature');
  const [signature] = signatures;
  if (signature === undefined) return invalid('unsigned', issuer);
  const isOfResponse = (element: XmlElement): boolean => root !== assertion && element.parentNode === root;
  if (signatures.some(isOfResponse)) {
    // Entra can be told to sign the response instead, or as well: nothing is wrong with that, but it is not read here.
    const others = signatures.filter((element) => !isOfResponse(element));
    const isKnown = others.length <= 1 && others.every((element) => element.parentNode === assertion);
    return isKnown ? unverifiable('saml_not_supported', issuer) : invalid('signature_wrapped', issuer);
  }
  if (signatures.length > 1 || signature.parentNode !== assertion || signature.namespaceURI !== DSIG) {
    return invalid('signature_wrapped', issuer);
  }
  return signatureForm(assertion, signature, elements, issuer);
}

function isResponseAround(assertion: XmlElement, root: XmlElement): boolean {
  return assertion.parentNode === root && root.namespaceURI === PROTOCOL_NAMESPACE && root.localName === 'Response';
}

/** No identity stands twice, under whatever spelling of its name. */
function haveOwnIds(elements: readonly XmlElement[]): boolean {
  const seen = new Set<string>();
  for (const { attributes } of elements) {
    const ids = Array.from(attributes).filter(({ localName, nodeName }) =>
      ID_NAMES.has((localName || nodeName).toLowerCase()),
    );
    if (ids.length > 1 || ids.some(({ value }) => seen.has(value) || !ID.test(value))) return false;
    for (const { value } of ids) seen.add(value);
  }
  return true;
}

function signatureForm(
  assertion: XmlElement,
  signature: XmlElement,
  elements: readonly XmlElement[],
  issuer: string,
): AssertionForm {
  const signedInfo = onlyChild(signature, DSIG, 'SignedInfo');
  const reference = onlyChild(signedInfo, DSIG, 'Reference');
  const transforms = onlyChild(reference, DSIG, 'Transforms');
  const parts = ['SignedInfo', 'Reference', 'Transforms', 'SignatureValue', 'DigestValue', 'DigestMethod'];
  const isWhole =
    signedInfo !== undefined &&
    reference !== undefined &&
    transforms !== undefined &&
    // The library looks for these by name alone, wherever they are.
    [...parts, 'SignatureMethod', 'CanonicalizationMethod'].every(
      (name) => elements.filter(({ localName }) => localName === name).length === 1,
    ) &&
    Array.from(signature.childNodes)
      .filter(isElement)
      .every(({ localName }) => SIGNATURE_CHILDREN.has(localName));
  const id = assertion.getAttribute('ID');
  if (!isWhole || !ID.test(id) || reference.getAttribute('URI') !== `#${id}`) {
    return invalid('signature_wrapped', issuer);
  }
  const algorithmOf = (parent: XmlElement, name: string): string =>
    onlyChild(parent, DSIG, name)?.getAttribute('Algorithm') ?? '';
  const method = algorithmOf(signedInfo, 'SignatureMethod');
  // Keyed with a certificate that everybody can read.
  if (method.includes('hmac')) return invalid('algorithm_not_allowed', issuer);
  const steps = childrenOf(transforms, DSIG, 'Transform');
  const isOurs =
    method === RSA_SHA256 &&
    algorithmOf(signedInfo, 'CanonicalizationMethod') === EXC_C14N &&
    algorithmOf(reference, 'DigestMethod') === SHA256 &&
    steps.length === 2 &&
    steps.map((step) => step.getAttribute('Algorithm')).join() === [ENVELOPED, EXC_C14N].join() &&
    // What stands in a transform changes what is signed.
    allIn(transforms).length === 3;
  if (!isOurs) return unverifiable('algorithm_not_supported', issuer);
  const data = onlyChild(onlyChild(signature, DSIG, 'KeyInfo'), DSIG, 'X509Data');
  const certificateHint = textOf(onlyChild(data, DSIG, 'X509Certificate')).replace(/\s/g, '');
  return { kind: 'signed', signed: { assertion, signature, id, issuer, certificateHint } };
}

const SIGNATURE_CHILDREN: ReadonlySet<string> = new Set(['SignedInfo', 'SignatureValue', 'KeyInfo']);
