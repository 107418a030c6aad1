// SPDX-License-Identifier: Apache-2.0

/** The record as a collector's API gives it, to be audited: SQL in pages, within the limits of people's queries. */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { brokenOff, type CollectorClient } from '../collector-client.ts';
import { CliError } from '../exit.ts';
import { JSON_COLUMNS_SQL } from './activity-of-row.ts';
import { FilledColumns } from './filled-columns.ts';
import { PageRoom } from './page-room.ts';
import type {
  AgentExtent,
  CheckpointClaim,
  DeclaredHole,
  ErasedClaim,
  KeyClaim,
  RecordSource,
  RowPage,
  TombstoneClaim,
} from './record-source.ts';
import { rowColumnsSql } from './row-plan.ts';

/** What is needed of a collector's API. */
export interface RecordClient extends Pick<CollectorClient, 'rows' | 'query'> {
  stream(...question: Parameters<CollectorClient['stream']>): Promise<Readable>;
}

const CHECKPOINTS_A_PAGE = 5_000;
const LEAVES_A_PAGE = 32_768;
/** Whole tables of few rows: keys, tombstones. */
const CLAIMS_MAX = 500_000;
const NONE = 0xffff_ffff_ffff;

const hexToBuffer = (text: string): Buffer => Buffer.from(text, 'hex');

export class CollectorRecord implements RecordSource {
  readonly #client: RecordClient;
  readonly #filled: FilledColumns;
  #days: Promise<ReadonlySet<string>> | undefined;

  constructor(client: RecordClient) {
    this.#client = client;
    this.#filled = new FilledColumns((sql, parameters) => client.rows(sql, parameters));
  }

