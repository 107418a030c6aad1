// SPDX-License-Identifier: Apache-2.0

/** `LogStore` over ClickHouse, with connections of its own: what is sealed never waits behind what people ask. */
import { buffer as readBuffer, text as readText } from 'node:stream/consumers';
import type { ClickHouseClient } from '@clickhouse/client';
import type { CheckpointRow, LogKeyRow, LogStore, StoredLeaf, TileRow } from '../log-store.ts';
import { batchSource } from './batch-source.ts';
import { storeError } from './clickhouse-error.ts';
import { type ClickHouseAddress, connect } from './client.ts';
import type { Topology } from './migrations.ts';
import { RowBinaryWriter } from './row-binary.ts';

const CONNECTIONS_MAX = 8;
const HASH_BYTES = 32;
/** seq u64 LE · leaf 32 bytes */
const LEAF_ROW_BYTES = 8 + HASH_BYTES;

const CHECKPOINT_STRUCTURE =
  "agent_id String, size UInt64, root_bytes FixedString(32), time DateTime64(3, 'UTC'), verdict String, note String, subtrees Array(FixedString(32)), reason String";
const KEY_STRUCTURE = "agent_id String, verifier String, origin String, time DateTime64(3, 'UTC')";
const TILE_STRUCTURE = "agent_id String, level UInt8, index UInt64, hashes String, time DateTime64(3, 'UTC')";

interface KeyAnswer {
  readonly agent_id: string;
  readonly verifier: string;
  readonly origin: LogKeyRow['origin'];
  readonly time_ms: string;
}

interface CheckpointAnswer {
  readonly size: string;
  readonly root: string;
  readonly time_ms: string;
  readonly note: string;
  readonly subtrees: readonly string[];
  readonly reason: string;
}

const KEY_COLUMNS = 'agent_id, verifier, origin, toUnixTimestamp64Milli(time) AS time_ms';

export class ClickHouseLogStore implements LogStore {
  readonly #address: ClickHouseAddress;
  readonly #client: ClickHouseClient;
  readonly #settings: Readonly<Record<string, string | number>>;
  readonly #insertSettings: string;

  constructor(address: ClickHouseAddress, topology: Topology) {
    this.#address = address;
    this.#client = connect(address, CONNECTIONS_MAX);
    const isCluster = topology.kind === 'cluster';
    this.#settings = isCluster ? { select_sequential_consistency: 1 } : {};
    // On a cluster the answer must wait until the shard has the rows.
    this.#insertSettings = ` SETTINGS async_insert = 0${isCluster ? ', distributed_foreground_insert = 1' : ''}`;
  }

