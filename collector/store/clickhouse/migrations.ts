// SPDX-License-Identifier: Apache-2.0

/**
 * Brings the tables to the form that this version needs: the numbered SQL files of `collector/migrations`, each once, in
 * order, remembered in `sworn.migrations`.
 *
 * Every statement can be repeated (IF NOT EXISTS, OR REPLACE), and a migration is remembered after its last statement:
 * a crash half-way runs it again. A file that changed after it was applied, or a number that this version does not
 * have, stops the start: then the tables are not what this version thinks they are.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CollectorError, describeError } from '../../model/error.ts';

export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sha256: string;
  readonly text: string;
}

/** Where the tables live: one server, or a named cluster with replicated tables behind distributed ones. */
export type Topology = { readonly kind: 'single' } | { readonly kind: 'cluster'; readonly cluster: string };

export interface SqlRunner {
  command(sql: string): Promise<void>;
  rows<T>(sql: string): Promise<readonly T[]>;
}

export const MIGRATIONS_FOLDER = join(import.meta.dirname, '../../migrations');

const FILE_NAME = /^(\d{4})_([a-z0-9_]+)\.sql$/;

const MIGRATIONS_TABLE = `
CREATE TABLE IF NOT EXISTS sworn.migrations {{on_cluster}}
(
    number UInt32 COMMENT 'Number of the migration.',
    name String COMMENT 'Its name.',
    sha256 String COMMENT 'Digest of its file when it was applied.',
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When.'
)
ENGINE = {{merge_tree:migrations}}
ORDER BY number
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Migrations that have been applied to this database.'`;

export function readMigrations(folder = MIGRATIONS_FOLDER): Migration[] {
  const migrations: Migration[] = [];
  for (const file of readdirSync(folder).sort()) {
    const match = FILE_NAME.exec(file);
    if (match === null) throw new CollectorError('migration_failed', `${file} is not named NNNN_name.sql`);
    const text = readFileSync(join(folder, file), 'utf8');
    const number = Number(match[1]);
    if (number !== migrations.length + 1) {
      throw new CollectorError('migration_failed', `${file}: expected number ${migrations.length + 1}`);
    }
    const sha256 = createHash('sha256').update(text).digest('hex');
    migrations.push({ number, name: match[2]!, sha256, text });
  }
  return migrations;
}

function quoteIdentifier(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

/** Fill the places that differ between one server and a cluster. */
export function fill(sql: string, topology: Topology): string {
  const cluster = topology.kind === 'cluster' ? quoteIdentifier(topology.cluster) : '';
  const replicated = (table: string) => `'/clickhouse/tables/{shard}/sworn/${table}', '{replica}'`;
  return sql
    .replaceAll('{{on_cluster}}', cluster === '' ? '' : `ON CLUSTER ${cluster}`)
    .replaceAll('{{local}}', cluster === '' ? '' : '_local')
    .replaceAll('{{cluster}}', cluster)
    .replaceAll(/\{\{merge_tree:(\w+)\}\}/g, (_all, table: string) =>
      cluster === '' ? 'MergeTree' : `ReplicatedMergeTree(${replicated(table)})`,
    )
    .replaceAll(/\{\{replacing_merge_tree:(\w+):(\w+)\}\}/g, (_all, table: string, version: string) =>
      cluster === ''
        ? `ReplacingMergeTree(${version})`
        : `ReplicatedReplacingMergeTree(${replicated(table)}, ${version})`,
    );
}

/**
 * The statements of a migration. A statement ends with a semicolon at the end of a line; one that is preceded by
 * `-- @cluster` is for clusters only.
 */
export function statementsOf(text: string, topology: Topology): string[] {
  return text
    .split(/;[ \t]*(?:\n|$)/)
    .filter((part) => topology.kind === 'cluster' || !/^-- @cluster$/m.test(part))
    .map((part) => part.replaceAll(/^--.*$/gm, '').trim())
    .filter((part) => part !== '')
    .map((part) => fill(part, topology));
}

interface Applied {
  readonly number: number;
  readonly sha256: string;
}

/**
 * Apply what is missing.
 *
 * Errors   CollectorError `migration_failed`, naming the migration; the store's own errors while it is away
 */
export async function migrate(runner: SqlRunner, topology: Topology, migrations = readMigrations()): Promise<number> {
  await runner.command(fill('CREATE DATABASE IF NOT EXISTS sworn {{on_cluster}}', topology));
  await runner.command(fill(MIGRATIONS_TABLE, topology));
  // The same migration may be remembered twice when a crash fell between; both lines say the same.
  const applied = await runner.rows<Applied>('SELECT DISTINCT number, sha256 FROM sworn.migrations ORDER BY number');
  for (const { number, sha256 } of applied) {
    const known = migrations[number - 1];
    if (known === undefined) {
      const message = `the tables are at migration ${number}, made by a newer version; this one knows ${migrations.length}`;
      throw new CollectorError('migration_failed', message);
    }
    if (known.sha256 !== sha256) {
      throw new CollectorError(
        'migration_failed',
        `migration ${number} (${known.name}) is not the one that was applied`,
      );
    }
  }
  const done = new Set(applied.map(({ number }) => number));
  const missing = migrations.filter(({ number }) => !done.has(number));
  for (const migration of missing) {
    for (const statement of statementsOf(migration.text, topology)) {
      try {
        await runner.command(statement);
      } catch (error) {
        if (error instanceof CollectorError && error.retryable) throw error;
        const message = `migration ${migration.number} (${migration.name}): ${describeError(error)}`;
        throw new CollectorError('migration_failed', message, { cause: error });
      }
    }
    const { number, name, sha256 } = migration;
    await runner.command(
      `INSERT INTO sworn.migrations (number, name, sha256) SELECT ${number}, '${name}', '${sha256}'`,
    );
  }
  return missing.length;
}
