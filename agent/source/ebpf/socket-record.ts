// SPDX-License-Identifier: Apache-2.0

/** What an exec event says of sockets that a program was given as its standard input and output. */
import type { ProcessKey, Scope } from '../../model/kernel-event.ts';
import { processAt, scopeAt, u64 } from './fields.ts';
import { event, execEvent, limits } from './layout.generated.ts';

/** Inodes of the ends of an unnamed pair; zeros where the file descriptor is none. */
export interface EndsOfPair {
  readonly own: number;
  readonly peer: number;
}

export interface StandardSockets {
  readonly type: 'standard-sockets';
  readonly process: ProcessKey;
  readonly parent: ProcessKey;
  readonly scope: Scope;
  readonly stdin: EndsOfPair;
  readonly stdout: EndsOfPair;
  /** The parent is recorded, in the same session. */
  readonly isParentWatched: boolean;
}

/** undefined: neither is a socket of an unnamed pair. */
export function readStandardSockets(batch: Buffer, at: number): StandardSockets | undefined {
  const stdin = { own: u64(batch, at + execEvent.stdinSocketsOwn), peer: u64(batch, at + execEvent.stdinSocketsPeer) };
  const stdout = {
    own: u64(batch, at + execEvent.stdoutSocketsOwn),
    peer: u64(batch, at + execEvent.stdoutSocketsPeer),
  };
  if (stdin.own === 0 && stdout.own === 0) return undefined;
  return {
    type: 'standard-sockets',
    process: processAt(batch, at + execEvent.process),
    parent: processAt(batch, at + execEvent.parent),
    scope: scopeAt(batch, at + execEvent.scope),
    stdin,
    stdout,
    isParentWatched: (batch.readUInt16LE(at + event.flags) & limits.flagParentWatched) !== 0,
  };
}
