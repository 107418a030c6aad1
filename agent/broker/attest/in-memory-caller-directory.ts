// SPDX-License-Identifier: Apache-2.0

/** A caller directory for tests: it knows what it was told. */

import type { BrokerConnection, Caller, CallerDirectory } from './caller-directory.ts';

export interface InMemoryCallerDirectory extends CallerDirectory {
  /** What is answered for every connection that was not named by itself. */
  everybodyIs(caller: Caller | undefined): void;
  /** The connection from this port of the caller. */
  portIs(remotePort: number, caller: Caller): void;
  /** From now on every question fails, as when the kernel side is gone. */
  fail(reason: string): void;
  /** Questions so far. */
  readonly questions: readonly BrokerConnection[];
}

export function createInMemoryCallerDirectory(): InMemoryCallerDirectory {
  const byPort = new Map<number, Caller>();
  const questions: BrokerConnection[] = [];
  let everybody: Caller | undefined;
  let failure: string | undefined;
  return {
    questions,
    everybodyIs(caller) {
      everybody = caller;
      failure = undefined;
    },
    portIs(remotePort, caller) {
      byPort.set(remotePort, caller);
    },
    fail(reason) {
      failure = reason;
    },
    callerOf(connection) {
      questions.push(connection);
      if (failure !== undefined) throw new Error(failure);
      return byPort.get(connection.remotePort) ?? everybody;
    },
  };
}
