// SPDX-License-Identifier: Apache-2.0

/**
 * The journal, seen from outside: what `sworn status` says of it, what the log says when its room changes, and a wait for
 * the disk that ends also when the disk is full. What the journal cannot take it counts itself, and writes as a loss when
 * there is room again (agent/journal/README.md).
 */
import type { Journal } from '../journal/journal.ts';
import type { Log } from '../telemetry/log.ts';

export interface JournalStatus {
  readonly first_seq: number;
  readonly last_seq: number;
  readonly durable_seq: number;
  readonly delivered_seq: number;
  readonly segments: number;
  readonly bytes: number;
  readonly pending_bytes: number;
  readonly room: 'open' | 'tight' | 'none';
  /** Policy `block`: the workloads should be stopped until there is room again. */
  readonly must_freeze: boolean;
  /** A code of docs/ERRORS.md; null while it can be written. */
  readonly trouble: string | null;
  /** By cause, since the agent was started: activities (or payloads of activities) that the journal does not hold. */
  readonly losses: Readonly<Record<string, { readonly events: number; readonly bytes: number }>>;
}

export function journalStatus(journal: Journal): JournalStatus {
  const { firstSeq, lastSeq, durableSeq, deliveredSeq, segments, folderBytes, pendingBytes, room, trouble, losses } =
    journal.state;
  return {
    first_seq: firstSeq,
    last_seq: lastSeq,
    durable_seq: durableSeq,
    delivered_seq: deliveredSeq,
    segments,
    bytes: folderBytes,
    pending_bytes: pendingBytes,
    room,
    must_freeze: journal.mustFreeze,
    trouble: trouble?.code ?? null,
    losses: Object.fromEntries(losses),
  };
}

/**
 * Whether everything that came so far, and every loss until now, is on disk; false when that takes longer, as it does while
 * the disk is full, and when there is no room for a loss.
 */
export async function flushWithin(journal: Journal, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, false);
  });
  const flushed = journal.flush();
  // What is lost from here on is of a time behind that of whoever asks.
  const isTold = !journal.hasUntoldLosses;
  try {
    return await Promise.race([flushed.then(() => isTold), tooLong]);
  } finally {
    clearTimeout(timer);
  }
}

/** Tells the log when the journal's room changes; once a second is often enough. */
export class RoomNews {
  readonly #journal: Journal;
  readonly #log: Pick<Log, 'info' | 'warn'>;
  #told = 'open';

  constructor(journal: Journal, log: Pick<Log, 'info' | 'warn'>) {
    this.#journal = journal;
    this.#log = log;
  }

  look(): void {
    const { room, must_freeze: mustFreeze, bytes, losses } = journalStatus(this.#journal);
    if (room === this.#told) return;
    this.#told = room;
    const fields = { room, mustFreeze, bytes, losses };
    if (room === 'open') this.#log.info(fields, 'the journal has room again');
    else if (room === 'tight') this.#log.warn(fields, 'the journal has little room');
    else this.#log.warn(fields, 'the journal has no room: activities are lost until there is some');
  }
}
