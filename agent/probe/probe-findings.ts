// SPDX-License-Identifier: Apache-2.0

/** What the keeper has to say to people: each thing once for each file, and not endlessly many. */

import type { CodeImage } from '../model/code-image.ts';
import type { FindingReport } from '../model/finding.ts';
import type { ProbeCounts } from './probe-counts.ts';

/** A workload can make files faster than anybody reads of them. Beyond this, until the next round, they are counted only. */
const FINDINGS_MAX = 256;

export class ProbeFindings {
  readonly #onFinding: (finding: FindingReport) => void;
  readonly #now: () => number;
  readonly #counts: ProbeCounts;
  readonly #told = new Set<string>();

  constructor(onFinding: (finding: FindingReport) => void, now: () => number, counts: ProbeCounts) {
    this.#onFinding = onFinding;
    this.#now = now;
    this.#counts = counts;
  }

  /** What was told may be told again. */
  nextRound(): void {
    this.#told.clear();
  }

  /** `file` names it whatever its path is. */
  refused(path: string, file: string, error: unknown, image?: CodeImage): void {
    this.#counts.refused++;
    const { code } = error as { code?: unknown };
    const errno = typeof code === 'string' ? code : 'UNKNOWN';
    this.#tell(`refused ${file}`, 'probe_refused', path, this.#now(), {
      message: image
        ? `TLS of ${path} (${image.library}) cannot be read: no probe could be placed (${errno}).`
        : `${path} could not be looked at (${errno}): if it has TLS, that is not read.`,
      attributes: { errno, ...detailsOf(image) },
    });
  }

  cut(image: CodeImage): void {
    this.#counts.cut++;
    this.#tell(`cut ${image.path}`, 'probe_search_cut', image.path, this.#now(), {
      message: `${image.path} was not searched to its end: it may have TLS that is not read.`,
      attributes: detailsOf(image),
    });
  }

  silent(image: CodeImage, sinceNs: number, reason: 'silent' | 'link_gone', worksAgain: boolean | undefined): void {
    this.#counts.silent++;
    const after =
      worksAgain === undefined
        ? 'It was placed again; whether it works now cannot be tried.'
        : worksAgain
          ? 'It was placed again and works.'
          : 'It was placed again and is still silent: TLS of programs that use this file is not read.';
    this.#tell(`silent ${image.path} ${sinceNs}`, 'probe_silent', image.path, sinceNs, {
      message: `The probe on ${image.path} did not see what it should have seen. ${after}`,
      attributes: {
        reason,
        works_again: worksAgain === undefined ? 'unknown' : String(worksAgain),
        ...detailsOf(image),
      },
    });
  }

  #tell(
    what: string,
    kind: string,
    subject: string,
    sinceNs: number,
    said: { readonly message: string; readonly attributes: Readonly<Record<string, string>> },
  ): void {
    if (this.#told.has(what)) return;
    if (this.#told.size >= FINDINGS_MAX) {
      this.#counts.untold++;
      return;
    }
    this.#told.add(what);
    this.#onFinding({ kind, subject, sinceNs, untilNs: this.#now(), events: 1, bytes: 0, ...said });
  }
}

function detailsOf(image: CodeImage | undefined): Record<string, string> {
  return image === undefined ? {} : { library: image.library, build_id: image.buildId };
}
