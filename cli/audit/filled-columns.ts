// SPDX-License-Identifier: Apache-2.0

/**
 * Which columns have anything in them, so that the others need not cross. A row has a column for each field of each kind of
 * activity, and most are zero in all rows of an agent: a third of the bytes.
 *
 * It is a claim like all that a store says. One that hides what stands in a column from this question could hide it from the
 * next one too; and where a row read without some columns does not have its leaf, it is read again with all (log-pages.ts).
 */
import { ROW_COLUMNS } from './row-plan.ts';

/** Numbers that one question is about: the first ones, and those after. */
const FIRST_STRETCH = 65_536;
const STRETCH = 1_048_576;

const ALWAYS = new Set([
  ...['agent_id', 'host', 'seq', 'kind', 'time', 'end_time', 'salt_bytes', 'leaf_bytes'],
  ...['payload_digests', 'erasure_seq'],
]);

export type AskRows = <T>(sql: string, parameters: Readonly<Record<string, string | number>>) => Promise<T[]>;

interface Stretch {
  readonly agentId: string;
  readonly firstSeq: number;
  /** Behind the numbers that were asked about. */
  readonly endSeq: number;
  /** The last of them there was a row of. */
  readonly lastSeq: number;
  readonly asked: Uint8Array;
}

export class FilledColumns {
  readonly #ask: AskRows;
  #stretch: Promise<Stretch> | undefined;

  constructor(ask: AskRows) {
    this.#ask = ask;
  }

  /**
   * A byte for each column of a row, 0 for those that are zero in all rows with these numbers. Undefined: nothing is known,
   * because rows may still be coming there.
   */
  async of(agentId: string, firstSeq: number, count: number): Promise<Uint8Array | undefined> {
    const lastSeq = firstSeq + count - 1;
    const before = await this.#stretch;
    const goesOn = before !== undefined && before.agentId === agentId && before.firstSeq <= firstSeq;
    if (goesOn && lastSeq <= before.lastSeq) return before.asked;
    if (goesOn && lastSeq < before.endSeq) return undefined;
    this.#stretch = this.#look(
      agentId,
      firstSeq,
      Math.max(count, goesOn ? STRETCH : FIRST_STRETCH),
      goesOn ? before : undefined,
    );
    const stretch = await this.#stretch;
    return lastSeq <= stretch.lastSeq ? stretch.asked : undefined;
  }

  /** What was filled in the stretch before is asked for in any case: it most likely is again. */
  async #look(agentId: string, firstSeq: number, count: number, before: Stretch | undefined): Promise<Stretch> {
    const asked = before?.asked.slice() ?? Uint8Array.from(ROW_COLUMNS, ({ name }) => Number(ALWAYS.has(name)));
    const open = [...asked.keys()].filter((at) => asked[at] === 0);
    const filled = open.map((at) => `max(${isFilledSql(ROW_COLUMNS[at]!)})`).join(', ');
    const end = firstSeq + count;
    // Without an answer, within its limits, nothing is left out: then it is the rows that take longer.
    const rows = await this.#ask<{ last: string; filled: readonly (number | boolean)[] }>(
      `SELECT max(seq) AS last, [${filled}] AS filled FROM sworn.activities
       WHERE agent_id = {agent:String} AND seq >= {first:UInt64} AND seq < {end:UInt64}`,
      { agent: agentId, first: firstSeq, end },
    ).catch(() => []);
    const row = rows[0];
    if (row === undefined) return { agentId, firstSeq, endSeq: end, lastSeq: 0, asked };
    open.forEach((at, place) => {
      if (Number(row.filled[place] ?? 1) !== 0) asked[at] = 1;
    });
    return { agentId, firstSeq, endSeq: end, lastSeq: Number(row.last), asked };
  }
}

/** Zero as ColumnShape has it: what stands in a row whose kind has no such field. */
function isFilledSql({ name, type }: { readonly name: string; readonly type: string }): string {
  const column = `\`${name}\``;
  const fixedBytes = /^FixedString\((\d+)\)$/.exec(type)?.[1];
  if (fixedBytes !== undefined) return `${column} != toFixedString('', ${fixedBytes})`;
  if (type.startsWith('Nullable')) return `isNotNull(${column})`;
  if (type.startsWith('DateTime64')) return `toUnixTimestamp64Nano(${column}) != 0`;
  if (/String/.test(type)) return `notEmpty(${column})`;
  return `${column} != 0`;
}
