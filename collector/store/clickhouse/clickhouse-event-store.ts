// SPDX-License-Identifier: Apache-2.0

/**
 * `EventStore` over ClickHouse, embedded or server: the same client, the same SQL.
 *
 * Atomic append: one INSERT, one block, one partition (the day of receipt is set once for all of it), so one part, which
 * ClickHouse makes visible by a rename. Bounds on a block in `ingest/` keep it below what the engine would split.
 */
import type { Readable } from 'node:stream';
import { text as readText } from 'node:stream/consumers';
import type { ClickHouseClient } from '@clickhouse/client';
import type { Activity, Kind, Sender } from '../../model/activity.ts';
import {
  type ActivityCursor,
  ANSWER_FORMATS,
  type Answer,
  type Claim,
  type Delivery,
  type EventStore,
  type QueryLimits,
  type Question,
  type Row,
  type RowBatch,
  type SessionFilter,
  type StoredAlert,
} from '../event-store.ts';
import type { LastHeard } from '../presence-store.ts';
import { batchSource } from './batch-source.ts';
import { allHeldSql, ClaimDesk, QUORUM, SEQUENTIAL } from './claim-desk.ts';
import { insertError, queryError, storeError } from './clickhouse-error.ts';
import { type ClickHouseAddress, connect } from './client.ts';
import { LAST_HEARD, type LastHeardRow } from './last-heard.ts';
import { migrate, type Topology } from './migrations.ts';
import { ReadOnlySql } from './read-only-sql.ts';
import { ROW_COLUMN_NAMES, ROW_STRUCTURE, RowBinaryWriter, writeRow } from './row-binary.ts';
import { type Ask, RunningInserts } from './running-inserts.ts';
import { settingsSql } from './settings-sql.ts';

export interface ClickHouseEventStoreOptions {
  /** For inserts and the store's own questions. */
  readonly writer: ClickHouseAddress;
  /** For people's SQL; on a server best a user that may only read `sworn`. */
  readonly reader: ClickHouseAddress;
  readonly topology: Topology;
  /** Names this collector's inserts among all that a server runs. */
  readonly collectorId: string;
  readonly limits: QueryLimits;
}

/** Far above any block that `ingest/` makes; the engine must never cut one in two. */
const BLOCK_ROWS_MAX = 10_000_000;
const CONNECTIONS_MAX = 16;

const DELIVERY_STRUCTURE =
  "time DateTime64(3, 'UTC'), alert_id String, sink String, attempt UInt32, outcome String, detail String";

/** One INSERT is one block is one part: no splitting by size, no parallel reading. */
const ONE_BLOCK = {
  max_block_size: BLOCK_ROWS_MAX,
  max_insert_block_size: BLOCK_ROWS_MAX,
  min_insert_block_size_rows: BLOCK_ROWS_MAX,
  min_insert_block_size_bytes: 0,
  max_threads: 1,
  max_insert_threads: 1,
  async_insert: 0,
};

class ClickHouseRowBatch implements RowBatch {
  readonly writer: RowBinaryWriter;
  #rows = 0;

  constructor() {
    this.writer = new RowBinaryWriter(1 << 18);
  }

  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    return this.writer.bytes;
  }

  add(kind: Kind, activity: Activity, sender: Sender): void {
    writeRow(this.writer, kind, activity, sender);
    this.#rows += 1;
  }
}

export class ClickHouseEventStore implements EventStore {
  readonly #options: ClickHouseEventStoreOptions;
  readonly #writer: ClickHouseClient;
  readonly #reader: ClickHouseClient;
  readonly #readOnly: ReadOnlySql;
  readonly #running: RunningInserts;
  /** Undefined for the embedded engine: only one collector can have its data open. */
  readonly #claims: ClaimDesk | undefined;

  constructor(options: ClickHouseEventStoreOptions) {
    this.#options = options;
    this.#writer = connect(options.writer, CONNECTIONS_MAX);
    this.#reader = connect(options.reader, CONNECTIONS_MAX);
    this.#readOnly = new ReadOnlySql((sql, parameters) => this.#rowsOf(this.#reader, sql, parameters));
    const { topology, collectorId } = options;
    const ask: Ask = (doing, sql, parameters) => this.#ask(doing, sql, parameters);
    this.#running = new RunningInserts(ask, topology, collectorId);
    if ('engine' in options.writer) return;
    const command = (doing: string, sql: string) => this.#command(doing, sql);
    this.#claims = new ClaimDesk({ ask, command, running: this.#running, topology, collectorId });
  }

