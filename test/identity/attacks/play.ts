// SPDX-License-Identifier: Apache-2.0

/**
 * Plays attacks, one after the other, in the network namespace that `table.ts` made for it: `play.ts PLAN.json`, where the
 * plan has the names of rows. Writes a line of JSON for each row, and prose on standard error.
 */
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Attack } from './attack.ts';
import { ATTACKS } from './attacks.ts';
import { type AttackRow, answerOf, judged, type Played } from './judge.ts';
import { readTokens } from './record.ts';
import { Scene } from './scene.ts';
import { type Stage, setStage } from './stage.ts';

/** The record's rows are told apart by when they were: the clock of the wall goes on at least so far between two attacks. */
const BETWEEN_MS = 5;

async function playOne(stage: Stage, attack: Attack): Promise<Played> {
  const scene = new Scene(stage, attack.name);
  const startedMs = Date.now();
  let failed: string | undefined;
  try {
    await attack.play(scene);
  } catch (error) {
    failed = `it could not be played: ${(error as Error).message}`;
  } finally {
    await scene.end();
    stage.standIn.faults.clear();
  }
  await sleep(BETWEEN_MS);
  const endedMs = Date.now();
  await sleep(BETWEEN_MS);
  // Nobody else asks: whatever Entra issued meanwhile, for whatever resource, is of this attack.
  const issued = stage.standIn.requests.flatMap(({ atMs, clientId = '', fingerprint }) =>
    atMs >= startedMs && atMs <= endedMs && fingerprint !== undefined ? [{ clientId, fingerprint }] : [],
  );
  if (failed === undefined) {
    try {
      await attack.also?.(scene);
    } catch (error) {
      failed = (error as Error).message;
    }
  }
  console.error(`${attack.name}: ${failed ?? (scene.said.map(answerOf).join(', ').slice(0, 120) || 'played')}`);
  const { said, honest, pids, honestPids, notes } = scene;
  const ownClientId = stage.clientIds.get(attack.own ?? 'victim') ?? '';
  const problem = failed === undefined ? {} : { failed };
  return { attack, said, honest, pids, honestPids, notes, startedMs, endedMs, issued, ownClientId, ...problem };
}

async function play(names: readonly string[]): Promise<AttackRow[]> {
  const attacks = ATTACKS.filter(({ name }) => names.includes(name));
  const stage = await setStage(attacks.map(({ name }) => name));
  try {
    const played: Played[] = [];
    for (const attack of attacks) played.push(await playOne(stage, attack));
    const record = await readTokens(stage.recording);
    return played.map((one) => judged(one, record));
  } finally {
    await stage.stop();
  }
}

const outside = Object.keys(networkInterfaces()).filter((name) => name !== 'lo');
if (outside.length > 0)
  throw new Error(`this network leads out by ${outside.join(', ')}: table.ts makes one that does not`);
const plan = JSON.parse(readFileSync(process.argv[2] as string, 'utf8')) as { rows: readonly string[] };
for (const row of await play(plan.rows)) console.log(JSON.stringify(row));
