// SPDX-License-Identifier: Apache-2.0

/** All cases, on the stages that they need. */
import { ANALYST_CASES, ANALYST_UNDONE } from './analyst-cases.ts';
import { BUNDLE_CASES } from './bundle-cases.ts';
import { CLEAN_CASES, runClean } from './clean-cases.ts';
import { ERASURE_CASES } from './erasure-cases.ts';
import { HOST_CASES } from './host-cases.ts';
import { KEY_CASES } from './key-cases.ts';
import { LARGE_CASES, startLarge } from './large-cases.ts';
import { RecordStage, startRecord } from './record.ts';
import { ROW_CASES } from './row-cases.ts';
import { judge, type TamperCase, type TamperResult } from './suite.ts';

const ON_RECORD: readonly TamperCase[] = [
  ...ANALYST_CASES,
  ANALYST_UNDONE,
  ...ROW_CASES,
  ...ERASURE_CASES,
  ...KEY_CASES,
  ...BUNDLE_CASES,
];
const CASES: readonly TamperCase[] = [...ON_RECORD, ...LARGE_CASES, ...HOST_CASES, ...CLEAN_CASES];

export function chosenCases({ only, who }: { readonly only: readonly string[]; readonly who: readonly string[] }) {
  return CASES.filter(
    (one) =>
      (only.length === 0 || only.some((word) => one.name.includes(word))) &&
      (who.length === 0 || who.includes(one.who)),
  );
}

export async function runSuite(
  cases: readonly TamperCase[],
  onResult: (result: TamperResult, at: number) => void,
): Promise<TamperResult[]> {
  const results: TamperResult[] = [];
  const take = (result: TamperResult): void => {
    results.push(result);
    onResult(result, results.length);
  };
  const on = async (wanted: readonly TamperCase[], start: () => Promise<RecordStage>): Promise<void> => {
    const mine = cases.filter((one) => wanted.includes(one));
    if (mine.length === 0) return;
    const stage = await start();
    try {
      for (const one of mine) take(await judge(one, stage));
    } finally {
      await stage.stop();
    }
  };
  await on(ON_RECORD, async () => {
    const stage = await startRecord();
    await stage.keep();
    return stage;
  });
  await on(LARGE_CASES, startLarge);
  await on(HOST_CASES, async () => {
    const stage = new RecordStage();
    await stage.startCollector();
    return stage;
  });
  await on(CLEAN_CASES, runClean);
  return results;
}
