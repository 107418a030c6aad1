// SPDX-License-Identifier: Apache-2.0

/** What a SAML 2.0 assertion says, under the names that the same things have in a token: so that a record has one word each. */

import type { JsonObject } from '../token/compact-token.ts';
import { allIn, childrenOf, onlyChild, textOf, type XmlElement } from './xml.ts';

export const ASSERTION_NAMESPACE = 'urn:oasis:names:tc:SAML:2.0:assertion';

const CLAIMS = 'http://schemas.microsoft.com/identity/claims';
const VALUE_CHARACTERS_MAX = 512;
const AUDIENCES_MAX = 16;
const ATTRIBUTE_NAMES_MAX = 64;
const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Seconds since 1970, of a time in UTC as SAML has it; undefined for anything else. */
export function secondsOf(time: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/.test(time)) return undefined;
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000);
}

/**
 * Keeps   iss, aud (as a list), tid, oid, jti (the assertion's ID), iat, nbf, exp, session_index, name_id_format
 * Adds    `sworn_omitted`: names of the attributes that are left out; of a user's name, mail address and groups the object
 *         id in `oid` says enough. The NameID is kept (as `sub`) only when it is an object id
 */
export function claimsOfAssertion(assertion: XmlElement): JsonObject {
  const child = (parent: XmlElement | undefined, name: string) => onlyChild(parent, ASSERTION_NAMESPACE, name);
  const conditions = child(assertion, 'Conditions');
  const nameId = child(child(assertion, 'Subject'), 'NameID');
  const statements = childrenOf(assertion, ASSERTION_NAMESPACE, 'AuthnStatement');
  const attributes = attributesOf(assertion);
  const subject = textOf(nameId);
  const omitted = [
    ...(subject === '' || GUID.test(subject) ? [] : ['name_id']),
    ...[...attributes.keys()].filter((name) => !KEPT_ATTRIBUTES.has(name)),
  ];
  return Object.fromEntries(
    Object.entries({
      iss: short(textOf(child(assertion, 'Issuer'))),
      aud: audiencesOf(conditions),
      tid: GUID.test(attributes.get(`${CLAIMS}/tenantid`) ?? '') ? attributes.get(`${CLAIMS}/tenantid`) : '',
      oid: short(attributes.get(`${CLAIMS}/objectidentifier`) ?? ''),
      sub: GUID.test(subject) ? subject : '',
      jti: short(assertion.getAttribute('ID')),
      ver: short(assertion.getAttribute('Version')),
      iat: secondsOf(assertion.getAttribute('IssueInstant')),
      nbf: secondsOf(conditions?.getAttribute('NotBefore') ?? ''),
      exp: secondsOf(conditions?.getAttribute('NotOnOrAfter') ?? ''),
      session_index: short(statements[0]?.getAttribute('SessionIndex') ?? ''),
      name_id_format: short(nameId?.getAttribute('Format') ?? ''),
      sworn_omitted: omitted.slice(0, ATTRIBUTE_NAMES_MAX).map(short),
    }).filter(([, value]) => value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0)),
  );
}

const KEPT_ATTRIBUTES: ReadonlySet<string> = new Set([`${CLAIMS}/tenantid`, `${CLAIMS}/objectidentifier`]);

const short = (text: string): string => text.slice(0, VALUE_CHARACTERS_MAX);

function audiencesOf(conditions: XmlElement | undefined): string[] {
  return (conditions === undefined ? [] : allIn(conditions))
    .filter(({ namespaceURI, localName }) => namespaceURI === ASSERTION_NAMESPACE && localName === 'Audience')
    .slice(0, AUDIENCES_MAX)
    .map((audience) => short(textOf(audience)));
}

/** The first value of each. */
function attributesOf(assertion: XmlElement): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const statement of childrenOf(assertion, ASSERTION_NAMESPACE, 'AttributeStatement')) {
    for (const attribute of childrenOf(statement, ASSERTION_NAMESPACE, 'Attribute')) {
      const name = attribute.getAttribute('Name');
      const [value] = childrenOf(attribute, ASSERTION_NAMESPACE, 'AttributeValue');
      if (!found.has(name)) found.set(name, textOf(value));
    }
  }
  return found;
}
