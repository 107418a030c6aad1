// SPDX-License-Identifier: Apache-2.0

/** What became of a row whose leaf does not come out: each answer is shown by a leaf that does come out. */
import { createHash } from 'node:crypto';
import { rowState } from '../../agent/source/ebpf/addon.ts';
import { type ActivityProperties, leafOf } from '../../proto/leaf.ts';
import { DETAILS } from '../../proto/leaf-fields.ts';
import { longOf } from './activity-json.ts';
import { type ActivityInRow, activityOfRow } from './activity-of-row.ts';
import type { ProblemKind, ProblemList } from './audit-finding.ts';
import type { RecordSource } from './record-source.ts';

export interface Suspect {
  readonly seq: number;
  readonly state: number;
  readonly computed: Buffer;
  readonly stored: Buffer;
}

/** Pairs are tried up to so many rows: the square of it is a second. */
const PAIRED_MAX = 200;
const NOT_ITS_LEAF = 'The row does not have the leaf that stands in it.';

type Rows = ReadonlyMap<number, ActivityInRow | undefined>;

async function rowsOf(source: RecordSource, agentId: string, suspects: readonly Suspect[]): Promise<Rows> {
  const rows = new Map<number, ActivityInRow | undefined>();
  for (const { seq } of suspects) {
    const [row] = await source.rows(agentId, seq);
    rows.set(seq, row === undefined ? undefined : activityOfRow(row));
  }
  return rows;
}

/** Rows that stand in each other's place, by number. */
function swapped(agentId: string, suspects: readonly Suspect[], rows: Rows): ReadonlyMap<number, number> {
  const swaps = new Map<number, number>();
  if (suspects.length > PAIRED_MAX) return swaps;
  const belongs = (one: Suspect, other: Suspect): boolean => {
    const row = rows.get(one.seq);
    return row !== undefined && isOf(row, agentId, other.seq, [one.stored, other.stored]);
  };
  for (const [at, one] of suspects.entries()) {
    for (const other of suspects.slice(at + 1)) {
      if (one.seq === other.seq || swaps.has(one.seq) || !belongs(one, other) || !belongs(other, one)) continue;
      swaps.set(one.seq, other.seq).set(other.seq, one.seq);
    }
  }
  return swaps;
}

/** The leaves that belong where rows were exchanged with their leaves: by number. */
export async function leavesBeforeSwaps(
  source: RecordSource,
  agentId: string,
  suspects: readonly Suspect[],
): Promise<[seq: number, leaf: Buffer][]> {
  if (suspects.length > PAIRED_MAX) return [];
  const bySeq = new Map(suspects.map((one) => [one.seq, one]));
  const swaps = swapped(agentId, suspects, await rowsOf(source, agentId, suspects));
  return [...swaps].map(([seq, other]) => [seq, bySeq.get(other)!.stored]);
}

/** A row that its own log does not explain. */
export interface Unexplained {
  readonly suspect: Suspect;
  readonly row: ActivityInRow;
  readonly message: string;
}

/** Tells what became of each row; what may belong into another log is left for `explainAcrossLogs`. */
export async function explainRows(
  context: { readonly source: RecordSource; readonly problems: ProblemList; readonly unexplained: Unexplained[] },
  agentId: string,
  suspects: readonly Suspect[],
): Promise<void> {
  const rows = await rowsOf(context.source, agentId, suspects);
  const swaps = swapped(agentId, suspects, rows);
  for (const suspect of suspects) {
    const other = swaps.get(suspect.seq);
    const [kind, message] =
      other === undefined
        ? await explained(context.source, agentId, suspect, rows.get(suspect.seq))
        : (['swapped', `What stands here belongs at ${other}, and what stands there belongs here.`] as const);
    const row = rows.get(suspect.seq);
    if (message === NOT_ITS_LEAF && row !== undefined && context.unexplained.length < PAIRED_MAX) {
      context.unexplained.push({ suspect, row, message });
      continue;
    }
    context.problems.add(kind, agentId, suspect.seq, suspect.seq, message);
  }
}

/** Rows of two logs that stand in each other's place; the rest is altered. */
export function explainAcrossLogs(problems: ProblemList, unexplained: readonly Unexplained[]): void {
  const told = new Set<Unexplained>();
  const tell = (one: Unexplained, other: Unexplained): void => {
    told.add(one);
    const { agentId, seq } = other.row;
    const message = `What stands here belongs at ${agentId}:${seq}, and what stands there belongs here.`;
    problems.add('swapped', one.row.agentId, one.row.seq, one.row.seq, message);
  };
  for (const [at, one] of unexplained.entries()) {
    if (told.has(one)) continue;
    const other = unexplained
      .slice(at + 1)
      .find(
        (candidate) => candidate.row.agentId !== one.row.agentId && !told.has(candidate) && areSwapped(one, candidate),
      );
    if (other !== undefined) {
      tell(one, other);
      tell(other, one);
    } else problems.add('altered', one.row.agentId, one.row.seq, one.row.seq, one.message);
  }
}

