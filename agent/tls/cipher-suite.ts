// SPDX-License-Identifier: Apache-2.0

/**
 * The cipher suites whose records can be opened, by number. What a suite does is read from its name, which says all of it.
 *
 * Source   IANA, "TLS Cipher Suites"; RFC 8446, appendix B.4; RFC 5246, section 5 (the hash of the PRF); RFC 6655 (CCM)
 */

export type HashName = 'sha1' | 'sha256' | 'sha384';

export interface CipherSuite {
  /** As IANA writes it. */
  readonly name: string;
  readonly kind: 'aead-1.3' | 'aead-1.2' | 'cbc';
  /** As node:crypto calls it. */
  readonly algorithm: string;
  readonly keyBytes: number;
  readonly tagBytes: number;
  /** Of the nonce, these come from the key block or, in TLS 1.3, from the traffic secret. */
  readonly fixedNonceBytes: number;
  /** Of the nonce, these stand in each record. */
  readonly explicitNonceBytes: number;
  /** Of HKDF, or of the PRF of TLS 1.2. */
  readonly hash: HashName;
  /** Of the HMAC of a CBC suite. */
  readonly macHash: HashName;
  readonly macBytes: number;
}

export const HASH_BYTES: Readonly<Record<HashName, number>> = { sha1: 20, sha256: 32, sha384: 48 };

const TLS_13: readonly (readonly [number, string])[] = [
  [0x1301, 'TLS_AES_128_GCM_SHA256'],
  [0x1302, 'TLS_AES_256_GCM_SHA384'],
  [0x1303, 'TLS_CHACHA20_POLY1305_SHA256'],
  [0x1304, 'TLS_AES_128_CCM_SHA256'],
  [0x1305, 'TLS_AES_128_CCM_8_SHA256'],
];

/** Key exchange, then the numbers of its suites, each with the part of the name that says how records are protected. */
const TLS_12: Readonly<Record<string, readonly (readonly [number, string])[]>> = {
  RSA: [
    [0x002f, 'AES_128_CBC_SHA'],
    [0x0035, 'AES_256_CBC_SHA'],
    [0x003c, 'AES_128_CBC_SHA256'],
    [0x003d, 'AES_256_CBC_SHA256'],
    [0x009c, 'AES_128_GCM_SHA256'],
    [0x009d, 'AES_256_GCM_SHA384'],
    [0xc09c, 'AES_128_CCM'],
    [0xc09d, 'AES_256_CCM'],
    [0xc0a0, 'AES_128_CCM_8'],
    [0xc0a1, 'AES_256_CCM_8'],
  ],
  DHE_DSS: [
    [0x0032, 'AES_128_CBC_SHA'],
    [0x0038, 'AES_256_CBC_SHA'],
    [0x0040, 'AES_128_CBC_SHA256'],
    [0x006a, 'AES_256_CBC_SHA256'],
    [0x00a2, 'AES_128_GCM_SHA256'],
    [0x00a3, 'AES_256_GCM_SHA384'],
  ],
  DHE_RSA: [
    [0x0033, 'AES_128_CBC_SHA'],
    [0x0039, 'AES_256_CBC_SHA'],
    [0x0067, 'AES_128_CBC_SHA256'],
    [0x006b, 'AES_256_CBC_SHA256'],
    [0x009e, 'AES_128_GCM_SHA256'],
    [0x009f, 'AES_256_GCM_SHA384'],
    [0xc09e, 'AES_128_CCM'],
    [0xc09f, 'AES_256_CCM'],
    [0xc0a2, 'AES_128_CCM_8'],
    [0xc0a3, 'AES_256_CCM_8'],
    [0xccaa, 'CHACHA20_POLY1305_SHA256'],
  ],
  DH_anon: [
    [0x0034, 'AES_128_CBC_SHA'],
    [0x003a, 'AES_256_CBC_SHA'],
    [0x006c, 'AES_128_CBC_SHA256'],
    [0x006d, 'AES_256_CBC_SHA256'],
    [0x00a6, 'AES_128_GCM_SHA256'],
    [0x00a7, 'AES_256_GCM_SHA384'],
  ],
  ECDH_ECDSA: [
    [0xc004, 'AES_128_CBC_SHA'],
    [0xc005, 'AES_256_CBC_SHA'],
    [0xc025, 'AES_128_CBC_SHA256'],
    [0xc026, 'AES_256_CBC_SHA384'],
    [0xc02d, 'AES_128_GCM_SHA256'],
    [0xc02e, 'AES_256_GCM_SHA384'],
  ],
  ECDHE_ECDSA: [
    [0xc009, 'AES_128_CBC_SHA'],
    [0xc00a, 'AES_256_CBC_SHA'],
    [0xc023, 'AES_128_CBC_SHA256'],
    [0xc024, 'AES_256_CBC_SHA384'],
    [0xc02b, 'AES_128_GCM_SHA256'],
    [0xc02c, 'AES_256_GCM_SHA384'],
    [0xc0ac, 'AES_128_CCM'],
    [0xc0ad, 'AES_256_CCM'],
    [0xc0ae, 'AES_128_CCM_8'],
    [0xc0af, 'AES_256_CCM_8'],
    [0xcca9, 'CHACHA20_POLY1305_SHA256'],
  ],
  ECDH_RSA: [
    [0xc00e, 'AES_128_CBC_SHA'],
    [0xc00f, 'AES_256_CBC_SHA'],
    [0xc029, 'AES_128_CBC_SHA256'],
    [0xc02a, 'AES_256_CBC_SHA384'],
    [0xc031, 'AES_128_GCM_SHA256'],
    [0xc032, 'AES_256_GCM_SHA384'],
  ],
  ECDHE_RSA: [
    [0xc013, 'AES_128_CBC_SHA'],
    [0xc014, 'AES_256_CBC_SHA'],
    [0xc027, 'AES_128_CBC_SHA256'],
    [0xc028, 'AES_256_CBC_SHA384'],
    [0xc02f, 'AES_128_GCM_SHA256'],
    [0xc030, 'AES_256_GCM_SHA384'],
    [0xcca8, 'CHACHA20_POLY1305_SHA256'],
  ],
  ECDH_anon: [
    [0xc018, 'AES_128_CBC_SHA'],
    [0xc019, 'AES_256_CBC_SHA'],
  ],
  PSK: [
    [0x008c, 'AES_128_CBC_SHA'],
    [0x008d, 'AES_256_CBC_SHA'],
    [0x00ae, 'AES_128_CBC_SHA256'],
    [0x00af, 'AES_256_CBC_SHA384'],
    [0x00a8, 'AES_128_GCM_SHA256'],
    [0x00a9, 'AES_256_GCM_SHA384'],
    [0xc0a4, 'AES_128_CCM'],
    [0xc0a5, 'AES_256_CCM'],
    [0xc0a8, 'AES_128_CCM_8'],
    [0xc0a9, 'AES_256_CCM_8'],
    [0xccab, 'CHACHA20_POLY1305_SHA256'],
  ],
  DHE_PSK: [
    [0x0090, 'AES_128_CBC_SHA'],
    [0x0091, 'AES_256_CBC_SHA'],
    [0x00b2, 'AES_128_CBC_SHA256'],
    [0x00b3, 'AES_256_CBC_SHA384'],
    [0x00aa, 'AES_128_GCM_SHA256'],
    [0x00ab, 'AES_256_GCM_SHA384'],
    [0xc0a6, 'AES_128_CCM'],
    [0xc0a7, 'AES_256_CCM'],
    [0xccad, 'CHACHA20_POLY1305_SHA256'],
  ],
  ECDHE_PSK: [
    [0xc035, 'AES_128_CBC_SHA'],
    [0xc036, 'AES_256_CBC_SHA'],
    [0xc037, 'AES_128_CBC_SHA256'],
    [0xc038, 'AES_256_CBC_SHA384'],
    [0xd001, 'AES_128_GCM_SHA256'],
    [0xd002, 'AES_256_GCM_SHA384'],
    [0xccac, 'CHACHA20_POLY1305_SHA256'],
  ],
};

