// SPDX-License-Identifier: Apache-2.0

/** What the journal itself missed, gathered until it can be written: one loss for each cause, not one for each event. */
import { type Activity, recorderHead } from '../model/activity.ts';

/** Why the journal lost something. Stable words: they are `loss.reason` in the record. */
export const JOURNAL_LOSSES = {
  payload_shed: 'No room: payloads were left out, the rest was kept.',
  no_room: 'No room: activities were not taken.',
  too_large: 'Payloads of activities that are too large for one entry were left out, the rest was kept.',
  torn_tail: 'The last write before a crash was incomplete: what it held was cut off.',
  damaged: 'Entries on disk are damaged.',
  missing: 'Entries are missing on disk.',
  altered: 'Entries on disk are not those that were written: their hash chain is broken.',
  too_old: 'Kept for as long as the configuration allows, and not delivered by then: removed.',
  not_held: 'Asked for entries that were delivered and forgotten before.',
} as const;

export type JournalLoss = keyof typeof JOURNAL_LOSSES;

interface Sum {
  events: number;
  bytes: number;
  sinceNs: bigint;
  untilNs: bigint;
  details: string;
}

export class LossTally {
  readonly #sums = new Map<JournalLoss, Sum>();
  readonly #totals = new Map<JournalLoss, { events: number; bytes: number }>();

  /** Counts what has its loss in the record already, at the numbers of what was lost. */
  count(reason: JournalLoss, events: number, bytes: number): void {
    const total = this.#totals.get(reason) ?? { events: 0, bytes: 0 };
    this.#totals.set(reason, { events: total.events + events, bytes: total.bytes + bytes });
  }

  /** `sinceNs` when what was lost is older than now. */
  add(reason: JournalLoss, events: number, bytes: number, nowNs: bigint, details = '', sinceNs = nowNs): void {
    this.count(reason, events, bytes);
    const sum = this.#sums.get(reason);
    if (sum === undefined) {
      // The clock may have been set back since.
      this.#sums.set(reason, { events, bytes, sinceNs: sinceNs < nowNs ? sinceNs : nowNs, untilNs: nowNs, details });
      return;
    }
    sum.events += events;
    sum.bytes += bytes;
    // The clock may have been set back meanwhile.
    if (nowNs < sum.sinceNs) sum.sinceNs = nowNs;
    if (nowNs > sum.untilNs) sum.untilNs = nowNs;
    // The first one is enough for a sentence; the sums count them all.
    if (sum.details === '') sum.details = details;
  }

  get isEmpty(): boolean {
    return this.#sums.size === 0;
  }

  /** Everything since the journal was opened, written or not. */
  get totals(): ReadonlyMap<JournalLoss, { readonly events: number; readonly bytes: number }> {
    return this.#totals;
  }

  /** The losses gathered since the last call, as activities. */
  take(): Activity[] {
    const losses = [...this.#sums].map(([reason, { events, bytes, sinceNs, untilNs, details }]) =>
      lossActivity(reason, events, bytes, sinceNs, untilNs, details),
    );
    this.#sums.clear();
    return losses;
  }
}

export function lossActivity(
  reason: JournalLoss,
  events: number,
  bytes: number,
  sinceNs: bigint,
  untilNs: bigint,
  details = '',
): Activity {
  const message = details === '' ? JOURNAL_LOSSES[reason] : `${JOURNAL_LOSSES[reason]} ${details}`;
  return {
    ...recorderHead(sinceNs, untilNs),
    detail: 'loss',
    loss: { where: 'journal', reason, events, bytes, direction: '', message },
  };
}