  async appendCheckpoints(rows: readonly CheckpointRow[]): Promise<void> {
    await this.#insert('checkpoints', CHECKPOINT_STRUCTURE, rows, (writer, row) => {
      writer.text(row.agentId);
      writer.uint64(row.size);
      writer.fixed(row.root, HASH_BYTES);
      writer.uint64(Math.floor(row.timeMs));
      writer.text(row.verdict);
      writer.text(row.note);
      writer.count(row.subtrees.length);
      for (const one of row.subtrees) writer.fixed(one, HASH_BYTES);
      writer.text(row.reason);
    });
  }

  async appendKeys(rows: readonly LogKeyRow[]): Promise<void> {
    await this.#insert('log_keys', KEY_STRUCTURE, rows, (writer, row) => {
      writer.text(row.agentId);
      writer.text(row.verifier);
      writer.text(row.origin);
      writer.uint64(Math.floor(row.timeMs));
    });
  }

  async appendTiles(rows: readonly TileRow[]): Promise<void> {
    await this.#insert('log_tiles', TILE_STRUCTURE, rows, (writer, row) => {
      writer.text(row.agentId);
      writer.uint8(row.level);
      writer.uint64(row.index);
      writer.blob(row.hashes);
      writer.uint64(Math.floor(row.timeMs));
    });
  }

  async cosigned(agentId: string, sizeMax = Number.MAX_SAFE_INTEGER): Promise<CheckpointRow | undefined> {
    const [row] = await this.#rows<CheckpointAnswer>(
      'look up the last checkpoint',
      `SELECT size, hex(root_bytes) AS root, toUnixTimestamp64Milli(time) AS time_ms, note,
         arrayMap(one -> hex(one), subtrees) AS subtrees, reason
       FROM sworn.checkpoints WHERE agent_id = {agent:String} AND size <= {max:UInt64} AND verdict = 'cosigned'
       ORDER BY size DESC, time DESC LIMIT 1`,
      { agent: agentId, max: sizeMax },
    );
    if (row === undefined) return undefined;
    return {
      agentId,
      size: Number(row.size),
      root: Buffer.from(row.root, 'hex'),
      timeMs: Number(row.time_ms),
      verdict: 'cosigned',
      note: row.note,
      subtrees: row.subtrees.map((one) => Buffer.from(one, 'hex')),
      reason: row.reason,
    };
  }

  keys(agentId: string): Promise<readonly LogKeyRow[]> {
    return this.#keys('agent_id = {agent:String}', { agent: agentId });
  }

  collectorKeys(): Promise<readonly LogKeyRow[]> {
    return this.#keys("origin = 'own'", {});
  }

  async #keys(where: string, parameters: Readonly<Record<string, string>>): Promise<readonly LogKeyRow[]> {
    const sql = `SELECT ${KEY_COLUMNS} FROM sworn.log_keys WHERE ${where} ORDER BY time`;
    const rows = await this.#rows<KeyAnswer>('look up keys', sql, parameters);
    return rows.map(({ agent_id, verifier, origin, time_ms }) => ({
      agentId: agent_id,
      verifier,
      origin,
      timeMs: Number(time_ms),
    }));
  }

  async leaves(agentId: string, from: number, to: number, limit: number): Promise<readonly StoredLeaf[]> {
    const bytes = await this.#bytes(
      'read leaves',
      `SELECT seq, leaf_bytes FROM sworn.activities
       WHERE agent_id = {agent:String} AND seq >= {from:UInt64} AND seq <= {to:UInt64} ORDER BY seq LIMIT {limit:UInt64}`,
      { agent: agentId, from, to, limit },
    );
    const found: StoredLeaf[] = [];
    for (let at = 0; at + LEAF_ROW_BYTES <= bytes.length; at += LEAF_ROW_BYTES) {
      const seq = Number(bytes.readBigUInt64LE(at));
      found.push({ seq, leaf: bytes.subarray(at + 8, at + LEAF_ROW_BYTES) });
    }
    return found;
  }

  async tile(agentId: string, level: number, index: number): Promise<Buffer | undefined> {
    const [row] = await this.#rows<{ hashes: string }>(
      'read a tile',
      `SELECT hex(hashes) AS hashes FROM sworn.log_tiles
       WHERE agent_id = {agent:String} AND level = {level:UInt8} AND index = {index:UInt64} ORDER BY length(hashes) DESC LIMIT 1`,
      { agent: agentId, level, index },
    );
    return row === undefined ? undefined : Buffer.from(row.hashes, 'hex');
  }

  async tilesEnd(agentId: string, level: number): Promise<number> {
    const [row] = await this.#rows<{ index: string }>(
      'look up the last tile',
      `SELECT index FROM sworn.log_tiles WHERE agent_id = {agent:String} AND level = {level:UInt8}
       ORDER BY index DESC LIMIT 1`,
      { agent: agentId, level },
    );
    return row === undefined ? 0 : Number(row.index) + 1;
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async #insert<R>(
    table: string,
    structure: string,
    rows: readonly R[],
    write: (writer: RowBinaryWriter, row: R) => void,
  ): Promise<void> {
    if (rows.length === 0) return;
    const writer = new RowBinaryWriter(1 << 12);
    for (const row of rows) write(writer, row);
    const columns = structure.split(/, (?=[a-z_]+ )/).map((column) => column.slice(0, column.indexOf(' ')));
    try {
      const { source, body, release } = await batchSource(this.#address, structure, [writer.finish()]);
      try {
        const query = `INSERT INTO sworn.${table} (${columns.join(', ')}) SELECT * FROM ${source}${this.#insertSettings}`;
        if (body === undefined) {
          await this.#client.command({ query });
          return;
        }
        const { stream } = await this.#client.exec({ query: query + body.suffix, values: body.stream });
        // The answer to an insert is empty; reading it frees the connection.
        await readText(stream);
      } finally {
        await release();
      }
    } catch (error) {
      throw storeError(`insert of ${rows.length} rows into ${table}`, error);
    }
  }

  async #rows<T>(doing: string, sql: string, parameters: Readonly<Record<string, unknown>>): Promise<readonly T[]> {
    const text = await this.#answer(doing, sql, parameters, 'JSONEachRow', readText);
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as T);
  }

  #bytes(doing: string, sql: string, parameters: Readonly<Record<string, unknown>>): Promise<Buffer> {
    return this.#answer(doing, sql, parameters, 'RowBinary', readBuffer);
  }

  async #answer<T>(
    doing: string,
    sql: string,
    parameters: Readonly<Record<string, unknown>>,
    format: string,
    read: (stream: NodeJS.ReadableStream) => Promise<T>,
  ): Promise<T> {
    try {
      const { stream } = await this.#client.exec({
        query: sql,
        query_params: { ...parameters },
        clickhouse_settings: {
          ...this.#settings,
          default_format: format,
          output_format_json_quote_64bit_integers: 1,
        } as Record<string, string | number>,
      });
      return await read(stream as unknown as NodeJS.ReadableStream);
    } catch (error) {
      throw storeError(doing, error);
    }
  }
}
