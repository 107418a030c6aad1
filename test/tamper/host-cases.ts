// SPDX-License-Identifier: Apache-2.0

/**
 * The journal and the seal of an agent, changed by root while it is stopped; and rows changed at the collector that the agent
 * then contradicts. 120 activities are delivered, 80 more are in the journal only. Found is what the agent's next life and the
 * collector tell: findings and losses of the agent, alerts of the collector, what `sworn verify` says.
 */
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { realDisk } from '../../agent/journal/disk.ts';
import { Journal } from '../../agent/journal/journal.ts';
import { ownSealKey } from '../../agent/seal/seal-key.ts';
import { SealStateFile } from '../../agent/seal/seal-state.ts';
import { makeActivity } from '../../collector/testing/activity-maker.ts';
import { copyRows, makeLeavesAnew } from './forger.ts';
import type { RecordStage } from './record.ts';
import { asAgentHasIt, type SealedHost } from './sealed-host.ts';
import type { TamperCase, Who } from './suite.ts';

const DELIVERED = 120;
const SEGMENT_BYTES = 24_000;

/** An agent before the act, and images of its state folder. */
class Victim {
  readonly stage: RecordStage;
  readonly host: SealedHost;
  /** After the first 60 activities were delivered; and after the 120. */
  readonly early: string;
  readonly late: string;

  constructor(stage: RecordStage, host: SealedHost) {
    this.stage = stage;
    this.host = host;
    this.early = `${host.state}.early`;
    this.late = `${host.state}.late`;
  }

  path(...names: string[]): string {
    return join(this.host.state, ...names);
  }

  get segments(): string[] {
    return readdirSync(this.host.journalFolder)
      .filter((name) => name.endsWith('.segment'))
      .sort()
      .map((name) => join(this.host.journalFolder, name));
  }

  putBack(image: string, ...names: string[]): void {
    for (const name of names.length === 0 ? ['.'] : names) {
      rmSync(this.path(name), { recursive: true, force: true });
      cpSync(join(image, name), this.path(name), { recursive: true });
    }
  }

  /** The same journal from an image on, with other entries: as good as somebody makes it who has no key. */
  async forge(image: string, count: number): Promise<string> {
    const folder = join(this.stage.folder, `forger-of-${this.host.agentId}`);
    rmSync(folder, { recursive: true, force: true });
    cpSync(join(image, 'journal'), folder, { recursive: true });
    const { agentId, host } = this.host;
    const journal = await Journal.open({ folder, agentId, host, diskFreeBytesMin: 0 });
    for (const activity of made(5000, count)) journal.append(asAgentHasIt(activity));
    await journal.close();
    return folder;
  }
}

const made = (from: number, count: number) => Array.from({ length: count }, (_, at) => makeActivity(from + at));

let victims = 0;

function hostCase(
  who: Who,
  name: string,
  act: (victim: Victim) => unknown,
  expected: readonly string[],
  limit?: string,
): TamperCase {
  return {
    name,
    who,
    ...(limit === undefined ? {} : { limit }),
    async run(stage) {
      const agentId = `victim-${++victims}`;
      const host = await stage.host(agentId);
      const victim = new Victim(stage, host);
      const segmentBytesMax = SEGMENT_BYTES;
      await stage.deliver(agentId, made(1, 60), { segmentBytesMax });
      cpSync(host.state, victim.early, { recursive: true });
      await stage.deliver(agentId, made(61, 60), { segmentBytesMax });
      cpSync(host.state, victim.late, { recursive: true });
      await host.live({ activities: made(121, 80), segmentBytesMax });
      await act(victim);
      await host.live({ collector: stage.address, activities: made(900, 3), segmentBytesMax });
      return { found: await told(stage, agentId), expected };
    },
  };
}

