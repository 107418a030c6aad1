// SPDX-License-Identifier: Apache-2.0

/**
 * Names of sessions, kept on disk so that a session stays the same session when the agent is restarted, its processes are
 * found again, and those that ended meanwhile come to an end in the record.
 */
import { randomUUIDv7 } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Session } from '../lineage/session.ts';
import type { ProcessKey, Scope } from '../model/kernel-event.ts';

interface SavedSession {
  readonly id: string;
  readonly workload: string;
  readonly sessionKey: string;
  readonly processes: readonly { readonly pid: number; readonly startNs: string }[];
}

interface SavedBook {
  readonly version: 1;
  readonly bootId: string;
  readonly sessions: readonly SavedSession[];
}

export interface RunningProcess {
  readonly process: ProcessKey;
  readonly scope: Scope;
}

/** What became of a session while there was no agent. */
export interface LeftSession {
  readonly scope: Scope;
  /** How many of its processes ended. */
  readonly exitsUnseen: number;
  /** Nobody has heard of it, and none of its processes runs. */
  readonly isOver: boolean;
}

/** What was told of since the agent runs. */
export interface Known {
  session(scope: Scope): boolean;
  process(process: ProcessKey): boolean;
}

/** What is unfinished at a moment, to be saved once the record up to then is safe. */
export interface SessionPicture {
  readonly sessions: readonly SavedSession[];
  /** Reservations that are not needed beside it. */
  readonly settled: readonly string[];
}

type IsRunning = (process: ProcessKey) => boolean;

export class SessionBook {
  readonly #file: string;
  readonly #bootId: string;
  /** Names given out or saved before, by workload and key; each is used for one session. */
  readonly #known = new Map<string, string>();
  /** What an earlier agent left, until it was taken over. */
  #carried: readonly SavedSession[];
  /** Sessions that were granted, by id, until a picture that was taken after their begin is saved. */
  readonly #reserved = new Map<string, SavedSession>();
  readonly #begun = new Set<string>();
  /** Since when the process of a reservation is known to be gone, which nobody has told of yet. */
  readonly #goneSinceNs = new Map<string, number>();
  /** As saved last. */
  #sessions: readonly SavedSession[];
  #lastText = '';

  /** A book that is missing, torn, or of another boot is an empty one: nothing of it runs any more. */
  constructor(file: string, bootId: string) {
    this.#file = file;
    this.#bootId = bootId;
    this.#carried = readBook(file, bootId);
    this.#sessions = this.#carried;
    for (const { workload, sessionKey, id } of this.#carried) this.#known.set(`${workload}\0${sessionKey}`, id);
  }

  /** The id of the session that begins now with this key. */
  idFor(workload: string, sessionKey: bigint): string {
    const name = `${workload}\0${sessionKey}`;
    const id = this.#known.get(name) ?? randomUUIDv7();
    this.#known.delete(name);
    if (this.#reserved.has(id)) this.#begun.add(id);
    return id;
  }

  /**
   * Settles the id of a session before its first process is seen, which will be `process`. It is on disk when this returns:
   * that process begins as soon as it is told so, whatever becomes of the agent. Errors: those of the file system.
   */
  reserve(workload: string, sessionKey: bigint, process: ProcessKey): string {
    const id = randomUUIDv7();
    this.#known.set(`${workload}\0${sessionKey}`, id);
    this.#reserved.set(id, savedSession(id, workload, sessionKey, [process]));
    this.#write();
    return id;
  }

  /** What ran when the book was saved last, in the terms of the present configuration. */
  running(selectionIdOf: (workload: string) => number | undefined): RunningProcess[] {
    return this.#carried.flatMap((session) => {
      const scope = scopeOf(session, selectionIdOf);
      return scope === undefined ? [] : processesOf(session).map((process) => ({ process, scope }));
    });
  }

