// SPDX-License-Identifier: Apache-2.0

/** Rows of the record, changed by somebody with all rights on ClickHouse and no key. */
import { DETAILS_IN_ROW } from '../../cli/audit/row-fields.ts';
import { COLUMNS } from '../../collector/model/activity-row.ts';
import { dayAgo } from './days.ts';
import { copyRows, makeLeavesAnew } from './forger.ts';
import type { RecordStage } from './record.ts';
import { DAYS, INFORMATION, KINDS_ROWS, LIFE_ROWS } from './record.ts';
import { onRecord, type TamperCase } from './suite.ts';

const DB = "agent_id = 'db-1'";

/** One statement after the other. */
const sql =
  (...statements: readonly string[]) =>
  async (stage: RecordStage): Promise<void> => {
    for (const statement of statements) await stage.sql(statement);
  };
const update = (change: string, where: string): string =>
  `ALTER TABLE sworn.activities UPDATE ${change} WHERE ${where}`;
const remove = (where: string): string => `ALTER TABLE sworn.activities DELETE WHERE ${where}`;

const clickhouse = (
  name: string,
  act: (stage: RecordStage) => Promise<unknown>,
  expected: readonly string[] | ((stage: RecordStage) => readonly string[]),
  limit?: string,
): TamperCase => onRecord('clickhouse', name, act, expected, limit);

/** Another value of a column of this type. */
const OTHER_VALUE: Readonly<Record<string, (column: string) => string>> = {
  String: (column) => `concat(${column}, 'x')`,
  'LowCardinality(String)': (column) => `concat(${column}, 'x')`,
  Bool: (column) => `NOT ${column}`,
  'Nullable(UInt64)': (column) => `ifNull(${column}, 0) + 1`,
  'Array(String)': (column) => `arrayPushBack(${column}, 'x')`,
  'Map(LowCardinality(String), String)': (column) => `mapUpdate(${column}, map('x', 'y'))`,
  "DateTime64(9, 'UTC')": (column) => `${column} + INTERVAL 1 NANOSECOND`,
};

function otherValue(column: string, type: string): string {
  const fixed = /^FixedString\((\d+)\)$/.exec(type);
  if (fixed !== null) return `toFixedString(unhex(repeat('ab', ${fixed[1]})), ${fixed[1]})`;
  return (OTHER_VALUE[type] ?? ((name) => `bitXor(${name}, 1)`))(`\`${column}\``);
}

/** What a leaf does not bind, or cannot be changed by itself: the keys of the table. */
const NOT_CHANGED = new Set(['agent_id', 'seq', 'received_at', 'erasure_seq', 'payload_digests']);

/** Each column in a row of its own of db-1, from 1 on. */
const changedColumns = COLUMNS.filter(({ name }) => !NOT_CHANGED.has(name));

/** Of web-2: one row of each kind in each of the four lives. */
const KINDS_THERE = ['command', 'process', 'connection', 'token', 'loss', 'session', 'recorder', 'finding', 'terminal'];

function droppedDays(first: number, last: number): string {
  return `partition_dropped web-2:${(first - 1) * LIFE_ROWS + 1}-${last * LIFE_ROWS}`;
}

async function changeEachColumn(stage: RecordStage): Promise<readonly string[]> {
  const changes = changedColumns.map(({ name, type }, at) => {
    return `\`${name}\` = if(seq = ${at + 1}, ${otherValue(name, type)}, \`${name}\`)`;
  });
  await stage.sql(update(changes.join(', '), `${DB} AND seq <= ${changedColumns.length}`));
  return changedColumns.map((_, at) => `db-1:${at + 1}`);
}

