// SPDX-License-Identifier: Apache-2.0

/**
 * Which process belongs to which workload and session. Membership itself is decided in the kernel and arrives with each
 * event (`Scope`); here it gets names, parents and a beginning and an end.
 *
 * Any event may be missing (a ring was full), come twice, or late. A process is begun by whatever tells of it first, once;
 * its end is written once. What nothing tells is told as not known, never guessed.
 */
import type {
  KernelEvent,
  ProcessExecuted,
  ProcessExited,
  ProcessesRunning,
  ProcessForked,
  ProcessJoined,
  ProcessKey,
  Program,
  Scope,
} from '../model/kernel-event.ts';
import { headOf } from './command-line.ts';
import type { SelectionMeaning, Session, TrackedProcess } from './session.ts';

export type ExitStatus = Pick<ProcessExited, 'exitCode' | 'signal' | 'coreDumped' | 'statusKnown'>;

export type LineageChange =
  | { readonly kind: 'session-started'; readonly session: Session; readonly atNs: number }
  /** It had no process left, and has one again before its end was written. */
  | { readonly kind: 'session-resumed'; readonly session: Session; readonly atNs: number }
  | { readonly kind: 'forked'; readonly process: TrackedProcess; readonly atNs: number }
  | {
      readonly kind: 'executed' | 'joined';
      readonly process: TrackedProcess;
      /** undefined when it was gone before anyone could look. */
      readonly program: Program | undefined;
      readonly atNs: number;
    }
  | {
      readonly kind: 'exited';
      readonly process: TrackedProcess;
      readonly atNs: number;
      readonly exit: ExitStatus;
    }
  /** Its last process has ended. */
  | { readonly kind: 'session-ended'; readonly session: Session; readonly atNs: number };

export interface LineageOptions {
  readonly meaningOf: (selectionId: number) => SelectionMeaning;
  /** A new session's id; `scope` lets a restarted agent find the id that the session had. */
  readonly sessionId: (scope: Scope) => string;
}

export type ProcessEvent = ProcessForked | ProcessExecuted | ProcessJoined | ProcessExited | ProcessesRunning;

/** Ended processes that are kept, so that what their sockets still do gets their name. */
const ENDED_KEPT_MAX = 4096;
/** How long a process that the kernel does not list may still be told to have ended: its exit waits in the ring. */
const EXIT_AWAITED_NS = 2e9;

const EXIT_UNSEEN: ExitStatus = { exitCode: 0, signal: 0, coreDumped: false, statusKnown: false };
const NO_PARENT: ProcessKey = { pid: 0, startNs: 0n };

export function isProcessEvent(event: KernelEvent): event is ProcessEvent {
  return event.type.startsWith('process');
}

export class Lineage {
  readonly #options: LineageOptions;
  readonly #sessions = new Map<string, Session>();
  readonly #processes = new Map<number, TrackedProcess>();
  readonly #ended = new Map<number, TrackedProcess>();
  readonly #endedSessions = new Map<string, Session>();
  /** Processes that seem to have ended unseen, and since when that is so. */
  readonly #missing = new Map<TrackedProcess, number>();

  constructor(options: LineageOptions) {
    this.#options = options;
  }

  /** Those that have processes. */
  get sessions(): Iterable<Session> {
    return this.#sessions.values();
  }

  /** The changes that one event makes, in order; they are what the record says of it. */
  apply(event: ProcessEvent): LineageChange[] {
    const changes: LineageChange[] = [];
    switch (event.type) {
      case 'process-forked':
        this.#forked(event, changes);
        break;
      case 'process-executed':
        this.#executed(event, changes);
        break;
      case 'process-joined':
        this.#joined(event, changes);
        break;
      case 'process-exited':
        this.#exited(event, changes);
        break;
      case 'processes-running':
        this.#reconcile(event, changes);
        break;
    }
    return changes;
  }