async function told(stage: RecordStage, agentId: string): Promise<string[]> {
  const rows = await stage.collector.ask<{ what: string }>(
    `SELECT DISTINCT concat('finding ', finding_kind) AS what FROM sworn.activities
       WHERE agent_id = {agent:String} AND kind = 'finding' AND match(finding_kind, '^(journal|seal)_')
     UNION ALL SELECT DISTINCT concat('loss ', reason) FROM sworn.activities
       WHERE agent_id = {agent:String} AND kind = 'loss'
     UNION ALL SELECT DISTINCT concat('alert ', if(match(rule_id, '^[a-z_]+$'), rule_id, rule_title)) FROM sworn.activities
       WHERE kind = 'alert' AND position(summary, concat({agent:String}, ' ')) + position(summary, concat({agent:String}, ':')) > 0`,
    { agent: agentId },
  );
  const { problems } = await stage.verify(['--agent', agentId]);
  const kinds = new Set(problems.map(({ kind }) => kind).filter((kind) => kind !== 'not_sealed_yet'));
  return [...rows.map(({ what }) => what), ...[...kinds].map((kind) => `verify ${kind}`)];
}

/** What findings of the agent are told as. */
const APART = 'alert Somebody takes the recorder apart';

const host = (
  name: string,
  act: (victim: Victim) => unknown,
  expected: readonly string[],
  limit?: string,
): TamperCase => hostCase('host', name, act, expected, limit);

function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at]! ^= 0x55;
  writeFileSync(file, bytes);
}

