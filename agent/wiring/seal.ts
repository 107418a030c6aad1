// SPDX-License-Identifier: Apache-2.0

/**
 * The seal that the configuration asks for: opened before the journal, which is told where it must at least go to, and begun
 * when the journal is open. Nothing here keeps the agent from recording: what cannot be sealed is told, in the log and in
 * the record, and goes unsealed.
 */
import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import type { AgentConfig } from '../config/agent-config.ts';
import { realDisk } from '../journal/disk.ts';
import type { Journal, JournalOptions } from '../journal/journal.ts';
import type { FindingReport } from '../model/finding.ts';
import type { AppendLeaves } from '../seal/delivered-tree.ts';
import { type FoundMark, JournalMark } from '../seal/journal-mark.ts';
import { Seal, type SealReport, type SealStatus } from '../seal/seal.ts';
import { ownSealKey, readSealKey } from '../seal/seal-key.ts';
import { SealStateFile } from '../seal/seal-state.ts';
import type { Log } from '../telemetry/log.ts';

/** The mark of the journal is signed and synced this often: what a cut of its end can take away unseen. */
const MARK_INTERVAL_MS = 5000;

export interface SealParts {
  readonly config: AgentConfig;
  readonly agentId: string;
  readonly append: AppendLeaves;
  readonly log: Log;
}

export type AgentSealStatus = SealStatus | { readonly trouble: 'seal_unusable'; readonly message: string };

type Report = Pick<FindingReport, 'kind' | 'message' | 'attributes'>;

export class AgentSeal {
  readonly #parts: SealParts;
  readonly #file: SealStateFile | undefined;
  readonly #mark: JournalMark | undefined;
  readonly #key: KeyObject | undefined;
  readonly #why: string;
  readonly #waiting: Report[] = [];
  #tell: ((report: Report) => void) | undefined;
  #markedAtMs = Number.NEGATIVE_INFINITY;
  #markFails = false;
  /** undefined when there is none: the record is delivered without checkpoints. */
  seal: Seal | undefined;

  /** Never rejects. */
  static async open(parts: SealParts): Promise<AgentSeal> {
    const { config, agentId } = parts;
    const { state_dir } = config;
    try {
      const { key_file } = config.seal;
      const own = join(state_dir, 'seal.key');
      const key = key_file === undefined ? await ownSealKey(own) : await readSealKey(key_file);
      const mark = await JournalMark.open(realDisk, join(state_dir, 'journal.mark'), agentId, key);
      const file = await SealStateFile.open(realDisk, join(state_dir, 'seal.state'), agentId);
      return new AgentSeal(parts, '', { key, mark, file });
    } catch (error) {
      return new AgentSeal(parts, (error as Error).message);
    }
  }

  private constructor(
    parts: SealParts,
    why: string,
    opened?: { key: KeyObject; mark: JournalMark; file: SealStateFile },
  ) {
    this.#parts = parts;
    this.#why = why;
    this.#key = opened?.key;
    this.#mark = opened?.mark;
    this.#file = opened?.file;
    if (opened === undefined) this.#unusable(why);
  }

  /** What the journal has to know before it opens. */
  get journalOptions(): Pick<JournalOptions, 'mark' | 'usedSeq'> {
    const found = this.#mark?.found;
    const state = this.#file?.found;
    return {
      mark: found?.kind === 'found' ? found.point : undefined,
      usedSeq: state?.kind === 'found' ? state.state.tree.size : 0,
    };
  }

