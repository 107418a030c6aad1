// SPDX-License-Identifier: Apache-2.0

/** `sworn verify FILE`: a proof, with nothing but the file. */
import { readFileSync, statSync } from 'node:fs';
import { checkProof, type ProofFile, parseProofFile, ringOf } from '../audit/proof.ts';
import type { TrustedLine } from '../audit/trusted-keys.ts';
import { CliError, EXIT } from '../exit.ts';
import { print } from '../output.ts';
import { colour } from '../print/colour.ts';
import { printable, printableJson } from '../print/terminal-text.ts';

/** Far above any proof: an activity has tens of megabytes at most. */
const FILE_BYTES_MAX = 512 * 1024 * 1024;

export async function verifyProofFile(path: string, trusted: readonly TrustedLine[], asJson: boolean): Promise<void> {
  const file = readProofFile(path);
  const keys = ringOf(file, trusted);
  const verdicts = file.proofs.map((proof) => checkProof(proof, keys));
  const ok = verdicts.every((verdict) => verdict.ok);
  if (asJson) {
    const list = keys.keys.map(({ line, trust, origin, verifier }) => ({
      name: verifier.name,
      kind: verifier.kind,
      line,
      trust,
      origin,
    }));
    await print(printableJson(JSON.stringify({ ok, proofs: verdicts, keys: list })));
  } else {
    for (const { ok: isGood, agent_id, seq, tree_size, cosigned, witnesses, message } of verdicts) {
      const signed = `${cosigned ? ', cosigned by the collector' : ''}${witnesses > 0 ? ` and ${witnesses} witnesses` : ''}`;
      const what = isGood ? `is in the log that was signed at ${tree_size}${signed}` : message;
      await print(
        `${isGood ? colour('green', 'proved') : colour('red', 'NOT PROVED')}  ${printable(`${agent_id}:${seq}  ${what}`)}`,
      );
    }
    const word = keys.keys.filter(({ trust }) => trust === 'collector');
    if (word.length > 0) {
      await print(
        colour('yellow', 'Keys taken from the file itself; give those that you know from elsewhere with --key:'),
      );
      for (const { line } of word) await print(`  ${printable(line)}`);
    }
  }
  if (!ok) process.exitCode = EXIT.failed;
}

function readProofFile(path: string): ProofFile {
  try {
    if (statSync(path).size > FILE_BYTES_MAX) throw new RangeError('it is too large');
    return parseProofFile(readFileSync(path, 'utf8'));
  } catch (error) {
    if (!(error instanceof RangeError) && (error as NodeJS.ErrnoException).code === undefined) throw error;
    const next = error instanceof RangeError ? 'Proofs are made by: sworn prove' : '';
    // What cannot be read proves nothing; a file that is not there was asked for wrongly.
    throw new CliError(
      `${path}: ${(error as Error).message}`,
      next,
      error instanceof RangeError ? EXIT.failed : EXIT.unusable,
    );
  }
}
