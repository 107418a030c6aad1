// SPDX-License-Identifier: Apache-2.0

/**
 * Names of sessions, kept on disk so that a session stays the same session when the agent is restarted, and its processes
 * are found again.
 */
import { randomUUIDv7 } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Lineage } from '../lineage/lineage.ts';
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

export class SessionBook {
  readonly #file: string;
  readonly #bootId: string;
  /** Names given out or saved before, by workload and key; each is used for one session. */
  readonly #known = new Map<string, string>();
  readonly #saved: readonly SavedSession[];
  #lastText = '';

  /** A book that is missing, torn, or of another boot is an empty one: nothing of it runs any more. */
  constructor(file: string, bootId: string) {
    this.#file = file;
    this.#bootId = bootId;
    this.#saved = readBook(file, bootId);
    for (const { workload, sessionKey, id } of this.#saved) this.#known.set(`${workload}\0${sessionKey}`, id);
  }

  /** The id of the session that begins now with this key. */
  idFor(workload: string, sessionKey: bigint): string {
    const name = `${workload}\0${sessionKey}`;
    const known = this.#known.get(name);
    this.#known.delete(name);
    return known ?? randomUUIDv7();
  }

  /** Settles the id of a session before its first process is seen. */
  reserve(workload: string, sessionKey: bigint): string {
    const id = randomUUIDv7();
    this.#known.set(`${workload}\0${sessionKey}`, id);
    return id;
  }

  /** What ran when the book was saved last, in the terms of the present configuration. */
  running(selectionIdOf: (workload: string) => number | undefined): RunningProcess[] {
    const running: RunningProcess[] = [];
    for (const { workload, sessionKey, processes } of this.#saved) {
      const selectionId = selectionIdOf(workload);
      if (selectionId === undefined) continue;
      const scope = { selectionId, sessionKey: BigInt(sessionKey) };
      for (const { pid, startNs } of processes) running.push({ process: { pid, startNs: BigInt(startNs) }, scope });
    }
    return running;
  }

  /** Writes the book when it has changed. Errors: those of the file system. */
  save(lineage: Lineage): void {
    const sessions = [...lineage.sessions].map((session) => ({
      id: session.id,
      workload: session.workload,
      sessionKey: String(session.scope.sessionKey),
      processes: [...session.alive].map(({ key }) => ({ pid: key.pid, startNs: String(key.startNs) })),
    }));
    const text = JSON.stringify({ version: 1, bootId: this.#bootId, sessions } satisfies SavedBook);
    if (text === this.#lastText) return;
    writeFileSync(`${this.#file}.new`, text, { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
    this.#lastText = text;
  }
}

function readBook(file: string, bootId: string): readonly SavedSession[] {
  try {
    const book = JSON.parse(readFileSync(file, 'utf8')) as Partial<SavedBook>;
    return book.version === 1 && book.bootId === bootId ? (book.sessions ?? []) : [];
  } catch {
    return [];
  }
}
