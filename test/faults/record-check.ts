// SPDX-License-Identifier: Apache-2.0

/**
 * The record of one agent against what is known of it from elsewhere: what was done, what the journal promised to keep, and
 * up to where the collector said that it has it.
 */
import type { Fault } from './fault.ts';

/** Numbers come as text. */
export interface RecordRow {
  readonly seq: string;
  readonly kind: string;
  readonly parameters: string;
  readonly statement: string;
  readonly place: string;
  readonly reason: string;
  readonly events: string;
  readonly leaf: string;
  readonly since_ns: string;
  readonly until_ns: string;
}

export function recordSql(agentId: string): string {
  return `SELECT seq, kind, parameters, statement, place, reason, events, leaf,
      toUnixTimestamp64Nano(time) AS since_ns, toUnixTimestamp64Nano(end_time) AS until_ns
    FROM sworn.activities WHERE agent_id = '${agentId}' ORDER BY seq`;
}

/** One thing that was done while somebody recorded, or should have. */
export interface Deed {
  readonly atNs: bigint;
  /** Its number in the record; 0 when the journal had no room for it and said so. */
  readonly seq: number;
}

export interface Truth {
  /** By index; the samples carry it. */
  readonly deeds: readonly Deed[];
  /** What the journal said is on stable storage: number → index. */
  readonly durable: ReadonlyMap<number, number>;
  /** As the journal had them: number → leaf, hex. */
  readonly leaves: ReadonlyMap<number, string>;
  readonly acknowledgedSeq: number;
  /** Something was done to the disk behind the journal's back: these numbers may be losses instead. */
  readonly mayBeLost?: (seq: number) => boolean;
}

/** Losses that stand for the time in which something is missing. */
const REPLACING = new Set(['damaged', 'missing', 'not_held']);

/** Which sample a row is; -1 for what is none, or lost its payload. */
function indexOf({ parameters }: RecordRow): number {
  const match = /^\["(\d+)","open"\]$/.exec(parameters);
  return match === null ? -1 : Number(match[1]);
}

export function checkRecord(rows: readonly RecordRow[], truth: Truth): Fault[] {
  const faults: Fault[] = [];
  const say = (kind: Fault['kind'], text: string): void => void faults.push({ kind, text });
  checkNumbers(rows, truth.acknowledgedSeq, say);
  const bySeq = new Map(rows.map((row) => [Number(row.seq), row]));
  const found = new Map<number, number>();
  for (const row of rows) {
    const index = indexOf(row);
    if (row.kind === 'loss' && BigInt(row.until_ns) < BigInt(row.since_ns)) {
      say('undeclared', `the loss at ${row.seq} ends before it begins: it is of no time`);
    }
    if (index === -1) continue;
    const before = found.get(index);
    if (before !== undefined) say('doubled', `deed ${index} is in the record as ${before} and as ${row.seq}`);
    found.set(index, Number(row.seq));
    if (truth.deeds[index] === undefined) say('undeclared', `deed ${index} is in the record, and was never done`);
  }
  for (const [seq, index] of truth.durable) {
    const row = bySeq.get(seq);
    const isReplaced = row?.kind === 'loss' && row.place === 'journal' && REPLACING.has(row.reason);
    // A torn end is cut off; its numbers are given again, as far as they go, and a loss is of its time (checkGaps).
    const isCutOff = truth.mayBeLost?.(seq) === true && sumOf(rows, 'torn_tail') > 0;
    if (isCutOff || (isReplaced && truth.mayBeLost?.(seq))) continue;
    if (row === undefined) say('lost', `${seq} was durable and is not in the record`);
    else if (indexOf(row) !== index && !isShed(row)) {
      say('lost', `${seq} was durable as deed ${index} and is ${row.kind} ${row.reason} ${row.parameters}`);
    }
  }
  for (const [seq, leaf] of truth.leaves) {
    const row = bySeq.get(seq);
    if (row !== undefined && row.leaf !== leaf && !truth.mayBeLost?.(seq)) {
      say('lost', `${seq} is another activity than in the journal`);
    }
  }
  checkGaps(rows, found, truth, say);
  return faults;
}

type Say = (kind: Fault['kind'], text: string) => void;

/** Every number from 1 on, once, up to at least what was acknowledged. */
function checkNumbers(rows: readonly RecordRow[], acknowledgedSeq: number, say: Say): void {
  let last = 0;
  for (const { seq: text } of rows) {
    const seq = Number(text);
    if (seq === last) say('doubled', `${seq} is there twice`);
    else if (seq !== last + 1) say('lost', `after ${last} comes ${seq}`);
    last = seq;
  }
  if (last < acknowledgedSeq) say('lost', `${acknowledgedSeq} was acknowledged, the record ends at ${last}`);
}

/** The activity is there, its payload was left out. */
export function isShed(row: RecordRow): boolean {
  return row.kind === 'command' && row.parameters === '';
}

/**
 * What was done and is not there falls into the time of a loss, and there is a loss for each payload that was left out. What
 * is replaced at its own number has its loss there.
 */
function checkGaps(rows: readonly RecordRow[], found: ReadonlyMap<number, number>, truth: Truth, say: Say): void {
  const losses = rows.filter(({ kind }) => kind === 'loss');
  const spans = losses.map((row) => ({ since: BigInt(row.since_ns), until: BigInt(row.until_ns) }));
  const bySeq = new Map(rows.map((row) => [Number(row.seq), row]));
  const shed = rows.filter(isShed).length;
  const toldShed = sumOf(losses, 'payload_shed') + sumOf(losses, 'too_large');
  if (shed > 0 && toldShed === 0) say('undeclared', `${shed} payloads were left out, and no loss says so`);
  for (const [index, { atNs, seq }] of truth.deeds.entries()) {
    if (found.has(index)) continue;
    const row = bySeq.get(seq);
    if (row !== undefined && (isShed(row) || (row.kind === 'loss' && row.place === 'journal'))) continue;
    if (!spans.some(({ since, until }) => since <= atNs && until >= atNs)) {
      say('undeclared', `deed ${index} (number ${seq}, at ${atNs}) is not in the record, and no loss is of its time`);
    }
  }
}

export function sumOf(rows: readonly RecordRow[], reason: string): number {
  return rows.filter((row) => row.reason === reason).reduce((sum, { events }) => sum + Number(events), 0);
}

/** An agent that was never anything else is not told to be: no alarm without a reason; and what it has is sealed. */
export function checkVerdicts(
  verdicts: ReadonlyMap<string, number>,
  isSealed: boolean,
  rows: readonly RecordRow[],
): Fault[] {
  const faults: Fault[] = [];
  for (const [verdict, count] of verdicts) {
    if (verdict !== 'cosigned') faults.push({ kind: 'undeclared', text: `${count} false alarms: ${verdict}` });
  }
  if (isSealed && rows.length > 0 && !verdicts.has('cosigned'))
    faults.push({ kind: 'undeclared', text: 'nothing was cosigned' });
  return faults;
}
