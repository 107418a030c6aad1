// SPDX-License-Identifier: Apache-2.0

/**
 * What a name says of the value behind it. Names are what programs, people and formats give: `DB_PASSWORD`, `clientSecret`,
 * `x-api-key`, `spring.datasource.password`. Only the end of a name counts: `secret_santa` and `password_changed_at` hold
 * no secret, `app_secret` does.
 */

export type NameMeaning =
  /** The value is a secret unless it is a placeholder. */
  | 'secret'
  /** Also harmless things have this name: the value has to look like a credential. */
  | 'doubtful'
  /** As `doubtful`, and only as a parameter of a URL: `?code=…&sig=…`. Elsewhere these are everyday words. */
  | 'parameter'
  /** A header: a scheme may stand before the credential. */
  | 'authorization'
  | 'cookie'
  | 'nothing';

/** Ends of names, lower case, without `-` and `_`. */
const SECRET_ENDS: readonly string[] = [
  'password',
  'passwd',
  'passphrase',
  'passcode',
  'passwordhash',
  'passwordsalt',
  'pwd',
  'secret',
  'secretkey',
  'secretaccesskey',
  'secretkeybase',
  'apikey',
  'accesskey',
  'accountkey',
  'authkey',
  'encryptionkey',
  'functionkey',
  'functionskey',
  'licensekey',
  'masterkey',
  'privatekey',
  'serviceaccountkey',
  'sessionkey',
  'sharedaccesskey',
  'sharedkey',
  'signingkey',
  'sshkey',
  'storagekey',
  'subscriptionkey',
  'accesstoken',
  'apitoken',
  'authtoken',
  'bearertoken',
  'bottoken',
  'deploytoken',
  'idtoken',
  'oauthtoken',
  'personaltoken',
  'refreshtoken',
  'securitytoken',
  'sessiontoken',
  'clientassertion',
  'userassertion',
  'samlresponse',
  'clientkeydata',
  'dockerconfigjson',
  'identityheader',
];

/** Whole names of which the end alone says nothing. */
const SECRET_NAMES = new Set(['tls.key', 'ssh.key', '_auth']);
const DOUBTFUL_NAMES = new Set(['assertion', 'auth', 'jwt', 'token']);
const PARAMETER_NAMES = new Set(['code', 'key', 'sas', 'sig', 'signature', 'xamzsignature', 'xgoogsignature']);

/** What stands before `token` where it is a place in a list, a unit of text, or a guard against doing a thing twice. */
const PUBLIC_TOKENS =
  /(?:next|previous|prev|page|continuation|continue|sync|resume|cursor|cancellation|cancel|end|start|begin|stop|special|unknown|pad|eos|bos|max|min|total|num|count|input|output|prompt|completion|cached|reasoning|idempotency|request|marker|delta)token$/;

/** Names are looked up again and again; one that was never seen costs a few hundred nanoseconds. */
const known = new Map<string, NameMeaning>();
const KNOWN_MAX = 4096;
/** No name of a secret is longer. */
export const NAME_LENGTH_MAX = 96;

const NAME_CHARACTER = new Uint8Array(128);
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.') {
  NAME_CHARACTER[character.charCodeAt(0)] = 1;
}

/** What a name is made of; NaN, outside of a text, is none. */
export function isNameCharacter(code: number): boolean {
  return code < 128 && NAME_CHARACTER[code] === 1;
}

export function meaningOfName(name: string): NameMeaning {
  let meaning = known.get(name);
  if (meaning === undefined) {
    meaning = judge(name);
    if (known.size >= KNOWN_MAX) known.clear();
    known.set(name, meaning);
  }
  return meaning;
}

function judge(name: string): NameMeaning {
  if (name.length > NAME_LENGTH_MAX) return 'nothing';
  const whole = name.replace(/^-+/, '').toLowerCase();
  if (SECRET_NAMES.has(whole)) return 'secret';
  const last = name.slice(Math.max(name.lastIndexOf('.'), name.lastIndexOf(':')) + 1);
  const plain = last.toLowerCase().replace(/[-_]/g, '');
  if (plain.endsWith('authorization')) return 'authorization';
  if (plain === 'cookie' || plain === 'setcookie') return 'cookie';
  if (SECRET_ENDS.some((end) => plain.endsWith(end))) return 'secret';
  // A word of its own: neither `bypass` nor `compass`.
  if (/(?:^|[-_])pass$/i.test(last) || /[a-z]Pass$/.test(last)) return 'doubtful';
  if (DOUBTFUL_NAMES.has(plain)) return 'doubtful';
  if (PARAMETER_NAMES.has(plain)) return 'parameter';
  if (!plain.endsWith('token') || PUBLIC_TOKENS.test(plain)) return 'nothing';
  // GITHUB_TOKEN: nobody puts anything else under such a name.
  return /^[A-Z0-9_]+_TOKEN$/.test(last) ? 'secret' : 'doubtful';
}
