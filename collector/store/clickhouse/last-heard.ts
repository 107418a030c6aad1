// SPDX-License-Identifier: Apache-2.0

/** Who was heard of when, from the record itself: nothing else has to be kept in step with it. */

export interface LastHeardRow {
  readonly agent_id: string;
  readonly last_host: string;
  readonly last_seq: string;
  readonly last_action: string;
  readonly heard_ms: string;
  readonly told_rule: string;
  readonly told_ms: string;
}

/** Parameters: collector, since (Unix time, milliseconds), limit. Reads the rows of recorders and the collector's own. */
export const LAST_HEARD = `
SELECT heard.agent_id AS agent_id, last_host, last_seq, last_action, heard_ms, told_rule, told_ms
FROM (
  SELECT agent_id, argMax(host, seq) AS last_host, max(seq) AS last_seq, argMax(action, seq) AS last_action,
         toUnixTimestamp64Milli(max(received_at)) AS heard_ms
  FROM sworn.activities
  WHERE kind = 'recorder' AND action IN ('started', 'stopped', 'heartbeat')
    AND received_at >= fromUnixTimestamp64Milli({since:Int64})
  GROUP BY agent_id ORDER BY heard_ms DESC LIMIT {limit:UInt32}
) AS heard
LEFT JOIN (
  SELECT matched_agent_id AS told_of, argMax(rule_id, seq) AS told_rule,
         toUnixTimestamp64Milli(max(received_at)) AS told_ms
  FROM sworn.activities
  WHERE agent_id = {collector:String} AND kind = 'alert' AND rule_id IN ('agent_silent', 'agent_stopped', 'agent_back')
    AND received_at >= fromUnixTimestamp64Milli({since:Int64})
  GROUP BY matched_agent_id
) AS told ON heard.agent_id = told_of
ORDER BY heard_ms DESC`;