  /** The journal is open: its mark is judged, and the tree goes on. */
  begin(journal: Journal): void {
    const { config, agentId, append, log } = this.#parts;
    if (this.#key === undefined || this.#file === undefined) return;
    this.#judgeJournal(journal);
    try {
      this.seal = new Seal({
        agentId,
        privateKey: this.#key,
        file: this.#file,
        journal,
        append,
        checkpointMs: config.seal.checkpoint_seconds * 1000,
        collectorKey: config.seal.collector_key,
        markedSeq: () => this.#mark?.seq ?? 0,
        tell: (report) => this.#report(report),
        onTrouble: (trouble) => {
          if (trouble === null) log.info('the state of the seal is written again');
          else
            log.error({ err: trouble }, 'the state of the seal cannot be written: delivered files of the journal stay');
        },
      });
    } catch (error) {
      this.#unusable((error as Error).message);
    }
  }

  /** From now on, and for what waited, reports become findings of the record. */
  tellTo(addFinding: (finding: FindingReport) => void, nowNs: () => number): void {
    this.#tell = ({ kind, message, attributes }) => {
      const atNs = nowNs();
      const { agentId: subject } = this.#parts;
      addFinding({ kind, subject, message, sinceNs: atNs, untilNs: atNs, events: 1, bytes: 0, attributes });
    };
    for (const report of this.#waiting.splice(0)) this.#tell(report);
  }

  /** Signs how far the journal is on disk, seldom unless it is the last time. Never rejects. */
  async writeMark(journal: Journal, isLast = false): Promise<void> {
    const nowMs = performance.now();
    if (!isLast && nowMs - this.#markedAtMs < MARK_INTERVAL_MS) return;
    this.#markedAtMs = nowMs;
    try {
      await this.#mark?.write(journal.durablePoint);
      this.#markFails = false;
    } catch (error) {
      if (!this.#markFails) this.#parts.log.error({ err: error }, 'the mark of the journal cannot be written');
      this.#markFails = true;
    }
  }

  get status(): AgentSealStatus {
    return this.seal?.status ?? { trouble: 'seal_unusable', message: this.#why };
  }

  /** After the delivery has stopped, and after the last mark. */
  async close(): Promise<void> {
    if (this.seal !== undefined) await this.seal.close();
    else await this.#file?.close();
    await this.#mark?.close();
  }

  #judgeJournal(journal: Journal): void {
    const found = this.#mark?.found;
    if (found === undefined) return;
    const why = found.kind === 'unproven' ? found.why : this.#whyNotTheLast(found);
    if (why !== undefined) {
      const message = `The signed mark of the journal cannot be used, so nothing says how far the journal went: ${why}.`;
      this.#report({ kind: 'journal_mark_unproven', message, attributes: {} });
    }
    if (found.kind !== 'found') return;
    const { seq } = found.point;
    const { mark, lastSeq } = journal.report;
    const attributes = { marked_seq: String(seq), last_seq: String(lastSeq) };
    if (mark === 'cut') {
      const message = `The journal ends with activity ${lastSeq}, and was on disk up to ${seq}: somebody or the disk took its end away.`;
      this.#report({ kind: 'journal_cut', message, attributes });
    } else if (mark === 'rewritten') {
      const message = `The journal on disk is not the one that was written: its hash chain at activity ${seq} is another one than was signed.`;
      this.#report({ kind: 'journal_rewritten', message, attributes });
    }
  }

  /** The state of the seal has known a mark, so this is no agent that has just learned to make one. */
  #whyNotTheLast(found: Exclude<FoundMark, { kind: 'unproven' }>): string | undefined {
    const state = this.#file?.found;
    const markedSeq = state?.kind === 'found' ? state.state.markedSeq : 0;
    if (found.kind === 'none') return markedSeq > 0 ? 'it was removed' : undefined;
    const { seq } = found.point;
    return seq < markedSeq ? `it is an older one, of activity ${seq}, and went up to ${markedSeq}` : undefined;
  }

  #unusable(why: string): void {
    const message = `This agent cannot seal its record: ${why}. It records and delivers without checkpoints.`;
    this.#report({ kind: 'seal_unusable', message, attributes: {} });
  }

  #report(report: Report | SealReport): void {
    this.#parts.log.error({ kind: report.kind, ...report.attributes }, report.message);
    if (this.#tell === undefined) this.#waiting.push(report);
    else this.#tell(report);
  }
}
