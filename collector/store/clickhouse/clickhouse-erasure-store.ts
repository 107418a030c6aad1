// SPDX-License-Identifier: Apache-2.0

/** `ErasureStore` over ClickHouse: erasing is a mutation, which ClickHouse carries on by itself after a crash. */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { text as readText } from 'node:stream/consumers';
import type { ClickHouseClient } from '@clickhouse/client';
import { type ErasurePredicate, readRange, type SeqRange, type Tombstone } from '../../model/erasure.ts';
import { CollectorError } from '../../model/error.ts';
import type { AgentCount, DayOfAgent, ErasureStore, LeavesDigest, MutationProgress } from '../erasure-store.ts';
import { storeError } from './clickhouse-error.ts';
import { type ClickHouseAddress, connect } from './client.ts';
import {
  erasedRowSql,
  matchingSql,
  type QuotingAlert,
  quotingAlertsSql,
  rangesSql,
  textLiteral,
} from './erasure-sql.ts';
import { fill, type Topology } from './migrations.ts';

const CONNECTIONS_MAX = 4;
const LEAF_BYTES = 32;
/** They stand in the statement one by one. */
const QUOTING_ALERTS_MAX = 50_000;
/** A statement with as many alerts or agents as are allowed. */
const STATEMENT_BYTES_MAX = 64 << 20;
const IN_ORDER = 'ORDER BY agent_id, seq';

export class ClickHouseErasureStore implements ErasureStore {
  readonly #client: ClickHouseClient;
  readonly #topology: Topology;
  readonly #collectorId: string;

  constructor(address: ClickHouseAddress, topology: Topology, collectorId: string) {
    this.#client = connect(address, CONNECTIONS_MAX);
    this.#topology = topology;
    this.#collectorId = collectorId;
  }