  /** To be called once, when what still runs has been told of. Sessions that only go on are left out. */
  takeOver(selectionIdOf: (workload: string) => number | undefined, known: Known, isRunning: IsRunning): LeftSession[] {
    const carried = this.#carried;
    this.#carried = [];
    return carried.flatMap((session) => {
      const scope = scopeOf(session, selectionIdOf);
      if (scope === undefined) return [];
      const processes = processesOf(session);
      const exitsUnseen = processes.filter((process) => !known.process(process) && !isRunning(process)).length;
      const isOver = !known.session(scope) && !processes.some(isRunning);
      return exitsUnseen > 0 || isOver ? [{ scope, exitsUnseen, isOver }] : [];
    });
  }

  /** `handledUntilNs`: all that happened before was told of; `nowNs` is of the same clock. */
  picture(unfinished: Iterable<Session>, isRunning: IsRunning, nowNs: number, handledUntilNs: number): SessionPicture {
    const settled = [...this.#reserved.values()]
      .filter((one) => this.#isSettled(one, isRunning, nowNs, handledUntilNs))
      .map(({ id }) => id);
    const sessions = [...unfinished].map(({ id, workload, scope, alive }) =>
      savedSession(
        id,
        workload,
        scope.sessionKey,
        [...alive].map(({ key }) => key),
      ),
    );
    return { sessions: merged([...this.#carried, ...sessions]), settled };
  }

  /** Writes the book when it has changed. Errors: those of the file system. */
  save({ sessions, settled }: SessionPicture): void {
    for (const id of settled) {
      this.#reserved.delete(id);
      this.#goneSinceNs.delete(id);
      this.#begun.delete(id);
    }
    this.#sessions = sessions;
    this.#write();
  }

  /**
   * Whoever was granted a session may also go without beginning it. Of a process that is gone the begin may still be among
   * the events that wait: it did not begin when all until then are handled.
   */
  #isSettled(reserved: SavedSession, isRunning: IsRunning, nowNs: number, handledUntilNs: number): boolean {
    const { id } = reserved;
    if (this.#begun.has(id)) return true;
    if (processesOf(reserved).some(isRunning)) return false;
    const goneSinceNs = this.#goneSinceNs.get(id) ?? nowNs;
    this.#goneSinceNs.set(id, goneSinceNs);
    return handledUntilNs >= goneSinceNs;
  }

  #write(): void {
    const sessions = merged([...this.#reserved.values(), ...this.#sessions]);
    const text = JSON.stringify({ version: 1, bootId: this.#bootId, sessions } satisfies SavedBook);
    if (text === this.#lastText) return;
    writeFileSync(`${this.#file}.new`, text, { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
    this.#lastText = text;
  }
}

/** Of sessions that are there more than once, the processes of all. */
function merged(sessions: readonly SavedSession[]): SavedSession[] {
  const byId = new Map<string, SavedSession>();
  for (const session of sessions) {
    const pids = new Set(session.processes.map(({ pid }) => pid));
    const others = (byId.get(session.id)?.processes ?? []).filter(({ pid }) => !pids.has(pid));
    byId.set(session.id, { ...session, processes: [...others, ...session.processes] });
  }
  return [...byId.values()];
}

function scopeOf(
  { workload, sessionKey }: SavedSession,
  selectionIdOf: (workload: string) => number | undefined,
): Scope | undefined {
  const selectionId = selectionIdOf(workload);
  return selectionId === undefined ? undefined : { selectionId, sessionKey: BigInt(sessionKey) };
}

function processesOf({ processes }: SavedSession): ProcessKey[] {
  return processes.map(({ pid, startNs }) => ({ pid, startNs: BigInt(startNs) }));
}

function savedSession(
  id: string,
  workload: string,
  sessionKey: bigint,
  processes: readonly ProcessKey[],
): SavedSession {
  const saved = processes.map(({ pid, startNs }) => ({ pid, startNs: String(startNs) }));
  return { id, workload, sessionKey: String(sessionKey), processes: saved };
}

function readBook(file: string, bootId: string): readonly SavedSession[] {
  try {
    const book = JSON.parse(readFileSync(file, 'utf8')) as Partial<SavedBook>;
    return book.version === 1 && book.bootId === bootId ? (book.sessions ?? []) : [];
  } catch {
    return [];
  }
}
