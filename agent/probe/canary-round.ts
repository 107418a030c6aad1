// SPDX-License-Identifier: Apache-2.0

/** One round over all probes: is each still in place, and does it see what passes? */

import type { ProbeAttacher } from '../model/probe-attacher.ts';
import { type ExerciseOutcome, exercise } from './canary.ts';
import { OpenFile } from './file-reader.ts';
import { type Attachment, type ImageRecord, identityText } from './image-book.ts';
import { keyText, mappedFiles, runningPids } from './mapped-files.ts';
import { openMapped } from './mapped-image.ts';
import type { ProbeCounts } from './probe-counts.ts';
import type { ProbeFindings } from './probe-findings.ts';
import { isTrustedFile } from './trusted-file.ts';

/** Ids of probes are above 0. */
const NO_LINK = 0;

export class CanaryRound {
  readonly #attacher: ProbeAttacher;
  readonly #findings: ProbeFindings;
  readonly #counts: ProbeCounts;
  readonly #now: () => number;

  constructor(attacher: ProbeAttacher, findings: ProbeFindings, counts: ProbeCounts, now: () => number) {
    this.#attacher = attacher;
    this.#findings = findings;
    this.#counts = counts;
    this.#now = now;
  }

  async run(records: Iterable<ImageRecord>, isStopped: () => boolean): Promise<void> {
    this.#findings.nextRound();
    const all = [...records];
    // Before anything is placed: the id of a link that is gone may be given to another one.
    const hits = this.#hits();
    for (const record of all) for (const one of record.attachments) if (!hits.has(one.id)) one.id = NO_LINK;
    for (const record of all) {
      if (isStopped()) return;
      if (record.attachments.length > 0) await this.#prove(record);
    }
  }

  async #prove(record: ImageRecord): Promise<void> {
    const before = this.#hits();
    const outcome = await this.#exercise(record);
    const after = this.#hits();
    const silent = record.attachments.filter((one) => !sees(one, outcome, before, after));
    for (const one of record.attachments) {
      if (silent.includes(one)) continue;
      one.provedNs = this.#now();
      if (outcome === 'derived') this.#counts.proved++;
      else this.#counts.linked++;
    }
    if (silent.length > 0) await this.#replace(record, silent);
  }

  /** Places silent probes again, and tries them at once. */
  async #replace(record: ImageRecord, silent: readonly Attachment[]): Promise<void> {
    const wasGone = silent.map((one) => one.id === NO_LINK);
    if (!this.#placeAgain(record, silent)) return;
    const before = this.#hits();
    const outcome = await this.#exercise(record);
    const after = this.#hits();
    for (const [index, one] of silent.entries()) {
      const works = outcome === 'derived' ? sees(one, outcome, before, after) : undefined;
      this.#findings.silent(record.image, one.provedNs, wasGone[index] === true ? 'link_gone' : 'silent', works);
      if (works === true) one.provedNs = this.#now();
    }
  }

  #placeAgain(record: ImageRecord, silent: readonly Attachment[]): boolean {
    let file: OpenFile | undefined;
    try {
      file = openAnywhere(record);
      for (const one of silent) {
        const { kind, fileOffset } = record.image.probes[one.point]!;
        const old = one.id;
        one.id = this.#attacher.attach(kind, file.exactPath, fileOffset);
        if (old !== NO_LINK) this.#attacher.detach(old);
      }
      return true;
    } catch (error) {
      this.#findings.refused(record.image.path, record.identity, error, record.image);
      return false;
    } finally {
      file?.close();
    }
  }

  async #exercise(record: ImageRecord): Promise<ExerciseOutcome> {
    // Nothing that somebody else could have written is run.
    const path = record.image.path;
    if (record.exercise === 'none' || !isTrustedFile(path, process.getuid?.() ?? 0) || !isSame(record))
      return 'impossible';
    try {
      return await exercise({
        exercise: record.exercise,
        path,
        onStarted: (pid) => this.#attacher.setCanary(pid),
      });
    } finally {
      this.#attacher.setCanary(0);
    }
  }

  #hits(): Map<number, number> {
    return new Map(this.#attacher.probes().map((probe) => [probe.id, probe.hits]));
  }
}

function sees(
  { id }: Attachment,
  outcome: ExerciseOutcome,
  before: ReadonlyMap<number, number>,
  after: ReadonlyMap<number, number>,
): boolean {
  const hits = after.get(id);
  if (hits === undefined) return false;
  return outcome === 'impossible' || hits > (before.get(id) ?? 0);
}

function isSame(record: ImageRecord): boolean {
  try {
    openSame(record).close();
    return true;
  } catch {
    return false;
  }
}

/** @throws when its path leads elsewhere by now */
function openSame(record: ImageRecord): OpenFile {
  const file = new OpenFile(record.image.path);
  if (identityText(file.identity) === record.identity) return file;
  file.close();
  throw Object.assign(new Error(`${record.image.path} is another file now`), { code: 'ESTALE' });
}

/** By its path, else through a process that has it mapped: a container's, or one that runs on after an upgrade. */
function openAnywhere(record: ImageRecord): OpenFile {
  if (isSame(record)) return openSame(record);
  for (const pid of runningPids()) {
    const mapping = mappedFiles(pid).find((one) => record.keys.has(keyText(one.key)));
    const found = mapping && openMapped(pid, mapping.key, mapping.path, false);
    if (found === undefined) continue;
    if (identityText(found.file.identity) === record.identity) return found.file;
    found.file.close();
  }
  return openSame(record);
}
