// SPDX-License-Identifier: Apache-2.0

/** Rows whose payload was erased: which tombstone they name, and whether they are those that it announced. */
import type { ProblemList } from './audit-finding.ts';
import type { RecordSource, TombstoneClaim } from './record-source.ts';

export interface ErasureContext {
  readonly source: RecordSource;
  readonly problems: ProblemList;
  readonly tombstones: readonly TombstoneClaim[];
}

/** Erased rows of a log name a tombstone; it has to be there, and to speak of them. */
export async function checkErasedRows(
  { source, problems, tombstones }: ErasureContext,
  agentId: string,
): Promise<void> {
  for (const { tombstoneSeq, firstSeq, lastSeq, rows } of await source.erased(agentId)) {
    const found = tombstones.find(({ seq, agents }) => {
      const range = agents.get(agentId);
      return seq === tombstoneSeq && range !== undefined && range[0] <= firstSeq && range[1] >= lastSeq;
    });
    if (found === undefined || found.action !== 'payload_erased') {
      const message = `The payload of ${rows} of these rows is gone, and no tombstone says who took it out and why.`;
      problems.add('payload_edited', agentId, firstSeq, lastSeq, message);
    } else {
      const message = `The payload of ${rows} of these was erased by ${found.requestedBy}: ${found.reason} (tombstone ${found.agentId}:${found.seq}).`;
      problems.add('erased', agentId, firstSeq, lastSeq, message);
    }
  }
}

/**
 * The leaves of the rows that name a tombstone have the digest that it announced: SHA-256 over them, by agent and number
 * (proto/sworn/v1/record.proto, Erasure). Where there are fewer than announced it cannot be known: the erasure may not be
 * done, or the rows were dropped since; what was taken away otherwise is a hole of its log. `agentIds`: tombstones of others
 * are passed over.
 */
export async function checkTombstones(
  { source, problems, tombstones }: ErasureContext,
  agentIds: ReadonlySet<string>,
): Promise<void> {
  for (const stone of tombstones) {
    if (stone.action !== 'payload_erased' || ![...stone.agents.keys()].some((id) => agentIds.has(id))) continue;
    const { activities, digest } = await source.erasedLeaves(stone);
    if (activities < stone.activities || (activities === stone.activities && digest.equals(stone.digest))) continue;
    const message =
      activities > stone.activities
        ? `${activities} rows name tombstone ${stone.agentId}:${stone.seq}, which announced ${stone.activities}: the payload of others was taken out in its name.`
        : `The rows that name tombstone ${stone.agentId}:${stone.seq} are not those that it announced: their leaves have another digest.`;
    for (const [agentId, [first, last]] of stone.agents) {
      if (agentIds.has(agentId)) problems.add('payload_edited', agentId, first, last, message);
    }
  }
}