/** Fields of each kind in turn, as many at once as there are rows of the kind. Which rows were changed. */
async function changeFields(stage: RecordStage, round: number): Promise<readonly string[]> {
  const rows = new Map<string, number[]>();
  for (const [at, kind] of KINDS_THERE.entries()) {
    const { fields } = DETAILS_IN_ROW.find(({ name }) => name === kind)!;
    const columns = fields
      .flatMap((field) => (field.inner.length > 0 ? field.inner : [field]))
      .map(({ column }) => column);
    for (let life = 0; life < DAYS; life++) {
      const column = columns[round * DAYS + life];
      if (column !== undefined) rows.set(column, [...(rows.get(column) ?? []), life * LIFE_ROWS + at + 1]);
    }
  }
  if (rows.size === 0) return [];
  const changes = [...rows].map(([column, seqs]) => {
    const { type } = COLUMNS.find(({ name }) => name === column)!;
    return `\`${column}\` = if(seq IN (${seqs.join(', ')}), ${otherValue(column, type)}, \`${column}\`)`;
  });
  const seqs = [...rows.values()].flat();
  await stage.sql(update(changes.join(', '), `agent_id = 'web-2' AND seq IN (${seqs.join(', ')})`));
  return seqs.map((seq) => `web-2:${seq}`);
}

/** What was changed must be found as that; payload whose old value still shows somewhere is told as edited. */
function changeCase(
  name: string,
  rounds: (stage: RecordStage, round: number) => Promise<readonly string[]>,
): TamperCase {
  return {
    name,
    who: 'clickhouse',
    async run(stage) {
      const all: string[] = [];
      const told: string[] = [];
      for (let round = 0; ; round++) {
        await stage.restore();
        const changed = await rounds(stage, round);
        if (changed.length === 0) break;
        all.push(...changed.map((row) => `altered ${row}`));
        const { problems } = await stage.verify();
        for (const { kind, agent_id, first_seq, last_seq } of problems) {
          if (INFORMATION.has(kind)) continue;
          const as = kind === 'payload_edited' ? 'altered' : kind;
          for (let seq = first_seq; seq <= last_seq; seq++) told.push(`${as} ${agent_id}:${seq}`);
        }
      }
      return { found: told, expected: all };
    },
  };
}

/** Rows of the same content at each other's place, with all that they say but their numbers. */
async function exchangeRows(stage: RecordStage, one: number, other: number): Promise<void> {
  await stage.sql(copyRows(`${DB} AND seq = ${one}`, `toUInt64(${other + 1e6}) AS seq`));
  await stage.sql(copyRows(`${DB} AND seq = ${other}`, `toUInt64(${one + 1e6}) AS seq`));
  await stage.sql(remove(`${DB} AND seq IN (${one}, ${other})`));
  await stage.sql(copyRows(`${DB} AND seq > 1000000`, 'seq - 1000000 AS seq'));
  await stage.sql(remove(`${DB} AND seq > 1000000`));
}

