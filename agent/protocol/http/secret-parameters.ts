// SPDX-License-Identifier: Apache-2.0

import { redactTokens } from './secret-tokens.ts';
/** Credentials in queries and in forms, which share their syntax: name=value&name=value. */
import { type FoundSecret, REDACTED } from './secrets.ts';

/** Lower case, '-' and '_' left out. OAuth 2.0 and its extensions, SAS and presigned URLs, and the habits of APIs. */
const SECRET_NAMES = new Set([
  'accesskey',
  'accesstoken',
  'actortoken',
  'apikey',
  'apitoken',
  'assertion',
  'auth',
  'authkey',
  'authtoken',
  'authorization',
  'bearertoken',
  'clientassertion',
  'clientsecret',
  'code',
  'codeverifier',
  'credential',
  'credentials',
  'devicecode',
  'idtoken',
  'idtokenhint',
  'jwt',
  'logintoken',
  'pass',
  'passwd',
  'password',
  'privatekey',
  'privatetoken',
  'pwd',
  'refreshtoken',
  'requestedtoken',
  'samlart',
  'samlassertion',
  'samlresponse',
  'secret',
  'secretkey',
  'securitytoken',
  'sessionid',
  'sessiontoken',
  'sig',
  'signature',
  'subjecttoken',
  'subscriptionkey',
  'token',
  'usercode',
  'userassertion',
  'userfederatedidentitycredential',
  'wresult',
  'xamzsecuritytoken',
  'xamzsignature',
  'xapikey',
  'xgoogsignature',
]);

/** Names under which both credentials and harmless words stand; only a value that looks random is taken for one. */
const DOUBTFUL_NAMES = new Set(['key', 'ticket', 'session', 'sid', 'hash', 'hmac']);
const LOOKS_RANDOM = /^(?=.*\d)(?=.*[a-zA-Z])[\w~.+/=%-]{20,}$/;

export function isSecretParameter(rawName: string, value: string): boolean {
  const name = plainName(rawName);
  return SECRET_NAMES.has(name) || (DOUBTFUL_NAMES.has(name) && LOOKS_RANDOM.test(value));
}

/**
 * The query with each secret value replaced; the rest stays as it was sent. A fragment, which does not belong there, and
 * pairs behind ';' are looked at as well.
 */
export function redactQuery(query: string, secrets: FoundSecret[]): string {
  if (!query.includes('=')) return redactTokens(query, secrets);
  const redacted = query.replace(/[^&#]+/g, (pair) => {
    const whole = redactPair(pair, secrets);
    return whole ?? pair.replace(/[^;]+/g, (part) => redactPair(part, secrets) ?? part);
  });
  return redactTokens(redacted, secrets);
}

function redactPair(pair: string, secrets: FoundSecret[]): string | undefined {
  const equals = pair.indexOf('=');
  const value = pair.slice(equals + 1);
  if (equals < 0 || value === '' || !isSecretParameter(pair.slice(0, equals), value)) return undefined;
  secrets.push({ kind: 'http-query', secret: parameterValue(value) });
  return `${pair.slice(0, equals + 1)}${REDACTED}`;
}

/** A value as the program meant it, so that it has one fingerprint wherever it is seen; as sent where it is not UTF-8. */
export function parameterValue(text: string): string {
  if (!text.includes('%') && !text.includes('+')) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

/** "Client%5FSecret", "client-secret" and "clientSecret" are one name. */
function plainName(rawName: string): string {
  return parameterValue(rawName).toLowerCase().replace(/[-_ ]/g, '');
}