  /** Once a second: processes whose end nobody told are ended. */
  sweep(nowNs: number): LineageChange[] {
    const changes: LineageChange[] = [];
    for (const [process, sinceNs] of [...this.#missing]) {
      if (nowNs - sinceNs > EXIT_AWAITED_NS) this.#end(process, sinceNs, EXIT_UNSEEN, changes);
    }
    return changes;
  }

  /**
   * The session of a connection of which no process was told: it begins with the process that the connection names. If
   * that has ended already, nothing more will tell of it, and a sweep ends it.
   */
  sessionFromConnection(process: ProcessKey, scope: Scope, atNs: number): LineageChange[] {
    const changes: LineageChange[] = [];
    if (this.sessionOf(scope) !== undefined) return changes;
    const begun = this.#add(process, NO_PARENT, scope, atNs, changes);
    changes.push({ kind: 'joined', process: begun, program: undefined, atNs });
    this.#missing.set(begun, atNs);
    return changes;
  }

  /** A session that was begun by an earlier run of the agent is over; nothing else is known of it here. */
  sessionEndedUnseen(scope: Scope, atNs: number): LineageChange[] {
    if (this.sessionOf(scope) !== undefined) return [];
    const session = this.#newSession(scope, atNs);
    keepNewest(this.#endedSessions, scopeName(scope), session);
    return [{ kind: 'session-ended', session, atNs }];
  }

  /** The process of that name, running or lately ended; undefined when it was never seen. */
  processOf(key: ProcessKey): TrackedProcess | undefined {
    const running = this.#processes.get(key.pid);
    if (running?.key.startNs === key.startNs) return running;
    const ended = this.#ended.get(key.pid);
    return ended?.key.startNs === key.startNs ? ended : undefined;
  }

  /** The process that had this pid at that time. */
  processAt(pid: number, atNs: number): TrackedProcess | undefined {
    const running = this.#processes.get(pid);
    const ended = this.#ended.get(pid);
    if (running === undefined) return ended;
    // One that was joined ran before it was heard of.
    const startedNs = Math.min(running.startedNs, Number(running.key.startNs));
    return ended !== undefined && startedNs > atNs ? ended : running;
  }

  /** The session of that key, running or lately ended. */
  sessionWithKey(sessionKey: bigint): Session | undefined {
    for (const known of [this.#sessions, this.#endedSessions]) {
      for (const session of known.values()) if (session.scope.sessionKey === sessionKey) return session;
    }
    return undefined;
  }

  /** The session of a scope, also one that has ended lately: sockets outlive their processes by a little. */
  sessionOf(scope: Scope): Session | undefined {
    const name = scopeName(scope);
    return this.#sessions.get(name) ?? this.#endedSessions.get(name);
  }

  #sessionFor(scope: Scope, atNs: number, changes: LineageChange[]): Session {
    const name = scopeName(scope);
    const known = this.#sessions.get(name);
    if (known !== undefined) return known;
    const before = this.#endedSessions.get(name);
    // A unit may be without a process between two of its commands; elsewhere, what made this process was missed.
    if (before !== undefined && !before.over) {
      this.#endedSessions.delete(name);
      this.#sessions.set(name, before);
      changes.push({ kind: 'session-resumed', session: before, atNs });
      return before;
    }
    const session = this.#newSession(scope, atNs);
    this.#endedSessions.delete(name);
    this.#sessions.set(name, session);
    changes.push({ kind: 'session-started', session, atNs });
    return session;
  }

  #newSession(scope: Scope, atNs: number): Session {
    const meaning = this.#options.meaningOf(scope.selectionId);
    return {
      id: this.#options.sessionId(scope),
      workload: meaning.workload,
      selectedBy: meaning.selectedBy,
      scope,
      startedNs: atNs,
      argv: [],
      bindings: [{ sinceNs: atNs, binding: meaning.binding }],
      alive: new Set(),
      first: undefined,
      processes: 0,
      commands: 0,
      losses: 0,
      exitCode: 0,
      signal: 0,
      over: false,
    };
  }

  #add(key: ProcessKey, parent: ProcessKey, scope: Scope, atNs: number, changes: LineageChange[]): TrackedProcess {
    const before = this.#processes.get(key.pid);
    // The pid is used again: the exit of the process that had it was missed.
    if (before !== undefined) this.#end(before, atNs, EXIT_UNSEEN, changes);
    const session = this.#sessionFor(scope, atNs, changes);
    const process: TrackedProcess = {
      key,
      parent,
      session,
      startedNs: atNs,
      program: undefined,
      executedNs: undefined,
      exitedNs: undefined,
      exitSeen: false,
    };
    this.#processes.set(key.pid, process);
    session.alive.add(process);
    session.processes++;
    session.first ??= process;
    return process;
  }