const SUITES = new Map<number, CipherSuite>([
  ...TLS_13.map(([id, name]) => [id, suiteOf(name, name.slice('TLS_'.length), true)] as const),
  ...Object.entries(TLS_12).flatMap(([exchange, suites]) =>
    suites.map(([id, protection]) => [id, suiteOf(`TLS_${exchange}_WITH_${protection}`, protection, false)] as const),
  ),
]);

/** Undefined for a suite whose records cannot be opened here. */
export function cipherSuite(id: number): CipherSuite | undefined {
  return SUITES.get(id);
}

/** The suites of TLS 1.3 that a traffic secret of this size may be of; likeliest first. */
export function suitesOfSecret(secretBytes: number): readonly CipherSuite[] {
  return TLS_13.map(([id]) => SUITES.get(id)!).filter((suite) => HASH_BYTES[suite.hash] === secretBytes);
}

/** What a record is longer than its plaintext, header included; a mean where records are padded to blocks. */
export function usualOverheadBytes(suite: CipherSuite): number {
  if (suite.kind === 'cbc') return 5 + 16 + suite.macBytes + 8;
  return 5 + suite.explicitNonceBytes + suite.tagBytes + (suite.kind === 'aead-1.3' ? 1 : 0);
}

function suiteOf(name: string, protection: string, tls13: boolean): CipherSuite {
  const cbc = protection.includes('_CBC_');
  const chacha = protection.startsWith('CHACHA20');
  const bits = /AES_(\d+)/.exec(protection)?.[1] ?? '256';
  const hash: HashName = protection.endsWith('SHA384') ? 'sha384' : 'sha256';
  const macHash: HashName = protection.endsWith('_SHA') ? 'sha1' : hash;
  const mode = /_(GCM|CCM|CBC)/.exec(protection)?.[1]?.toLowerCase();
  const wholeNonce = tls13 || chacha;
  return {
    name,
    kind: cbc ? 'cbc' : tls13 ? 'aead-1.3' : 'aead-1.2',
    algorithm: chacha ? 'chacha20-poly1305' : `aes-${bits}-${mode}`,
    keyBytes: Number(bits) / 8,
    tagBytes: cbc ? 0 : protection.includes('CCM_8') ? 8 : 16,
    fixedNonceBytes: cbc ? 0 : wholeNonce ? 12 : 4,
    explicitNonceBytes: cbc || wholeNonce ? 0 : 8,
    hash,
    macHash,
    macBytes: cbc ? HASH_BYTES[macHash] : 0,
  };
}
