// SPDX-License-Identifier: Apache-2.0

/**
 * Holds the rows of one log against what was signed: leaves out of rows, a tree out of leaves, its root at each checkpoint.
 * From one checkpoint to the next the tree goes on from the subtrees that have the root which was signed, so that what is
 * wrong in one part says nothing of the next.
 */
import type { Addon, DoubledRow } from '../../agent/source/ebpf/addon.ts';
import { rowState } from '../../agent/source/ebpf/addon.ts';
import { HASH_BYTES } from '../../proto/log/merkle.ts';
import type { ProblemList } from './audit-finding.ts';
import { type AnchoredNote, type Point, type PointCounts, pointsOf } from './checkpoint-points.ts';
import { checkErasedRows } from './erased-rows.ts';
import type { KeyRing } from './key-ring.ts';
import { differingBlocks, fillHoles } from './log-fill.ts';
import { droppedBy, explainHole, type Hole } from './log-hole.ts';
import { LogPages } from './log-pages.ts';
import { LogSegment, rootOfEdge } from './log-segment.ts';
import { explainRows, leavesBeforeSwaps, type Suspect, type Unexplained } from './log-suspects.ts';
import { tellTail } from './log-tail.ts';
import type { AgentExtent, DeclaredHole, KeyClaim, RecordSource, TombstoneClaim } from './record-source.ts';

/** What differs is looked at row by row up to so many; beyond, it is only told. */
const SUSPECTS_MAX = 500;

export interface AuditContext {
  readonly source: RecordSource;
  readonly addon: Pick<Addon, 'RowLeafWriter' | 'growTree'>;
  readonly problems: ProblemList;
  /** Rows of all logs that their own does not explain. */
  readonly unexplained: Unexplained[];
  readonly keys: KeyRing;
  readonly keyClaims: readonly KeyClaim[];
  readonly tombstones: readonly TombstoneClaim[];
  readonly declaredHoles: readonly DeclaredHole[];
  readonly anchored: readonly AnchoredNote[];
  readonly onRows: (rows: number) => void;
  readonly pageRows?: number;
}

export interface LogResult extends PointCounts {
  readonly agentId: string;
  /** Rows that were read, and whose leaves were computed. */
  activities: number;
  /** Rows below the last size at which the tree had the root that was signed. */
  sealedUpTo: number;
  /** Not read, since nobody asked for them: their hashes, under a signed root, stand for them. */
  byHashes: number;
}

/** Numbers that are asked for, both included. */
export type Span = readonly [first: number, last: number];

const { present, same, foreign, erased, tombstone } = rowState;
const LOOKED_AT = present | same | foreign | erased | tombstone;
const PLAIN = present | same;

export class LogAudit {
  readonly #context: AuditContext;
  readonly #agentId: string;
  readonly #highestSeq: number;
  readonly #result: LogResult;
  readonly #pages: LogPages;
  #segment: LogSegment;
  /** Of the segment. */
  #suspects: Suspect[] = [];
  #doubled: DoubledRow[] = [];
  #hole: Hole | undefined;
  /** What is being read up to. */
  #next: Point | undefined;
  readonly #allSuspects: Suspect[] = [];

  constructor(context: AuditContext, extent: AgentExtent) {
    const { agentId, highestSeq } = extent;
    this.#context = context;
    this.#agentId = agentId;
    this.#highestSeq = highestSeq;
    const counts = { checkpoints: 0, cosigned: 0, witnessed: 0, highestSize: 0 };
    this.#result = { agentId, activities: 0, sealedUpTo: 0, byHashes: 0, ...counts };
    this.#pages = new LogPages(context.source, context.addon, extent, context.pageRows);
    this.#segment = new LogSegment(0, Buffer.alloc(0), context.addon.growTree);
  }

