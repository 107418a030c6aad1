// SPDX-License-Identifier: Apache-2.0

/** Who calls the broker of this host, as the kernel side tells it. */

import type { ConnectionKey, ProcessKey, Scope } from './kernel-event.ts';

/** What the kernel side answers at once, from its tables. */
export interface CallerKernel {
  /** Who opened this connection to the broker, and who sends on it; undefined when nobody is known. */
  callerOf(client: SocketEnds): BrokerCaller | undefined;
  /** What is known now of a process; undefined for one that is not watched. */
  processOf(pid: number): KnownProcess | undefined;
}

/** Both ends of a connection, as the client's socket has them. Addresses in text. */
export interface SocketEnds {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

export interface KnownProcess {
  readonly process: ProcessKey;
  readonly scope: Scope;
  /** Programs that it has executed while it is watched, the one by which that began among them. */
  readonly execs: number;
}

/** A process that used a socket, as it was then. */
export interface SocketUser {
  readonly process: ProcessKey;
  /** undefined outside any workload. */
  readonly scope: Scope | undefined;
  /** As `KnownProcess`; 0 outside any workload. */
  readonly execs: number;
  readonly uid: number;
  readonly gid: number;
}

export interface BrokerCaller {
  readonly opener: SocketUser;
  /** Of the newest bytes; undefined while none was told of. */
  readonly sender: SocketUser | undefined;
  readonly connectionKey: ConnectionKey;
  readonly networkNamespace: number;
  /** How often within the newest request another process, or another program, sent than before. */
  readonly changes: number;
  /** A process of another session than the opener's has sent on this connection, now or before. */
  readonly hasStrangers: boolean;
  /** Who sent a part of the newest request could not be told. */
  readonly isUntold: boolean;
  /** The program asked for the address of the instance metadata service. */
  readonly isRedirected: boolean;
}
