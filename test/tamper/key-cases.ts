// SPDX-License-Identifier: Apache-2.0

/** Checkpoints and keys, changed with and without keys; what an auditor finds who brings nothing, a key, or an anchor. */
import {
  addKeys,
  copyRows,
  cosignKeyLine,
  logKeyLine,
  makeKey,
  makeLeavesAnew,
  replaceKeys,
  signAnew,
} from './forger.ts';
import { KINDS_ROWS, type RecordStage } from './record.ts';
import { onRecord, type TamperCase } from './suite.ts';

const OF_DB = "agent_id = 'db-1'";
const WORD_OF_THE_STORE = 'without a key or an anchor of its own an auditor has only the word of the store';

type Act = (stage: RecordStage) => Promise<void>;

/** What an auditor brings along, by name; taken before anything is changed. */
type Brought = 'nothing' | 'anchor' | 'key of the agent' | 'key of the collector' | 'key of the witness';

async function wordsOf(stage: RecordStage, brought: Brought): Promise<readonly string[]> {
  switch (brought) {
    case 'nothing':
      return [];
    case 'anchor':
      return ['--anchor', stage.anchor];
    case 'key of the agent':
      return ['--key', await stage.keyOf('db-1')];
    case 'key of the collector':
      return ['--key', await stage.keyOf(stage.collector.collectorId)];
    case 'key of the witness':
      return ['--key', stage.witnessKey];
  }
}

function brought(
  who: 'clickhouse' | 'operator',
  name: string,
  act: Act,
  what: Brought,
  expected: readonly string[] | ((stage: RecordStage) => readonly string[]),
  limit?: string,
): TamperCase {
  const full = `${name}; the auditor has ${what === 'nothing' ? 'nothing' : `the ${what}`.replace('the anchor', 'an anchor')}`;
  return onRecord(
    who,
    full,
    async (stage) => {
      const words = await wordsOf(stage, what);
      await act(stage);
      return words;
    },
    expected,
    limit,
  );
}

const checkpoints =
  (change: string, size: number): Act =>
  (stage) =>
    stage.sql(`ALTER TABLE sworn.checkpoints UPDATE ${change} WHERE ${OF_DB} AND size = ${size}`);
const without =
  (where: string): Act =>
  (stage) =>
    stage.sql(`ALTER TABLE sworn.checkpoints DELETE WHERE ${where}`);

async function rewriteRows(stage: RecordStage): Promise<void> {
  await stage.sql(
    `ALTER TABLE sworn.activities UPDATE exe = '/usr/bin/other' WHERE ${OF_DB} AND seq BETWEEN 420 AND 640`,
  );
  await makeLeavesAnew(stage, 'db-1', 420, 640);
}

/** All of the log is in agreement again, by keys that the forger made. */
async function signAsAnybody(stage: RecordStage): Promise<void> {
  const { collectorId } = stage.collector;
  const [log, key] = [makeKey(), makeKey()];
  await rewriteRows(stage);
  await signAnew(stage, 'db-1', { log, collector: { id: collectorId, key } });
  await replaceKeys(stage, 'db-1', [logKeyLine('db-1', log)], 'first_seen');
  await addKeys(stage, collectorId, [cosignKeyLine(collectorId, key)], 'own');
}

/** As the operator: the collector's own key, and one for the agent that is said to be accepted. */
async function signAsOperator(stage: RecordStage): Promise<void> {
  const { collectorId } = stage.collector;
  const log = makeKey();
  await rewriteRows(stage);
  await signAnew(stage, 'db-1', { log, collector: { id: collectorId, key: stage.privateKey } });
  await addKeys(stage, 'db-1', [logKeyLine('db-1', log)], 'accepted');
}

async function cutWithCheckpoints(stage: RecordStage): Promise<void> {
  await stage.sql(`ALTER TABLE sworn.activities DELETE WHERE ${OF_DB} AND seq > 1200`);
  await without(`${OF_DB} AND size > 1200`)(stage);
}

async function rewriteWithoutCheckpoints(stage: RecordStage): Promise<void> {
  await rewriteRows(stage);
  await without(`${OF_DB} AND size > 400`)(stage);
}

async function withoutCheckpointsAndKey(stage: RecordStage): Promise<void> {
  await without(OF_DB)(stage);
  await stage.sql(`ALTER TABLE sworn.log_keys DELETE WHERE ${OF_DB}`);
}

