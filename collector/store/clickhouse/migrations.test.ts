// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CollectorError } from '../../model/error.ts';
import {
  fill,
  type Migration,
  migrate,
  readMigrations,
  type SqlRunner,
  statementsOf,
  type Topology,
} from './migrations.ts';

const SINGLE: Topology = { kind: 'single' };
const CLUSTER: Topology = { kind: 'cluster', cluster: 'production' };

/** Remembers what ran; fails when told to. */
class FakeRunner implements SqlRunner {
  readonly ran: string[] = [];
  readonly applied: { number: number; sha256: string }[] = [];
  failAt = '';

  async command(sql: string): Promise<void> {
    if (this.failAt !== '' && sql.includes(this.failAt)) throw new Error('the power went out');
    this.ran.push(sql);
    const match = /^INSERT INTO sworn\.migrations .* SELECT (\d+), '\w+', '(\w+)'/.exec(sql);
    if (match !== null) this.applied.push({ number: Number(match[1]), sha256: match[2]! });
  }

  async rows<T>(): Promise<readonly T[]> {
    return this.applied as T[];
  }
}

const migration = (number: number, text: string): Migration => ({
  number,
  name: `m${number}`,
  sha256: `sha${number}`,
  text,
});
const TWO = [migration(1, 'CREATE TABLE a;\nCREATE TABLE b;\n'), migration(2, 'CREATE TABLE c;\n')];

const code = (expected: string) => (error: unknown) => error instanceof CollectorError && error.code === expected;

describe('migrations', () => {
  it('run in order, each once', async () => {
    const runner = new FakeRunner();
    assert.equal(await migrate(runner, SINGLE, TWO), 2);
    const tables = runner.ran.filter((sql) => sql.startsWith('CREATE TABLE ') && !sql.includes('migrations'));
    assert.deepEqual(tables, ['CREATE TABLE a', 'CREATE TABLE b', 'CREATE TABLE c']);
    assert.equal(await migrate(runner, SINGLE, TWO), 0);
  });

  it('run again from the one that broke off', async () => {
    const runner = new FakeRunner();
    runner.failAt = 'TABLE c';
    await assert.rejects(migrate(runner, SINGLE, TWO), code('migration_failed'));
    assert.deepEqual(
      runner.applied.map(({ number }) => number),
      [1],
    );
    runner.failAt = '';
    assert.equal(await migrate(runner, SINGLE, TWO), 1);
  });

  it('stop the start when an applied one has changed, or is unknown to this version', async () => {
    const runner = new FakeRunner();
    await migrate(runner, SINGLE, TWO);
    await assert.rejects(migrate(runner, SINGLE, [TWO[0]!, { ...TWO[1]!, sha256: 'other' }]), code('migration_failed'));
    await assert.rejects(migrate(runner, SINGLE, [TWO[0]!]), code('migration_failed'));
  });

  it('leave it to be tried again when the store is away', async () => {
    const runner = new FakeRunner();
    runner.command = async () => {
      throw new CollectorError('store_unavailable', 'away');
    };
    await assert.rejects(migrate(runner, SINGLE, TWO), code('store_unavailable'));
  });

  it('of this version are numbered without a gap and can each be repeated', () => {
    for (const { text, name } of readMigrations()) {
      for (const statement of statementsOf(text, CLUSTER)) {
        assert.match(statement, /IF NOT EXISTS|IF EXISTS|OR REPLACE/, `${name}: ${statement.slice(0, 60)}`);
      }
    }
  });

  it('are as collectors have applied them: a change is a new file, since they refuse to start on an edited one', () => {
    assert.deepEqual(
      readMigrations().map(({ sha256 }) => sha256.slice(0, 16)),
      [
        '642b9658239efca1',
        'c1a3d5f17707a811',
        'c3cd41ebf00f6f12',
        'ac26da4b6721b80d',
        '0e593c1f21cb13be',
        'caed06869119be7f',
        'ed455c6bf4d5faa7',
        '3cd8217b8ceb2836',
        '7d30fb04955e8d82',
        '8893617816a6677c',
        '7a48538ee68007fb',
      ],
    );
  });

  it('make plain tables on one server, and replicated ones behind distributed ones on a cluster', () => {
    const [first] = readMigrations();
    const single = statementsOf(first!.text, SINGLE);
    assert.equal(single.length, 2);
    assert.match(single[1]!, /CREATE TABLE IF NOT EXISTS sworn\.activities\s+\(/);
    assert.match(single[1]!, /ENGINE = MergeTree\n/);
    const cluster = statementsOf(first!.text, CLUSTER);
    assert.equal(cluster.length, 3);
    assert.match(cluster[1]!, /sworn\.activities_local ON CLUSTER `production`/);
    assert.match(
      cluster[1]!,
      /ReplicatedMergeTree\('\/clickhouse\/tables\/\{shard\}\/sworn\/activities', '\{replica\}'\)/,
    );
    assert.match(cluster[2]!, /ENGINE = Distributed\(`production`, sworn, activities_local, cityHash64/);
    const claims = readMigrations().find(({ name }) => name === 'claims');
    assert.match(statementsOf(claims!.text, SINGLE)[0]!, /ENGINE = ReplacingMergeTree\(number\)\n/);
    assert.match(
      statementsOf(claims!.text, CLUSTER)[0]!,
      /ReplicatedReplacingMergeTree\('\/clickhouse\/tables\/\{shard\}\/sworn\/claims', '\{replica\}', number\)/,
    );
    for (const statement of [...single, ...cluster]) assert.ok(!statement.includes('{{'), statement);
    assert.equal(fill('{{cluster}}', { kind: 'cluster', cluster: 'a`b' }), '`a\\`b`');
  });
});
