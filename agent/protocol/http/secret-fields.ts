// SPDX-License-Identifier: Apache-2.0

/** Credentials in header fields and trailers: fields as they are shown, and what was taken out of them. */
import type { Field } from './fields.ts';
import { redactQuery } from './secret-parameters.ts';
import { redactTokens } from './secret-tokens.ts';
import { type FoundSecret, REDACTED } from './secrets.ts';

/** Fields shown of one section. The bytes of a section are bounded, but thousands of short lines would fit. */
const FIELDS_SHOWN_MAX = 512;

/** The whole value is a credential. The kind that it is handed over with. */
const SECRET_FIELDS: Readonly<Record<string, string>> = {
  'api-key': 'http-api-key',
  apikey: 'http-api-key',
  cookie: 'http-cookie',
  'ocp-apim-subscription-key': 'http-api-key',
  'private-token': 'http-api-key',
  secret: 'http-secret-header',
  'set-cookie': 'http-cookie',
  'set-cookie2': 'http-cookie',
  'x-api-key': 'http-api-key',
  'x-functions-key': 'http-api-key',
  'x-goog-api-key': 'http-api-key',
  'x-identity-header': 'http-identity-header',
};

/** Names that say what they hold, whoever chose them. Plurals and counts ("-tokens-remaining") are not meant. */
const SECRET_NAME =
  /(?:^|[-_])(?:token|secret|password|passwd|passphrase|authorization|credentials?|(?:api|access|auth|account|master|private|secret|shared|encryption|signing|session|user|license|admin|app|client|service|subscription|function|functions|host)[-_]?key|apikey|session-?id|jwt|otp|bearer|signature|cookie)$/;
/** Such a name, and yet no credential. */
const PUBLIC_NAMES = new Set(['continuation-token', 'x-ms-continuation-token', 'x-next-token', 'x-page-token']);

/** Schemes that are known stay readable; of an unknown one it is not known where the credential begins. */
const SCHEMES = new Set([
  'apikey',
  'aws4-ecdsa-p256-sha256',
  'aws4-hmac-sha256',
  'basic',
  'bearer',
  'bot',
  'digest',
  'dpop',
  'encryptedbearer',
  'gnap',
  'hawk',
  'hoba',
  'hmac-sha256',
  'key',
  'mutual',
  'negotiate',
  'ntlm',
  'oauth',
  'pop',
  'privatetoken',
  'scram-sha-1',
  'scram-sha-256',
  'sharedaccesssignature',
  'sharedkey',
  'sharedkeylite',
  'signature',
  'splunk',
  'ssws',
  'token',
  'vapid',
]);

/** A section as JSON: names in lower case, arrays where a name is repeated; '' without fields. */
export interface ShownFields {
  readonly json: string;
  readonly notShown: number;
}

export function showFields(lines: readonly Field[], secrets: FoundSecret[]): ShownFields {
  if (lines.length === 0) return { json: '', notShown: 0 };
  const shown: Record<string, string | string[]> = Object.create(null);
  const notShown = Math.max(0, lines.length - FIELDS_SHOWN_MAX);
  for (let i = 0; i < lines.length; i++) {
    const { name, value } = lines[i]!;
    // Also a field that is not shown is handed over when it is a credential.
    const safe = redactField(name, value, secrets);
    if (i >= FIELDS_SHOWN_MAX) continue;
    const before = shown[name];
    if (before === undefined) shown[name] = safe;
    else if (typeof before === 'string') shown[name] = [before, safe];
    else before.push(safe);
  }
  return { json: JSON.stringify(shown), notShown };
}

export function redactField(name: string, value: string, secrets: FoundSecret[]): string {
  if (value === '') return value;
  if (name === 'authorization' || name === 'proxy-authorization') return redactCredentials(name, value, secrets);
  if (name === AUXILIARY) return redactAuxiliary(value, secrets);
  const kind = secretKind(name);
  if (kind !== undefined) {
    if (name.endsWith('authorization')) return redactCredentials('authorization', value, secrets);
    // Of a cookie that is set, the attributes behind it are not the credential.
    secrets.push({ kind, secret: name === 'set-cookie' ? value.split(';')[0]!.trim() : value });
    return REDACTED;
  }
  return redactWithin(name, value, secrets);
}

function secretKind(name: string): string | undefined {
  if (Object.hasOwn(SECRET_FIELDS, name)) return SECRET_FIELDS[name];
  return SECRET_NAME.test(name) && !PUBLIC_NAMES.has(name) ? 'http-secret-header' : undefined;
}

/**
 * Azure Resource Manager: tokens of further tenants beside the one in Authorization, each with its scheme. Its description
 * and most clients put commas between them, the Azure CLI semicolons.
 */
const AUXILIARY = 'x-ms-authorization-auxiliary';

function redactAuxiliary(value: string, secrets: FoundSecret[]): string {
  return value.replace(/[^,;]+/g, (member) => {
    const credentials = member.trim();
    return credentials === ''
      ? member
      : member.replace(/\S.*\S|\S/s, redactCredentials('authorization', credentials, secrets));
  });
}

/** "Bearer abc" becomes "Bearer [redacted]"; without a known scheme nothing stays. */
function redactCredentials(name: string, value: string, secrets: FoundSecret[]): string {
  const place = name === 'proxy-authorization' ? 'http-proxy-' : 'http-';
  const space = value.indexOf(' ');
  const scheme = space < 0 ? '' : value.slice(0, space);
  if (!SCHEMES.has(scheme.toLowerCase())) {
    if (SCHEMES.has(value.toLowerCase())) return value;
    secrets.push({ kind: `${place}authorization`, secret: value });
    return REDACTED;
  }
  const secret = value.slice(space + 1).trim();
  if (secret !== '') secrets.push({ kind: `${place}${scheme.toLowerCase()}`, secret });
  return `${scheme} ${REDACTED}`;
}

/** Fields that may carry a credential beside other things: a URL, a challenge's answer, a subprotocol. */
function redactWithin(name: string, value: string, secrets: FoundSecret[]): string {
  if ((name === 'www-authenticate' || name === 'proxy-authenticate') && /^(?:negotiate|ntlm) +\S/i.test(value)) {
    return redactCredentials(name.startsWith('proxy') ? 'proxy-authorization' : 'authorization', value, secrets);
  }
  let safe = value;
  if (name === 'host') {
    safe = safe.replace(/^([^@]+)@/, (_, secret: string) => {
      secrets.push({ kind: 'http-userinfo', secret });
      return `${REDACTED}@`;
    });
  }
  if (name === 'sec-websocket-protocol') {
    // Kubernetes takes a bearer token as a subprotocol, since browsers set no other field.
    safe = safe.replace(
      /(base64url\.bearer\.authorization\.k8s\.io\.)([\w-]+)/g,
      (_, prefix: string, secret: string) => {
        secrets.push({ kind: 'http-bearer', secret });
        return `${prefix}${REDACTED}`;
      },
    );
  }
  if (safe.includes('://') && safe.includes('@')) {
    safe = safe.replace(/(:\/\/)([^/?#\s@]+)@/g, (_, slashes: string, secret: string) => {
      secrets.push({ kind: 'http-userinfo', secret });
      return `${slashes}${REDACTED}@`;
    });
  }
  if (safe.includes('=')) {
    // The query, and the fragment in which OAuth's implicit flow returns tokens.
    const from = safe.search(/[?#]/);
    if (from >= 0) {
      safe = safe.replace(
        /([?#])([^?#\s"'<>,;]+)/g,
        (_, mark: string, query: string) => mark + redactQuery(query, secrets),
      );
    }
  }
  return redactTokens(safe, secrets);
}