export const ROW_CASES: readonly TamperCase[] = [
  changeCase(`altered: each of ${changedColumns.length} columns, each in a row of its own`, (stage, round) =>
    round === 0 ? changeEachColumn(stage) : Promise.resolve([]),
  ),
  changeCase('altered: every field of every kind, one in a row', changeFields),
  clickhouse('altered: only the leaf', sql(update("leaf_bytes = unhex(repeat('ab', 32))", `${DB} AND seq = 144`)), [
    'altered db-1:144-144',
  ]),
  clickhouse(
    'altered: content and leaf of one row',
    async (stage) => {
      await stage.sql(update("target = 'elsewhere'", `${DB} AND seq = 300`));
      await makeLeavesAnew(stage, 'db-1', 300, 300);
    },
    ['rewritten db-1:251-400'],
  ),
  clickhouse(
    'altered: behind the last checkpoint, in a log that nobody seals',
    sql(update("exe = '/x'", "agent_id = 'old-4' AND seq = 70")),
    ['altered old-4:70-70'],
  ),
  clickhouse('removed: one row', sql(remove(`${DB} AND seq = 77`)), ['removed db-1:77-77']),
  clickhouse(
    'removed: by a lightweight delete',
    sql(
      "ALTER TABLE sworn.activities MODIFY SETTING lightweight_mutation_projection_mode = 'rebuild'",
      `DELETE FROM sworn.activities WHERE ${DB} AND seq = 78`,
      'ALTER TABLE sworn.activities RESET SETTING lightweight_mutation_projection_mode',
    ),
    ['removed db-1:78-78'],
  ),
  clickhouse('removed: the first row', sql(remove(`${DB} AND seq = 1`)), ['removed db-1:1-1']),
  clickhouse('removed: rows across a checkpoint', sql(remove(`${DB} AND seq BETWEEN 240 AND 260`)), [
    'removed db-1:240-260',
  ]),
  clickhouse(
    'removed: several rows, each by itself',
    sql(remove(`agent_id = 'web-2' AND seq % ${LIFE_ROWS} = 2`)),
    Array.from({ length: DAYS }, (_, life) => `removed web-2:${life * LIFE_ROWS + 2}-${life * LIFE_ROWS + 2}`),
  ),
  clickhouse('removed: a whole log, its checkpoints left', sql(remove("agent_id = 'gone-3'")), [
    'cut_tail gone-3:1-240',
  ]),
  clickhouse('removed: rows of one agent on one day', sql(remove(`${DB} AND toDate(received_at) = '${dayAgo(2)}'`)), [
    'removed db-1:401-800',
  ]),
  clickhouse(
    'inserted: another row under a number that is taken',
    sql(copyRows(`${DB} AND seq = 20`, "'other' AS target")),
    ['inserted db-1:20-20'],
  ),
  clickhouse(
    'inserted: another row with a leaf of its own under a number that is taken',
    async (stage) => {
      await stage.sql(copyRows(`${DB} AND seq = 20`, "'other' AS target, toUInt64(5000) AS seq"));
      await makeLeavesAnew(stage, 'db-1', 5000, 5000);
      // Its leaf is of number 5000; moved, it is of none.
      await stage.sql(copyRows(`${DB} AND seq = 5000`, 'toUInt64(20) AS seq'));
      await stage.sql(remove(`${DB} AND seq = 5000`));
    },
    ['inserted db-1:20-20'],
  ),
  clickhouse(
    'inserted: a row far behind the end',
    async (stage) => {
      await stage.sql(copyRows(`${DB} AND seq = 20`, 'toUInt64(5000) AS seq'));
      await makeLeavesAnew(stage, 'db-1', 5000, 5000);
    },
    ['inserted db-1:5000-5000'],
  ),
  clickhouse(
    'inserted: a row right behind the end, with its leaf',
    async (stage) => {
      await stage.sql(copyRows(`${DB} AND seq = 20`, 'toUInt64(1601) AS seq'));
      await makeLeavesAnew(stage, 'db-1', 1601, 1601);
    },
    [],
    'nothing is signed behind the last checkpoint, and it is said so; the agent that comes back shows it (host cases)',
  ),
  clickhouse(
    'inserted: a log of an agent that never was',
    async (stage) => {
      await stage.sql(copyRows(`${DB} AND seq <= 50`, "'never-9' AS agent_id"));
      await makeLeavesAnew(stage, 'never-9', 1, 50);
    },
    [],
    'older agents seal nothing, so a log without a checkpoint is no fault; it is said that nothing was signed',
  ),
  clickhouse('swapped: two rows with their leaves', (stage) => exchangeRows(stage, 17, 18), [
    'swapped db-1:17-17',
    'swapped db-1:18-18',
  ]),
  clickhouse('swapped: two rows of different parts', (stage) => exchangeRows(stage, 30, 900), [
    'swapped db-1:30-30',
    'swapped db-1:900-900',
  ]),
  clickhouse(
    'swapped: two rows, with leaves made anew',
    async (stage) => {
      await exchangeRows(stage, 17, 18);
      await makeLeavesAnew(stage, 'db-1', 17, 18);
    },
    ['rewritten db-1:1-250'],
  ),
  clickhouse(
    'swapped: two rows of two agents',
    async (stage) => {
      await stage.sql(copyRows(`${DB} AND seq = 40`, "'web-2' AS agent_id, toUInt64(1000050) AS seq"));
      await stage.sql(copyRows("agent_id = 'web-2' AND seq = 50", "'db-1' AS agent_id, toUInt64(1000040) AS seq"));
      await stage.sql(remove(`(${DB} AND seq = 40) OR (agent_id = 'web-2' AND seq = 50)`));
      await stage.sql(copyRows('seq > 1000000', 'seq - 1000000 AS seq'));
      await stage.sql(remove('seq > 1000000'));
    },
    ['swapped db-1:40-40', 'swapped web-2:50-50'],
  ),
  clickhouse(
    'replayed: a row a second time under its number',
    sql(copyRows(`${DB} AND seq = 30`, 'received_at AS received_at')),
    ['replayed db-1:30-30'],
  ),
  clickhouse(
    'replayed: a row in the place of another',
    async (stage) => {
      await stage.sql(remove(`${DB} AND seq = 500`));
      await stage.sql(copyRows(`${DB} AND seq = 60`, 'toUInt64(500) AS seq'));
    },
    ['replayed db-1:500-500'],
  ),
  clickhouse(
    'replayed: a row of another agent in the place of one',
    async (stage) => {
      await stage.sql(remove(`${DB} AND seq = 500`));
      await stage.sql(copyRows("agent_id = 'web-2' AND seq = 60", "'db-1' AS agent_id, toUInt64(500) AS seq"));
    },
    ['replayed db-1:500-500'],
  ),
  clickhouse('replayed: a row behind the end', sql(copyRows(`${DB} AND seq = 60`, 'toUInt64(1601) AS seq')), [
    'replayed db-1:1601-1601',
  ]),
  clickhouse(
    'replayed: a whole day a second time',
    sql(
      `INSERT INTO sworn.activities SELECT * FROM sworn.activities WHERE ${DB} AND toDate(received_at) = '${dayAgo(2)}'`,
    ),
    ['replayed db-1:401-800'],
  ),
  clickhouse('cut_tail: rows at the end, their checkpoints left', sql(remove(`${DB} AND seq > 1500`)), [
    'cut_tail db-1:1501-1600',
  ]),
  clickhouse('cut_tail: of a host that is gone', sql(remove("agent_id = 'gone-3' AND seq > 200")), [
    'cut_tail gone-3:201-240',
  ]),
  clickhouse(
    'rewritten: rows with leaves made anew',
    async (stage) => {
      await stage.sql(
        update(
          "statement = if(seq = 427, 'SELECT 1', statement), exe = '/usr/bin/other'",
          `${DB} AND seq BETWEEN 420 AND 640`,
        ),
      );
      await makeLeavesAnew(stage, 'db-1', 420, 640);
    },
    ['altered db-1:427-427', 'rewritten db-1:401-650'],
  ),
  clickhouse(
    'rewritten: a row taken out, and those behind it moved up',
    async (stage) => {
      await stage.sql(copyRows(`${DB} AND seq > 700`, 'toUInt64(seq + 1000000 - 1) AS seq'));
      await stage.sql(remove(`${DB} AND seq BETWEEN 700 AND 10000`));
      await stage.sql(copyRows(`${DB} AND seq > 1000000`, 'seq - 1000000 AS seq'));
      await stage.sql(remove(`${DB} AND seq > 1000000`));
      await makeLeavesAnew(stage, 'db-1', 700, 1599);
    },
    [
      'cut_tail db-1:1600-1600',
      'rewritten db-1:1051-1200',
      'rewritten db-1:1201-1450',
      'rewritten db-1:651-800',
      'rewritten db-1:801-1050',
    ],
  ),
  clickhouse(
    'rewritten: the table replaced by another of the same name',
    async (stage) => {
      await stage.sql('DROP TABLE IF EXISTS sworn.other');
      await stage.sql('CREATE TABLE sworn.other AS sworn.activities');
      await stage.sql(
        "INSERT INTO sworn.other SELECT * REPLACE ('/usr/bin/other' AS exe) FROM sworn.activities WHERE agent_id = 'gone-3'",
      );
      await stage.sql("INSERT INTO sworn.other SELECT * FROM sworn.activities WHERE agent_id != 'gone-3'");
      await stage.sql('EXCHANGE TABLES sworn.activities AND sworn.other');
      await stage.sql('DROP TABLE sworn.other');
      await makeLeavesAnew(stage, 'gone-3', 1, 240);
    },
    ['rewritten gone-3:1-120', 'rewritten gone-3:121-240'],
  ),
  clickhouse(
    'payload_edited: the statement, where the request still says it',
    sql(update("statement = 'SELECT 1'", `${DB} AND seq = 1`)),
    ['payload_edited db-1:1-1'],
  ),
  clickhouse(
    'payload_edited: the request, where the statement still says it',
    sql(update("request = 'SELECT 1'", `${DB} AND seq = 3`)),
    ['payload_edited db-1:3-3'],
  ),
  clickhouse(
    'payload_edited: a request put where there was none',
    sql(update("request = 'GET /'", `${DB} AND seq = 2`)),
    ['payload_edited db-1:2-2'],
  ),
  clickhouse(
    'altered: payload that stands nowhere else in the row',
    sql(update("response = 'nothing'", `${DB} AND seq = 4`)),
    ['altered db-1:4-4'],
  ),
  clickhouse(
    'payload_edited: payload taken out, and no tombstone',
    sql(
      update("statement = '', request = '', response = '', salt_bytes = unhex(repeat('00', 16))", `${DB} AND seq = 1`),
    ),
    ['altered db-1:1-1'],
  ),
  clickhouse(
    'partition_dropped: a day in the middle',
    sql(`ALTER TABLE sworn.activities DROP PARTITION '${dayAgo(2)}'`),
    ['partition_dropped db-1:401-800', 'partition_dropped gone-3:121-240', droppedDays(2, 2)],
  ),
  clickhouse('partition_dropped: the first day', sql(`ALTER TABLE sworn.activities DROP PARTITION '${dayAgo(3)}'`), [
    'partition_dropped db-1:1-400',
    'partition_dropped gone-3:1-120',
    droppedDays(1, 1),
  ]),
  clickhouse(
    'partition_dropped: two days',
    sql(
      `ALTER TABLE sworn.activities DROP PARTITION '${dayAgo(2)}'`,
      `ALTER TABLE sworn.activities DROP PARTITION '${dayAgo(1)}'`,
    ),
    [
      'partition_dropped db-1:401-1200',
      'partition_dropped gone-3:121-240',
      // Nothing was ever signed of it: what is behind the hole may as well have been put there.
      'inserted old-4:61-61',
      `partition_dropped erased-5:1-${KINDS_ROWS}`,
      droppedDays(2, 3),
    ],
  ),
  clickhouse(
    'partition_dropped: detached, which leaves it on the disk',
    sql(`ALTER TABLE sworn.activities DETACH PARTITION '${dayAgo(2)}'`),
    ['partition_dropped db-1:401-800', 'partition_dropped gone-3:121-240', droppedDays(2, 2)],
  ),
  clickhouse(
    'moved to another day of receipt',
    sql(
      copyRows(`${DB} AND seq = 33`, 'received_at - INTERVAL 1 DAY AS received_at'),
      remove(`${DB} AND seq = 33 AND toDate(received_at) = '${dayAgo(3)}'`),
    ),
    [],
    'when the collector stored a row is its own note, and no leaf binds it',
  ),
];
