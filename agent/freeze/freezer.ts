// SPDX-License-Identifier: Apache-2.0

/**
 * Freezes workloads through their cgroups (v2), and thaws them: for as long as the record cannot be kept, nothing is done
 * that it would have to hold.
 *
 * A cgroup in which nothing else runs is frozen as it is: a unit, a container. Where a workload shares its cgroup with others
 * (`sworn run` in somebody's login), its processes are put into one made below it, and back when they thaw: limits and
 * programs of the cgroup go on to hold for them. What was frozen by somebody else is left as it is.
 *
 * Deliberately no signals: SIGSTOP is seen by parents, and SIGCONT of a sibling ends it.
 */
import { basename, dirname } from 'node:path';
import type { ProcessKey } from '../model/kernel-event.ts';
import type { Cgroups } from './cgroups.ts';
import type { FreezeNote, FrozenCgroup } from './freeze-note.ts';

/** Its name, below the cgroup that a workload shares with others. */
const OWN_CGROUP = 'sworn-frozen';
/** What was started while its parent was moved is found at another look; more than these are left to the next call. */
const LOOKS_MAX = 4;

export interface Freezable {
  /** Which session: what is told is told of it. */
  readonly id: string;
  readonly processes: readonly ProcessKey[];
}

export interface FreezeNews {
  readonly kind: 'frozen' | 'thawed' | 'not-frozen' | 'not-thawed';
  /** '' when it is of an earlier run of the agent. */
  readonly id: string;
  readonly cgroup: string;
  /** errno name or a word, of what could not be done. */
  readonly reason: string;
}

export interface FreezerOptions {
  readonly cgroups: Cgroups;
  readonly note: FreezeNote;
  /** Of processes that are frozen it is asked whether they are still those that they were. */
  readonly isSame: (process: ProcessKey) => boolean;
}

export class Freezer {
  readonly #options: FreezerOptions;
  /** By path. */
  readonly #frozen: Map<string, FrozenCgroup>;
  /** Sessions of each, for what is told of it. */
  readonly #sessions = new Map<string, Set<string>>();
  /** Paths of those that are thawed and empty, and could not be removed yet: the kernel still ends a process in them. */
  readonly #emptied = new Set<string>();
  /** What was told and cannot be mended by trying again every second. */
  readonly #told = new Set<string>();

  /** Takes over what an earlier run left frozen: it stays so until `thaw`. */
  constructor(options: FreezerOptions) {
    this.#options = options;
    this.#frozen = new Map(options.note.read().map((frozen) => [frozen.path, frozen]));
  }