  /** Reads all rows, or those parts that hold numbers of `span`. */
  async run(span?: Span): Promise<LogResult> {
    const { source, anchored, keys, keyClaims, problems } = this.#context;
    const agentId = this.#agentId;
    const claims = () => source.checkpoints(agentId);
    let last: Point | undefined;
    for await (const point of pointsOf(agentId, claims, anchored, keys, keyClaims, problems, this.#result)) {
      if (span !== undefined && point.size < span[0] && point.edge !== undefined) {
        this.#result.byHashes += point.size - this.#segment.size;
        this.#begin(point.size, point.edge);
        this.#result.sealedUpTo = point.size;
        continue;
      }
      if (span !== undefined && this.#segment.size >= span[1]) {
        this.#result.byHashes += point.size - Math.max(last?.size ?? 0, this.#segment.size);
        last = point;
        continue;
      }
      this.#next = point;
      await this.#readUpTo(point.size);
      this.#next = undefined;
      await this.#compare(point);
      last = point;
    }
    if (span === undefined || this.#segment.size < span[1]) await this.#readTail(last, span);
    await this.#closeHole(undefined, true);
    await explainRows(this.#context, this.#agentId, this.#allSuspects);
    await checkErasedRows(this.#context, this.#agentId);
    return this.#result;
  }

  #begin(size: number, edge: Buffer | undefined): void {
    this.#segment = new LogSegment(size, edge, this.#context.addon.growTree);
    this.#suspects = [];
    this.#doubled = [];
  }

  /** Rows up to this number, and what has none, into the segment. */
  async #readUpTo(lastSeq: number): Promise<void> {
    while (this.#segment.nextSeq <= lastSeq) {
      const firstSeq = this.#segment.nextSeq;
      const count = Math.min(this.#pages.rowsMax, lastSeq - firstSeq + 1);
      if (firstSeq > this.#highestSeq) {
        this.#openHole(firstSeq, lastSeq);
        this.#segment.skip(lastSeq - firstSeq + 1);
        return;
      }
      const rows = await this.#readPage(firstSeq, count);
      if (rows > 0) continue;
      // A large hole is not read page by page.
      const next = (await this.#context.source.nextSeq(this.#agentId, this.#segment.nextSeq)) ?? this.#highestSeq + 1;
      const skipped = Math.min(next - 1, lastSeq) - this.#segment.nextSeq + 1;
      if (skipped <= 0) continue;
      this.#openHole(this.#segment.nextSeq, this.#segment.nextSeq + skipped - 1);
      this.#segment.skip(skipped);
    }
  }

  async #readPage(firstSeq: number, wanted: number): Promise<number> {
    const { count, computed, stored, states, doubled } = await this.#pages.read(firstSeq, wanted);
    const rows = await this.#take(firstSeq, count, computed, stored, states);
    for (const row of doubled) this.#double(row, computed, stored, states, firstSeq);
    this.#result.activities += rows;
    this.#context.onRows(rows);
    return rows;
  }

  /** The leaves of a page into the segment: those that come out, and where they differ those that stand there. */
  async #take(firstSeq: number, count: number, computed: Buffer, stored: Buffer, states: Buffer): Promise<number> {
    let [from, rows] = [0, 0];
    for (let at = 0; at < count; at++) {
      const state = states[at] as number;
      if ((state & LOOKED_AT) === PLAIN) {
        rows++;
        if (this.#hole !== undefined) await this.#closeHole(firstSeq + at, true);
        continue;
      }
      if (state === 0) {
        this.#segment.append(computed.subarray(from * HASH_BYTES, at * HASH_BYTES));
        const holeStart = at;
        while (at + 1 < count && states[at + 1] === 0) at++;
        this.#openHole(firstSeq + holeStart, firstSeq + at);
        this.#segment.skip(at - holeStart + 1);
        from = at + 1;
        continue;
      }
      rows++;
      if (this.#hole !== undefined) await this.#closeHole(firstSeq + at, (state & same) !== 0);
      const leaf = computed.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES);
      const storedLeaf = stored.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES);
      if ((state & (same | foreign)) !== same) {
        this.#suspect({ seq: firstSeq + at, state, computed: Buffer.from(leaf), stored: Buffer.from(storedLeaf) });
        if ((state & same) === 0) leaf.set(storedLeaf);
      }
    }
    this.#segment.append(computed.subarray(from * HASH_BYTES, count * HASH_BYTES));
    this.#segment.rows += rows;
    return rows;
  }

  #suspect(suspect: Suspect): void {
    // A row whose leaf comes out is no reason for another root: what is wrong there is told besides.
    if ((suspect.state & same) === 0) this.#segment.isTold = true;
    if (this.#suspects.length < SUSPECTS_MAX) this.#suspects.push(suspect);
    if (this.#allSuspects.length < SUSPECTS_MAX) this.#allSuspects.push(suspect);
    else {
      const message = 'The row does not have the leaf that stands in it.';
      this.#context.problems.add('altered', this.#agentId, suspect.seq, suspect.seq, message);
    }
  }

  #double(row: DoubledRow, computed: Buffer, stored: Buffer, states: Buffer, firstSeq: number): void {
    const at = row.seq - firstSeq;
    const [from, to] = [at * HASH_BYTES, (at + 1) * HASH_BYTES];
    this.#segment.isTold = true;
    const isCopy = row.stored.equals(stored.subarray(from, to)) && (row.state & states[at]! & same) === same;
    const [kind, message] = isCopy
      ? (['replayed', 'The same activity stands a second time under the same number.'] as const)
      : (['inserted', 'Two rows have this number, and they are not the same.'] as const);
    this.#context.problems.add(kind, this.#agentId, row.seq, row.seq, message);
    if (isCopy) return;
    const first = { seq: row.seq, state: states[at]!, computed: Buffer.from(computed.subarray(from, to)) };
    // Of the two, the one whose leaf comes out is the one to go on with; the other is tried when the root does not.
    if ((first.state & same) === 0 && (row.state & same) !== 0) {
      this.#segment.replace(row.seq, row.computed);
      // The row that was there is whole; what came first is the one that was put beside it.
      for (const list of [this.#suspects, this.#allSuspects]) {
        const known = list.findIndex(({ seq }) => seq === row.seq);
        if (known >= 0) list.splice(known, 1);
      }
    } else this.#doubled.push(row);
  }

  #openHole(first: number, last: number): void {
    if (this.#hole !== undefined && this.#hole.last + 1 === first) this.#hole.last = last;
    else this.#hole = { first, last, days: new Set(), isSealed: false };
    if (this.#next === undefined) return;
    this.#hole.isSealed = true;
    if (this.#next.day !== '') this.#hole.days.add(this.#next.day);
  }

  /** A hole ends in front of `nextSeq`, or with the log. What does not belong there anyhow says nothing of it. */
  async #closeHole(nextSeq: number | undefined, isWhole: boolean): Promise<void> {
    const hole = this.#hole;
    this.#hole = undefined;
    if (hole === undefined) return;
    if (!isWhole && !hole.isSealed) return;
    if (await explainHole(this.#context, this.#agentId, hole, nextSeq)) this.#segment.isTold = true;
  }

  async #compare(point: Point): Promise<void> {
    const segment = this.#segment;
    if (segment.edge !== undefined && segment.rows > 0) {
      await fillHoles(this.#context.source, this.#agentId, segment);
    }
    const found = await this.#edgeWithRoot(segment, point);
    if (found !== undefined) this.#result.sealedUpTo = point.size;
    else if (segment.rows > 0 && (segment.edge === undefined || segment.holes.length > 0)) this.#tellUnproved(point);
    else if (segment.edge !== undefined && segment.holes.length === 0) await this.#tellRewritten(point);
    this.#begin(point.size, found ?? point.edge);
  }

  /** Rows that cannot be held against a root, for want of the leaves of others. */
  #tellUnproved({ size }: Point): void {
    const { problems, tombstones } = this.#context;
    for (const [first, last] of this.#segment.holes) {
      if (droppedBy(tombstones, this.#agentId, first, last).length === 0) continue;
      const message = 'The hashes that stand for these rows, which were dropped, are not there.';
      problems.add('removed', this.#agentId, first, last, message);
    }
    const message = `These have the leaves that stand in them; the root of the checkpoint at ${size} says nothing of them, since leaves of others are missing.`;
    let next = this.#segment.firstSeq;
    for (const [first, last] of [...this.#segment.holes, [size + 1, size] as const].sort((a, b) => a[0] - b[0])) {
      if (first > next) problems.add('not_sealed_yet', this.#agentId, next, first - 1, message);
      next = Math.max(next, last + 1);
    }
  }

  /** The right edge that has the root that was signed: with the leaves that stand there, or with others that may belong there. */
  async #edgeWithRoot(segment: LogSegment, { size, root }: Point): Promise<Buffer | undefined> {
    const attempt = (): Buffer | undefined => {
      const end = segment.end();
      return end !== undefined && rootOfEdge(size, end).equals(root) ? end : undefined;
    };
    let found = attempt();
    if (found !== undefined) return found;
    const differing = this.#suspects.filter(({ state }) => (state & same) === 0);
    if (differing.length === 0 && this.#doubled.length === 0) return undefined;
    // Where only the leaf was changed, the rows are still what was sealed.
    for (const { seq, computed } of differing) segment.replace(seq, computed);
    found = attempt();
    if (found !== undefined) return found;
    for (const { seq, stored } of differing) segment.replace(seq, stored);
    const swaps = await leavesBeforeSwaps(this.#context.source, this.#agentId, differing);
    for (const [seq, leaf] of swaps) segment.replace(seq, leaf);
    for (const { seq, computed } of this.#doubled) segment.replace(seq, computed);
    return attempt();
  }

  /** Rows and leaves agree, and are not those that were sealed. Tiles say which part it is. */
  async #tellRewritten(point: Point): Promise<void> {
    const segment = this.#segment;
    const { source, addon } = this.#context;
    if (segment.isTold) return;
    const [first, last] = (await differingBlocks(source, this.#agentId, segment, addon.growTree)) ?? [
      segment.firstSeq,
      point.size,
    ];
    const by = point.anchor === undefined ? 'the checkpoint' : `the checkpoint kept in ${point.anchor},`;
    const message = `Rows and their leaves agree, but they are not what was sealed: the tree does not have the root of ${by} at ${point.size}.`;
    this.#context.problems.add('rewritten', this.#agentId, first, last, message);
  }

  /** What comes behind the last checkpoint: recorded, and not sealed yet. */
  async #readTail(last: Point | undefined, span: Span | undefined): Promise<void> {
    const end = Math.min(this.#highestSeq, span?.[1] ?? this.#highestSeq);
    const first = this.#segment.nextSeq;
    if (first > end) return;
    await this.#readUpTo(end);
    const rows = this.#segment.rows;
    if (rows === 0) return;
    await tellTail(this.#context, this.#agentId, [first, end], this.#result.highestSize, last !== undefined);
  }
}
