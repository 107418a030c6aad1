// SPDX-License-Identifier: Apache-2.0

/** What a case of tampering is, and how it is judged. */
import { faultsOf, type RecordStage } from './record.ts';

/**
 * analyst         asks over the API: SQL that reads
 * clickhouse      all rights on ClickHouse, no key
 * operator        the collector's: its key too, not those of agents
 * host            root on an agent's host, while the agent is stopped
 * nobody          nothing was done: what is told then is a false alarm
 */
export type Who = 'analyst' | 'clickhouse' | 'operator' | 'host' | 'nobody';

export interface TamperCase {
  readonly name: string;
  readonly who: Who;
  /** Why it cannot be known by what is at hand then; what is expected is that nothing is found. */
  readonly limit?: string;
  /** What was found, in order. */
  readonly run: (
    stage: RecordStage,
  ) => Promise<{ readonly found: readonly string[]; readonly expected: readonly string[] }>;
}

export interface TamperResult {
  readonly name: string;
  readonly who: Who;
  readonly ok: boolean;
  readonly found: readonly string[];
  /** Only where it is not what was found. */
  readonly expected?: readonly string[];
  readonly limit?: string;
}

export async function judge({ name, who, limit, run }: TamperCase, stage: RecordStage): Promise<TamperResult> {
  const base = { name, who, ...(limit === undefined ? {} : { limit }) };
  try {
    const { found, expected } = await run(stage);
    const ok = JSON.stringify([...found].sort()) === JSON.stringify([...expected].sort());
    return { ...base, ok, found, ...(ok ? {} : { expected }) };
  } catch (error) {
    return { ...base, ok: false, found: [`the case failed: ${(error as Error).stack ?? error}`] };
  }
}

/** On the record as it was kept: what `sworn verify` names after `act`, which may give words for it. */
export function onRecord(
  who: Who,
  name: string,
  act: (stage: RecordStage) => Promise<unknown>,
  expected: readonly string[] | ((stage: RecordStage) => readonly string[]),
  limit?: string,
): TamperCase {
  return {
    name,
    who,
    ...(limit === undefined ? {} : { limit }),
    async run(stage) {
      await stage.restore();
      const words = await act(stage);
      const verdict = await stage.verify(Array.isArray(words) ? words : []);
      const found = faultsOf(verdict);
      if (verdict.ok !== (found.length === 0) || verdict.code !== (verdict.ok ? 0 : 1)) {
        throw new Error(`ok ${verdict.ok}, exit code ${verdict.code}, problems ${found.join(', ')}`);
      }
      return { found, expected: typeof expected === 'function' ? expected(stage) : expected };
    },
  };
}
