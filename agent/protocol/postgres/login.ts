// SPDX-License-Identifier: Apache-2.0

/**
 * The beginning of a session: what the client asks for in its first packets, how the server has it prove who it is, what
 * the server says about itself. All of it is one exchange, LOGIN.
 *
 * Source   PostgreSQL manual, "Start-up", and "Message Formats" for StartupMessage and Authentication…
 */
import type { ByteReader } from '../bytes/byte-reader.ts';
import type { Conversation } from './conversation.ts';
import type { Request } from './request.ts';
import { NAME_LENGTH_MAX } from './session.ts';

/** Names and values of a startup packet that are kept; the packet has at most 10,000 bytes. */
const PARAMETERS_MAX = 64;

/** What a StartupMessage asks for, behind its version. */
export function readStartup(talk: Conversation, request: Request, version: number, reader: ByteReader): void {
  request.setAttribute('protocol_version', `${version >>> 16}.${version & 0xffff}`);
  let user = '';
  let database = '';
  for (let i = 0; i < PARAMETERS_MAX && reader.remaining > 1; i++) {
    const name = reader.cString();
    const value = reader.cString();
    if (name === '' || reader.short) break;
    if (name === 'user') user = value;
    else if (name === 'database') database = value;
    else if (name === 'application_name') talk.session.setAttribute('application_name', value);
    else request.setAttribute(attributeOf(name), value.slice(0, NAME_LENGTH_MAX));
  }
  talk.session.setUser(user, database);
}

/** `options`, `replication`, `client_encoding`, … as they are; other settings behind "startup_", so that they cannot pass for ours. */
function attributeOf(name: string): string {
  if (name === 'options' || name === 'replication' || name === 'client_encoding') return name;
  return `startup_${name.toLowerCase().replace(/[^a-z0-9_]/g, '_')}`.slice(0, NAME_LENGTH_MAX);
}

const METHODS: Readonly<Record<number, string>> = {
  2: 'kerberos5',
  3: 'password',
  5: 'md5',
  6: 'scm',
  7: 'gss',
  9: 'sspi',
  10: 'sasl',
};

const Authentication = { ok: 0, cleartext: 3, sasl: 10, saslContinue: 11, saslFinal: 12 } as const;

/** An Authentication… message: which kind of proof the server wants, or that it is satisfied. */
export function authenticate(talk: Conversation, request: Request, reader: ByteReader): void {
  const kind = reader.i32();
  if (kind === Authentication.ok) {
    talk.passwordAwaited = 'nothing';
    request.setAttribute('authenticated', 'true');
    if (request.attributes?.['auth_method'] === undefined) request.setAttribute('auth_method', 'none');
    return;
  }
  talk.passwordAwaited =
    kind === Authentication.cleartext ? 'cleartext' : kind === Authentication.sasl ? 'sasl-first' : 'other';
  const method = METHODS[kind];
  if (method === undefined) return;
  request.setAttribute('auth_method', method);
  if (kind !== Authentication.sasl) return;
  const mechanisms: string[] = [];
  for (let i = 0; i < 8 && reader.remaining > 1; i++) mechanisms.push(reader.cString().slice(0, NAME_LENGTH_MAX));
  request.setAttribute('sasl_mechanisms', mechanisms.join(' '));
}

/** Process id of the server's backend; the key behind it cancels queries and is kept out of the record. */
export function reportBackendKey(request: Request, reader: ByteReader): void {
  request.setAttribute('backend_pid', String(reader.u32()));
}

export function negotiate(request: Request, reader: ByteReader): void {
  const version = reader.u32();
  const shown = version > 0xffff ? `${version >>> 16}.${version & 0xffff}` : `3.${version}`;
  request.setAttribute('protocol_negotiated', shown);
  const count = Math.min(reader.u32(), 16);
  const unknown: string[] = [];
  for (let i = 0; i < count && reader.remaining > 0; i++) unknown.push(reader.cString().slice(0, NAME_LENGTH_MAX));
  if (unknown.length > 0) request.setAttribute('options_refused', unknown.join(' '));
}

/** Settings that are worth a place in the record of a login; the server reports a dozen. */
const LOGIN_STATUS: ReadonlySet<string> = new Set(['server_version', 'server_encoding', 'is_superuser']);

export function reportStatus(talk: Conversation, request: Request, reader: ByteReader): void {
  const name = reader.cString().slice(0, NAME_LENGTH_MAX);
  const value = reader.cString();
  talk.session.setStatus(name, value);
  if (request.message !== 'startup') request.addStatus(name, value);
  else if (LOGIN_STATUS.has(name)) request.setAttribute(name, value.slice(0, NAME_LENGTH_MAX));
}
