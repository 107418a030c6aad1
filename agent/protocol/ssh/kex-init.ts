// SPDX-License-Identifier: Apache-2.0

import { ByteReader } from '../bytes/byte-reader.ts';
/**
 * What both ends offer for a key exchange, and what follows from it for each direction. Needed twice: by whoever decrypts, and
 * by whoever says what was agreed on.
 *
 * Source   RFC 4253, section 7.1; strict key exchange: OpenSSH's PROTOCOL, section 1.10
 */
import type { Side } from '../decoder.ts';

/** In the order of the message; a list has the client's choice first. */
export interface KexInit {
  readonly kex: readonly string[];
  readonly hostKey: readonly string[];
  readonly cipher: Readonly<Record<Side, readonly string[]>>;
  readonly mac: Readonly<Record<Side, readonly string[]>>;
  readonly compression: Readonly<Record<Side, readonly string[]>>;
}

export interface DirectionAlgorithms {
  readonly cipher: string;
  /** '' of a cipher that authenticates by itself. */
  readonly mac: string;
  readonly compression: string;
}

export interface Agreed {
  readonly kex: string;
  readonly hostKey: string;
  /** Of what that side sends. */
  readonly of: Readonly<Record<Side, DirectionAlgorithms>>;
  /** Both ends start packet numbers anew with new keys. Told by the first exchange of a connection only. */
  readonly strict: boolean;
}

/** Ciphers whose packets have no MAC of their own. */
const AUTHENTICATED = /^(?:chacha20-poly1305@openssh\.com|aes(?:128|256)-gcm@openssh\.com)$/;

/**
 * The lists of an SSH_MSG_KEXINIT.
 *
 * Shape    number u8 = 20 · cookie 16 bytes · ten name-lists (u32 length, names with commas) · bool · u32
 * Errors   undefined when it is not all there
 */
export function readKexInit(payload: Buffer): KexInit | undefined {
  const reader = new ByteReader(payload, 17);
  const lists = Array.from({ length: 8 }, () => reader.text(reader.u32()).split(','));
  if (reader.short || payload[0] !== 20) return undefined;
  const [kex, hostKey, c2s, s2c, macC2s, macS2c, zipC2s, zipS2c] = lists as [
    string[],
    string[],
    string[],
    string[],
    string[],
    string[],
    string[],
    string[],
  ];
  return {
    kex,
    hostKey,
    cipher: { client: c2s, server: s2c },
    mac: { client: macC2s, server: macS2c },
    compression: { client: zipC2s, server: zipS2c },
  };
}

/** The first of the client's that the server has too; '' where there is none: such a connection ends. */
export function agree(client: KexInit, server: KexInit): Agreed {
  const direction = (side: Side): DirectionAlgorithms => {
    const cipher = first(client.cipher[side], server.cipher[side]);
    return {
      cipher,
      mac: AUTHENTICATED.test(cipher) ? '' : first(client.mac[side], server.mac[side]),
      compression: first(client.compression[side], server.compression[side]),
    };
  };
  return {
    kex: first(client.kex, server.kex),
    hostKey: first(client.hostKey, server.hostKey),
    of: { client: direction('client'), server: direction('server') },
    strict: client.kex.includes('kex-strict-c-v00@openssh.com') && server.kex.includes('kex-strict-s-v00@openssh.com'),
  };
}

function first(wanted: readonly string[], offered: readonly string[]): string {
  return wanted.find((name) => offered.includes(name)) ?? '';
}
