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

/** The query with each secret value replaced; the rest stays as it was sent. */
export function redactQuery(query: string, secrets: FoundSecret[]): string {
  if (query === '') return query;
  let changed = false;
  const pairs = query.split('&').map((pair) => {
    const equals = pair.indexOf('=');
    const value = pair.slice(equals + 1);
    if (equals < 0 || value === '' || !isSecretParameter(pair.slice(0, equals), value)) return pair;
    changed = true;
    secrets.push({ kind: 'http-query', secret: value });
    return `${pair.slice(0, equals + 1)}${REDACTED}`;
  });
  return redactTokens(changed ? pairs.join('&') : query, secrets);
}

/** "Client%5FSecret", "client-secret" and "clientSecret" are one name. */
function plainName(rawName: string): string {
  let name = rawName;
  if (name.includes('%')) {
    try {
      name = decodeURIComponent(name);
    } catch {
      // Not UTF-8: the name is compared as it was sent.
    }
  }
  return name.toLowerCase().replaceAll(/[-_ +]/g, '');
}
