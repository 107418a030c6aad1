// SPDX-License-Identifier: Apache-2.0

/** Findings, gathered as losses are: equal ones of one session become one line with their sum. */
import type { Session, TrackedProcess } from '../lineage/session.ts';
import type { FindingReport } from '../model/finding.ts';

export interface GatheredFinding {
  readonly report: FindingReport;
  readonly session: Session | undefined;
  readonly process: TrackedProcess | undefined;
  /** '' when it is of several connections, or of none. */
  readonly connectionId: string;
}

export class FindingBook {
  readonly #gathered = new Map<string, GatheredFinding>();

  /** Findings are equal when they are of one session and say the same, but for how often, how much and when. */
  add(found: GatheredFinding): void {
    const { report, session, process } = found;
    const name = JSON.stringify([session?.id, process?.key.pid, report.kind, report.subject, report.attributes]);
    const before = this.#gathered.get(name);
    this.#gathered.set(name, before === undefined ? found : joined(before, found));
  }

  /** When the earliest of what was gathered began; undefined when nothing was. */
  get sinceNs(): number | undefined {
    let earliest: number | undefined;
    for (const { report } of this.#gathered.values()) earliest = Math.min(earliest ?? report.sinceNs, report.sinceNs);
    return earliest;
  }

  take(): GatheredFinding[] {
    const all = [...this.#gathered.values()];
    this.#gathered.clear();
    return all;
  }
}

function joined(one: GatheredFinding, other: GatheredFinding): GatheredFinding {
  const report = {
    ...one.report,
    sinceNs: Math.min(one.report.sinceNs, other.report.sinceNs),
    untilNs: Math.max(one.report.untilNs, other.report.untilNs),
    events: one.report.events + other.report.events,
    bytes: one.report.bytes + other.report.bytes,
  };
  return { ...one, report, connectionId: one.connectionId === other.connectionId ? one.connectionId : '' };
}
