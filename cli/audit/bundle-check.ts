// SPDX-License-Identifier: Apache-2.0

/**
 * One log of a bundle, line by line, in the memory of a line and of some leaves: leaves out of the activities, the root out
 * of leaves and hashes, the signatures over the root. cli/audit/page/page.js does the same in a browser, and a test holds one
 * against the other.
 */
import { leafOf } from '../../proto/leaf.ts';
import { MerkleFrontier } from '../../proto/log/merkle.ts';
import { parseNote } from '../../proto/log/note.ts';
import type { ProblemList } from './audit-finding.ts';
import { SessionFacts } from './bundle-facts.ts';
import { type ActivityLine, type BundleLog, type BundleManifest, type HashLine, parseLine } from './bundle-format.ts';
import { checkpointOf } from './checkpoint-points.ts';
import type { KeyRing } from './key-ring.ts';

export interface BundleLogVerdict {
  readonly agent_id: string;
  /** Shown, and their leaves computed. */
  readonly activities: number;
  readonly tree_size: number;
  /** Numbers between the first and the last that is shown, which are not. */
  readonly hidden: number;
  readonly erased: number;
  /** With payload that the bundle does not show, though it was not erased. */
  readonly without_payload: number;
  readonly cosigned: boolean;
  readonly witnesses: number;
}

/** More that stand in another's place are not looked into: the file is none any more. */
const MISPLACED_MAX = 10_000;
const TOMBSTONES_MAX = 1_000;
/** Holes that wait for lines that come late; of others it is said at once that there is no line. */
const GAPS_MAX = 1_000;
/** Leaves that are remembered, to tell a line that stands there twice from another of its number: some 15 MB. */
const LEAVES_MAX = 100_000;

export class BundleLogCheck {
  readonly facts: SessionFacts;
  readonly #log: BundleLog;
  readonly #problems: ProblemList;
  readonly #isForeign: (sessionId: string) => boolean;
  readonly #tree = new MerkleFrontier();
  /** The next number that has to come. */
  #next = 1;
  #lines = 0;
  #activities = 0;
  #hidden = 0;
  /** By number of the tombstone. */
  readonly #erased = new Map<number, { first: number; last: number; count: number }>();
  #withoutPayload = 0;
  /** The lines do not make a tree any more. */
  #isBroken = false;
  #hasFault = false;
  readonly #gaps: [first: number, last: number][] = [];
  /** Of the first activities that are shown, by number. */
  readonly #leaves = new Map<number, Buffer>();
  /** By place, the number of the activity that stands there. */
  readonly #misplaced = new Map<number, number>();

  constructor(manifest: BundleManifest, log: BundleLog, problems: ProblemList) {
    const { session_id: session, made } = manifest;
    this.#log = log;
    this.#problems = problems;
    this.#isForeign = (sessionId) => !made.with_others && sessionId !== '' && sessionId !== session;
    this.facts = new SessionFacts(session, log.agent_id);
  }

