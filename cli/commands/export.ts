// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { NoteError, parseVerifier } from '../../proto/log/note.ts';
import { KeyRing, type Trust } from '../audit/key-ring.ts';
import { addCollectorOptions, CollectorClient, type CollectorOptions } from '../collector-client.ts';
import { CliError, EXIT } from '../exit.ts';
import { print } from '../output.ts';
import { errorColour } from '../print/colour.ts';
import { ProgressLine } from '../print/progress-line.ts';
import { printable, printableLines } from '../print/terminal-text.ts';
import { type ExportedLog, exportLog } from '../tiles/export-log.ts';

const HELP = `
The folder has the files of C2SP tlog-tiles: the last cosigned checkpoint, and every hash of the log's tree. Tools of
transparency logs read it, from a disk or behind any web server, and make and check proofs with it. Into a folder that has
an export already only what is new is written, after it was checked that the log has only grown since.

Hashes only: entries are not exported, since they are what was recorded. Nothing of a payload can be read out of a hash.
Every hash is checked against the root that was signed before the checkpoint is written.

Examples:
  sworn export tiles --agent web-1 ./web-1
  sworn export tiles --all ./logs                  a folder for each agent, and for the collector's own record
  sworn export tiles --agent web-1 --key ./web-1.key ./web-1     with a key that you have from elsewhere`;

interface ExportOptions extends CollectorOptions {
  readonly agent?: string;
  readonly all?: boolean;
  readonly key: readonly string[];
  readonly json?: boolean;
}

export function defineExport(command: Command): void {
  command.addHelpText('after', HELP);
  addCollectorOptions(command.command('tiles'))
    .description('write the tree of a log as files that other tools read')
    .argument('<folder>', 'where to; with --all a folder is made in it for each log')
    .option('--agent <id>', 'whose log')
    .option('--all', 'of all agents')
    .option(
      '--key <line-or-file>',
      'trusted key, or a file of them; may be repeated',
      (one, all: string[]) => [...all, one],
      [],
    )
    .option('--json', 'one JSON object')
    .addHelpText('after', HELP)
    .action(async (folder: string, options: ExportOptions) => {
      if ((options.agent === undefined) === (options.all !== true)) {
        throw new CliError('whose log?', 'Name one with --agent ID, or take --all.', EXIT.unusable);
      }
      await exportTiles(folder, options);
    });
}

async function exportTiles(folder: string, options: ExportOptions): Promise<void> {
  const trusted = options.key.flatMap(keyLines).map((line) => ({ line, trust: 'given' as Trust }));
  const client = new CollectorClient(options);
  const claims = await client.rows<{ agent_id: string; verifier: string; origin: string; time_ms: string }>(
    'SELECT agent_id, verifier, origin, toUnixTimestamp64Milli(time) AS time_ms FROM sworn.log_keys ORDER BY time',
  );
  const ring = new KeyRing(
    trusted,
    claims.map(({ agent_id, time_ms, ...claim }) => ({ agentId: agent_id, timeMs: Number(time_ms), ...claim })),
  );
  const agents = options.agent === undefined ? await allAgents(client) : [options.agent];
  const progress = new ProgressLine();
  const logs: ExportedLog[] = [];
  const failures: { agent_id: string; message: string }[] = [];
  for (const agent of agents) {
    const path = options.all ? join(folder, folderName(agent)) : folder;
    try {
      const log = await exportLog(client, ring, agent, path, (done, total) => progress.show(agent, done, total));
      logs.push(log);
      progress.clear();
      if (!options.json) await print(lineOf(log));
    } catch (error) {
      progress.clear();
      // One log that is wrong does not keep the others from being written.
      if (!options.all || !(error instanceof CliError) || error.exitCode === EXIT.unusable) throw error;
      failures.push({ agent_id: agent, message: error.message });
      console.error(`${errorColour('red', 'sworn:')} ${printableLines(error.message)}`);
      if (error.next !== '') console.error(`       ${error.next}`);
    }
  }
  const unproved = ring.keys.filter(({ trust }) => trust === 'collector');
  if (options.json) {
    const keys = ring.keys.map(({ line, trust }) => ({ key: line, trust }));
    await print(JSON.stringify({ ok: failures.length === 0, logs, failures, keys }));
  } else if (unproved.length > 0 && logs.length > 0) {
    console.error("The keys are the collector's word; keys that you have from elsewhere are given with --key.");
  }
  if (failures.length > 0) process.exitCode = EXIT.failed;
}

function lineOf({ agent_id, size, new_leaves, tiles, witnesses, folder }: ExportedLog): string {
  const counts = [
    `${size.toLocaleString('en')} leaves`,
    `${new_leaves.toLocaleString('en')} new`,
    `${tiles.toLocaleString('en')} files written`,
    ...(witnesses > 0 ? [`${witnesses} witness${witnesses === 1 ? '' : 'es'}`] : []),
  ];
  return `${printable(agent_id)}: ${counts.join(', ')}: ${printable(folder)}`;
}

async function allAgents(client: CollectorClient): Promise<string[]> {
  const sql = "SELECT DISTINCT agent_id FROM sworn.checkpoints WHERE verdict = 'cosigned' ORDER BY agent_id";
  return (await client.rows<{ agent_id: string }>(sql)).map(({ agent_id }) => agent_id);
}

/** What an agent is called becomes no path. */
function folderName(agentId: string): string {
  return encodeURIComponent(agentId).replace(/^\./, '%2E');
}

/** The keys of an option: a line, or those of a file. */
function keyLines(given: string): string[] {
  let lines = [given];
  try {
    parseVerifier(given);
  } catch {
    try {
      lines = readFileSync(given, 'utf8').split('\n');
    } catch (error) {
      const { message } = error as Error;
      throw new CliError(`--key: it is no key line, and no file: ${message}`, '', EXIT.unusable);
    }
  }
  const keys = lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  for (const line of keys) {
    try {
      parseVerifier(line);
    } catch (error) {
      if (!(error instanceof NoteError)) throw error;
      throw new CliError(`--key: ${error.message}`, 'A key line is <name>+<key id>+<base64>.', EXIT.unusable);
    }
  }
  return keys;
}
