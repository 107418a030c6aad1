// SPDX-License-Identifier: Apache-2.0

/** What the record itself says that it lacks: losses by cause, and spans in which nobody recorded. */
import type { CollectorClient } from '../collector-client.ts';

export interface LossSum {
  readonly agent_id: string;
  readonly place: string;
  readonly reason: string;
  readonly losses: number;
  readonly events: number;
  readonly bytes: number;
}

export interface Gap {
  readonly kind:
    | 'not_recorded'
    | 'heartbeat_missing'
    | 'clock_jumped'
    | 'suspended'
    | 'unaccounted'
    | 'session_without_end';
  readonly agent_id: string;
  readonly from: string;
  readonly to: string;
  readonly message: string;
}

export interface Completeness {
  readonly ok: boolean;
  readonly losses: readonly LossSum[];
  readonly gaps: readonly Gap[];
  /** There are more than are listed. */
  readonly is_cut: boolean;
}

export interface CompletenessFilter {
  readonly agentId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

interface RecorderStep {
  readonly agent_id: string;
  readonly action: string;
  readonly at: string;
  readonly ms: string;
  readonly before_action: string;
  readonly before_at: string;
  readonly before_ms: string;
}

/** Sums of losses, and gaps of each kind. */
export const LISTED_MAX = 1_000;
/** Heartbeats that are as far apart as this many of the usual are missing some between them. */
const HEARTBEATS_MISSING = 3;

/** A reboot or an update: whoever restarts a recorder is told how long nothing was recorded, however short. */
const RECORDER_STEPS = `
  SELECT a.agent_id AS agent_id, a.action AS action, toString(a.time) AS at, toUnixTimestamp64Milli(a.time) AS ms,
    lagInFrame(a.action) OVER w AS before_action, toString(lagInFrame(a.time) OVER w) AS before_at,
    toUnixTimestamp64Milli(lagInFrame(a.time) OVER w) AS before_ms
  FROM sworn.activities AS a WHERE a.kind = 'recorder' AND {agent:String} IN ('', a.agent_id)
    AND ({from:String} = '' OR a.time >= parseDateTime64BestEffortOrZero({from:String}, 9, 'UTC'))
    AND ({to:String} = '' OR a.time < parseDateTime64BestEffortOrZero({to:String}, 9, 'UTC'))
  WINDOW w AS (PARTITION BY a.agent_id ORDER BY a.seq ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)`;

const WHERE = `{agent:String} IN ('', agent_id) AND {session:String} IN ('', session_id)
    AND ({from:String} = '' OR time >= parseDateTime64BestEffortOrZero({from:String}, 9, 'UTC'))
    AND ({to:String} = '' OR time < parseDateTime64BestEffortOrZero({to:String}, 9, 'UTC'))`;

export async function readCompleteness(client: CollectorClient, filter: CompletenessFilter): Promise<Completeness> {
  const { agentId: agent = '', sessionId: session = '', from = '', to = '' } = filter;
  const parameters = { agent, session, from, to };
  const sums = await client.rows<Record<'agent_id' | 'place' | 'reason' | 'losses' | 'events' | 'bytes', string>>(
    `SELECT agent_id, place, reason, count() AS losses, sum(events) AS events, sum(bytes) AS bytes FROM sworn.losses
     WHERE ${WHERE} GROUP BY agent_id, place, reason ORDER BY losses DESC, agent_id, place, reason LIMIT ${LISTED_MAX + 1}`,
    parameters,
  );
  const losses = sums.slice(0, LISTED_MAX).map((sum) => ({
    agent_id: sum.agent_id,
    place: sum.place,
    reason: sum.reason,
    losses: Number(sum.losses),
    events: Number(sum.events),
    bytes: Number(sum.bytes),
  }));
  const kinds = [
    await recorderGaps(client, parameters),
    await unaccounted(client, parameters),
    await withoutEnd(client, parameters),
  ];
  const gaps = kinds.flatMap((some) => some.slice(0, LISTED_MAX));
  const isCut = [sums, ...kinds].some((some) => some.length > LISTED_MAX);
  return { ok: losses.length === 0 && gaps.length === 0, losses, gaps, is_cut: isCut };
}

type Parameters = Readonly<Record<'agent' | 'session' | 'from' | 'to', string>>;

async function recorderGaps(client: CollectorClient, parameters: Parameters): Promise<Gap[]> {
  const steps = await client.rows<RecorderStep>(
    `WITH steps AS (${RECORDER_STEPS}),
       usual AS (SELECT agent_id, quantileExactIf(0.5)(ms - before_ms, action = 'heartbeat' AND before_action = 'heartbeat') AS usual_ms
                 FROM steps GROUP BY agent_id)
     SELECT agent_id, action, at, ms, before_action, before_at, before_ms FROM steps INNER JOIN usual USING (agent_id)
     WHERE action IN ('clock_jumped', 'suspended') OR (before_action != '' AND action = 'started')
        OR (before_action != '' AND usual_ms > 0 AND before_action != 'stopped' AND ms - before_ms >= usual_ms * ${HEARTBEATS_MISSING})
     ORDER BY agent_id, ms LIMIT ${LISTED_MAX + 1}`,
    parameters,
  );
  return steps.map((step) => {
    const { agent_id, action, at, ms, before_action, before_at, before_ms } = step;
    const seconds = ((Number(ms) - Number(before_ms)) / 1000).toFixed(1);
    const gap = { agent_id, from: before_at, to: at };
    if (action === 'clock_jumped') {
      return {
        ...gap,
        from: at,
        kind: 'clock_jumped',
        message: 'The clock of the host was set: times before and after do not compare.',
      };
    }
    if (action === 'suspended') return { ...gap, from: at, kind: 'suspended', message: 'The host slept.' };
    if (action !== 'started') {
      return {
        ...gap,
        kind: 'heartbeat_missing',
        message: `Nothing came from the recorder for ${seconds} s, though it was not stopped.`,
      };
    }
    const how = before_action === 'stopped' ? 'It was stopped' : 'It ended without saying so';
    return { ...gap, kind: 'not_recorded', message: `${how}: nothing was recorded for at most ${seconds} s.` };
  });
}

async function unaccounted(client: CollectorClient, parameters: Parameters): Promise<Gap[]> {
  const rows = await client.rows<{ agent_id: string; n: string; first: string; last: string }>(
    `SELECT agent_id, count() AS n, toString(min(time)) AS first, toString(max(end_time)) AS last FROM sworn.coverage
     WHERE NOT adds_up AND ${WHERE} GROUP BY agent_id ORDER BY agent_id LIMIT ${LISTED_MAX + 1}`,
    parameters,
  );
  return rows.map(({ agent_id, n, first, last }) => ({
    kind: 'unaccounted',
    agent_id,
    from: first,
    to: last,
    message: `The bytes of ${n} connections do not add up (sworn coverage --check lists them).`,
  }));
}

async function withoutEnd(client: CollectorClient, parameters: Parameters): Promise<Gap[]> {
  // A session that a later start of its recorder has left behind can have no end any more; others may still run.
  const rows = await client.rows<{ agent_id: string; session_id: string; first: string; last: string }>(
    `SELECT s.agent_id AS agent_id, s.session_id AS session_id, toString(s.first) AS first, toString(s.last) AS last FROM
       (SELECT agent_id, session_id, min(time) AS first, max(end_time) AS last, max(seq) AS last_seq FROM sworn.activities
        WHERE session_id != '' AND kind != 'alert' AND ${WHERE}
        GROUP BY agent_id, session_id HAVING countIf(kind = 'session' AND action = 'ended') = 0) AS s
     INNER JOIN (SELECT agent_id, max(seq) AS started FROM sworn.activities WHERE kind = 'recorder' AND action = 'started'
                 GROUP BY agent_id) AS r ON r.agent_id = s.agent_id
     WHERE r.started > s.last_seq ORDER BY first LIMIT ${LISTED_MAX + 1}`,
    parameters,
  );
  return rows.map(({ agent_id, session_id, first, last }) => ({
    kind: 'session_without_end',
    agent_id,
    from: first,
    to: last,
    message: `Session ${session_id} has no end, and its recorder was started anew since.`,
  }));
}
