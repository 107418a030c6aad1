// SPDX-License-Identifier: Apache-2.0

/**
 * Which process belongs to which workload and session. Membership itself is decided in the kernel and arrives with each
 * event (`Scope`); here it gets names, parents and a beginning and an end.
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
import type { SelectionMeaning, Session, TrackedProcess } from './session.ts';

export type LineageChange =
  | { readonly kind: 'session-started'; readonly session: Session; readonly atNs: number }
  | { readonly kind: 'forked' | 'executed' | 'joined'; readonly process: TrackedProcess; readonly atNs: number }
  | {
      readonly kind: 'exited';
      readonly process: TrackedProcess;
      readonly atNs: number;
      readonly exit: Pick<ProcessExited, 'exitCode' | 'signal' | 'coreDumped' | 'statusKnown'>;
    }
  | { readonly kind: 'session-ended'; readonly session: Session; readonly atNs: number };

export interface LineageOptions {
  readonly meaningOf: (selectionId: number) => SelectionMeaning;
  /** A new session's id; `scope` lets a restarted agent find the id that the session had. */
  readonly sessionId: (scope: Scope) => string;
}

type ProcessEvent = ProcessForked | ProcessExecuted | ProcessJoined | ProcessExited | ProcessesRunning;

/** Ended processes that are kept, so that what their sockets still do gets their name. */
const ENDED_KEPT_MAX = 4096;

export function isProcessEvent(event: KernelEvent): event is ProcessEvent {
  return event.type.startsWith('process');
}

export class Lineage {
  readonly #options: LineageOptions;
  readonly #sessions = new Map<string, Session>();
  readonly #processes = new Map<number, TrackedProcess>();
  readonly #ended = new Map<number, TrackedProcess>();
  readonly #endedSessions = new Map<string, Session>();

  constructor(options: LineageOptions) {
    this.#options = options;
  }

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

  /** The process that has this pid, or had it last; undefined when it was never seen. */
  processAt(pid: number): TrackedProcess | undefined {
    return this.#processes.get(pid) ?? this.#ended.get(pid);
  }

  /** The session of a scope, also one that has ended lately: sockets outlive their processes by a little. */
  sessionOf(scope: Scope): Session | undefined {
    const name = scopeName(scope);
    return this.#sessions.get(name) ?? this.#endedSessions.get(name);
  }

  #sessionFor(scope: Scope, atNs: number, changes: LineageChange[]): Session {
    const known = this.#sessions.get(scopeName(scope));
    if (known !== undefined) return known;
    const meaning = this.#options.meaningOf(scope.selectionId);
    const session: Session = {
      id: this.#options.sessionId(scope),
      workload: meaning.workload,
      selectedBy: meaning.selectedBy,
      scope,
      startedNs: atNs,
      commandLine: '',
      bindings: [{ sinceNs: atNs, binding: meaning.binding }],
      alive: new Set(),
      first: undefined,
      processes: 0,
      commands: 0,
      losses: 0,
      exitCode: 0,
      signal: 0,
    };
    this.#sessions.set(scopeName(scope), session);
    changes.push({ kind: 'session-started', session, atNs });
    return session;
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
      exitedNs: undefined,
    };
    this.#processes.set(key.pid, process);
    session.alive.add(process);
    session.processes++;
    session.first ??= process;
    return process;
  }

  #forked(event: ProcessForked, changes: LineageChange[]): void {
    const process = this.#add(event.process, event.parent, event.scope, event.atNs, changes);
    process.program = this.#processes.get(event.parent.pid)?.program;
    changes.push({ kind: 'forked', process, atNs: event.atNs });
  }

  #executed(event: ProcessExecuted, changes: LineageChange[]): void {
    const known = this.#known(event.process);
    const process = known ?? this.#add(event.process, event.parent, event.scope, event.atNs, changes);
    this.#setProgram(process, event.program);
    changes.push({ kind: 'executed', process, atNs: event.atNs });
  }

  #joined(event: ProcessJoined, changes: LineageChange[]): void {
    if (this.#known(event.process) !== undefined) return;
    const process = this.#add(event.process, event.parent, event.scope, event.atNs, changes);
    if (event.program !== undefined) this.#setProgram(process, event.program);
    changes.push({ kind: 'joined', process, atNs: event.atNs });
  }

  #known(key: ProcessKey): TrackedProcess | undefined {
    const running = this.#processes.get(key.pid);
    return running?.key.startNs === key.startNs ? running : undefined;
  }

  #setProgram(process: TrackedProcess, program: Program): void {
    process.program = program;
    if (process.session.commandLine === '') process.session.commandLine = commandLineOf(program);
  }

  #exited(event: ProcessExited, changes: LineageChange[]): void {
    const process = this.#known(event.process);
    if (process !== undefined) this.#end(process, event.atNs, event, changes);
  }

  #end(process: TrackedProcess, atNs: number, exit: ExitStatus, changes: LineageChange[]): void {
    const { session } = process;
    process.exitedNs = atNs;
    this.#processes.delete(process.key.pid);
    session.alive.delete(process);
    keepNewest(this.#ended, process.key.pid, process, ENDED_KEPT_MAX);
    if (session.first === process) {
      session.exitCode = exit.exitCode;
      session.signal = exit.signal;
    }
    const { exitCode, signal, coreDumped, statusKnown } = exit;
    changes.push({ kind: 'exited', process, atNs, exit: { exitCode, signal, coreDumped, statusKnown } });
    if (session.alive.size > 0) return;
    this.#sessions.delete(scopeName(session.scope));
    keepNewest(this.#endedSessions, scopeName(session.scope), session, ENDED_KEPT_MAX);
    changes.push({ kind: 'session-ended', session, atNs });
  }

  /** Process events were missed: what runs now is what the kernel says. */
  #reconcile(event: ProcessesRunning, changes: LineageChange[]): void {
    const running = new Set(event.processes.map(({ process }) => nameOf(process)));
    for (const { process, scope, program } of event.processes) {
      const parent = { pid: 0, startNs: 0n };
      this.#joined({ type: 'process-joined', atNs: event.atNs, process, parent, scope, program }, changes);
    }
    for (const process of [...this.#processes.values()]) {
      if (!running.has(nameOf(process.key))) this.#end(process, event.atNs, EXIT_UNSEEN, changes);
    }
  }
}

type ExitStatus = Pick<ProcessExited, 'exitCode' | 'signal' | 'coreDumped' | 'statusKnown'>;
const EXIT_UNSEEN: ExitStatus = { exitCode: 0, signal: 0, coreDumped: false, statusKnown: false };

function keepNewest<K, V>(kept: Map<K, V>, key: K, value: V, max: number): void {
  kept.delete(key);
  kept.set(key, value);
  if (kept.size > max) kept.delete(kept.keys().next().value as K);
}

function nameOf(key: ProcessKey): string {
  return `${key.pid}:${key.startNs}`;
}

function scopeName(scope: Scope): string {
  return `${scope.selectionId}:${scope.sessionKey}`;
}

/** As a person would type it: arguments that a shell would take apart are quoted. */
export function commandLineOf(program: Program): string {
  return program.argv
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');
}
