// SPDX-License-Identifier: Apache-2.0

import type { MasterSecret, TrafficSecret } from '../model/tls-secret.ts';
import type { TrafficQuery } from './traffic-secrets.ts';

export type { TrafficQuery } from './traffic-secrets.ts';

/** The secrets that may be of one connection; more come while it lives. */
export interface SecretStore {
  /** The newest master secret of this handshake. It stays: the same session may be resumed, and its key block made again. */
  master(clientRandom: Uint8Array, serverRandom: Uint8Array): MasterSecret | undefined;
  /** A record proved that the session of TLS 1.2 or before with that id or ticket has this master secret. Keeps a copy. */
  remember(sessionName: Uint8Array, master: MasterSecret): void;
  /** The master secret of a session that is resumed by that id or ticket: the newest that was remembered. */
  resumed(sessionName: Uint8Array): MasterSecret | undefined;
  /** The connection has begun, with that ClientHello. */
  begin(clientRandom: Uint8Array): void;
  /** It needs nothing more. */
  end(clientRandom: Uint8Array): void;
  /** How many traffic secrets have come, ever: for `afterArrival`. */
  readonly arrivals: number;
  /** Traffic secrets to try, likeliest first. None that names another client random, none that is taken. */
  traffic(query: TrafficQuery): Iterable<TrafficSecret>;
  /** May secrets be tried that do not name their connection? A yes counts them; after a no it is worth asking again later. */
  spendTrials(trials: number): boolean;
  /** A tag has proved it. Whoever takes it fills it with zeros when it is done; the other end, if recorded, has a copy. */
  take(secret: TrafficSecret, clientRandom: Uint8Array | undefined): void;
}
