// SPDX-License-Identifier: Apache-2.0

import type { Binding } from '../model/identity.ts';
import type { ProcessKey, Program, Scope } from '../model/kernel-event.ts';

/** One run of a workload, from its first process to its last. */
export interface Session {
  readonly id: string;
  readonly workload: string;
  /** How the workload was chosen: 'run', 'cgroup', 'exe', 'uid'. */
  readonly selectedBy: string;
  readonly scope: Scope;
  readonly startedNs: number;
  /** The head of the first program's argv; empty until there is one. */
  argv: readonly string[];
  /** Which identity it acts for, and from when on; the first holds from the beginning. */
  readonly bindings: { readonly sinceNs: number; readonly binding: Binding }[];
  /** The first human on whose behalf it acted; kept, since bindings are not kept for ever. */
  firstHumanId?: string;
  /** Since when it has acted on behalf of more than one human; undefined: of one at most. */
  humansDifferNs?: number;
  /** Processes alive now. */
  readonly alive: Set<TrackedProcess>;
  /** The first process; its end gives the session's exit code. */
  first: TrackedProcess | undefined;
  processes: number;
  commands: number;
  losses: number;
  exitCode: number;
  signal: number;
  /** Its end was written: what comes later under its key is another session. */
  over: boolean;
}

/** What is remembered of a program once its line was written: argv can be megabytes, and is needed only there. */
export type KnownProgram = Omit<Program, 'argv' | 'argvBytes' | 'argvComplete'>;

export interface TrackedProcess {
  readonly key: ProcessKey;
  readonly parent: ProcessKey;
  readonly session: Session;
  /** When it was first heard of; not later than anything that it did under our eyes. */
  readonly startedNs: number;
  /** What it runs; its parent's until it executes a program of its own. undefined when that is not known. */
  program: KnownProgram | undefined;
  /** When it executed that program; undefined when that was not seen. */
  executedNs: number | undefined;
  exitedNs: number | undefined;
  /** Whether its end was seen, and not concluded from its absence. */
  exitSeen: boolean;
}

/** What the configuration says of a selection. */
export interface SelectionMeaning {
  readonly workload: string;
  readonly selectedBy: string;
  readonly binding: Binding;
}

/** Bindings kept of one session: a token lives for an hour, and the oldest stands for all before it. */
const BINDINGS_KEPT_MAX = 64;

/** From then on. A token from before the session began comes behind the first binding all the same, and so has effect. */
export function bind(session: Session, sinceNs: number, binding: Binding): void {
  const { bindings } = session;
  noteHumans(session, sinceNs, binding);
  let at = bindings.length;
  while (at > 1 && (bindings[at - 1] as { sinceNs: number }).sinceNs > sinceNs) at--;
  bindings.splice(at, 0, { sinceNs, binding });
  if (bindings.length > BINDINGS_KEPT_MAX) bindings.splice(0, 1);
}

function noteHumans(session: Session, sinceNs: number, { onBehalfOfId }: Binding): void {
  if (onBehalfOfId === '') return;
  session.firstHumanId ??= onBehalfOfId;
  if (session.firstHumanId === onBehalfOfId) return;
  session.humansDifferNs = Math.min(sinceNs, session.humansDifferNs ?? Number.POSITIVE_INFINITY);
}

/** The same binding for all lines of it. */
const withoutHumans = new WeakMap<Binding, Binding>();

/**
 * What a binding says of a line that nothing ties to its token. A service acts for many humans at a time: once a session has
 * had a second one, such a line names none of them.
 */
export function generally(session: Session, atNs: number, binding: Binding): Binding {
  if (binding.onBehalfOfId === '' || atNs < (session.humansDifferNs ?? Number.POSITIVE_INFINITY)) return binding;
  let general = withoutHumans.get(binding);
  if (general === undefined) {
    general = { ...binding, onBehalfOfId: '', onBehalfOfName: '' };
    withoutHumans.set(binding, general);
  }
  return general;
}

/** What was known at that time: a command is not given an identity that was proven only after it. */
export function bindingAt(session: Session, atNs: number): Binding {
  for (let i = session.bindings.length - 1; i > 0; i--) {
    const held = session.bindings[i] as { sinceNs: number; binding: Binding };
    if (held.sinceNs <= atNs) return generally(session, atNs, held.binding);
  }
  return generally(session, atNs, (session.bindings[0] as { binding: Binding }).binding);
}
