// SPDX-License-Identifier: Apache-2.0

/** One log into one folder, from the checkpoint that is there to the last one that the collector cosigned. */
import { parseCheckpoint } from '../../proto/log/checkpoint.ts';
import { HASH_BYTES } from '../../proto/log/merkle.ts';
import { NoteError, parseNote } from '../../proto/log/note.ts';
import type { KeyRing } from '../audit/key-ring.ts';
import type { CollectorClient } from '../collector-client.ts';
import { CliError } from '../exit.ts';
import { leafPages } from './leaf-pages.ts';
import { TileBuilder } from './tile-builder.ts';
import { TileFolder } from './tile-folder.ts';

export interface ExportedLog {
  readonly agent_id: string;
  readonly origin: string;
  readonly folder: string;
  readonly size: number;
  /** Leaves that were not in the folder before. */
  readonly new_leaves: number;
  /** Files that were written. */
  readonly tiles: number;
  /** How many witnesses have signed the checkpoint. */
  readonly witnesses: number;
}

interface Judged {
  readonly note: string;
  readonly size: number;
  readonly root: Buffer;
  readonly origin: string;
  readonly witnesses: number;
}

const CHECKPOINT_SQL = `SELECT note FROM sworn.checkpoints
  WHERE agent_id = {agent:String} AND verdict = 'cosigned' ORDER BY size DESC, time DESC LIMIT 1`;

/** Errors: CliError that says what does not fit; the folder is then as it was. */
export async function exportLog(
  client: CollectorClient,
  ring: KeyRing,
  agentId: string,
  path: string,
  onProgress: (done: number, total: number) => void,
): Promise<ExportedLog> {
  const goal = await lastCheckpoint(client, ring, agentId);
  const folder = new TileFolder(path);
  const there = checkpointThere(folder, ring, agentId, goal);
  const from = there?.size ?? 0;
  folder.begin();
  let tiles = 0;
  const put: typeof folder.writeAside = (tile, hashes) => {
    tiles++;
    folder.writeAside(tile, hashes);
  };
  try {
    const builder = continued(folder, from, put);
    if (there !== undefined && !builder.root().equals(there.root)) {
      throw new CliError(`the tiles in ${path} are not those of its checkpoint`, 'Export into an empty folder.');
    }
    for await (const page of leafPages(client, agentId, from, goal.size)) {
      for (let at = 0; at < page.length; at += HASH_BYTES) builder.append(page.subarray(at, at + HASH_BYTES));
      onProgress(builder.size - from, goal.size - from);
    }
    if (!builder.root().equals(goal.root)) throw otherRoot(agentId, goal.size, from, path);
    if (goal.size > from) for (const [tile, hashes] of builder.unfinished()) put(tile, hashes);
    if (goal.note !== there?.note) folder.finish(goal.note, from);
  } finally {
    folder.abandon();
  }
  return {
    ...{ agent_id: agentId, origin: goal.origin, folder: path, size: goal.size, new_leaves: goal.size - from },
    ...{ tiles, witnesses: goal.witnesses },
  };
}

function otherRoot(agentId: string, size: number, from: number, path: string): CliError {
  const next = `What is wrong with the log says: sworn verify --agent ${agentId}`;
  if (from === 0) return new CliError(`the leaves stored for ${agentId} do not make the root that was cosigned`, next);
  const what = `the log of ${agentId} at ${size} is no continuation of what is in ${path} (${from} leaves)`;
  return new CliError(what, `Keep the folder: it shows what the log was. ${next}`);
}

function continued(folder: TileFolder, size: number, put: TileFolder['writeAside']): TileBuilder {
  try {
    return new TileBuilder(size, (tile) => folder.read(tile), put);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CliError(`in ${folder.path} ${error.message}`, 'Export into an empty folder.');
  }
}

async function lastCheckpoint(client: CollectorClient, ring: KeyRing, agentId: string): Promise<Judged> {
  const [row] = await client.rows<{ note: string }>(CHECKPOINT_SQL, { agent: agentId });
  if (row === undefined) {
    throw new CliError(
      `no checkpoint of ${agentId} has been cosigned`,
      'Agents: sworn query "SELECT agent_id, max(size) FROM sworn.checkpoints GROUP BY agent_id"',
    );
  }
  const judged = judge(row.note, ring, agentId);
  if (judged instanceof NoteError) {
    throw new CliError(
      `the last checkpoint of ${agentId} is not to be trusted: ${judged.message}`,
      `What is wrong with the log says: sworn verify --agent ${agentId}`,
    );
  }
  return judged;
}

function judge(note: string, ring: KeyRing, agentId: string): Judged | NoteError {
  try {
    const signed = parseNote(note);
    const { origin, size, root } = parseCheckpoint(signed.text);
    const { fault, message, cosigned, witnesses } = ring.judge(signed, agentId);
    if (fault !== undefined) return new NoteError(message);
    if (origin !== `sworn/${agentId}`) return new NoteError(`It is of ${origin}.`);
    if (!cosigned && !ring.isCollector(agentId)) return new NoteError('The collector has not cosigned it.');
    return { note, origin, size, root, witnesses };
  } catch (error) {
    if (error instanceof NoteError) return error;
    throw error;
  }
}

/** The checkpoint in the folder, when it may be gone on from. */
function checkpointThere(folder: TileFolder, ring: KeyRing, agentId: string, goal: Judged): Judged | undefined {
  const note = folder.checkpoint();
  if (note === undefined) return undefined;
  const there = judge(note, ring, agentId);
  if (there instanceof NoteError) {
    throw new CliError(`${folder.path}/checkpoint is not one of ${agentId}: ${there.message}`, 'Name another folder.');
  }
  if (there.size > goal.size) {
    const what = `${folder.path} has ${there.size} leaves of ${agentId}, and the collector ${goal.size}: it was rolled back`;
    throw new CliError(what, 'Keep the folder: it shows what the log was.');
  }
  if (there.size === goal.size && !there.root.equals(goal.root)) {
    const what = `${folder.path} and the collector have different logs of ${agentId}, both signed: it has forked`;
    throw new CliError(what, 'Keep the folder: with the checkpoint of the collector it is the proof.');
  }
  return there;
}
