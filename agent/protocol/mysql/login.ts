// SPDX-License-Identifier: Apache-2.0

/**
 * The connection phase: the server's greeting, the client's answer, and how the client proves who it is. All of it is one
 * exchange, LOGIN. Nothing that proves stands in it; a password in clear text is handed over as a credential.
 *
 * Source   MySQL manual, "Connection Phase"; MariaDB documentation, "Connecting"
 */
import { carriedCredential } from '../carried-credential.ts';
import { Capability, Marker } from './constants.ts';
import type { PacketReader } from './packet-reader.ts';
import { NAME_LENGTH_MAX, type Request } from './request.ts';
import type { Talk } from './talk.ts';

/** Methods that send the password as it is. `dialog` asks questions, of which the first is mostly that for the password. */
const CLEAR_METHODS: ReadonlySet<string> = new Set(['mysql_clear_password', 'dialog']);
/** Methods that send it as it is only on request, where the way is safe. */
const FULL_METHODS: ReadonlySet<string> = new Set(['caching_sha2_password', 'sha256_password']);
const FULL_AUTHENTICATION = 0x04;
const KEY_REQUESTS: ReadonlySet<number> = new Set([0x01, 0x02]);
const ATTRIBUTES_MAX = 32;
const CREDENTIAL = 'mysql-cleartext-password';

export function readGreeting(talk: Talk, request: Request, reader: PacketReader): void {
  reader.u8();
  request.attributes['server_version'] = reader.cString().slice(0, NAME_LENGTH_MAX);
  request.attributes['connection_id'] = String(reader.u32le());
  reader.skip(9);
  const low = reader.u16le();
  reader.skip(3);
  const high = reader.u16le();
  talk.serverCapabilities = ((high << 16) | low) >>> 0;
  const saltBytes = reader.u8();
  reader.skip(10 + Math.max(13, saltBytes - 8));
  if ((high << 16) & Capability.pluginAuth) talk.plugin = reader.cString().slice(0, NAME_LENGTH_MAX);
}

/** A HandshakeResponse41. Behind an SSLRequest it comes in TLS. */
export function readHandshakeResponse(talk: Talk, request: Request, reader: PacketReader, at: number): void {
  const asked = reader.u32le();
  talk.capabilities = (asked & (talk.serverCapabilities ?? -1)) >>> 0;
  reader.skip(4);
  request.attributes['character_set'] = String(reader.u8());
  reader.skip(23);
  talk.user = reader.cString().slice(0, NAME_LENGTH_MAX);
  const proof = proofOf(talk, reader);
  if (talk.has(Capability.connectWithDb)) talk.database = reader.cString().slice(0, NAME_LENGTH_MAX);
  request.target = talk.database;
  if (talk.has(Capability.pluginAuth)) talk.plugin = reader.cString().slice(0, NAME_LENGTH_MAX);
  if (talk.has(Capability.connectAttributes)) readAttributes(request, reader);
  if (talk.has(Capability.zstd)) request.attributes['compression'] = 'zstd';
  else if (talk.has(Capability.compress)) request.attributes['compression'] = 'zlib';
  if (CLEAR_METHODS.has(talk.plugin)) giveSecret(talk, proof, at);
}

/** A COM_CHANGE_USER: the same, in another order. */
export function readChangeUser(talk: Talk, request: Request, reader: PacketReader, at: number): void {
  talk.user = reader.cString().slice(0, NAME_LENGTH_MAX);
  const proof = reader.view(reader.u8());
  talk.database = reader.cString().slice(0, NAME_LENGTH_MAX);
  request.target = talk.database;
  if (reader.remaining >= 2) request.attributes['character_set'] = String(reader.u16le());
  if (reader.remaining > 0 && talk.has(Capability.pluginAuth)) {
    talk.plugin = reader.cString().slice(0, NAME_LENGTH_MAX);
  }
  if (reader.remaining > 0 && talk.has(Capability.connectAttributes)) readAttributes(request, reader);
  if (CLEAR_METHODS.has(talk.plugin)) giveSecret(talk, proof, at);
  talk.isLoggedIn = false;
  talk.isPasswordAwaited = false;
}

function proofOf(talk: Talk, reader: PacketReader): Buffer {
  if (talk.has(Capability.lengthEncodedAuth)) return reader.view(reader.lengthEncoded() ?? 0);
  if (talk.has(Capability.secureConnection)) return reader.view(reader.u8());
  const end = reader.zeroByte();
  const proof = reader.view(Math.max(0, end - reader.at));
  reader.u8();
  return proof;
}

/** What the client says of itself: its own name and version, the program, and what that adds. */
function readAttributes(request: Request, reader: PacketReader): void {
  const length = reader.lengthEncoded() ?? 0;
  const end = Math.min(reader.end, reader.at + length);
  for (let i = 0; i < ATTRIBUTES_MAX && reader.at < end; i++) {
    const name = reader.lengthEncodedText();
    const value = reader.lengthEncodedText();
    if (reader.short || name === '') return;
    const key = `connect_${name
      .toLowerCase()
      .replace(/[^a-z0-9_]/g, '_')
      .replace(/^_+/, '')}`;
    request.attributes[key.slice(0, NAME_LENGTH_MAX)] = value.slice(0, NAME_LENGTH_MAX);
  }
}

/** A message of the client while it logs in, behind its first: proof of some kind. */
export function readProof(talk: Talk, reader: PacketReader, at: number): void {
  const { bytes, at: start, end } = reader;
  const isKeyRequest = end - start === 1 && KEY_REQUESTS.has(bytes[start] as number);
  if (FULL_METHODS.has(talk.plugin)) {
    if (isKeyRequest) talk.isKeyAsked = true;
    // Encrypted with the server's key it is as long as that key, and ends with anything.
    else if (!talk.isKeyAsked && talk.isPasswordAwaited) giveSecret(talk, bytes.subarray(start, end), at);
  } else if (CLEAR_METHODS.has(talk.plugin)) {
    giveSecret(talk, bytes.subarray(start, end), at);
  }
  talk.isPasswordAwaited = false;
}

function giveSecret(talk: Talk, proof: Buffer, at: number): void {
  const zero = proof.indexOf(0);
  const secret = proof.toString('utf8', 0, zero < 0 ? proof.length : zero);
  if (secret === '') return;
  talk.sink.credential({ kind: CREDENTIAL, secret, reach: 'connection', at });
  talk.carried = carriedCredential(CREDENTIAL, secret, 'connection');
}

/** A message of the server while a client logs in that is no OK and no error. */
export function readChallenge(talk: Talk, request: Request, marker: number, reader: PacketReader): void {
  if (marker === Marker.eof) {
    // AuthSwitchRequest; without a name it is that of the oldest method.
    talk.plugin = reader.remaining > 0 ? reader.cString().slice(0, NAME_LENGTH_MAX) : 'mysql_old_password';
    request.attributes['auth_switched'] = 'true';
    talk.isKeyAsked = false;
    talk.isPasswordAwaited = talk.plugin === 'sha256_password';
  } else if (marker === Marker.moreData && reader.remaining === 1 && reader.u8() === FULL_AUTHENTICATION) {
    talk.isPasswordAwaited = true;
  }
}