  #report(kind: Parameters<ProblemList['add']>[0], first: number, last: number, message: string): void {
    this.#problems.add(kind, this.#log.agent_id, first, last, message);
    this.#hasFault = true;
  }

  line(text: string): void {
    this.#lines++;
    let line: ActivityLine | HashLine;
    try {
      line = parseLine(text);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const message = `Line ${this.#lines} cannot be read: ${error.message}.`;
      this.#report('altered', this.#next, this.#next, message);
      this.#isBroken = true;
      this.#next++;
      return;
    }
    if ('hash' in line) this.#hash(line);
    else this.#activity(line);
  }

  #hash({ first, last, hash }: HashLine): void {
    const level = Math.log2(last - first + 1);
    const fits = Number.isInteger(level) && (first - 1) % 2 ** level === 0;
    if (fits && last < this.#next && this.#fillsGap(first, last)) {
      this.#report('swapped', first, last, 'The hash stands behind where it belongs.');
      return;
    }
    if (!fits || first < this.#next || last > this.#log.tree_size) {
      this.#report('inserted', first, last, 'A hash stands where no subtree does, or where something stands already.');
      this.#isBroken = true;
      return;
    }
    this.#skipTo(first);
    const { first_seq, last_seq } = this.#log;
    this.#hidden += Math.max(0, Math.min(last, last_seq) - Math.max(first, first_seq) + 1);
    if (!this.#isBroken) this.#tree.appendSubtree(level, hash);
    this.#next = last + 1;
  }

  #skipTo(seq: number): void {
    if (seq === this.#next) return;
    this.#isBroken = true;
    if (this.#gaps.length < GAPS_MAX) this.#gaps.push([this.#next, seq - 1]);
    else this.#report('removed', this.#next, seq - 1, 'There is no line of it.');
  }

  #activity(line: ActivityLine): void {
    const { seq, leaf } = line;
    this.#activities++;
    if (seq < this.#next || seq > this.#log.tree_size) {
      this.#isBroken = true;
      if (this.#fillsGap(seq, seq)) this.#report('swapped', seq, seq, 'Its line stands behind where it belongs.');
      else if (this.#leaves.get(seq)?.equals(leaf)) this.#report('replayed', seq, seq, 'It is there a second time.');
      else {
        const message =
          seq < this.#next ? 'There is another line of this number.' : 'The log that was signed ends before it.';
        this.#report('inserted', seq, seq, message);
      }
      this.#judge(line);
      return;
    }
    this.#skipTo(seq);
    if (this.#leaves.size < LEAVES_MAX) this.#leaves.set(seq, Buffer.from(leaf));
    this.#judge(line);
    if (!this.#isBroken) this.#tree.appendSubtree(0, leaf);
    this.#next = seq + 1;
  }

  #fillsGap(from: number, to: number): boolean {
    const at = this.#gaps.findIndex(([first, last]) => first <= from && to <= last);
    if (at < 0) return false;
    const [first, last] = this.#gaps[at]!;
    const rest: [number, number][] = [
      [first, from - 1],
      [to + 1, last],
    ];
    this.#gaps.splice(at, 1, ...rest.filter(([start, end]) => start <= end));
    return true;
  }

  /** Whether it is what its line says. */
  #judge(line: ActivityLine): void {
    const { seq, host, activity, digests, leaf, erasureSeq } = line;
    const own = activity.seq as { low: number; high: number } | undefined;
    const ownSeq = own === undefined ? 0 : (own.high >>> 0) * 2 ** 32 + (own.low >>> 0);
    if (ownSeq !== seq) {
      if (this.#misplaced.size < MISPLACED_MAX) this.#misplaced.set(seq, ownSeq);
      this.#hasFault = true;
    } else if (!leafOf(activity, this.#log.agent_id, host, digests).equals(leaf)) {
      this.#report('altered', seq, seq, 'What stands there does not have the leaf that stands beside it.');
    } else if (this.#isForeign(activity.sessionId ?? '')) {
      this.#report('replayed', seq, seq, 'It is of another session.');
    }
    if (erasureSeq > 0) {
      const before = this.#erased.get(erasureSeq) ?? { first: seq, last: seq, count: 0 };
      // A bundle that was made up may name any number of tombstones.
      if (before.count > 0 || this.#erased.size < TOMBSTONES_MAX)
        this.#erased.set(erasureSeq, { ...before, last: seq, count: before.count + 1 });
    } else if (digests.size > 0) this.#withoutPayload++;
    this.facts.add(seq, activity);
  }

  end(keys: KeyRing): BundleLogVerdict {
    const { agent_id, tree_size, activities, first_seq, last_seq } = this.#log;
    if (this.#next <= tree_size) {
      const message = `The log was signed up to ${tree_size}, and the lines end at ${this.#next - 1}.`;
      this.#report('cut_tail', this.#next, tree_size, message);
      this.#isBroken = true;
    }
    for (const [first, last] of this.#gaps) this.#report('removed', first, last, 'There is no line of it.');
    for (const [place, own] of this.#misplaced) {
      if (this.#misplaced.get(own) === place) this.#report('swapped', place, place, `Activity ${own} stands there.`);
      else this.#report('replayed', place, place, `Activity ${own} stands there, which belongs elsewhere.`);
    }
    if (this.#activities !== activities && !this.#hasFault) {
      const message = `The manifest counts ${activities} activities, and there are ${this.#activities}.`;
      this.#report(this.#activities < activities ? 'removed' : 'inserted', first_seq, last_seq, message);
    }
    let erased = 0;
    for (const [tombstone, { first, last, count }] of this.#erased) {
      const message = `The payload of ${count} was erased (tombstone ${tombstone} of the collector); their leaves come out of the digests.`;
      this.#problems.add('erased', agent_id, first, last, message);
      erased += count;
    }
    const { cosigned, witnesses } = this.#signed(keys);
    return {
      agent_id,
      activities: this.#activities,
      tree_size,
      hidden: this.#hidden,
      erased,
      without_payload: this.#withoutPayload,
      cosigned,
      witnesses,
    };
  }

  #signed(keys: KeyRing): { cosigned: boolean; witnesses: number } {
    const { agent_id, tree_size, checkpoint: note, first_seq, last_seq } = this.#log;
    const nobody = { cosigned: false, witnesses: 0 };
    const checkpoint = checkpointOf(note, agent_id);
    if (typeof checkpoint === 'string') {
      this.#report('bad_signature', tree_size, tree_size, `The checkpoint is not one of this log. ${checkpoint}`);
      return nobody;
    }
    const { fault, message, ...signers } = keys.judge(parseNote(note), agent_id);
    if (fault !== undefined) {
      this.#report(fault, tree_size, tree_size, `The checkpoint does not bear the signature it should. ${message}`);
      return nobody;
    }
    if (checkpoint.size !== tree_size) {
      this.#report('wrong_root', tree_size, tree_size, 'The checkpoint is of another size than the manifest says.');
    } else if (!this.#isBroken && !this.#hasFault && !this.#tree.root().equals(checkpoint.root)) {
      const message =
        'Activities or hashes and their leaves were changed together: the tree has another root than was signed.';
      this.#report('rewritten', first_seq, last_seq, message);
    }
    return signers;
  }
}
