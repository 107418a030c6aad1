// SPDX-License-Identifier: Apache-2.0

/** What no checkpoint covers: rows that the next one seals, or rows whose checkpoints were taken away. */
import type { ProblemList } from './audit-finding.ts';
import type { KeyRing } from './key-ring.ts';
import type { RecordSource } from './record-source.ts';

/** A log is signed every ten seconds, and at least every hour (seal.checkpoint_seconds); this is ample. */
const UNSIGNED_MS_MAX = 2 * 3_600_000;

export interface TailContext {
  readonly source: Pick<RecordSource, 'received'>;
  readonly problems: ProblemList;
  readonly keys: KeyRing;
}

/**
 * Told as a fault where the log has a key and rows came for hours with nothing signed behind them. An agent that was killed
 * leaves rows unsigned too, until it comes back: so what counts is that the log went on, and not just now.
 *
 * signedSize   the largest size that any checkpoint has, also one that was refused: what is below it is told of elsewhere
 */
export async function tellTail(
  { source, problems, keys }: TailContext,
  agentId: string,
  [first, last]: readonly [first: number, last: number],
  signedSize: number,
  hasPoint: boolean,
): Promise<void> {
  const sinceMs = keys.signsSinceMs(agentId);
  const from = Math.max(first, signedSize + 1);
  if (sinceMs !== undefined && from <= last) {
    const span = await source.received(agentId, from, last, sinceMs, Date.now() - UNSIGNED_MS_MAX);
    if (span !== undefined && span[1] - span[0] >= UNSIGNED_MS_MAX) {
      const [began, ended] = span.map((ms) => new Date(ms).toISOString());
      const message = `This log has a key, and no checkpoint says anything of these rows, which came from ${began} to ${ended}: checkpoints were taken away, or the agent could not sign.`;
      problems.add('checkpoint_missing', agentId, from, last, message);
      return;
    }
  }
  const message = hasPoint
    ? 'These came behind the last checkpoint. The next one seals them.'
    : 'No checkpoint of this log is there: the rows have the leaves that stand in them, and nothing that was signed says more.';
  problems.add('not_sealed_yet', agentId, first, last, message);
}