  async open(): Promise<void> {
    const runner = {
      command: async (sql: string) => {
        try {
          await this.#writer.command({ query: sql });
        } catch (error) {
          const mapped = storeError('migration', error);
          throw mapped.code === 'store_unavailable' ? mapped : error;
        }
      },
      rows: <T>(sql: string) => this.#ask<T>('migration', sql),
    };
    await migrate(runner, this.#options.topology);
    await this.#readOnly.open();
    await this.settle();
  }

  newBatch(): RowBatch {
    return new ClickHouseRowBatch();
  }

  async claim(agentId: string): Promise<Claim> {
    if (this.#claims !== undefined) return await this.#claims.claim(agentId);
    await this.settle();
    return { agentId, ticket: '' };
  }

  async lost(claims: readonly Claim[]): Promise<ReadonlySet<Claim>> {
    return (await this.#claims?.lost(claims)) ?? new Set();
  }

  async append(batches: readonly RowBatch[], claims: readonly Claim[] = []): Promise<void> {
    const parts = (batches as readonly ClickHouseRowBatch[]).map((batch) => batch.writer.finish());
    const rows = batches.reduce((sum, batch) => sum + batch.rows, 0);
    if (rows === 0) return;
    if (rows > BLOCK_ROWS_MAX) throw new RangeError(`a block of ${rows} rows would be split`);
    const name = this.#running.newName();
    const settings = settingsSql({
      ...ONE_BLOCK,
      log_comment: name,
      // On a cluster the answer must wait until the shard has the block, and claims must be the newest.
      ...(this.#options.topology.kind === 'cluster' ? { ...QUORUM, ...SEQUENTIAL } : {}),
    });
    const receivedAt = `toDateTime64('${(Date.now() / 1000).toFixed(3)}', 3, 'UTC')`;
    const held = this.#claims === undefined || claims.length === 0 ? '' : ` WHERE ${allHeldSql(claims)}`;
    try {
      await this.#insert(
        `INSERT INTO sworn.activities (${ROW_COLUMN_NAMES}, received_at) SELECT *, ${receivedAt}`,
        ROW_STRUCTURE,
        parts,
        `${held} ${settings}`,
      );
    } catch (error) {
      const failure = insertError(`insert of ${rows} rows`, error);
      if (failure.code === 'store_unavailable') this.#running.unsure(name);
      throw failure;
    }
  }

  settle(): Promise<void> {
    return this.#running.settle();
  }

  async highestSeq(agentId: string): Promise<number> {
    // Reads a few granules from the end of each part, where max(seq) would read all of the agent's rows.
    const sequential = this.#options.topology.kind === 'cluster' ? ' SETTINGS select_sequential_consistency = 1' : '';
    const [row] = await this.#ask<{ seq: string }>(
      'look up the highest seq',
      `SELECT seq FROM sworn.activities WHERE agent_id = {agent:String} ORDER BY seq DESC LIMIT 1${sequential}`,
      { agent: agentId },
    );
    return Number(row?.seq ?? 0);
  }

  async lastHeard(collectorId: string, sinceMs: number, limit: number): Promise<readonly LastHeard[]> {
    const parameters = { collector: collectorId, since: Math.floor(sinceMs), limit };
    const rows = await this.#ask<LastHeardRow>('look up who was heard of', LAST_HEARD, parameters);
    return rows
      .filter((row) => row.agent_id !== collectorId)
      .map((row) => ({
        agentId: row.agent_id,
        host: row.last_host,
        lastSeq: Number(row.last_seq),
        action: row.last_action,
        heardMs: Number(row.heard_ms),
        toldRule: row.told_rule,
        toldMs: Number(row.told_ms),
      }));
  }

  async query(question: Question): Promise<Answer> {
    try {
      const sql = await this.#readOnly.check(question.sql, question.parameters);
      // The client hears of an abort that comes later, and not of one that has been.
      question.signal?.throwIfAborted();
      const { seconds, rows, bytes, memoryBytes } = this.#options.limits;
      const { stream } = await this.#reader.exec({
        query: sql,
        ...(question.parameters === undefined ? {} : { query_params: { ...question.parameters } }),
        ...(question.signal === undefined ? {} : { abort_signal: question.signal }),
        clickhouse_settings: {
          default_format: question.format,
          database: 'sworn',
          max_execution_time: seconds,
          timeout_overflow_mode: 'throw',
          max_result_rows: String(rows),
          max_result_bytes: String(bytes),
          result_overflow_mode: 'throw',
          max_memory_usage: String(memoryBytes),
          max_temporary_columns: String(10_000),
          max_ast_elements: String(50_000),
          // A query of a person leaves a processor to the agents.
          max_threads: 2,
          priority: '1',
          output_format_json_quote_64bit_integers: 1,
          cancel_http_readonly_queries_on_client_close: 1,
          readonly: '1',
        } as Record<string, string | number>,
      });
      return { stream: stream as Readable, contentType: ANSWER_FORMATS[question.format] };
    } catch (error) {
      throw queryError(error);
    }
  }