  async agents(): Promise<readonly AgentExtent[]> {
    const rows = await this.#client.rows<{ agent_id: string; rows: string; highest: string }>(
      `SELECT agent_id, sum(n) AS rows, max(seq) AS highest FROM (
         SELECT agent_id, count() AS n, max(seq) AS seq FROM sworn.activities GROUP BY agent_id
         UNION ALL SELECT DISTINCT agent_id, 0 AS n, 0 AS seq FROM sworn.checkpoints
       ) GROUP BY agent_id ORDER BY agent_id`,
    );
    return rows.map((row) => ({ agentId: row.agent_id, rows: Number(row.rows), highestSeq: Number(row.highest) }));
  }

  async keys(): Promise<readonly KeyClaim[]> {
    const rows = await this.#client.rows<{ agent_id: string; verifier: string; origin: string; ms: string }>(
      `SELECT agent_id, verifier, origin, toUnixTimestamp64Milli(time) AS ms FROM sworn.log_keys
       ORDER BY agent_id, time LIMIT ${CLAIMS_MAX}`,
    );
    return rows.map(({ agent_id, verifier, origin, ms }) => ({
      agentId: agent_id,
      verifier,
      origin,
      timeMs: Number(ms),
    }));
  }

  async *checkpoints(agentId: string): AsyncGenerator<CheckpointClaim> {
    let [size, ms] = ['0', '-1'];
    for (;;) {
      const rows = await this.#client.rows<{
        size: string;
        ms: string;
        root: string;
        verdict: string;
        note: string;
        subtrees: readonly string[];
        reason: string;
      }>(
        `SELECT size, toUnixTimestamp64Milli(time) AS ms, hex(root_bytes) AS root, verdict, note,
           arrayMap(x -> hex(x), subtrees) AS subtrees, reason
         FROM sworn.checkpoints
         WHERE agent_id = {agent:String} AND (size, toUnixTimestamp64Milli(time)) > ({size:UInt64}, {ms:Int64})
         ORDER BY size, ms LIMIT ${CHECKPOINTS_A_PAGE}`,
        { agent: agentId, size, ms },
      );
      for (const row of rows) {
        yield {
          size: Number(row.size),
          root: hexToBuffer(row.root),
          timeMs: Number(row.ms),
          verdict: row.verdict,
          note: row.note,
          subtrees: row.subtrees.map(hexToBuffer),
          reason: row.reason,
        };
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < CHECKPOINTS_A_PAGE) return;
      [size, ms] = [last.size, last.ms];
    }
  }

  async tombstones(): Promise<readonly TombstoneClaim[]> {
    const rows = await this.#client.rows<{
      agent_id: string;
      seq: string;
      action: string;
      reason: string;
      requested_by: string;
      agents: Readonly<Record<string, string>>;
      activities: string;
      digest: string;
      received: string;
    }>(
      `SELECT agent_id, seq, action, reason, requested_by, erased_agents AS agents, erased_activities AS activities,
         hex(erased_digest_bytes) AS digest, toUnixTimestamp64Milli(received_at) AS received
       FROM sworn.activities WHERE kind = 'erasure' AND action != 'completed' ORDER BY agent_id, seq LIMIT ${CLAIMS_MAX}`,
    );
    return rows.map((row) => ({
      agentId: row.agent_id,
      seq: Number(row.seq),
      action: row.action,
      reason: row.reason,
      requestedBy: row.requested_by,
      agents: new Map(Object.entries(row.agents).map(([agent, range]) => [agent, rangeOf(range)])),
      activities: Number(row.activities),
      digest: hexToBuffer(row.digest),
      receivedMs: Number(row.received),
    }));
  }

  async declaredHoles(): Promise<readonly DeclaredHole[]> {
    const rows = await this.#client.rows<{
      agent_id: string;
      seq: string;
      message: string;
      events: string;
      received: string;
    }>(
      `SELECT agent_id, seq, message, events, toUnixTimestamp64Milli(received_at) AS received FROM sworn.activities
       WHERE kind = 'loss' AND place = 'delivery' ORDER BY agent_id, seq LIMIT ${CLAIMS_MAX}`,
    );
    return rows.map(({ agent_id, seq, message, events, received }) => ({
      agentId: agent_id,
      seq: Number(seq),
      message,
      events: Number(events),
      receivedMs: Number(received),
    }));
  }

  async erased(agentId: string): Promise<readonly ErasedClaim[]> {
    const rows = await this.#client.rows<{ stone: string; first: string; last: string; n: string }>(
      `SELECT erasure_seq AS stone, min(seq) AS first, max(seq) AS last, count() AS n FROM sworn.activities
       WHERE agent_id = {agent:String} AND (erasure_seq > 0 OR notEmpty(payload_digests))
       GROUP BY erasure_seq ORDER BY stone LIMIT ${CLAIMS_MAX}`,
      { agent: agentId },
    );
    return rows.map(({ stone, first, last, n }) => ({
      tombstoneSeq: Number(stone),
      firstSeq: Number(first),
      lastSeq: Number(last),
      rows: Number(n),
    }));
  }

  async erasedLeaves({ seq, agents }: TombstoneClaim): Promise<{ activities: number; digest: Buffer }> {
    const digest = createHash('sha256');
    let activities = 0;
    // ClickHouse orders texts by their bytes, and so the digest was made.
    const ids = [...agents.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    for (const agent of ids) {
      const [first, to] = agents.get(agent)!;
      let from = first;
      for (;;) {
        const rows = await this.#client.rows<{ seq: string; leaf: string }>(
          `SELECT seq, hex(leaf_bytes) AS leaf FROM sworn.activities
           WHERE agent_id = {agent:String} AND seq >= {from:UInt64} AND seq <= {to:UInt64} AND erasure_seq = {stone:UInt64}
           ORDER BY seq LIMIT ${LEAVES_A_PAGE}`,
          { agent, from, to, stone: seq },
        );
        for (const { leaf } of rows) digest.update(hexToBuffer(leaf));
        activities += rows.length;
        if (rows.length < LEAVES_A_PAGE) break;
        from = Number(rows.at(-1)!.seq) + 1;
      }
    }
    return { activities, digest: digest.digest() };
  }

  async page(
    agentId: string,
    firstSeq: number,
    count: number,
    room = new PageRoom(),
    allColumns = false,
  ): Promise<RowPage> {
    const asked = allColumns ? undefined : await this.#filled.of(agentId, firstSeq, count);
    return { asked, bytes: await this.#rowsOf(agentId, firstSeq, count, room, rowColumnsSql(asked)) };
  }

  async #rowsOf(agentId: string, firstSeq: number, count: number, room: PageRoom, columns: string): Promise<Buffer> {
    try {
      const answer = await this.#client.stream(
        `SELECT ${columns} FROM sworn.activities
         WHERE agent_id = {agent:String} AND seq >= {first:UInt64} AND seq < {end:UInt64}`,
        'Native',
        { agent: agentId, first: firstSeq, end: firstSeq + count },
      );
      return await room.fill(answer).catch((error: unknown) => Promise.reject(brokenOff(error)));
    } catch (error) {
      // Rows may be large: half of them at a time then, down to one.
      if (!(error instanceof CliError) || count === 1 || !/query_limit|broke off/.test(error.message)) throw error;
      const half = Math.ceil(count / 2);
      const first = await this.#rowsOf(agentId, firstSeq, half, new PageRoom(), columns);
      const second = await this.#rowsOf(agentId, firstSeq + half, count - half, new PageRoom(), columns);
      return Buffer.concat([first, second]);
    }
  }

  async nextSeq(agentId: string, from: number): Promise<number | undefined> {
    const [row] = await this.#client.rows<{ seq: string }>(
      'SELECT seq FROM sworn.activities WHERE agent_id = {agent:String} AND seq >= {from:UInt64} ORDER BY seq LIMIT 1',
      { agent: agentId, from: Math.min(from, NONE) },
    );
    return row === undefined ? undefined : Number(row.seq);
  }

  async tile(agentId: string, level: number, index: number): Promise<Buffer | undefined> {
    const [row] = await this.#client.rows<{ hashes: string }>(
      `SELECT hex(hashes) AS hashes FROM sworn.log_tiles
       WHERE agent_id = {agent:String} AND level = {level:UInt8} AND index = {index:UInt64} ORDER BY length(hashes) DESC LIMIT 1`,
      { agent: agentId, level, index },
    );
    return row === undefined ? undefined : hexToBuffer(row.hashes);
  }

  daysWithRows(): Promise<ReadonlySet<string>> {
    this.#days ??= this.#client
      .rows<{ day: string }>('SELECT DISTINCT toString(toDate(received_at)) AS day FROM sworn.activities')
      .then((rows) => new Set(rows.map(({ day }) => day)));
    return this.#days;
  }

  async dayOf(agentId: string, seq: number): Promise<string | undefined> {
    const [row] = await this.#client.rows<{ day: string }>(
      `SELECT toString(toDate(received_at)) AS day FROM sworn.activities
       WHERE agent_id = {agent:String} AND seq = {seq:UInt64} LIMIT 1`,
      { agent: agentId, seq },
    );
    return row?.day;
  }

  async received(
    agentId: string,
    firstSeq: number,
    lastSeq: number,
    sinceMs: number,
    untilMs: number,
  ): Promise<readonly [firstMs: number, lastMs: number] | undefined> {
    const [row] = await this.#client.rows<{ n: string; first: string; last: string }>(
      `SELECT count() AS n, toUnixTimestamp64Milli(min(received_at)) AS first, toUnixTimestamp64Milli(max(received_at)) AS last
       FROM sworn.activities
       WHERE agent_id = {agent:String} AND seq >= {first:UInt64} AND seq <= {last:UInt64}
         AND toUnixTimestamp64Milli(received_at) BETWEEN {since:Int64} AND {until:Int64}`,
      { agent: agentId, first: firstSeq, last: lastSeq, since: sinceMs, until: untilMs },
    );
    return row === undefined || Number(row.n) === 0 ? undefined : [Number(row.first), Number(row.last)];
  }

  async withLeaf(leaf: Buffer): Promise<readonly { readonly agentId: string; readonly seq: number }[]> {
    const rows = await this.#client.rows<{ agent_id: string; seq: string }>(
      'SELECT agent_id, seq FROM sworn.activities WHERE leaf_bytes = unhex({leaf:String}) LIMIT 10',
      { leaf: leaf.toString('hex') },
    );
    return rows.map(({ agent_id, seq }) => ({ agentId: agent_id, seq: Number(seq) }));
  }

  rows(agentId: string, seq: number): Promise<Readonly<Record<string, unknown>>[]> {
    return this.#client.rows(
      `SELECT ${JSON_COLUMNS_SQL} FROM sworn.activities AS a
       WHERE a.agent_id = {agent:String} AND a.seq = {seq:UInt64} LIMIT 3`,
      { agent: agentId, seq },
    );
  }
}

/** `17-9120`. */
function rangeOf(text: string): readonly [first: number, last: number] {
  const [first = '0', last = first] = text.split('-');
  return [Number(first), Number(last)];
}
