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

/** Sections of more lines are written by way of an object: whether a name is repeated is then asked of that. */
const LINES_COMPARED_MAX = 48;

export function showFields(lines: readonly Field[], secrets: FoundSecret[]): ShownFields {
  if (lines.length === 0) return { json: '', notShown: 0 };
  if (lines.length > LINES_COMPARED_MAX || !isPlainList(lines)) return showRepeated(lines, secrets);
  let json = '{';
  for (let i = 0; i < lines.length; i++) {
    const { name, value } = lines[i]!;
    const known = fieldName(name);
    json += (i === 0 ? known.json : `,${known.json}`) + JSON.stringify(redactNamed(known, name, value, secrets));
  }
  return { json: `${json}}`, notShown: 0 };
}

/** No name is there twice, and none is a number, which JSON's objects have before the others. */
function isPlainList(lines: readonly Field[]): boolean {
  for (let i = 0; i < lines.length; i++) {
    const { name } = lines[i]!;
    const first = name.charCodeAt(0);
    if (first >= 0x30 && first <= 0x39) return false;
    for (let j = 0; j < i; j++) if (lines[j]!.name === name) return false;
  }
  return true;
}

function showRepeated(lines: readonly Field[], secrets: FoundSecret[]): ShownFields {
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
  return value === '' ? value : redactNamed(fieldName(name), name, value, secrets);
}

function redactNamed({ reading, kind }: FieldName, name: string, value: string, secrets: FoundSecret[]): string {
  if (value === '') return value;
  switch (reading) {
    case 'plain':
      return redactAnywhere(value, secrets);
    case 'credentials':
      return redactCredentials(name, value, secrets);
    case 'auxiliary':
      return redactAuxiliary(value, secrets);
    case 'secret':
      // Of a cookie that is set, the attributes behind it are not the credential.
      secrets.push({ kind, secret: name === 'set-cookie' ? value.split(';')[0]!.trim() : value });
      return REDACTED;
    case 'within':
      return redactWithin(name, value, secrets);
  }
}

/** What is told by a name alone. */
interface FieldName {
  readonly json: string;
  /** How its value is read: as a credential with or without its scheme, or for what may stand in it. */
  readonly reading: 'plain' | 'credentials' | 'auxiliary' | 'secret' | 'within';
  /** Of a secret, the kind that it is handed over with. */
  readonly kind: string;
}

/** Programs send the same few names again and again; who sends ever new ones makes it forget them. */
const fieldNames = new Map<string, FieldName>();
const FIELD_NAMES_MAX = 1024;
const FIELD_NAME_LENGTH_MAX = 128;

function fieldName(name: string): FieldName {
  const known = fieldNames.get(name);
  if (known !== undefined) return known;
  const told = readName(name);
  if (name.length > FIELD_NAME_LENGTH_MAX) return told;
  if (fieldNames.size >= FIELD_NAMES_MAX) fieldNames.clear();
  // A copy: a name may be a slice that would keep its whole head alive.
  fieldNames.set(JSON.parse(told.json.slice(0, -1)) as string, told);
  return told;
}

const NAMES_WITHIN = new Set(['host', 'sec-websocket-protocol', 'www-authenticate', 'proxy-authenticate']);

function readName(name: string): FieldName {
  const json = `${JSON.stringify(name)}:`;
  if (name === AUXILIARY) return { json, reading: 'auxiliary', kind: '' };
  const kind = secretKind(name);
  if (name === 'authorization' || (kind !== undefined && name.endsWith('authorization'))) {
    return { json, reading: 'credentials', kind: '' };
  }
  if (kind !== undefined) return { json, reading: 'secret', kind };
  return { json, reading: NAMES_WITHIN.has(name) ? 'within' : 'plain', kind: '' };
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
  return redactAnywhere(safe, secrets);
}

/** What may stand in any field. */
function redactAnywhere(value: string, secrets: FoundSecret[]): string {
  let safe = value;
  if (safe.includes('@') && safe.includes('://')) {
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
