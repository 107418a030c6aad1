// SPDX-License-Identifier: Apache-2.0

/**
 * Secrets of TLS, as a library derives them in a workload: what decrypts its connections. They live in memory only, are
 * never written, and whoever owns one fills it with zeros when it is of no more use.
 */

/** Which traffic secret of TLS 1.3 it is (RFC 8446, section 7.1), where the library says so. */
export type TrafficLabel =
  | 'client-early'
  | 'client-handshake'
  | 'server-handshake'
  | 'client-application'
  | 'server-application';

/** A TLS 1.3 traffic secret: 32 bytes with SHA-256, 48 with SHA-384. */
export interface TrafficSecret {
  readonly kind: 'traffic';
  /** Undefined when only a trial can tell. */
  readonly label: TrafficLabel | undefined;
  /** Of the ClientHello, where the library says so. */
  readonly clientRandom: Uint8Array | undefined;
  /** Owned by whoever holds this object. */
  readonly secret: Buffer;
}

/** The master secret of TLS 1.2 and before, 48 bytes. */
export interface MasterSecret {
  readonly kind: 'master';
  readonly clientRandom: Uint8Array;
  /** Left out by key logs that name the client's only. */
  readonly serverRandom: Uint8Array | undefined;
  readonly secret: Buffer;
}

export type TlsSecret = TrafficSecret | MasterSecret;
