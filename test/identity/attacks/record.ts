// SPDX-License-Identifier: Apache-2.0

/** What ClickHouse has of the attacks. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Recording } from '../../oracle/recording/recording.ts';

export interface TokenRow {
  readonly seq: string;
  readonly pid: number;
  readonly session_pid: number;
  readonly workload: string;
  readonly action: string;
  readonly reason: string;
  readonly interface: string;
  readonly audience: string;
  readonly fingerprint: string;
  readonly suspicious: boolean;
  readonly count: string;
  readonly identity_name: string;
  readonly holder_session_id: string;
  readonly started_ms: number;
  readonly ended_ms: number;
  readonly alert: string;
}

/** Only turns a hang into a failure. */
const STORED_MS_MAX = 60_000;
/** An alert is made with the activity that it is of; it is stored a moment later. */
const ALERT_MS_MAX = 10_000;

const TOKENS = `
  SELECT toString(t.seq) AS seq, t.pid AS pid, s.pid AS session_pid, t.workload AS workload, t.action AS action,
         t.reason AS reason, t.interface AS interface, t.audience AS audience, t.fingerprint AS fingerprint,
         t.suspicious AS suspicious, toString(t.token_count) AS count, t.identity_name AS identity_name,
         t.holder_session_id AS holder_session_id, a.rule_title AS alert,
         toUnixTimestamp64Nano(t.time) / 1e6 AS started_ms, toUnixTimestamp64Nano(t.end_time) / 1e6 AS ended_ms
  FROM sworn.activities AS t
  LEFT JOIN (SELECT session_id, any(pid) AS pid FROM sworn.activities
             WHERE kind = 'session' AND action = 'started' GROUP BY session_id) AS s ON s.session_id = t.session_id
  LEFT JOIN (SELECT matched_seq, any(rule_title) AS rule_title FROM sworn.alerts GROUP BY matched_seq) AS a
         ON a.matched_seq = t.seq
  WHERE t.kind = 'token' ORDER BY t.seq`;

/** A session that is started and ends now comes after all that was before it. */
async function untilStored({ client, run }: Recording): Promise<void> {
  await run('victim', ['true']);
  const sql = `SELECT toUInt32(count()) AS open FROM sworn.sessions WHERE NOT ended`;
  const sql2 = `SELECT toUInt32(countIf(action = 'started')) AS started FROM sworn.activities WHERE kind = 'session'`;
  let before = -1;
  for (const until = Date.now() + STORED_MS_MAX; ; await sleep(200)) {
    const [[sessions], [all]] = await Promise.all([
      client.rows<{ open: number }>(sql),
      client.rows<{ started: number }>(sql2),
    ]);
    const { open } = sessions as { open: number };
    const { started } = all as { started: number };
    if (open === 0 && started === before) return;
    before = started;
    if (Date.now() > until) throw new Error(`the record did not arrive: ${open} sessions are open`);
  }
}

const isAlarming = ({ action, reason, interface: at, suspicious }: TokenRow): boolean =>
  (action === 'refused' && (/^(?:secret_wrong|caller_changed)$/.test(reason) || isOutsider(reason, at))) ||
  (action === 'observed' && suspicious);

const isOutsider = (reason: string, at: string): boolean => reason === 'not_a_workload' && at === 'app-service';

export async function readTokens(recording: Recording): Promise<readonly TokenRow[]> {
  await untilStored(recording);
  for (const until = Date.now() + ALERT_MS_MAX; ; await sleep(200)) {
    const rows = await recording.client.rows<TokenRow>(TOKENS);
    if (Date.now() > until || rows.every((row) => !isAlarming(row) || row.alert !== '')) return rows;
  }
}

/** Which findings there are of processes. */
export function readFindings({ client }: Recording): Promise<{ kind: string; subject: string; pid: number }[]> {
  return client.rows('SELECT kind, subject, pid FROM sworn.findings ORDER BY seq');
}