async function takeAllOf(stage: RecordStage): Promise<void> {
  await stage.sql("ALTER TABLE sworn.activities DELETE WHERE agent_id = 'gone-3'");
  await without("agent_id = 'gone-3'")(stage);
  await stage.sql("ALTER TABLE sworn.log_keys DELETE WHERE agent_id = 'gone-3'");
}

/** What the collector says of itself, rewritten by who has its key. */
async function rewriteOwnLog(stage: RecordStage): Promise<void> {
  const { collectorId } = stage.collector;
  await stage.sql(
    `ALTER TABLE sworn.activities UPDATE reason = 'another' WHERE agent_id = '${collectorId}' AND seq = 1`,
  );
  await makeLeavesAnew(stage, collectorId, 1, 1);
  await signAnew(stage, collectorId, { log: stage.privateKey });
  // A tombstone counts for two minutes before a checkpoint is over it: this record may be younger than that when a case runs alone.
  const own = `agent_id = '${collectorId}'`;
  await stage.sql(copyRows(own, 'received_at - INTERVAL 1 HOUR AS received_at'));
  const older = `SELECT seq, min(received_at) FROM sworn.activities WHERE ${own} GROUP BY seq`;
  await stage.sql(`ALTER TABLE sworn.activities DELETE WHERE ${own} AND (seq, received_at) NOT IN (${older})`);
}

/** Neighbours are told as one. */
function ofOwn({ collector, ownSizes }: RecordStage, kind: string): string[] {
  const runs: [first: number, last: number][] = [];
  for (const size of ownSizes) {
    const last = runs.at(-1);
    if (last?.[1] === size - 1) last[1] = size;
    else runs.push([size, size]);
  }
  return runs.map(([first, last]) => `${kind} ${collector.collectorId}:${first}-${last}`);
}

const SIZES = [250, 400, 650, 800, 1050, 1200, 1450, 1600];
const each = (kind: string): string[] => SIZES.map((size) => `${kind} db-1:${size}-${size}`);

const one = (name: string, act: Act, expected: readonly string[], limit?: string): TamperCase =>
  onRecord('clickhouse', name, act, expected, limit);