export const HOST_CASES: readonly TamperCase[] = [
  hostCase('nobody', 'journal: nobody did anything', () => {}, []),
  host(
    'journal: a byte of an entry that was not delivered is another one',
    ({ segments }) => flip(segments.at(-2)!, 5000),
    ['loss damaged'],
  ),
  host('journal: the end of the last file cut off', ({ segments }) => truncateSync(segments.at(-1)!, 4000), [
    'finding journal_cut',
    'loss missing',
    'loss torn_tail',
    APART,
  ]),
  host('journal: the last file taken away', ({ segments }) => rmSync(segments.at(-1)!), [
    'finding journal_cut',
    'loss missing',
    APART,
  ]),
  host('journal: a file in the middle taken away', ({ segments }) => rmSync(segments.at(-2)!), ['loss missing']),
  host(
    'journal: two files in each other’s place',
    ({ segments }) => {
      const [one, other] = segments.slice(-3) as [string, string];
      renameSync(one, `${one}.aside`);
      renameSync(other, one);
      renameSync(`${one}.aside`, other);
    },
    ['loss missing'],
  ),
  host(
    'journal: an old file once more, behind the end',
    (victim) => {
      const [old] = readdirSync(join(victim.early, 'journal')).filter((name) => name.endsWith('.segment'));
      cpSync(join(victim.early, 'journal', old!), join(victim.host.journalFolder, '0000000000000301.segment'));
    },
    ['finding journal_cut', 'loss missing', APART],
  ),
  host('journal: taken away', ({ host }) => rmSync(host.journalFolder, { recursive: true }), [
    'finding journal_cut',
    'loss not_held',
    APART,
  ]),
  host(
    'journal: taken away with its mark',
    (victim) => {
      rmSync(victim.host.journalFolder, { recursive: true });
      rmSync(victim.path('journal.mark'));
    },
    ['finding journal_mark_unproven', APART],
  ),
  host(
    'journal: its end and its mark taken away',
    (victim) => {
      rmSync(victim.segments.at(-1)!);
      rmSync(victim.path('journal.mark'));
    },
    ['finding journal_mark_unproven', APART],
  ),
  host(
    'journal: the mark is another one',
    ({ path, host }) => {
      void path;
      writeFileSync(join(host.state, 'journal.mark'), Buffer.alloc(8192, 7));
    },
    ['finding journal_mark_unproven', APART],
  ),
  host(
    'journal: entries that were not delivered written anew, checksums and chain too',
    async (victim) => {
      const forged = await victim.forge(victim.late, 80);
      rmSync(victim.host.journalFolder, { recursive: true });
      cpSync(forged, victim.host.journalFolder, { recursive: true });
    },
    ['finding journal_rewritten', APART],
  ),
  host(
    'journal: the same by who has the key too',
    async (victim) => {
      victim.putBack(victim.late);
      await victim.host.live({ activities: made(5000, 80), segmentBytesMax: SEGMENT_BYTES });
    },
    [],
    'who holds the key of an agent can sign anything that has not left the host; a key in a TPM or a guard keeps it',
  ),
  host('state: all of it as it was when less was delivered', (victim) => victim.putBack(victim.early), [
    'alert log_rolled_back',
    'verify rolled_back',
  ]),
  host(
    'state: all of it as it was when less was delivered, and more recorded since',
    async (victim) => {
      victim.putBack(victim.early);
      await victim.host.live({ activities: made(7000, 200), segmentBytesMax: SEGMENT_BYTES });
    },
    ['alert log_forked', 'verify forked'],
  ),
  host(
    'state: all of it as it was when all was delivered',
    (victim) => victim.putBack(victim.late),
    [],
    'what never left the host can be put back with all that knew of it',
  ),
  host('seal: its state taken away', (victim) => rmSync(victim.path('seal.state')), [
    'finding seal_adopted',
    'finding seal_state_lost',
    APART,
  ]),
  host(
    'seal: its state is another one',
    (victim) => writeFileSync(victim.path('seal.state'), Buffer.alloc(300_000, 7)),
    ['finding seal_adopted', 'finding seal_state_lost', APART],
  ),
  host('seal: an older state of it', (victim) => victim.putBack(victim.early, 'seal.state'), [
    'finding seal_state_lost',
    APART,
  ]),
  host(
    'seal: another tree in its state',
    async (victim) => {
      const file = await SealStateFile.open(realDisk, victim.path('seal.state'), victim.host.agentId);
      if (file.found.kind !== 'found') throw new Error(`the state is ${file.found.kind}`);
      const { state } = file.found;
      const subtrees = state.tree.subtrees.map((_, at) => Buffer.alloc(32, at + 1));
      await file.write({ ...state, tree: { ...state.tree, subtrees } });
      await file.close();
    },
    ['alert log_forked', 'verify forked'],
  ),
  host(
    'seal: another key',
    async (victim) => {
      rmSync(victim.path('seal.key'));
      await ownSealKey(victim.path('seal.key'));
    },
    ['alert log_key_changed', 'verify key_changed'],
  ),
  host(
    'seal: key, state and mark taken away',
    (victim) => {
      for (const name of ['seal.key', 'seal.state', 'journal.mark']) rmSync(victim.path(name));
    },
    ['alert log_key_changed', 'verify key_changed'],
  ),
  hostCase(
    'clickhouse',
    'store: a row right behind the end, and the agent comes back',
    async ({ stage, host }) => {
      await stage.sql(copyRows(`agent_id = '${host.agentId}' AND seq = 20`, `toUInt64(${DELIVERED + 1}) AS seq`));
      await makeLeavesAnew(stage, host.agentId, DELIVERED + 1, DELIVERED + 1);
    },
    ['alert log_wrong_root', 'verify wrong_root'],
  ),
  hostCase(
    'clickhouse',
    'store: the end cut off with its checkpoints, and the agent comes back',
    async ({ stage, host }) => {
      await stage.sql(`ALTER TABLE sworn.activities DELETE WHERE agent_id = '${host.agentId}' AND seq > 60`);
      await stage.sql(`ALTER TABLE sworn.checkpoints DELETE WHERE agent_id = '${host.agentId}' AND size > 60`);
    },
    // What the agent does not hold any more is gone for good.
    ['alert log_hole_adopted', 'alert store_rolled_back'],
  ),
  hostCase(
    'clickhouse',
    'store: rows written anew without checkpoints, and the agent comes back',
    async ({ stage, host }) => {
      await stage.sql(`ALTER TABLE sworn.activities UPDATE exe = '/x' WHERE agent_id = '${host.agentId}' AND seq = 80`);
      await makeLeavesAnew(stage, host.agentId, 80, 80);
      await stage.sql(`ALTER TABLE sworn.checkpoints DELETE WHERE agent_id = '${host.agentId}' AND size > 60`);
    },
    ['alert log_forked', 'verify forked'],
  ),
];