  async matching(predicate: ErasurePredicate): Promise<readonly AgentCount[]> {
    const where = `${await this.#matching(predicate)} AND erasure_seq = 0`;
    const rows = await this.#rows<{ agent_id: string; n: string; first: string; last: string }>(
      'count what is to be erased',
      `SELECT agent_id, count() AS n, min(seq) AS first, max(seq) AS last FROM sworn.activities
       WHERE ${where} GROUP BY agent_id ORDER BY agent_id`,
    );
    return rows.map(({ agent_id, n, first, last }) => ({
      agentId: agent_id,
      activities: Number(n),
      first: Number(first),
      last: Number(last),
    }));
  }

  async digestOfMatching(predicate: ErasurePredicate, agents: ReadonlyMap<string, SeqRange>): Promise<LeavesDigest> {
    return await this.#digest(`${await this.#matching(predicate)} AND erasure_seq = 0 AND ${rangesSql(agents)}`);
  }

  async remaining(tombstone: Tombstone): Promise<number> {
    const [row] = await this.#rows<{ n: string }>(
      'count what is left to erase',
      `SELECT count() AS n FROM sworn.activities WHERE ${await this.#rowsOf(tombstone)}`,
    );
    return Number(row?.n ?? 0);
  }

  async beginErase(tombstone: Tombstone): Promise<void> {
    const { seq } = tombstone;
    // The name says in system.mutations whose it is.
    const where = `${await this.#rowsOf(tombstone)} AND ${textLiteral(this.#nameOf(seq))} != ''`;
    const table = fill('sworn.activities{{local}} {{on_cluster}}', this.#topology);
    await this.#command(
      'erase',
      `ALTER TABLE ${table} UPDATE ${erasedRowSql(seq)} WHERE ${where} SETTINGS mutations_sync = 0`,
    );
  }

  async progress({ seq }: Tombstone): Promise<MutationProgress | undefined> {
    const rows = await this.#rows<{ done: number; left: string; failure: string }>(
      'look how far the erasure is',
      `SELECT is_done AS done, parts_to_do AS left, latest_fail_reason AS failure FROM ${this.#system('mutations')}
       WHERE database = 'sworn' AND startsWith(table, 'activities') AND position(command, {name:String}) > 0
       ORDER BY create_time DESC, mutation_id DESC`,
      { name: textLiteral(this.#nameOf(seq)) },
    );
    if (rows.length === 0) return undefined;
    return {
      isDone: rows.every(({ done }) => Number(done) === 1),
      partsLeft: rows.reduce((sum, { left }) => sum + Number(left), 0),
      failure: rows.find(({ failure, done }) => failure !== '' && Number(done) !== 1)?.failure ?? '',
    };
  }

  async digestOfErased({ seq, agents }: Tombstone): Promise<LeavesDigest> {
    return await this.#digest(`erasure_seq = ${seq} AND ${rangesSql(agents)}`);
  }

  async oldParts(): Promise<readonly string[]> {
    // Only who asks for _state is shown parts whose files are being removed just now.
    const rows = await this.#rows<{ name: string }>(
      'look for old parts',
      `SELECT name FROM ${this.#system('parts')} WHERE database = 'sworn' AND startsWith(table, 'activities') AND _state IN ('Outdated', 'Deleting', 'DeleteOnDestroy')`,
    );
    return rows.map(({ name }) => name);
  }

  async pending(): Promise<readonly Tombstone[]> {
    const rows = await this.#rows<{
      seq: string;
      action: Tombstone['action'];
      predicate: string;
      agents: Record<string, string>;
      activities: string;
      digest: string;
    }>(
      'look for erasures that were not completed',
      `SELECT seq, action, predicate, agents, activities, digest FROM sworn.erasures
       WHERE agent_id = {collector:String} AND NOT completed ORDER BY seq`,
      { collector: this.#collectorId },
    );
    return rows.map((row) => ({
      seq: Number(row.seq),
      action: row.action,
      predicate: row.predicate,
      agents: new Map(Object.entries(row.agents).map(([agentId, range]) => [agentId, readRange(range)])),
      activities: Number(row.activities),
      digest: Buffer.from(row.digest, 'hex'),
    }));
  }

  async days(): Promise<readonly DayOfAgent[]> {
    const rows = await this.#rows<{
      day: string;
      agent_id: string;
      n: string;
      first: string;
      last: string;
    }>(
      'look at the days',
      `SELECT toDate(received_at) AS day, agent_id, count() AS n, min(seq) AS first, max(seq) AS last
       FROM sworn.activities WHERE kind != 'erasure' GROUP BY day, agent_id ORDER BY day, agent_id`,
    );
    return rows.map(({ day, agent_id, n, first, last }) => ({
      day,
      agentId: agent_id,
      activities: Number(n),
      first: Number(first),
      last: Number(last),
    }));
  }

  async digestOfDay(day: string, agents: ReadonlyMap<string, SeqRange>): Promise<LeavesDigest> {
    return await this.#digest(this.#ofDay(day, agents));
  }

  async tombstonesOfDay(day: string): Promise<readonly { agentId: string; seq: number }[]> {
    const rows = await this.#rows<{ agent_id: string; seq: string }>(
      'look for tombstones of a day',
      `SELECT agent_id, seq FROM sworn.activities WHERE toDate(received_at) = {day:Date} AND kind = 'erasure' ${IN_ORDER}`,
      { day },
    );
    return rows.map(({ agent_id, seq }) => ({ agentId: agent_id, seq: Number(seq) }));
  }

  async dropDay(day: string, agents: ReadonlyMap<string, SeqRange>): Promise<void> {
    const table = fill('sworn.activities{{local}} {{on_cluster}}', this.#topology);
    const isOfDay = `toDate(received_at) = ${textLiteral(day)}`;
    const [others] = await this.#rows<{ n: string }>(
      'look what of a day stays',
      `SELECT count() AS n FROM sworn.activities WHERE ${isOfDay} AND NOT (${this.#ofDay(day, agents)})`,
    );
    const sql =
      Number(others?.n ?? 0) === 0
        ? `ALTER TABLE ${table} DROP PARTITION ${textLiteral(day)}`
        : `ALTER TABLE ${table} DELETE IN PARTITION ${textLiteral(day)} WHERE ${this.#ofDay(day, agents)}
           SETTINGS mutations_sync = 2`;
    await this.#command('drop a day', sql);
  }

  async keepDeliveries(days: number | null): Promise<void> {
    const table = fill('sworn.deliveries{{local}} {{on_cluster}}', this.#topology);
    const [row] = await this.#rows<{ sql: string }>(
      'look how long deliveries are kept',
      `SELECT create_table_query AS sql FROM system.tables WHERE database = 'sworn' AND name = {name:String}`,
      { name: fill('deliveries{{local}}', this.#topology) },
    );
    const now = /TTL toDateTime\(time\) \+ toIntervalDay\((\d+)\)/.exec(row?.sql ?? '')?.[1];
    if (days === null ? now === undefined : now === String(days)) return;
    const change = days === null ? 'REMOVE TTL' : `MODIFY TTL toDateTime(time) + toIntervalDay(${days})`;
    await this.#command('keep deliveries', `ALTER TABLE ${table} ${change}`);
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  #ofDay(day: string, agents: ReadonlyMap<string, SeqRange>): string {
    return `toDate(received_at) = ${textLiteral(day)} AND kind != 'erasure' AND ${rangesSql(agents)}`;
  }

  #nameOf(seq: number): string {
    return `sworn erasure ${this.#collectorId} ${seq}`;
  }

  #system(table: string): string {
    return this.#topology.kind === 'single'
      ? `system.${table}`
      : `clusterAllReplicas(${textLiteral(this.#topology.cluster)}, system.${table})`;
  }

  async #matching(predicate: ErasurePredicate): Promise<string> {
    const sql = quotingAlertsSql(predicate);
    if (sql === '') return matchingSql(predicate, []);
    const rows = await this.#rows<{ agent_id: string; seq: string }>(
      'look for alerts',
      `${sql} LIMIT ${QUOTING_ALERTS_MAX + 1}`,
    );
    if (rows.length > QUOTING_ALERTS_MAX) {
      const message = `more than ${QUOTING_ALERTS_MAX} alerts quote what is to be erased; erase shorter spans, or all kinds`;
      throw new CollectorError('request_invalid', message);
    }
    const alerts: QuotingAlert[] = rows.map(({ agent_id, seq }) => ({ agentId: agent_id, seq: Number(seq) }));
    return matchingSql(predicate, alerts);
  }

  /** Those of its rows that still have their payload. */
  async #rowsOf({ predicate, agents }: Tombstone): Promise<string> {
    const where = await this.#matching(JSON.parse(predicate) as ErasurePredicate);
    return `${where} AND erasure_seq = 0 AND ${rangesSql(agents)}`;
  }

  async #digest(where: string): Promise<LeavesDigest> {
    const digest = createHash('sha256');
    let bytes = 0;
    try {
      const stream = await this.#answer(
        `SELECT leaf_bytes FROM sworn.activities WHERE ${where} ${IN_ORDER}`,
        'RowBinary',
      );
      for await (const chunk of stream) {
        digest.update(chunk as Buffer);
        bytes += (chunk as Buffer).length;
      }
    } catch (error) {
      throw storeError('read the leaves of an erasure', error);
    }
    return { activities: bytes / LEAF_BYTES, digest: digest.digest() };
  }

  async #command(doing: string, query: string): Promise<void> {
    try {
      await this.#client.command({ query, clickhouse_settings: { max_query_size: String(STATEMENT_BYTES_MAX) } });
    } catch (error) {
      throw storeError(doing, error);
    }
  }

  async #rows<T>(doing: string, sql: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<T[]> {
    try {
      const text = await readText(await this.#answer(sql, 'JSONEachRow', parameters));
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as T);
    } catch (error) {
      throw storeError(doing, error);
    }
  }

  async #answer(sql: string, format: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<Readable> {
    const { stream } = await this.#client.exec({
      query: sql,
      query_params: { ...parameters },
      clickhouse_settings: {
        ...(this.#topology.kind === 'cluster' ? { select_sequential_consistency: 1 } : {}),
        default_format: format,
        max_query_size: String(STATEMENT_BYTES_MAX),
        output_format_json_quote_64bit_integers: 1,
      } as Record<string, string | number>,
    });
    return stream as Readable;
  }
}