  #forked(event: ProcessForked, changes: LineageChange[]): void {
    // Told twice, or after something else told of it.
    if (this.#isKnown(event.process)) return;
    const process = this.#add(event.process, event.parent, event.scope, event.atNs, changes);
    process.program = this.processOf(event.parent)?.program;
    changes.push({ kind: 'forked', process, atNs: event.atNs });
  }

  #executed(event: ProcessExecuted, changes: LineageChange[]): void {
    const { program, atNs } = event;
    const process = this.#isKnown(event.process)
      ? (this.processOf(event.process) as TrackedProcess)
      : this.#add(event.process, event.parent, event.scope, atNs, changes);
    if (process.executedNs === atNs) return;
    process.executedNs = atNs;
    setProgram(process, program);
    changes.push({ kind: 'executed', process, program, atNs });
  }

  #joined(event: ProcessJoined, changes: LineageChange[]): void {
    if (this.#isKnown(event.process)) return;
    const { program, atNs } = event;
    const process = this.#add(event.process, event.parent, event.scope, atNs, changes);
    if (program !== undefined) setProgram(process, program);
    changes.push({ kind: 'joined', process, program, atNs });
  }

  #exited(event: ProcessExited, changes: LineageChange[]): void {
    const { process: key, atNs } = event;
    const running = this.#processes.get(key.pid);
    if (running?.key.startNs === key.startNs) {
      this.#end(running, atNs, event, changes);
    } else if (this.processOf(key) === undefined) {
      // All else that tells of it was missed. A session that is over stays so: there is nothing left to begin.
      if (this.sessionOf(event.scope)?.over === true) return;
      this.#end(this.#add(key, NO_PARENT, event.scope, atNs, changes), atNs, event, changes);
    }
  }

  /** Running, or ended under our eyes. One that was only thought to have ended lives when it is told of again. */
  #isKnown(key: ProcessKey): boolean {
    const known = this.processOf(key);
    return known !== undefined && (known.exitedNs === undefined || known.exitSeen);
  }

  #end(process: TrackedProcess, atNs: number, exit: ExitStatus, changes: LineageChange[]): void {
    const { session } = process;
    process.exitedNs = atNs;
    process.exitSeen = exit !== EXIT_UNSEEN;
    this.#missing.delete(process);
    this.#processes.delete(process.key.pid);
    session.alive.delete(process);
    keepNewest(this.#ended, process.key.pid, process);
    if (session.first === process) {
      session.exitCode = exit.exitCode;
      session.signal = exit.signal;
    }
    const { exitCode, signal, coreDumped, statusKnown } = exit;
    changes.push({ kind: 'exited', process, atNs, exit: { exitCode, signal, coreDumped, statusKnown } });
    if (session.alive.size > 0) return;
    this.#sessions.delete(scopeName(session.scope));
    keepNewest(this.#endedSessions, scopeName(session.scope), session);
    changes.push({ kind: 'session-ended', session, atNs });
  }

  /**
   * Process events were missed: what runs now is what the kernel says. The list may be newer than events that still wait
   * in the ring, so what is not in it gets a moment for its own exit to come.
   */
  #reconcile(event: ProcessesRunning, changes: LineageChange[]): void {
    const running = new Set(event.processes.map(({ process }) => keyName(process)));
    for (const { process, scope, program } of event.processes) {
      this.#joined({ type: 'process-joined', atNs: event.atNs, process, parent: NO_PARENT, scope, program }, changes);
    }
    for (const process of this.#processes.values()) {
      if (running.has(keyName(process.key))) this.#missing.delete(process);
      else if (!this.#missing.has(process)) this.#missing.set(process, event.atNs);
    }
  }
}

function setProgram(process: TrackedProcess, program: Program): void {
  const { exe, cwd, cgroup, uid, gid, loginUid } = program;
  process.program = { exe, cwd, cgroup, uid, gid, loginUid };
  if (process.session.argv.length === 0) process.session.argv = headOf(program.argv);
}

function keepNewest<K, V>(kept: Map<K, V>, key: K, value: V): void {
  kept.delete(key);
  kept.set(key, value);
  if (kept.size > ENDED_KEPT_MAX) kept.delete(kept.keys().next().value as K);
}

function keyName(key: ProcessKey): string {
  return `${key.pid}:${key.startNs}`;
}

function scopeName(scope: Scope): string {
  return `${scope.selectionId}:${scope.sessionKey}`;
}
