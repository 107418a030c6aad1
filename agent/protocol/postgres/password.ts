// SPDX-License-Identifier: Apache-2.0

import type { ByteReader } from '../bytes/byte-reader.ts';
import { carriedCredential } from '../carried-credential.ts';
import type { Conversation } from './conversation.ts';
import type { Request } from './request.ts';
import { NAME_LENGTH_MAX } from './session.ts';

const OAUTH_PREFIX = 'auth=Bearer ';

/**
 * A password message of the client. What can be used again elsewhere (a password in clear text, a bearer token) is handed
 * over as a credential; a salted digest or a SCRAM proof cannot, and is dropped. Nothing of it reaches an exchange.
 */
export function givePassword(talk: Conversation, login: Request | undefined, reader: ByteReader, at: number): void {
  const awaited = talk.passwordAwaited;
  if (awaited === 'cleartext') {
    talk.passwordAwaited = 'nothing';
    const secret = reader.cString();
    if (!reader.short) give(talk, login, 'postgresql-cleartext-password', secret, at);
  } else if (awaited === 'sasl-first') {
    talk.passwordAwaited = 'other';
    const mechanism = reader.cString().slice(0, NAME_LENGTH_MAX);
    login?.setAttribute('auth_method', mechanism.toLowerCase());
    const length = reader.i32();
    if (mechanism !== 'OAUTHBEARER' || length <= 0) return;
    // Source: RFC 7628, section 3.1: GS2 header, then key=value pairs that end with a byte 1.
    const pairs = reader.text(length).split(String.fromCharCode(1));
    const bearer = pairs.find((pair) => pair.startsWith(OAUTH_PREFIX));
    if (bearer === undefined || reader.short || bearer.length === OAUTH_PREFIX.length) return;
    give(talk, login, 'postgresql-oauth-bearer', bearer.slice(OAUTH_PREFIX.length), at);
  }
}

function give(talk: Conversation, login: Request | undefined, kind: string, secret: string, at: number): void {
  talk.sink.credential({ kind, secret, reach: 'connection', at });
  if (login !== undefined) login.credential = carriedCredential(kind, secret, 'connection');
}
