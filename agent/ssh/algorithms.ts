// SPDX-License-Identifier: Apache-2.0

/**
 * What the names of algorithms mean for the bytes: keys, blocks, MACs.
 *
 * Source   RFC 4253, 4344, 6668, 5647; OpenSSH's PROTOCOL, sections 1.1 and 1.6, and PROTOCOL.chacha20poly1305
 */
import type { DirectionAlgorithms } from '../protocol/ssh/kex-init.ts';

export interface CipherSpec {
  readonly kind: 'ctr' | 'cbc' | 'gcm' | 'chacha' | 'none';
  readonly keyBytes: number;
  readonly blockBytes: number;
  /** As OpenSSL calls it. */
  readonly name: string;
}

export interface PacketSpec {
  readonly cipher: CipherSpec;
  /** Of the MAC, or of the tag, behind each packet. */
  readonly tagBytes: number;
  /** The length of a packet is not encrypted: the MAC is over the ciphertext. */
  readonly isLengthClear: boolean;
  readonly compression: 'none' | 'at-once' | 'after-login';
}

const CIPHERS: Readonly<Record<string, CipherSpec>> = {
  none: { kind: 'none', keyBytes: 0, blockBytes: 8, name: '' },
  '3des-cbc': { kind: 'cbc', keyBytes: 24, blockBytes: 8, name: 'des-ede3-cbc' },
  'rijndael-cbc@lysator.liu.se': { kind: 'cbc', keyBytes: 32, blockBytes: 16, name: 'aes-256-cbc' },
  'chacha20-poly1305@openssh.com': { kind: 'chacha', keyBytes: 64, blockBytes: 8, name: 'chacha20' },
  ...Object.fromEntries(
    [128, 192, 256].flatMap((bits): [string, CipherSpec][] => {
      const spec = { keyBytes: bits / 8, blockBytes: 16 };
      return [
        [`aes${bits}-ctr`, { kind: 'ctr', ...spec, name: `aes-${bits}-ctr` }],
        [`aes${bits}-cbc`, { kind: 'cbc', ...spec, name: `aes-${bits}-cbc` }],
        [`aes${bits}-gcm@openssh.com`, { kind: 'gcm', ...spec, name: `aes-${bits}-gcm` }],
      ];
    }),
  ),
};

const MAC_BYTES: Readonly<Record<string, number>> = {
  none: 0,
  'hmac-sha1': 20,
  'hmac-sha1-96': 12,
  'hmac-sha2-256': 32,
  'hmac-sha2-256-96': 12,
  'hmac-sha2-512': 64,
  'hmac-sha2-512-96': 12,
  'hmac-md5': 16,
  'hmac-md5-96': 12,
  'hmac-ripemd160': 20,
  'umac-64': 8,
  'umac-128': 16,
};

const COMPRESSIONS: Readonly<Record<string, PacketSpec['compression']>> = {
  none: 'none',
  zlib: 'at-once',
  'zlib@openssh.com': 'after-login',
};

/** Undefined when one of them is not known. */
export function packetSpecOf({ cipher: name, mac, compression: zip }: DirectionAlgorithms): PacketSpec | undefined {
  const cipher = Object.hasOwn(CIPHERS, name) ? CIPHERS[name] : undefined;
  const compression = Object.hasOwn(COMPRESSIONS, zip) ? COMPRESSIONS[zip] : undefined;
  if (cipher === undefined || compression === undefined) return undefined;
  if (cipher.kind === 'gcm' || cipher.kind === 'chacha') {
    return { cipher, tagBytes: 16, isLengthClear: cipher.kind === 'gcm', compression };
  }
  const [plainName = '', isLengthClear] = etm(mac);
  const tagBytes = Object.hasOwn(MAC_BYTES, plainName) ? MAC_BYTES[plainName] : undefined;
  return tagBytes === undefined ? undefined : { cipher, tagBytes, isLengthClear, compression };
}

function etm(mac: string): [string, boolean] {
  const isEtm = mac.endsWith('-etm@openssh.com');
  return [mac.replace(/(?:-etm)?@openssh\.com$/, ''), isEtm];
}