  async sessions(filter: SessionFilter): Promise<readonly Row[]> {
    const where: string[] = [];
    const parameters: Record<string, unknown> = { limit: filter.limit };
    const add = (condition: string, name: string, value: unknown) => {
      if (value === undefined) return;
      where.push(condition);
      parameters[name] = value;
    };
    add('(identity_id = {identity:String} OR identity_name = {identity:String})', 'identity', filter.identity);
    add('workload = {workload:String}', 'workload', filter.workload);
    add('host = {host:String}', 'host', filter.host);
    add('end >= fromUnixTimestamp64Milli({since:Int64})', 'since', filter.since?.getTime());
    add('start < fromUnixTimestamp64Milli({until:Int64})', 'until', filter.until?.getTime());
    const condition = where.length === 0 ? '' : `WHERE ${where.join(' AND ')} `;
    return await this.#ask<Row>(
      'list sessions',
      `SELECT * FROM sworn.sessions ${condition}ORDER BY start DESC, session_id LIMIT {limit:UInt32}`,
      parameters,
    );
  }

  async session(sessionId: string): Promise<Row | undefined> {
    const rows = await this.#ask<Row>(
      'look up a session',
      'SELECT * FROM sworn.sessions WHERE session_id = {session:String}',
      { session: sessionId },
    );
    return rows[0];
  }

  async sessionActivities(
    sessionId: string,
    after: ActivityCursor | undefined,
    limit: number,
  ): Promise<readonly Row[]> {
    const beyond =
      after === undefined
        ? ''
        : "AND (time, agent_id, seq) > (toDateTime64({time:String}, 9, 'UTC'), {agent:String}, {seq:UInt64}) ";
    return await this.#ask<Row>(
      'read a session',
      'SELECT * EXCEPT (salt_bytes, leaf_bytes, request_sha256_bytes, response_sha256_bytes, erased_digest_bytes, ' +
        'payload_digests), leaf, salt, ' +
        'request_sha256, response_sha256 FROM sworn.activities WHERE session_id = {session:String} ' +
        `${beyond}ORDER BY time, agent_id, seq LIMIT {limit:UInt32}`,
      {
        session: sessionId,
        limit,
        ...(after === undefined ? {} : { time: after.time, agent: after.agentId, seq: after.seq }),
      },
    );
  }

  async undeliveredAlerts(sink: string, sinceMs: number, limit: number): Promise<readonly StoredAlert[]> {
    const rows = await this.#ask<Row & { alert_id: string }>(
      'look up undelivered alerts',
      `SELECT * FROM sworn.alerts WHERE received_at >= fromUnixTimestamp64Milli({since:Int64})
       AND alert_id NOT IN (SELECT alert_id FROM sworn.deliveries
                            WHERE sink = {sink:String} AND outcome IN ('delivered', 'given_up'))
       ORDER BY received_at, agent_id, seq LIMIT {limit:UInt32}`,
      { since: Math.floor(sinceMs), sink, limit },
    );
    return rows.map((row) => ({ alertId: row.alert_id, row }));
  }

  async recordDeliveries(deliveries: readonly Delivery[]): Promise<void> {
    if (deliveries.length === 0) return;
    const writer = new RowBinaryWriter(1 << 12);
    for (const delivery of deliveries) {
      writer.uint64(Math.floor(delivery.timeMs));
      writer.text(delivery.alertId);
      writer.text(delivery.sink);
      writer.uint32(delivery.attempt);
      writer.text(delivery.outcome);
      writer.text(delivery.detail);
    }
    try {
      await this.#insert(
        'INSERT INTO sworn.deliveries (time, alert_id, sink, attempt, outcome, detail) SELECT *',
        DELIVERY_STRUCTURE,
        [writer.finish()],
        '',
      );
    } catch (error) {
      throw storeError('record of deliveries', error);
    }
  }

  /** Run `head FROM <the rows> tail`. */
  async #insert(head: string, structure: string, parts: readonly Buffer[], tail: string): Promise<void> {
    const { source, body, release } = await batchSource(this.#options.writer, structure, parts);
    try {
      const query = `${head} FROM ${source}${tail}`;
      if (body === undefined) {
        await this.#writer.command({ query });
        return;
      }
      const { stream } = await this.#writer.exec({ query: query + body.suffix, values: body.stream });
      // The answer to an insert is empty; reading it frees the connection.
      await readText(stream);
    } finally {
      await release();
    }
  }

  async #command(doing: string, sql: string): Promise<void> {
    try {
      await this.#writer.command({ query: sql });
    } catch (error) {
      throw storeError(doing, error);
    }
  }

  async ping(): Promise<void> {
    await this.#ask('ping', 'SELECT 1');
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#writer.close(), this.#reader.close()]);
  }

  async #ask<T>(doing: string, sql: string, parameters?: Readonly<Record<string, unknown>>): Promise<readonly T[]> {
    try {
      return await this.#rowsOf<T>(this.#writer, sql, parameters);
    } catch (error) {
      throw storeError(doing, error);
    }
  }

  async #rowsOf<T>(
    client: ClickHouseClient,
    sql: string,
    parameters?: Readonly<Record<string, unknown>>,
  ): Promise<T[]> {
    // The format is a setting and not part of the text: behind EXPLAIN it would belong to the statement explained.
    const { stream } = await client.exec({
      query: sql,
      ...(parameters === undefined ? {} : { query_params: { ...parameters } }),
      clickhouse_settings: {
        default_format: 'JSONEachRow',
        output_format_json_quote_64bit_integers: 1,
      } as Record<string, string | number>,
    });
    const text = await readText(stream);
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as T);
  }
}
