// SPDX-License-Identifier: Apache-2.0

/** Checkpoints of a log, judged: what is left are sizes at which the tree must have a root that the log's key has signed. */
import { type Checkpoint, parseCheckpoint } from '../../proto/log/checkpoint.ts';
import { HASH_BYTES, MerkleFrontier } from '../../proto/log/merkle.ts';
import { NoteError, parseNote, type SignedNote } from '../../proto/log/note.ts';
import type { ProblemKind, ProblemList } from './audit-finding.ts';
import { type KeyRing, logNameOf } from './key-ring.ts';
import type { CheckpointClaim, KeyClaim } from './record-source.ts';

/** A size at which the tree must have this root. */
export interface Point {
  readonly size: number;
  readonly root: Buffer;
  /** Roots of the complete subtrees there, in a row: shown to have this root; undefined where there are none. */
  readonly edge: Buffer | undefined;
  /** YYYY-MM-DD, when the collector judged it. */
  readonly day: string;
  /** It is not in the store, but was kept elsewhere: where. */
  readonly anchor: string | undefined;
}

export interface PointCounts {
  checkpoints: number;
  cosigned: number;
  witnessed: number;
  /** The largest size that a checkpoint has, one that something is told of among them. */
  highestSize: number;
}

/** A checkpoint that was kept outside of the store. */
export interface AnchoredNote {
  readonly note: SignedNote;
  readonly place: string;
}

const VERDICTS: ReadonlySet<string> = new Set(['forked', 'rolled_back', 'key_changed', 'bad_signature', 'wrong_root']);

export const dayOf = (timeMs: number): string => new Date(timeMs).toISOString().slice(0, 10);

/** The text of a note as a checkpoint of this log, or why it is none. */
export function checkpointOf(note: SignedNote | string, agentId: string): Checkpoint | string {
  try {
    const checkpoint = parseCheckpoint(typeof note === 'string' ? parseNote(note).text : note.text);
    if (checkpoint.origin === logNameOf(agentId)) return checkpoint;
    return `It is of the log ${checkpoint.origin}.`;
  } catch (error) {
    if (error instanceof NoteError) return error.message;
    throw error;
  }
}

