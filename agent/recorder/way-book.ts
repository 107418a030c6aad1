// SPDX-License-Identifier: Apache-2.0

/**
 * Ways around the recorder that were taken, gathered: what a process does by one way is one finding, told soon after the
 * first time, and once more at the end of its session when it was done again since.
 */
import type { Session, TrackedProcess } from '../lineage/session.ts';
import type { FindingReport } from '../model/finding.ts';
import type { WayTaken } from '../model/kernel-event.ts';

export interface GatheredWay {
  readonly report: FindingReport;
  readonly session: Session | undefined;
  readonly process: TrackedProcess | undefined;
}

interface Taken {
  readonly way: string;
  readonly detail: Readonly<Record<string, string>>;
  readonly session: Session | undefined;
  readonly process: TrackedProcess | undefined;
  /** How often with each subject. */
  readonly times: Map<string, number>;
  /** With subjects beyond the bound: each counts as told, once. */
  beyond: number;
  readonly sinceNs: number;
  untilNs: number;
  /** Of what was told: how often then. */
  told: number;
}

/** Of processes and ways; beyond it the oldest is told and forgotten, and would begin anew. */
const TAKEN_MAX = 4096;
/** Named in one finding. */
const SUBJECTS_MAX = 16;

export class WayBook {
  readonly #taken = new Map<string, Taken>();
  /** Pushed out before their turn came. */
  readonly #pushedOut: GatheredWay[] = [];

  add(event: WayTaken, session: Session | undefined, process: TrackedProcess | undefined): void {
    const { way, subject, detail, times, atNs } = event;
    // What is done against the agent is told act by act: the second is no repetition of the first.
    const name = `${event.process.pid}:${event.process.startNs}:${way}:${detail['act'] ?? ''}`;
    let taken = this.#taken.get(name);
    if (taken === undefined) {
      if (this.#taken.size >= TAKEN_MAX) this.#pushOut();
      taken = { way, detail, session, process, times: new Map(), beyond: 0, sinceNs: atNs, untilNs: atNs, told: 0 };
      this.#taken.set(name, taken);
    }
    taken.untilNs = Math.max(taken.untilNs, atNs);
    const before = taken.times.get(subject);
    if (before === undefined && taken.times.size >= SUBJECTS_MAX) taken.beyond++;
    // The kernel side forgets the oldest when it is full and begins at one again.
    else taken.times.set(subject, Math.max(times, before ?? 0));
  }

  /** When the earliest of what was not told at all began; undefined when there is none. */
  get sinceNs(): number | undefined {
    let earliest = this.#pushedOut[0]?.report.sinceNs;
    for (const { told, sinceNs } of this.#taken.values()) {
      if (told === 0) earliest = Math.min(earliest ?? sinceNs, sinceNs);
    }
    return earliest;
  }

  /** What was not told yet. */
  takeNew(): GatheredWay[] {
    const due = this.#pushedOut.splice(0);
    for (const taken of this.#taken.values()) if (taken.told === 0) due.push(tell(taken));
    return due;
  }

  /** Of a session that ends, or of all: what is new since it was told. */
  takeLast(session?: Session): GatheredWay[] {
    const due = this.#pushedOut.splice(0);
    for (const [name, taken] of this.#taken) {
      if (session !== undefined && taken.session !== session) continue;
      if (timesOf(taken) > taken.told) due.push(tell(taken));
      this.#taken.delete(name);
    }
    return due;
  }

  #pushOut(): void {
    const [[name, taken] = []] = this.#taken;
    if (name === undefined || taken === undefined) return;
    this.#taken.delete(name);
    if (timesOf(taken) > taken.told) this.#pushedOut.push(tell(taken));
  }
}

function timesOf({ times, beyond }: Taken): number {
  let sum = beyond;
  for (const count of times.values()) sum += count;
  return sum;
}

function tell(taken: Taken): GatheredWay {
  const { way, detail, session, process, times, beyond, sinceNs, untilNs } = taken;
  taken.told = timesOf(taken);
  const subjects = [...times.keys()].filter((subject) => subject !== '');
  const more: Record<string, string> = beyond > 0 ? { further_subjects: `${beyond}` } : {};
  const report = {
    kind: way,
    subject: subjects.join(', '),
    message: MESSAGES[way] ?? `A way around the recorder: ${way.replaceAll('_', ' ')}.`,
    sinceNs,
    untilNs,
    events: taken.told,
    bytes: 0,
    attributes: { ...detail, ...more },
  };
  return { report, session, process };
}

/** By the words of agent/source/ebpf/way-record.ts. */
const MESSAGES: Readonly<Record<string, string>> = {
  unread_call:
    'The process moved bytes of a unix socket by a call that shows no buffer: they are counted, and their content is missing.',
  other_socket: 'The process used a socket of a kind whose bytes are not recorded.',
  kernel_tls: 'The kernel encrypts what the process sends; the keys came from the process itself.',
  shared_pages:
    'Bytes were sent from memory that the process could still change after they were recorded (zero-copy, sendfile, splice).',
  foreign_socket: 'The process used a socket that it did not open; what passed before it had it is not recorded.',
  traces_process: 'The process traces another one, and can change what that does.',
  traced_by_outsider: 'A process that is not recorded traces this one, and can change what it does.',
  namespace_changed: 'The process is in other namespaces than before.',
  unlinked_program: 'The program that runs has no name in any folder: it was deleted, or never was a file.',
  quic: 'The process speaks QUIC: only its packets are counted.',
  guard_refused: 'The process tried to stop, change or blind the agent, and was refused.',
  agent_attacked:
    'The process acted against the agent, and nothing on this host refuses that: see `sworn status`, guard.',
  system_call: 'The process made a system call by which it can act in the name of another.',
};
