// SPDX-License-Identifier: Apache-2.0

import type { CallerKernel } from '../model/broker-caller.ts';
import type { KernelEvent, ProcessKey, Scope } from '../model/kernel-event.ts';

/** Turns a source's time into wall time; the answer follows the wall clock as it was when the event happened. */
export interface SourceClock {
  /** Nanoseconds since the Unix epoch. */
  toUnixNs(atNs: number): bigint;
  /** The other way round. */
  fromUnixNs(unixNs: bigint): number;
  /** Now, in the source's time. */
  now(): number;
}

/** What makes a process the first of a session. */
export type Selection = {
  /** Greater than 0; names the selection in `Scope`. */
  readonly id: number;
} & (
  | { readonly by: 'uid'; readonly uid: number }
  | { readonly by: 'exe'; readonly path: string }
  /** A path in the cgroup v2 hierarchy, like `/system.slice/some.service`; it need not exist yet. */
  | { readonly by: 'cgroup'; readonly path: string }
);

/**
 * Takes a batch of events. With a promise it says when it can take more: until then they wait where they are.
 */
export type EventHandler = (events: readonly KernelEvent[]) => void | Promise<void>;

/**
 * Where kernel events come from: the kernel, or a recording of one.
 *
 * Errors  `start` throws when events cannot be had at all; after it, what is missed arrives as `missed` events. What the
 *         handler of a live kernel throws ends the process, as any uncaught exception: its batch is not told again.
 */
export interface KernelEventSource {
  readonly clock: SourceClock;
  /** Calls `handler` with events in order, a batch at a time, until `stop` has returned. */
  start(handler: EventHandler): Promise<void>;
  stop(): Promise<void>;
}

/** What only a live kernel can do. */
export interface LiveKernel extends KernelEventSource, CallerKernel {
  /** Records a running process, all that it starts from now on, and the sockets that it has open. */
  watch(process: ProcessKey, scope: Scope): void;
  /** As `watch`, from the next program that the process executes on. Errors: ESRCH when it is gone. */
  watchFromNextExec(pid: number, scope: Scope): void;
  /** The loopback ports of the broker, up to 4: of connections to them it is noted who sends. */
  setBrokerPorts(ports: readonly number[]): void;
  /**
   * Connects of these selections to the instance metadata service go to the broker instead; for none of them, no more.
   * Errors: ENOTSUP when the source was opened without `capture.imdsRedirect`.
   */
  setImdsRedirect(redirect: ImdsRedirect): void;
  readonly health: SourceHealth;
}

export interface ImdsRedirect {
  /** On 127.0.0.1, in the network namespace of the agent. */
  readonly port: number;
  readonly selectionIds: readonly number[];
}

export interface SourceHealth {
  readonly ringWaitingBytes: number;
  readonly ringSizeBytes: number;
  /** Taken from the ring, and waiting for the handler. */
  readonly bufferedBytes: number;
  /** Programs by name, by the kernel's own account: runs that it left out, and, while it counts those, runs and their time. */
  readonly programs: readonly {
    readonly name: string;
    readonly missed: number;
    readonly runs: number;
    readonly runNs: number;
    /** False for what was not attached yet, and for what somebody else detached. */
    readonly attached: boolean;
  }[];
  /** Whether pipes and terminals of workloads are read now; 'idle': they will be when there is one. Left out by a recording. */
  readonly streams?: 'off' | 'idle' | 'reading';
  /** 'functions': at those of the kernel that move their bytes; 'system_calls': at the end of every system call of the host. */
  readonly streamsBy?: 'functions' | 'system_calls';
  /** What was missed or passed over since the start, by place and reason. */
  readonly counters: Readonly<Record<string, { readonly events: number; readonly bytes: number }>>;
}
