// SPDX-License-Identifier: Apache-2.0

import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { loadAddon } from '../../agent/source/ebpf/addon.ts';
import { CollectorRecord } from '../audit/collector-record.ts';
import { makeProof } from '../audit/make-proof.ts';
import { checkProof, formatProofFile, type Proof, ringOf } from '../audit/proof.ts';
import { addCollectorOptions, CollectorClient, type CollectorOptions } from '../collector-client.ts';
import { CliError, EXIT } from '../exit.ts';
import { write } from '../output.ts';

const HELP = `
The proof holds the activity, how its leaf leads to the root of the log, and the checkpoint with its signatures. Whoever has
the file checks it with: sworn verify FILE, without any network; docs/PROOFS.md says how to do it without Sworn.
For an alert, the alert and the activity that raised it are proved.

The proof shows all of the activity, payload too. Of payload that was erased it shows that there was some, and not what.

Examples:
  sworn prove db1-a27a3315:75 -o proof.json
  sworn prove 3f2c9a7be01d4c55a0c1b2d3e4f50617 -o alert.json        an alert, by its id
  sworn prove db1-a27a3315:75 db1-a27a3315:76 | sworn verify /dev/stdin`;

interface ProveOptions extends CollectorOptions {
  readonly output?: string;
}

interface Place {
  readonly agentId: string;
  readonly seq: number;
}

export function defineProve(command: Command): void {
  addCollectorOptions(command)
    .argument('<activity...>', 'AGENT:SEQ, or the id of an alert')
    .option('-o, --output <file>', 'where to write it; standard output when left out')
    .addHelpText('after', HELP)
    .action(async (given: readonly string[], options: ProveOptions) => {
      const client = new CollectorClient(options);
      const places = (await Promise.all(given.map((one) => placesOf(client, one)))).flat();
      const source = new CollectorRecord(client);
      const addon = loadAddon();
      const proofs: Proof[] = [];
      for (const { agentId, seq } of places) proofs.push(await makeProof(source, addon, agentId, seq));
      const names = new Set(proofs.flatMap(({ checkpoint }) => checkpoint.match(/(?<=^\u2014 )\S+/gmu) ?? []));
      const claims = (await source.keys()).filter(({ verifier }) => names.has(verifier.split('+')[0] ?? ''));
      const lines = new Map(claims.map(({ verifier, origin }) => [verifier, origin]));
      const file = { proofs, keys: [...lines].map(([line, origin]) => ({ line, origin })) };
      // What is handed out has to hold where nobody can be asked.
      for (const proof of proofs) {
        const { ok, message } = checkProof(proof, ringOf(file, []));
        if (!ok)
          throw new CliError(
            `${proof.agentId}:${proof.seq} cannot be proved: ${message}`,
            'See what is wrong: sworn verify',
          );
      }
      const text = formatProofFile(file);
      if (options.output === undefined) await write(text);
      else writeOrExplain(options.output, text);
    });
}

async function placesOf(client: CollectorClient, given: string): Promise<Place[]> {
  const [, agentId, seq] = /^(.+):(\d{1,15})$/.exec(given) ?? [];
  if (agentId !== undefined && Number(seq) > 0) return [{ agentId, seq: Number(seq) }];
  if (!/^[0-9a-f]{6,64}$/.test(given)) {
    throw new CliError(
      `'${given}' is neither AGENT:SEQ nor the id of an alert`,
      'See: sworn prove --help',
      EXIT.unusable,
    );
  }
  const [row] = await client.rows<Record<'agent_id' | 'seq' | 'matched_agent_id' | 'matched_seq', string>>(
    'SELECT agent_id, seq, matched_agent_id, matched_seq FROM sworn.alerts WHERE alert_id = {id:String} ORDER BY seq LIMIT 1',
    { id: given },
  );
  if (row === undefined)
    throw new CliError(`there is no alert ${given}`, 'See: sworn query "SELECT * FROM sworn.alerts"', EXIT.unusable);
  const alert = { agentId: row.agent_id, seq: Number(row.seq) };
  const matched = { agentId: row.matched_agent_id, seq: Number(row.matched_seq) };
  return matched.seq > 0 ? [alert, matched] : [alert];
}

function writeOrExplain(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new CliError(
      `${path} cannot be written: ${(error as Error).message}`,
      'Name another one with --output.',
      EXIT.unusable,
    );
  }
}
