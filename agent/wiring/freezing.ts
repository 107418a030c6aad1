// SPDX-License-Identifier: Apache-2.0

/**
 * Policy `block`, done: while the journal has no room the workloads are frozen, and thawed when it has. Each of both is a
 * finding of the session, with the time and the cause.
 */
import { Cgroups } from '../freeze/cgroups.ts';
import { FreezeNote } from '../freeze/freeze-note.ts';
import { type FreezeNews, Freezer } from '../freeze/freezer.ts';
import type { Session } from '../lineage/session.ts';
import type { FindingReport } from '../model/finding.ts';
import { cgroupRoot } from '../source/ebpf/cgroup.ts';
import { isStartedAt } from '../source/ebpf/proc.ts';
import type { Log } from '../telemetry/log.ts';

export interface FreezingOptions {
  /** Where it is noted what is frozen. */
  readonly noteFile: string;
  readonly mustFreeze: () => boolean;
  readonly sessions: () => Iterable<Session>;
  readonly onFinding: (finding: FindingReport, session: Session | undefined) => void;
  /** In the time of the source. */
  readonly now: () => number;
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>;
}

type Cause = 'journal_full' | 'journal_has_room' | 'agent_stopping';

const CAUSES: Readonly<Record<Cause, string>> = {
  journal_full: 'the journal has no room, and record.when_full is block',
  journal_has_room: 'the journal has room again',
  agent_stopping: 'the agent stops',
};

const KINDS = {
  frozen: 'workload_frozen',
  thawed: 'workload_thawed',
  'not-frozen': 'workload_not_frozen',
  'not-thawed': 'workload_not_thawed',
} as const;

export class Freezing {
  readonly #options: FreezingOptions;
  readonly #freezer: Freezer | undefined;

  constructor(options: FreezingOptions) {
    this.#options = options;
    const root = cgroupRoot();
    if (root === undefined) return;
    const note = new FreezeNote(options.noteFile);
    this.#freezer = new Freezer({ cgroups: new Cgroups(root), note, isSame: isStartedAt });
  }

  /** The cgroups that are frozen. */
  get frozen(): readonly string[] {
    return this.#freezer?.frozen ?? [];
  }

  /** Once a second. What an earlier run of the agent left frozen is thawed as soon as there is room. */
  look(): void {
    if (this.#options.mustFreeze()) {
      const sessions = [...this.#options.sessions()].map(({ id, alive }) => ({
        id,
        processes: [...alive].map(({ key }) => key),
      }));
      this.#tell(this.#freezer?.freeze(sessions) ?? [], 'journal_full');
    } else if (this.#freezer?.isIdle === false) {
      this.#tell(this.#freezer.thaw(), 'journal_has_room');
    }
  }

  /** The agent stops: nobody would thaw them. What is told of it still comes into the record. */
  end(): void {
    this.#tell(this.#freezer?.thaw() ?? [], 'agent_stopping');
  }

  #tell(news: readonly FreezeNews[], cause: Cause): void {
    if (news.length === 0) return;
    const { onFinding, log, now } = this.#options;
    const sessions = new Map([...this.#options.sessions()].map((session) => [session.id, session]));
    const atNs = now();
    for (const { kind, id, cgroup, reason } of news) {
      const report = { kind: KINDS[kind], subject: cgroup, sinceNs: atNs, untilNs: atNs, events: 1, bytes: 0 };
      const attributes = { cause, ...(reason !== '' && { reason }) };
      onFinding({ ...report, message: messageOf(kind, cause, reason), attributes }, sessions.get(id));
      const fields = { cgroup, session: id, cause, ...(reason !== '' && { reason }) };
      if (kind === 'frozen' || kind === 'thawed') log.warn(fields, `a workload is ${kind}`);
      else log.error(fields, messageOf(kind, cause, reason));
    }
  }
}

function messageOf(kind: FreezeNews['kind'], cause: Cause, reason: string): string {
  if (kind === 'frozen') return `Frozen: ${CAUSES[cause]}. It goes on by itself when there is room.`;
  if (kind === 'thawed') return `Goes on: ${CAUSES[cause]}.`;
  const rights = 'the agent needs to write to the cgroup (docs/OPERATOR.md, Journal)';
  if (kind === 'not-frozen') return `Cannot be frozen (${reason}) though ${CAUSES[cause]}: ${rights}.`;
  return `Cannot be thawed (${reason}) though ${CAUSES[cause]}: ${rights}, or write 0 to its cgroup.freeze.`;
}