function areSwapped(one: Unexplained, other: Unexplained): boolean {
  const leaves = [one.suspect.stored, other.suspect.stored];
  const belongs = ({ row }: Unexplained, { row: { agentId, seq, host } }: Unexplained): boolean =>
    isOf(row, agentId, seq, leaves) || isOf({ ...row, host }, agentId, seq, leaves);
  return belongs(one, other) && belongs(other, one);
}

type Explanation = readonly [kind: ProblemKind, message: string];

async function explained(
  source: RecordSource,
  agentId: string,
  suspect: Suspect,
  row: ActivityInRow | undefined,
): Promise<Explanation> {
  const { seq, state, stored } = suspect;
  if ((state & (rowState.erased | rowState.tombstone)) !== 0) {
    return (state & rowState.payload) !== 0
      ? ['payload_edited', 'Its payload was erased, and something else stands in its place.']
      : [
          'digest_missing',
          'Its payload was erased, and a digest that its leaf is made with is not the one, or is not there.',
        ];
  }
  if ((state & rowState.same) !== 0) {
    return ['altered', 'A column is filled that activities of its kind do not have: its leaf says nothing of it.'];
  }
  if (stored.every((byte) => byte === 0)) return ['altered', 'The leaf that stood in it is gone.'];
  if (row === undefined) return ['altered', 'It is of no kind, or has a word, that the record knows.'];
  for (const place of await source.withLeaf(stored)) {
    if (place.agentId === agentId && place.seq === seq) continue;
    if (isOf(row, place.agentId, place.seq, [stored])) {
      return ['replayed', `It is a copy of ${place.agentId}:${place.seq}.`];
    }
  }
  const payload = editedPayload(row);
  if (payload !== undefined) return ['payload_edited', payload];
  return ['altered', NOT_ITS_LEAF];
}

/** Would what this row says, as activity `seq` of that agent, have one of these leaves? */
function isOf(
  { activity, host, digests }: ActivityInRow,
  agentId: string,
  seq: number,
  leaves: readonly Buffer[],
): boolean {
  const leaf = leafOf({ ...activity, seq: longOf(BigInt(seq)) } as ActivityProperties, agentId, host, digests);
  return leaves.some((one) => one.equals(leaf));
}

/**
 * What can be shown of an edited payload: what else the row keeps of it, a digest among it. Of payload that stands nowhere
 * else it cannot be known which column was changed: the leaf is over all of them.
 */
function editedPayload(row: ActivityInRow): string | undefined {
  const { activity, agentId, host, digests, leaf } = row;
  const added = addedPayload(row);
  if (added !== undefined) return added;
  const { command } = activity;
  if (command == null) return undefined;
  const request = Buffer.from(command.request ?? []);
  const response = Buffer.from(command.response ?? []);
  const restored: [name: string, change: object][] = [
    ['statement', { statement: request.toString('utf8') }],
    ['request', { request: Buffer.from(command.statement ?? '') }],
  ];
  for (const [name, change] of restored) {
    const changed = { ...activity, command: { ...command, ...change } } as ActivityProperties;
    if (leafOf(changed, agentId, host, digests).equals(leaf)) {
      return `The ${name} was edited, and nothing else: with what the rest of the row says it was, its leaf comes out.`;
    }
  }
  if (command.truncated) return undefined;
  for (const [name, bytes, digest] of [
    ['request', request, command.requestSha256],
    ['response', response, command.responseSha256],
  ] as const) {
    if (digest == null || digest.length === 0 || bytes.length === 0) continue;
    if (!createHash('sha256').update(bytes).digest().equals(digest)) {
      return `The ${name} is not the one whose digest the row has.`;
    }
  }
  return undefined;
}

/** A payload field without which the leaf comes out, or with whose kept digest it does. */
function addedPayload({ activity, agentId, host, digests, leaf }: ActivityInRow): string | undefined {
  const detail = DETAILS.find(({ name }) => activity[name as keyof ActivityProperties] != null);
  if (detail === undefined) return undefined;
  const message = activity[detail.name as keyof ActivityProperties] as Readonly<Record<string, unknown>>;
  for (const { name, protoName, payload } of detail.fields) {
    if (!payload || isEmpty(message[name])) continue;
    const without = { ...activity, [detail.name]: { ...message, [name]: undefined } } as ActivityProperties;
    if (!leafOf(without, agentId, host, digests).equals(leaf)) continue;
    return `What stands as ${protoName} was put there, and nothing else was changed: without it its leaf comes out.`;
  }
  return undefined;
}

function isEmpty(value: unknown): boolean {
  return value == null || (value as { length?: number }).length === 0;
}
