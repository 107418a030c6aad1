// SPDX-License-Identifier: Apache-2.0

/** The two verdicts of an audit, for people. */
import { isFault, type Problem, type ProblemKind } from '../audit/audit-finding.ts';
import type { Completeness } from '../audit/completeness.ts';
import type { IntegrityReport } from '../audit/record-audit.ts';
import { print } from '../output.ts';
import { colour } from './colour.ts';
import { printable } from './terminal-text.ts';

/** What to do about it; once for each kind. */
const NEXT: Readonly<Partial<Record<ProblemKind, string>>> = {
  altered: 'Somebody with rights on ClickHouse changed these rows. Restore them from a backup, and verify again.',
  removed: 'Restore the rows from a backup. Whoever may delete rows in ClickHouse is who could do it.',
  inserted: 'Rows that nobody delivered: see who may insert into ClickHouse, and which of the rows is not sealed.',
  swapped: 'Rows were exchanged, so that they tell another order. The numbers named are where they belong.',
  replayed: 'A copy of a row tells something twice. The original is the one that is named.',
  cut_tail:
    'The newest rows are gone. If the agent still has them, they come again when it next connects; else a backup.',
  rewritten:
    'Rows and leaves were changed together. Compare with a backup; the signed root shows which of them is right.',
  payload_edited: 'What was said was changed or taken out, with nothing to say that it might be.',
  digest_missing: 'An erased row can only be proved with its digests: restore the column payload_digests.',
  partition_dropped: 'Whole days are gone. Restore them from a backup; retention would have left a tombstone.',
  forked: 'Two records are under one name: a copied host, or a forged one. See docs/OPERATOR.md.',
  rolled_back: 'An agent came back with less than it had delivered: an old disk image. See docs/OPERATOR.md.',
  key_changed: 'Ask who runs the host whether its key was made anew. If so, accept it; if not, somebody else signs.',
  wrong_root: 'What was signed is not what stands beside it.',
  checkpoint_missing:
    'Ask the agent (sworn status) what it last had cosigned, and compare with an anchor or a backup of sworn.checkpoints.',
  bad_signature: 'Give the right keys with --key, or find out who wrote into sworn.checkpoints.',
};
const SHOWN_MAX = 100;

export async function printIntegrity(
  report: IntegrityReport,
  given: { readonly anchors: number; readonly torn: number; readonly partial: boolean },
): Promise<void> {
  const { ok, agents, activities, checkpoints, cosigned, witnessed, problems, problems_left_out, logs, keys } = report;
  await print(`${colour('bold', 'Integrity')}  ${ok ? colour('green', 'holds') : colour('red', 'DOES NOT HOLD')}`);
  await print(
    `  ${count(activities, 'activity', 'activities')} in ${count(agents, 'log')} read and their leaves computed`,
  );
  const sealed = logs.reduce((sum, { sealedUpTo }) => sum + sealedUpTo, 0);
  const byHashes = logs.reduce((sum, log) => sum + log.byHashes, 0);
  await print(
    `  ${count(checkpoints, 'checkpoint')}, ${cosigned} cosigned by the collector, ${witnessed} by witnesses; roots agree up to ${sealed}`,
  );
  if (given.partial) await print(`  ${byHashes} others were not read: signed roots stand for them`);
  if (given.anchors > 0) await print(`  ${count(given.anchors, 'checkpoint')} kept elsewhere compared`);
  if (given.torn > 0) await print(`  ${given.torn} in the anchors are torn, and were passed over`);
  const faults = problems.filter(isFault);
  const information = problems.filter((problem) => !isFault(problem));
  for (const problem of faults.slice(0, SHOWN_MAX)) await print(colour('red', problemLine(problem)));
  const more = faults.length - Math.min(faults.length, SHOWN_MAX) + problems_left_out;
  if (more > 0) await print(`  … and ${more} more (--json has ${problems.length})`);
  for (const kind of new Set(faults.map((problem) => problem.kind))) {
    if (NEXT[kind] !== undefined) await print(`  ${colour('bold', kind)}: ${NEXT[kind]}`);
  }
  for (const problem of information.slice(0, SHOWN_MAX)) await print(colour('dim', problemLine(problem)));
  const word = keys.filter(({ trust }) => trust === 'collector');
  if (word.length > 0) {
    await print(
      colour(
        'yellow',
        `  ${count(word.length, 'key')} taken from the collector's word; to be sure of them next time, keep them: --pin FILE`,
      ),
    );
    for (const { line } of word.slice(0, SHOWN_MAX)) await print(`    ${printable(line)}`);
  } else if (keys.length > 0) await print(`  ${count(keys.length, 'key')}, all known from elsewhere`);
}

export function problemLine({ kind, agent_id, first_seq, last_seq, message }: Problem): string {
  const range =
    first_seq === 0 && last_seq === 0 ? '' : first_seq === last_seq ? `:${first_seq}` : `:${first_seq}-${last_seq}`;
  return printable(`  ${kind}  ${agent_id}${range}  ${message}`);
}

export async function printCompleteness({ ok, losses, gaps, is_cut }: Completeness): Promise<void> {
  await print(
    `\n${colour('bold', 'Completeness')}  ${ok ? colour('green', 'nothing is known to be missing') : colour('yellow', 'not all was recorded')}`,
  );
  for (const { agent_id, place, reason, losses: n, events, bytes } of losses.slice(0, SHOWN_MAX)) {
    await print(
      printable(
        `  ${agent_id}  ${place}/${reason}: ${count(n, 'loss', 'losses')} of ${count(events, 'event')} and ${count(bytes, 'byte')}`,
      ),
    );
  }
  for (const { agent_id, from, to, message } of gaps.slice(0, SHOWN_MAX)) {
    await print(printable(`  ${agent_id}  ${from === to ? from : `${from} to ${to}`}: ${message}`));
  }
  const more = Math.max(0, losses.length - SHOWN_MAX) + Math.max(0, gaps.length - SHOWN_MAX);
  if (more > 0) await print(`  … and ${more} more (--json has them)`);
  if (is_cut)
    await print('  There are more than could be listed: ask for one agent (--agent) or a span (--from, --to).');
}

function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}
