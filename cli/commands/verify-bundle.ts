// SPDX-License-Identifier: Apache-2.0

/** `sworn verify BUNDLE`: a session with its proofs, with nothing but the files. */
import { isFault } from '../audit/audit-finding.ts';
import { type BundleReport, readBundle } from '../audit/bundle-read.ts';
import type { TrustedLine } from '../audit/trusted-keys.ts';
import { CliError, EXIT } from '../exit.ts';
import { print } from '../output.ts';
import { printCompleteness, problemLine } from '../print/audit-lines.ts';
import { colour } from '../print/colour.ts';
import { printable, printableJson } from '../print/terminal-text.ts';

const SHOWN_MAX = 100;

export async function verifyBundle(path: string, trusted: readonly TrustedLine[], asJson: boolean): Promise<void> {
  const mayShow = !asJson && process.stderr.isTTY === true;
  let isShown = false;
  const report = await readOrExplain(path, trusted, (lines) => {
    if (!mayShow) return;
    process.stderr.write(`\r\u001b[K${lines} lines`);
    isShown = true;
  });
  if (isShown) process.stderr.write('\r\u001b[K');
  if (asJson) await print(printableJson(JSON.stringify(jsonOf(report))));
  else await printReport(report);
  if (!report.ok) process.exitCode = EXIT.failed;
}

async function readOrExplain(
  path: string,
  trusted: readonly TrustedLine[],
  onLines: (lines: number) => void,
): Promise<BundleReport> {
  try {
    return await readBundle(path, trusted, onLines);
  } catch (error) {
    const isNone = error instanceof RangeError;
    if (!isNone && (error as NodeJS.ErrnoException).code === undefined) throw error;
    // What cannot be read proves nothing; a file that is not there was asked for wrongly.
    throw new CliError(
      `${path}: ${(error as Error).message}`,
      isNone ? 'Bundles are made by: sworn bundle' : '',
      isNone ? EXIT.failed : EXIT.unusable,
    );
  }
}

function jsonOf({ ok, manifest, integrity, membership, completeness, keys }: BundleReport): object {
  const { session_id, made } = manifest;
  return {
    ok,
    session_id,
    made,
    integrity,
    membership,
    completeness,
    keys: keys.map(({ line, trust, origin, verifier }) => ({
      name: verifier.name,
      kind: verifier.kind,
      line,
      trust: trust === 'collector' ? 'bundle' : trust,
      origin,
    })),
  };
}

async function printReport({ manifest, integrity, membership, completeness, keys }: BundleReport): Promise<void> {
  const { ok, activities, problems, logs, faults } = integrity;
  const { session_id, made } = manifest;
  await print(printable(`Session ${session_id}, bundled by ${made.by} at ${made.time}`));
  await print(`\n${colour('bold', 'Integrity')}  ${ok ? colour('green', 'holds') : colour('red', 'DOES NOT HOLD')}`);
  await print(`  ${activities} activities read and their leaves computed`);
  for (const { agent_id, activities: shown, tree_size, hidden, without_payload, cosigned, witnesses } of logs) {
    const signed = `${cosigned ? ', cosigned by the collector' : ''}${witnesses > 0 ? `, ${witnesses} witnesses` : ''}`;
    const left = `${hidden > 0 ? `; ${hidden} between are hashes` : ''}${without_payload > 0 ? `; ${without_payload} without payload` : ''}`;
    await print(printable(`  ${agent_id}: ${shown} shown of the ${tree_size} that were signed${signed}${left}`));
  }
  const shown = problems.slice(0, SHOWN_MAX);
  for (const problem of shown) {
    const line = problemLine(problem);
    await print(isFault(problem) ? colour('red', line) : colour('dim', line));
  }
  if (faults > SHOWN_MAX) await print(`  … ${faults} faults in all (--json has more)`);
  const word = membership.ok ? colour('green', 'as far as its log can say, yes') : colour('yellow', 'not shown');
  await print(`\n${colour('bold', 'All of the session')}  ${word}`);
  await print(printable(`  ${membership.message}`));
  await printCompleteness(completeness);
  const untrusted = keys.filter(({ trust }) => trust === 'collector');
  if (untrusted.length === 0) return;
  await print(
    `\n${colour('yellow', 'Keys taken from the bundle itself; give those that you know from elsewhere with --key:')}`,
  );
  for (const { line } of untrusted) await print(`  ${printable(line)}`);
}
