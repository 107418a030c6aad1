// SPDX-License-Identifier: Apache-2.0

/**
 * Which arguments of a command are credentials, and which parts of a reply. They never stand in an exchange; the password of
 * AUTH and HELLO is handed over apart.
 */

/** What stands in place of a secret. */
export const REDACTED = '(redacted)';

/** Settings whose values are passwords, of servers and of sentinels. */
const SECRET_SETTINGS: ReadonlySet<string> = new Set([
  'requirepass',
  'masterauth',
  'primaryauth',
  'auth-pass',
  'sentinel-pass',
  'tls-key-file-pass',
  'tls-client-key-file-pass',
]);

export function isSecretSetting(name: string): boolean {
  return SECRET_SETTINGS.has(name.toLowerCase());
}

export interface Secrets {
  /** Positions in the command whose values are not shown. */
  readonly hidden: ReadonlySet<number>;
  /** Position of the password that proves who the client is, and of the name it belongs to. */
  readonly password?: number;
  readonly user?: number;
}

const NO_SECRETS: Secrets = { hidden: new Set() };

/** `name` as in `namesOf`; `textAt(i)` is the argument's text, of its head at least. */
export function secretsOf(name: string, count: number, textAt: (index: number) => string): Secrets {
  const lower = (i: number): string => textAt(i).toLowerCase();
  switch (name) {
    case 'auth': {
      // With one argument it is the password of the default user. A wrong number of them may hold it anywhere.
      const hidden = range(count === 3 ? 2 : 1, count);
      if (count === 2) return { hidden, password: 1 };
      return count === 3 ? { hidden, user: 1, password: 2 } : { hidden };
    }
    case 'hello': {
      return helloSecrets(count, lower);
    }
    case 'config|set':
      return { hidden: pick(2, count, (i) => i % 2 === 1 && isSecretSetting(textAt(i - 1))) };
    case 'acl|setuser':
      return { hidden: pick(3, count, (i) => '><#!'.includes(textAt(i).charAt(0) || ' ')) };
    case 'sentinel|set':
    case 'sentinel|config':
      return { hidden: pick(2, count, (i) => isSecretSetting(textAt(i - 1))) };
    case 'migrate':
      return { hidden: migrationSecrets(count, lower) };
    default:
      return NO_SECRETS;
  }
}

/** Options in any order behind the version: AUTH with a name and a password, SETNAME with a name that may be `auth`. */
function helloSecrets(count: number, lower: (index: number) => string): Secrets {
  const hidden = new Set<number>();
  let auth = -1;
  let at = 2;
  while (at < count) {
    const word = lower(at);
    if (word !== 'auth' && word !== 'setname') break;
    if (word === 'auth') {
      auth = at;
      hidden.add(at + 2);
    }
    at += word === 'auth' ? 3 : 2;
  }
  // A mistyped one may hold the password anywhere behind the word.
  if (at !== Math.max(2, count)) {
    const first = find(1, count, (i) => lower(i) === 'auth');
    return first < 0 ? NO_SECRETS : { hidden: range(first + 1, count) };
  }
  return auth < 0 ? NO_SECRETS : { hidden, user: auth + 1, password: auth + 2 };
}

function migrationSecrets(count: number, lower: (index: number) => string): ReadonlySet<number> {
  for (let i = 6; i < count; i++) {
    const word = lower(i);
    if (word === 'keys') break;
    if (word === 'auth') return new Set([i + 1]);
    if (word === 'auth2') return new Set([i + 2]);
  }
  return new Set();
}

/** How a reply must be looked at: `all` of it is a secret, or the values behind the names of secret `settings`. */
export type ReplySecrets = 'none' | 'settings' | 'all';

export function replySecretsOf(name: string | undefined): ReplySecrets {
  // An ACL tells passwords as SHA-256 without a salt, from which a weak one is soon found.
  if (name === 'acl|genpass' || name === 'acl|list' || name === 'acl|getuser') return 'all';
  // A reply whose request was not seen may be one of CONFIG GET; that of EXEC or a script may hold one.
  const mayTell = [
    'config|get',
    'sentinel|config',
    'exec',
    'eval',
    'evalsha',
    'eval_ro',
    'evalsha_ro',
    'fcall',
    'fcall_ro',
  ];
  return name === undefined || mayTell.includes(name) ? 'settings' : 'none';
}

export function stricterOf(one: ReplySecrets, other: ReplySecrets): ReplySecrets {
  if (one === 'all' || other === 'all') return 'all';
  return one === 'settings' ? one : other;
}

function range(from: number, to: number): Set<number> {
  return pick(from, to, () => true);
}

function pick(from: number, to: number, isWanted: (index: number) => boolean): Set<number> {
  const found = new Set<number>();
  for (let i = from; i < to; i++) if (isWanted(i)) found.add(i);
  return found;
}

function find(from: number, to: number, isWanted: (index: number) => boolean): number {
  for (let i = from; i < to; i++) if (isWanted(i)) return i;
  return -1;
}
