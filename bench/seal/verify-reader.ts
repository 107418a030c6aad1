// SPDX-License-Identifier: Apache-2.0

/**
 * Reads a collector's record over its API, as `sworn verify` does, in a process of its own.
 *
 *   node bench/seal/verify-reader.ts audit|read|javascript URL TOKEN_FILE ROWS    prints {"rows", "seconds", "cpu_us"}
 *
 * `audit` is all of the integrity of the record. `read` asks for the same pages and throws them away. `javascript` asks for
 * rows as JSON and computes their leaves by proto/leaf.ts.
 */
import { loadAddon } from '../../agent/source/ebpf/addon.ts';
import { activityOfRow, JSON_COLUMNS_SQL, type JsonRow } from '../../cli/audit/activity-of-row.ts';
import { CollectorRecord } from '../../cli/audit/collector-record.ts';
import { PAGE_ROWS } from '../../cli/audit/log-pages.ts';
import { PageRoom } from '../../cli/audit/page-room.ts';
import { auditRecord } from '../../cli/audit/record-audit.ts';
import { CollectorClient } from '../../cli/collector-client.ts';
import { leafOf } from '../../proto/leaf.ts';
import { ownCpuUs } from './agent-stage.ts';

const AGENT_ID = 'bench-agent';
const JSON_PAGE_ROWS = 8192;

const [mode, url, tokenFile, text] = process.argv.slice(2) as [string, string, string, string];
const wanted = Number(text);
const client = new CollectorClient({ url, tokenFile });
const source = new CollectorRecord(client);

async function audit(): Promise<number> {
  const report = await auditRecord({
    source,
    addon: loadAddon(),
    trusted: [],
    anchored: [],
    agentId: AGENT_ID,
    onProgress: () => {},
  });
  const [log] = report.logs;
  if (!report.ok || log?.sealedUpTo !== report.activities) throw new Error(JSON.stringify(report.problems));
  return report.activities;
}

/** One page ahead, into rooms that are used in turns, as cli/audit/log-pages.ts. */
async function read(): Promise<number> {
  const [odd, even] = [new PageRoom(), new PageRoom()];
  let ahead = source.page(AGENT_ID, 1, PAGE_ROWS, odd);
  for (let [first, isEven] = [1, true]; first <= wanted; first += PAGE_ROWS, isEven = !isEven) {
    const page = await ahead;
    if (page.bytes.length === 0) throw new Error('a page is empty');
    const next = first + PAGE_ROWS;
    if (next <= wanted) ahead = source.page(AGENT_ID, next, PAGE_ROWS, isEven ? even : odd);
  }
  return wanted;
}

async function inJavaScript(): Promise<number> {
  let rows = 0;
  for (let first = 1; first <= wanted; first += JSON_PAGE_ROWS) {
    const end = Math.min(first + JSON_PAGE_ROWS, wanted + 1);
    const sql = `SELECT ${JSON_COLUMNS_SQL} FROM sworn.activities AS a
      WHERE a.agent_id = {agent:String} AND a.seq >= {first:UInt64} AND a.seq < {end:UInt64}`;
    for (const row of await client.rows<JsonRow>(sql, { agent: AGENT_ID, first, end })) {
      const found = activityOfRow(row);
      if (found === undefined) throw new Error('a row is no activity');
      const { activity, agentId, host, leaf, digests } = found;
      if (!leafOf(activity, agentId, host, digests).equals(leaf)) throw new Error(`row ${found.seq} has another leaf`);
      rows += 1;
    }
  }
  return rows;
}

const [beforeMs, beforeUs] = [performance.now(), ownCpuUs()];
const rows = await (mode === 'audit' ? audit() : mode === 'read' ? read() : inJavaScript());
const seconds = (performance.now() - beforeMs) / 1000;
console.log(JSON.stringify({ rows, seconds, cpu_us: ownCpuUs() - beforeUs }));