  get frozen(): readonly string[] {
    return [...this.#frozen.keys()].filter((path) => !this.#emptied.has(path));
  }

  /** Whether a call of `thaw` has anything to do. */
  get isIdle(): boolean {
    return this.#frozen.size === 0;
  }

  /** Freezes what of these is not frozen yet. Never throws. */
  freeze(sessions: readonly Freezable[]): FreezeNews[] {
    const news: FreezeNews[] = [];
    for (let look = 0; look < LOOKS_MAX; look++) {
      const running = this.#running(sessions);
      if (running.size === 0) break;
      const known = new Set(sessions.flatMap(({ processes }) => processes.map(({ pid }) => pid)));
      for (const [path, found] of running) this.#freezeIn(path, found, known, news);
    }
    return news;
  }

  /** Thaws all that was frozen. Never throws; what cannot be thawed is tried again at the next call. */
  thaw(): FreezeNews[] {
    const news: FreezeNews[] = [];
    for (const frozen of [...this.#frozen.values()]) {
      const { path } = frozen;
      const ids = this.#emptied.has(path) ? [] : (this.#sessions.get(path) ?? ['']);
      let isGone = true;
      try {
        isGone = this.#thawOne(frozen);
      } catch (error) {
        const reason = codeOf(error);
        // Gone with all that ran in it.
        if (reason !== 'ENOENT' && reason !== 'ENODEV') {
          this.#tell(news, { kind: 'not-thawed', id: '', cgroup: path, reason });
          continue;
        }
      }
      if (isGone) this.#frozen.delete(path);
      if (isGone) this.#emptied.delete(path);
      else this.#emptied.add(path);
      this.#sessions.delete(path);
      for (const id of ids) news.push({ kind: 'thawed', id, cgroup: frozen.home ?? path, reason: '' });
    }
    if (news.length > 0) this.#told.clear();
    try {
      this.#options.note.write([...this.#frozen.values()]);
    } catch {
      // Then a later start thaws what is thawed: no harm.
    }
    return news;
  }

  /** By cgroup, the processes of these sessions that nothing holds. */
  #running(sessions: readonly Freezable[]): Map<string, Map<number, string>> {
    const { cgroups, isSame } = this.#options;
    const running = new Map<string, Map<number, string>>();
    for (const { id, processes } of sessions) {
      for (const process of processes) {
        if (!isSame(process)) continue;
        const path = cgroups.of(process.pid);
        if (path === '' || this.#isHeld(path)) continue;
        const inIt = running.get(path) ?? new Map<number, string>();
        running.set(path, inIt.set(process.pid, id));
      }
    }
    return running;
  }

  /** Whether it, or one above it, is frozen: by us or by somebody else. */
  #isHeld(path: string): boolean {
    for (let at = path; at !== '/'; at = dirname(at)) {
      try {
        if (this.#options.cgroups.isToBeFrozen(at)) return true;
      } catch {
        // Cannot be read, so it cannot be frozen either: that is told when it is tried.
      }
    }
    return false;
  }

  #freezeIn(path: string, found: ReadonlyMap<number, string>, known: ReadonlySet<number>, news: FreezeNews[]): void {
    const { cgroups } = this.#options;
    try {
      const isAlone = path !== '/' && cgroups.processesBelow(path).every((pid) => known.has(pid));
      // Of an agent that was killed between the two steps, or of processes that came later.
      const isOurs = basename(path) === OWN_CGROUP;
      if (isAlone || isOurs) {
        this.#note(isOurs ? { path, home: dirname(path) } : { path }, found);
        cgroups.setFrozen(path, true);
      } else {
        this.#moveAndFreeze(path, found);
      }
      for (const id of new Set(found.values())) news.push({ kind: 'frozen', id, cgroup: path, reason: '' });
    } catch (error) {
      for (const id of new Set(found.values())) {
        this.#tell(news, { kind: 'not-frozen', id, cgroup: path, reason: codeOf(error) });
      }
    }
  }

  #moveAndFreeze(home: string, found: ReadonlyMap<number, string>): void {
    const { cgroups } = this.#options;
    const path = home === '/' ? `/${OWN_CGROUP}` : `${home}/${OWN_CGROUP}`;
    this.#note({ path, home }, found);
    try {
      cgroups.make(path);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    // Frozen first: what comes in stops as it comes.
    cgroups.setFrozen(path, true);
    for (const pid of found.keys()) {
      try {
        cgroups.move(pid, path);
      } catch (error) {
        if (codeOf(error) !== 'ESRCH') throw error;
      }
    }
  }

  #note(frozen: FrozenCgroup, found: ReadonlyMap<number, string>): void {
    this.#emptied.delete(frozen.path);
    if (!this.#frozen.has(frozen.path)) {
      // On disk first: what was frozen and not noted would stay so for ever if the agent were killed now.
      this.#options.note.write([...this.#frozen.values(), frozen]);
      this.#frozen.set(frozen.path, frozen);
    }
    const ids = this.#sessions.get(frozen.path) ?? new Set<string>();
    for (const id of found.values()) ids.add(id);
    this.#sessions.set(frozen.path, ids);
  }

  /** False when it is thawed, and the cgroup that was made for it is to be removed later. */
  #thawOne({ path, home }: FrozenCgroup): boolean {
    const { cgroups } = this.#options;
    cgroups.setFrozen(path, false);
    if (home === undefined) return true;
    for (let look = 0; look < LOOKS_MAX; look++) {
      const pids = cgroups.processesIn(path);
      if (pids.length === 0) break;
      for (const pid of pids) {
        try {
          cgroups.move(pid, home);
        } catch (error) {
          if (codeOf(error) !== 'ESRCH') throw error;
        }
      }
    }
    try {
      cgroups.remove(path);
    } catch (error) {
      if (codeOf(error) === 'EBUSY') return false;
      throw error;
    }
    return true;
  }

  #tell(news: FreezeNews[], one: FreezeNews): void {
    const key = JSON.stringify(one);
    if (this.#told.has(key)) return;
    this.#told.add(key);
    news.push(one);
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}