export const KEY_CASES: readonly TamperCase[] = [
  one('wrong_root: another root in the row of a checkpoint', checkpoints("root_bytes = unhex(repeat('ab', 32))", 400), [
    'wrong_root db-1:400-400',
  ]),
  one(
    'wrong_root: another size in the text of a checkpoint',
    checkpoints("note = replaceOne(note, '\\n400\\n', '\\n399\\n')", 400),
    ['wrong_root db-1:400-400'],
  ),
  one(
    'wrong_root: other subtrees beside a checkpoint',
    checkpoints("subtrees = arrayMap(x -> toFixedString(repeat('x', 32), 32), subtrees)", 400),
    ['wrong_root db-1:400-400'],
  ),
  one(
    'bad_signature: the signature of the agent taken away',
    checkpoints("note = replaceRegexpOne(note, '— sworn/db-1 [^\\n]*\\n', '')", 400),
    ['bad_signature db-1:400-400'],
  ),
  one(
    'bad_signature: the cosignature taken away',
    checkpoints("note = replaceRegexpAll(note, '— (sworn/collector|witness)[^\\n]*\\n', '')", 400),
    ['bad_signature db-1:400-400'],
  ),
  one(
    'key_changed: signatures of a checkpoint taken away, and one by another key put there',
    checkpoints("note = concat(substring(note, 1, position(note, '\\n\\n') + 1), '— sworn/db-1 AAAAAAAA\\n')", 400),
    ['key_changed db-1:400-400'],
  ),
  one('bad_signature: something else where a checkpoint stood', checkpoints("note = 'nothing'", 400), [
    'bad_signature db-1:400-400',
  ]),
  one('forked: a checkpoint that was cosigned is called a fork', checkpoints("verdict = 'forked'", 400), [
    'forked db-1:400-400',
  ]),
  one(
    'a checkpoint taken away, one behind it left',
    without(`${OF_DB} AND size = 800`),
    [],
    'the one behind it says all that it said',
  ),
  one(
    'the last checkpoint taken away',
    without(`${OF_DB} AND size = 1600`),
    [],
    'it is said from where on nothing is signed',
  ),
  one(
    'bad_signature: the key of an agent taken out of the store',
    (stage) => stage.sql(`ALTER TABLE sworn.log_keys DELETE WHERE ${OF_DB}`),
    each('bad_signature'),
  ),
  one(
    'key_changed: another key of an agent in the store',
    async (stage) => {
      await replaceKeys(stage, 'db-1', [logKeyLine('db-1', makeKey())], 'first_seen');
    },
    each('key_changed'),
  ),
  brought('clickhouse', 'cut_tail with its checkpoints', cutWithCheckpoints, 'nothing', [], WORD_OF_THE_STORE),
  brought('clickhouse', 'cut_tail with its checkpoints', cutWithCheckpoints, 'anchor', ['cut_tail db-1:1201-1600']),
  brought('clickhouse', 'rewritten, with the checkpoints behind it taken away', rewriteWithoutCheckpoints, 'nothing', [
    'checkpoint_missing db-1:401-1600',
  ]),
  brought('clickhouse', 'rewritten, with the checkpoints behind it taken away', rewriteWithoutCheckpoints, 'anchor', [
    'rewritten db-1:401-650',
  ]),
  brought('clickhouse', 'checkpoint_missing: all checkpoints of a log taken away', without(OF_DB), 'nothing', [
    'checkpoint_missing db-1:1-1600',
  ]),
  brought(
    'clickhouse',
    'all checkpoints of a log taken away, and its key',
    withoutCheckpointsAndKey,
    'nothing',
    [],
    'a log without a key may be that of an older agent; it is said that nothing of it is signed',
  ),
  brought(
    'clickhouse',
    'all checkpoints of a log taken away, and its key',
    withoutCheckpointsAndKey,
    'key of the agent',
    ['checkpoint_missing db-1:1-1600'],
  ),
  brought('clickhouse', 'a whole log taken away with checkpoints and key', takeAllOf, 'nothing', [], WORD_OF_THE_STORE),
  brought('clickhouse', 'a whole log taken away with checkpoints and key', takeAllOf, 'anchor', [
    'bad_signature gone-3:120-120',
    'bad_signature gone-3:240-240',
  ]),
  brought(
    'clickhouse',
    'rewritten and signed by keys that the forger put into the store',
    signAsAnybody,
    'nothing',
    [],
    WORD_OF_THE_STORE,
  ),
  brought(
    'clickhouse',
    'rewritten and signed by keys that the forger put into the store',
    signAsAnybody,
    'key of the agent',
    each('key_changed'),
  ),
  brought(
    'clickhouse',
    'rewritten and signed by keys that the forger put into the store',
    signAsAnybody,
    'key of the collector',
    each('bad_signature'),
  ),
  brought(
    'clickhouse',
    'rewritten and signed by keys that the forger put into the store',
    signAsAnybody,
    'key of the witness',
    each('bad_signature'),
  ),
  brought(
    'clickhouse',
    'rewritten and signed by keys that the forger put into the store',
    signAsAnybody,
    'anchor',
    each('key_changed'),
  ),
  brought(
    'operator',
    'rewritten and signed by the collector and a key that is said to be accepted',
    signAsOperator,
    'nothing',
    [],
    WORD_OF_THE_STORE,
  ),
  brought(
    'operator',
    'rewritten and signed by the collector and a key that is said to be accepted',
    signAsOperator,
    'key of the collector',
    [],
    'the collector says whose key an agent has: without a witness or an anchor its operator can',
  ),
  brought(
    'operator',
    'rewritten and signed by the collector and a key that is said to be accepted',
    signAsOperator,
    'key of the agent',
    each('key_changed'),
  ),
  brought(
    'operator',
    'rewritten and signed by the collector and a key that is said to be accepted',
    signAsOperator,
    'key of the witness',
    each('bad_signature'),
  ),
  brought(
    'operator',
    'rewritten and signed by the collector and a key that is said to be accepted',
    signAsOperator,
    'anchor',
    SIZES.slice(2).map((size) => `forked db-1:${size}-${size}`),
  ),
  brought(
    'operator',
    "the collector's own log rewritten and signed again",
    rewriteOwnLog,
    'nothing',
    [],
    'the collector can sign another history of itself: a witness or an anchor shows it',
  ),
  brought('operator', "the collector's own log rewritten and signed again", rewriteOwnLog, 'anchor', (stage) =>
    ofOwn(stage, 'forked'),
  ),
  brought(
    'operator',
    "the collector's own log rewritten and signed again",
    rewriteOwnLog,
    'key of the witness',
    // What the collector says of erasures counts no more, then.
    (stage) => [...ofOwn(stage, 'bad_signature'), `payload_edited erased-5:1-${KINDS_ROWS}`],
  ),
];
