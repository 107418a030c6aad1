// SPDX-License-Identifier: Apache-2.0

/**
 * Which processes the agent was told of, and how that is put right after process events were lost: the kernel's own
 * table is read, brought up to date with the events that follow it, and told whole once those before it are out.
 */
import type { KernelEvent, ProcessesRunning, ProcessKey, Program } from '../../model/kernel-event.ts';
import type { ReadEvent } from './event-reader.ts';
import type { WatchedProcess } from './tables.ts';

interface Snapshot {
  readonly sinceNs: number;
  readonly running: Map<string, WatchedProcess>;
}

export class ProcessPicture {
  readonly #readProgram: (pid: number) => Program | undefined;
  readonly #known = new Set<string>();
  #snapshot: Snapshot | undefined;
  /** Processes that the last snapshot told of, and whose own fork event may still come. */
  #introduced = new Set<string>();

  constructor(readProgram: (pid: number) => Program | undefined) {
    this.#readProgram = readProgram;
  }

  /** Whether one is under way. */
  get isBeingPutRight(): boolean {
    return this.#snapshot !== undefined;
  }

  /** Takes note of an event that is about to be told. False: it tells nothing new. */
  note(event: ReadEvent): boolean {
    switch (event.type) {
      case 'process-forked':
        if (this.#introduced.delete(nameOf(event.process))) return false;
        this.#began(event);
        return true;
      case 'process-executed':
      case 'join-notice':
        this.#began(event);
        return true;
      case 'process-exited':
        this.#known.delete(nameOf(event.process));
        this.#introduced.delete(nameOf(event.process));
        this.#snapshot?.running.delete(nameOf(event.process));
        return true;
      default:
        return true;
    }
  }

  /** `running` was read from the kernel after `sinceNs`. */
  begin(sinceNs: number, running: Iterable<WatchedProcess>): void {
    const byName = new Map<string, WatchedProcess>();
    for (const watched of running) byName.set(nameOf(watched.process), watched);
    this.#snapshot = { sinceNs, running: byName };
  }

  /** To be called when all events that were written before the snapshot was read have been noted. */
  finish(atNs: number): ProcessesRunning[] {
    const snapshot = this.#snapshot;
    if (snapshot === undefined) return [];
    this.#snapshot = undefined;
    this.#introduced = new Set([...snapshot.running.keys()].filter((name) => !this.#known.has(name)));
    const processes = [...snapshot.running].map(([name, { process, scope }]) => ({
      process,
      scope,
      program: this.#known.has(name) ? undefined : this.#readProgram(process.pid),
    }));
    this.#known.clear();
    for (const name of snapshot.running.keys()) this.#known.add(name);
    return [{ type: 'processes-running', atNs, processes }];
  }

  #began(event: Extract<KernelEvent, { type: 'process-forked' | 'process-executed' }> | JoinLike): void {
    const name = nameOf(event.process);
    this.#known.add(name);
    if (this.#snapshot !== undefined && event.atNs >= this.#snapshot.sinceNs) {
      this.#snapshot.running.set(name, { process: event.process, scope: event.scope });
    }
  }
}

type JoinLike = Extract<ReadEvent, { type: 'join-notice' }>;

function nameOf(process: ProcessKey): string {
  return `${process.pid}:${process.startNs}`;
}
