// SPDX-License-Identifier: Apache-2.0

import type { MasterSecret, TrafficSecret } from '../model/tls-secret.ts';

/** The secrets that may be of one connection; more come while it lives. */
export interface SecretStore {
  /** The newest master secret of this handshake. It stays: the same session may be resumed, and its key block made again. */
  master(clientRandom: Uint8Array, serverRandom: Uint8Array): MasterSecret | undefined;
  /** A record proved that the session of TLS 1.2 or before with that id or ticket has this master secret. Keeps a copy. */
  remember(sessionName: Uint8Array, master: MasterSecret): void;
  /** The master secret of a session that is resumed by that id or ticket: the newest that was remembered. */
  resumed(sessionName: Uint8Array): MasterSecret | undefined;
  /** Traffic secrets to try, likeliest first. None that names another client random, none that is taken. */
  traffic(clientRandom: Uint8Array | undefined): Iterable<TrafficSecret>;
  /** A tag has proved it: no other connection needs it. Whoever takes it fills it with zeros when it is done. */
  take(secret: TrafficSecret): void;
}