function edgeOf({ size, root, subtrees }: CheckpointClaim): Buffer | undefined {
  if (subtrees.some((one) => one.length !== HASH_BYTES)) return undefined;
  try {
    return MerkleFrontier.at(size, subtrees).root().equals(root) ? Buffer.concat(subtrees) : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/**
 * The points of a log in rising order, anchored ones among them. What is wrong with a checkpoint goes to `problems`, and it
 * is no point then.
 */
export async function* pointsOf(
  agentId: string,
  claims: () => AsyncIterable<CheckpointClaim>,
  anchored: readonly AnchoredNote[],
  keys: KeyRing,
  keyClaims: readonly KeyClaim[],
  problems: ProblemList,
  counts: PointCounts,
): AsyncGenerator<Point> {
  const report = (kind: ProblemKind, size: number, message: string) => {
    counts.highestSize = Math.max(counts.highestSize, size);
    problems.add(kind, agentId, size, size, message);
  };
  const knownSize = keys.asksForKnown(agentId) ? await knownUpTo(agentId, claims(), anchored, keys) : 0;
  const anchors = anchored
    .flatMap(({ note, place }) => anchorPoint(agentId, note, place, keys, knownSize, report))
    .sort((a, b) => a.size - b.size);
  let before: Point | undefined;
  const isNew = (point: Point): boolean => {
    if (before?.size === point.size && !before.root.equals(point.root)) {
      const where = point.anchor ?? before.anchor;
      report(
        'forked',
        point.size,
        `Two signed checkpoints have this size and different roots${where ? `, one of them in ${where}` : ''}.`,
      );
      return false;
    }
    const again = before?.size === point.size;
    before = point;
    counts.highestSize = Math.max(counts.highestSize, point.size);
    return !again;
  };
  for await (const claim of claims()) {
    const point = judged(agentId, claim, keys, keyClaims, knownSize, counts, report);
    if (point === undefined) continue;
    while (anchors.length > 0 && anchors[0]!.size < point.size) {
      const anchor = anchors.shift()!;
      if (isNew(anchor)) yield anchor;
    }
    if (isNew(point)) yield point;
  }
  for (const anchor of anchors) if (isNew(anchor)) yield anchor;
}

/**
 * The largest size that a key which a person knows has signed. What is below it follows from that root: a checkpoint that a
 * witness was not there for, or that is older than it, needs no signature of its own.
 */
async function knownUpTo(
  agentId: string,
  claims: AsyncIterable<CheckpointClaim>,
  anchored: readonly AnchoredNote[],
  keys: KeyRing,
): Promise<number> {
  let known = 0;
  const look = (note: SignedNote): void => {
    const checkpoint = checkpointOf(note, agentId);
    if (typeof checkpoint === 'string' || checkpoint.size <= known) return;
    if (keys.judge(note, agentId).fault === undefined) known = checkpoint.size;
  };
  for (const { note } of anchored) look(note);
  for await (const { verdict, note } of claims) {
    if (verdict !== 'cosigned') continue;
    try {
      look(parseNote(note));
    } catch (error) {
      if (!(error instanceof NoteError)) throw error;
    }
  }
  return known;
}

type Report = (kind: ProblemKind, size: number, message: string) => void;

function judged(
  agentId: string,
  claim: CheckpointClaim,
  keys: KeyRing,
  keyClaims: readonly KeyClaim[],
  knownSize: number,
  counts: PointCounts,
  report: Report,
): Point | undefined {
  const { size, verdict, timeMs } = claim;
  counts.checkpoints++;
  if (VERDICTS.has(verdict)) {
    const isAccepted = keyClaims.some(
      (key) => key.agentId === agentId && key.origin === 'accepted' && key.timeMs >= timeMs,
    );
    if (verdict === 'key_changed' && isAccepted) return undefined;
    report(verdict as ProblemKind, size, claim.reason || 'The collector refused this checkpoint.');
    return undefined;
  }
  const checkpoint = checkpointOf(claim.note, agentId);
  if (typeof checkpoint === 'string') {
    report('bad_signature', size, `What stands as a checkpoint is none. ${checkpoint}`);
    return undefined;
  }
  if (checkpoint.size !== size || !checkpoint.root.equals(claim.root)) {
    report('wrong_root', size, 'The row of this checkpoint says another size or root than the note that was signed.');
    return undefined;
  }
  const judgement = keys.judge(parseNote(claim.note), agentId);
  if (judgement.fault !== undefined && !(judgement.isUnknown && size < knownSize)) {
    report(judgement.fault, size, `A checkpoint does not bear the signature it should. ${judgement.message}`);
    return undefined;
  }
  if (judgement.cosigned) counts.cosigned++;
  else if (!keys.isCollector(agentId) && verdict === 'cosigned') {
    report('bad_signature', size, 'The collector has not cosigned this checkpoint, though the row says so.');
    return undefined;
  }
  if (judgement.witnesses > 0) counts.witnessed++;
  const edge = edgeOf(claim);
  if (edge === undefined && (claim.subtrees.length > 0 || size === 0)) {
    report('wrong_root', size, 'The subtrees that stand with this checkpoint do not have its root.');
  }
  return { size, root: claim.root, edge, day: dayOf(timeMs), anchor: undefined };
}

function anchorPoint(
  agentId: string,
  note: SignedNote,
  place: string,
  keys: KeyRing,
  knownSize: number,
  report: Report,
): Point[] {
  const checkpoint = checkpointOf(note, agentId);
  if (typeof checkpoint === 'string') return [];
  const { fault, message, isUnknown } = keys.judge(note, agentId);
  if (fault !== undefined && !(isUnknown && checkpoint.size < knownSize)) {
    report(fault, checkpoint.size, `A checkpoint in ${place} does not bear the signature it should. ${message}`);
    return [];
  }
  return [{ size: checkpoint.size, root: checkpoint.root, edge: undefined, day: '', anchor: place }];
}
