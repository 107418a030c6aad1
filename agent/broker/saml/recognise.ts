// SPDX-License-Identifier: Apache-2.0

/**
 * SAML assertions among the credentials that cross the wire: the base64 of XML, as it stands in SAMLResponse, in the
 * assertion= of a saml2-bearer grant, and (base64url) as the access_token of on-behalf-of with a SAML token type.
 *
 * Not recognised: what is deflated (SAMLRequest of the redirect binding; assertions are not sent so by Entra), and XML that
 * stands as it is in SOAP or in WS-Federation's wresult.
 */

import { createHash } from 'node:crypto';
import { XML_CHARACTERS_MAX } from './xml.ts';

export interface RecognisedSaml {
  /** The whole document: a Response, or an Assertion. */
  readonly xml: string;
  /**
   * SHA-256 of the assertion's own bytes as they stand in the document, hexadecimal, whatever was around them and however
   * they were encoded; of the whole document where no assertion can be told in it.
   */
  readonly fingerprint: string;
}

const BASE64_CHARACTERS_MAX = Math.ceil((XML_CHARACTERS_MAX * 4) / 3) + 4;
/** '<' is 0x3c: in base64 a P, and one of the first sixteen letters. */
const BEGINS_AS_XML = /^\s{0,16}P[A-P]/;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;
const SAML_NAMESPACE = 'urn:oasis:names:tc:SAML:';

/** undefined for everything else. Never throws. */
export function recogniseSaml(text: string): RecognisedSaml | undefined {
  if (text.length > BASE64_CHARACTERS_MAX || !BEGINS_AS_XML.test(text)) return undefined;
  // In a form that was not encoded for it, '+' came as a space.
  const base64 = text
    .trim()
    .replace(/[\r\n\t]+/g, '')
    .replaceAll(' ', '+');
  if (!BASE64.test(base64)) return undefined;
  const xml = utf8In(Buffer.from(base64.replaceAll('-', '+').replaceAll('_', '/'), 'base64'));
  if (xml === undefined || !xml.includes(SAML_NAMESPACE)) return undefined;
  return { xml, fingerprint: createHash('sha256').update(assertionIn(xml)).digest('hex') };
}

function utf8In(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** From the first tag of that name to the last; what is verified later has exactly one. */
function assertionIn(xml: string): string {
  const start = /<((?:[^\s<>/:"'=]{1,64}:)?Assertion)[\s>]/.exec(xml);
  if (start === null) return xml;
  const close = xml.lastIndexOf(`</${start[1]}`);
  const end = close < 0 ? -1 : xml.indexOf('>', close);
  return end < start.index ? xml : xml.slice(start.index, end + 1);
}
