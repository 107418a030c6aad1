// SPDX-License-Identifier: Apache-2.0

/**
 * The rows of a session, log by log, and what the record says about it beside: what was lost while it ran, what the recorder
 * did, alerts, and tombstones of what was erased of it.
 */
import { buffer } from 'node:stream/consumers';
import { CliError } from '../exit.ts';
import { type ActivityInRow, activityOfRow, JSON_COLUMNS_SQL } from './activity-of-row.ts';
import type { RecordClient } from './collector-record.ts';

export interface SessionLog {
  readonly agentId: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Selects its rows; `a` is the table, and there are parameters agent, session, first and last. */
  readonly where: string;
  /** What it selects, for progress. */
  readonly rows: number;
}

const ROWS_A_PAGE = 4_096;
/** 40 bytes each. */
const LEAVES_A_PAGE = 131_072;
const LEAF_ROW_BYTES = 40;

/** What is of no session is of the recorder itself, and concerns all that ran meanwhile. */
const OF_SESSION = `(a.session_id = {session:String}
  OR (a.session_id = '' AND a.seq BETWEEN {first:UInt64} AND {last:UInt64})
  OR (a.kind = 'loss' AND a.session_id = '' AND a.connection_id != '' AND a.connection_id IN (
    SELECT connection_id FROM sworn.activities WHERE agent_id = {agent:String} AND session_id = {session:String})))`;
const ALL_BETWEEN = '(a.seq BETWEEN {first:UInt64} AND {last:UInt64})';

/** Of a collector, which also tells of what it could not get, and what it took out. */
const aboutSession = (agents: readonly string[]): string => {
  const list = agents.map((_, at) => `{agent${at}:String}`).join(', ');
  return `(a.session_id = {session:String}
  OR (a.kind = 'alert' AND a.session_id = '' AND (a.matched_agent_id, a.matched_seq) IN (
    SELECT agent_id, seq FROM sworn.activities WHERE session_id = {session:String}))
  OR (a.kind = 'loss' AND a.session_id = '' AND a.place = 'delivery' AND splitByString(' goes on at ', a.message)[1] IN (${list}))
  OR (a.kind = 'erasure' AND greatest(a.tombstone_seq, if(a.action = 'completed', 0, a.seq)) IN (
    SELECT erasure_seq FROM sworn.activities WHERE session_id = {session:String} AND erasure_seq > 0)))`;
};

export class SessionRows {
  readonly #client: RecordClient;
  readonly #session: string;

  constructor(client: RecordClient, session: string) {
    this.#client = client;
    this.#session = session;
  }

  /** Agents first. `collectors`: ids of those that have logs of their own. */
  async logs(collectors: ReadonlySet<string>, withOthers: boolean): Promise<SessionLog[]> {
    const spans = await this.#client.rows<{ agent_id: string; first: string; last: string }>(
      `SELECT agent_id, min(seq) AS first, max(seq) AS last FROM sworn.activities
       WHERE session_id = {session:String} GROUP BY agent_id ORDER BY agent_id`,
      { session: this.#session },
    );
    const agents = spans.filter(({ agent_id }) => !collectors.has(agent_id));
    const logs: SessionLog[] = [];
    for (const { agent_id: agentId, first, last } of agents) {
      const where = withOthers ? ALL_BETWEEN : OF_SESSION;
      logs.push(...(await this.#extent(agentId, where, Number(first), Number(last))));
    }
    const ids = agents.map(({ agent_id }) => agent_id);
    for (const agentId of [...collectors].sort()) {
      logs.push(...(await this.#extent(agentId, aboutSession(ids), 0, 0, this.#named(ids))));
    }
    return logs;
  }

  #named(agents: readonly string[]): Record<string, string> {
    return Object.fromEntries(agents.map((id, at) => [`agent${at}`, id]));
  }

  #more = new Map<string, Record<string, string>>();

  /** From the first to the last row that it selects; nothing when there is none. */
  async #extent(
    agentId: string,
    where: string,
    first: number,
    last: number,
    more: Record<string, string> = {},
  ): Promise<SessionLog[]> {
    this.#more.set(agentId, more);
    const [row] = await this.#client.rows<{ n: string; low: string; high: string }>(
      `SELECT count() AS n, min(a.seq) AS low, max(a.seq) AS high FROM sworn.activities AS a
       WHERE a.agent_id = {agent:String} AND ${where}`,
      { agent: agentId, session: this.#session, first, last, ...more },
    );
    if (row === undefined || Number(row.n) === 0) return [];
    return [{ agentId, where, rows: Number(row.n), firstSeq: Number(row.low), lastSeq: Number(row.high) }];
  }

  /** In order. Errors: CliError for a row that is none, or a number that there are two of. */
  async *rowsOf({ agentId, where, firstSeq, lastSeq }: SessionLog): AsyncGenerator<ActivityInRow> {
    const more = this.#more.get(agentId) ?? {};
    let [from, count] = [firstSeq - 1, ROWS_A_PAGE];
    for (;;) {
      const parameters = {
        agent: agentId,
        session: this.#session,
        first: firstSeq,
        last: lastSeq,
        from,
        count,
        ...more,
      };
      let rows: Record<string, unknown>[];
      try {
        rows = await this.#client.rows(
          `SELECT ${JSON_COLUMNS_SQL} FROM sworn.activities AS a
           WHERE a.agent_id = {agent:String} AND a.seq > {from:UInt64} AND a.seq <= {last:UInt64} AND ${where}
           ORDER BY a.seq LIMIT {count:UInt64}`,
          parameters,
        );
      } catch (error) {
        // Rows may be large: fewer at a time then, down to one.
        if (!(error instanceof CliError) || count === 1 || !/query_limit|broke off/.test(error.message)) throw error;
        count = Math.ceil(count / 4);
        continue;
      }
      for (const row of rows) {
        const found = activityOfRow(row);
        if (found === undefined || found.seq <= from) throw notSealed(agentId, Number(row['seq']));
        from = found.seq;
        yield found;
      }
      if (rows.length < count) return;
      count = Math.min(ROWS_A_PAGE, count * 2);
    }
  }

  /** The leaves that stand in rows, from `first` on: by number. At most `count` numbers; some may have no row. */
  async leaves(agentId: string, first: number, count: number): Promise<Map<number, Buffer>> {
    const end = first + Math.min(count, LEAVES_A_PAGE);
    const response = await this.#client.query(
      `SELECT seq, leaf_bytes FROM sworn.activities
       WHERE agent_id = {agent:String} AND seq >= {first:UInt64} AND seq < {end:UInt64}`,
      'RowBinary',
      { agent: agentId, first, end },
    );
    const bytes = await buffer(response.body as never).catch((error: Error) => {
      throw new CliError(`the answer broke off: ${error.message}`);
    });
    const leaves = new Map<number, Buffer>();
    for (let at = 0; at + LEAF_ROW_BYTES <= bytes.length; at += LEAF_ROW_BYTES)
      leaves.set(Number(bytes.readBigUInt64LE(at)), bytes.subarray(at + 8, at + LEAF_ROW_BYTES));
    return leaves;
  }

  static get leavesAPage(): number {
    return LEAVES_A_PAGE;
  }
}

export function notSealed(agentId: string, seq: number): CliError {
  return new CliError(
    `${agentId}:${seq} cannot be proved: it is not what was sealed`,
    'See what is wrong: sworn verify',
  );
}
