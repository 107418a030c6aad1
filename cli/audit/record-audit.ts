// SPDX-License-Identifier: Apache-2.0

/** All logs of a record, or some, or some parts of them, held to account. */
import type { Addon } from '../../agent/source/ebpf/addon.ts';
import { isFault, type Problem, ProblemList } from './audit-finding.ts';
import { type AnchoredNote, checkpointOf } from './checkpoint-points.ts';
import { checkTombstones } from './erased-rows.ts';
import { KeyRing, type RingKey, type Trust } from './key-ring.ts';
import { LogAudit, type LogResult, type Span } from './log-audit.ts';
import { explainAcrossLogs, type Unexplained } from './log-suspects.ts';
import { believable } from './own-claims.ts';
import type { AgentExtent, RecordSource } from './record-source.ts';

export interface AuditRequest {
  readonly source: RecordSource;
  readonly addon: Pick<Addon, 'RowLeafWriter' | 'growTree'>;
  readonly trusted: readonly { readonly line: string; readonly trust: Trust }[];
  readonly anchored: readonly AnchoredNote[];
  /** Only this log. */
  readonly agentId?: string | undefined;
  /** By log, the numbers that are asked for; logs that are not in it are left out. */
  readonly spans?: ReadonlyMap<string, Span> | undefined;
  readonly onProgress: (rows: number, of: number, agentId: string) => void;
  readonly pageRows?: number;
}

export interface IntegrityReport {
  readonly ok: boolean;
  readonly agents: number;
  readonly activities: number;
  readonly checkpoints: number;
  readonly cosigned: number;
  readonly witnessed: number;
  readonly problems: readonly Problem[];
  /** More that were found and are not listed. */
  readonly problems_left_out: number;
  readonly logs: readonly LogResult[];
  readonly keys: readonly RingKey[];
}

export async function auditRecord(request: AuditRequest): Promise<IntegrityReport> {
  const { source, addon, trusted, anchored, agentId, spans, onProgress, pageRows } = request;
  const problems = new ProblemList();
  const keyClaims = await source.keys();
  const keys = new KeyRing(trusted, keyClaims);
  for (const line of keys.unreadable)
    problems.add('key_changed', line.split('+')[0] ?? '', 0, 0, 'What stands as its key is none.');
  const agents = withAnchored(await source.agents(), anchored).filter(
    (one) => (agentId === undefined || one.agentId === agentId) && (spans === undefined || spans.has(one.agentId)),
  );
  const nowMs = Date.now();
  const tombstones = await believable(source, keys, await source.tombstones(), nowMs);
  const declaredHoles = await believable(source, keys, await source.declaredHoles(), nowMs);
  const total = agents.reduce((sum, { rows }) => sum + rows, 0);
  const logs: LogResult[] = [];
  const unexplained: Unexplained[] = [];
  let done = 0;
  for (const agent of agents) {
    const mine = anchored.filter(({ note }) => typeof checkpointOf(note, agent.agentId) !== 'string');
    const onRows = (rows: number): void => {
      done += rows;
      onProgress(done, total, agent.agentId);
    };
    const context = {
      ...{ source, addon, problems, unexplained, keys, keyClaims, tombstones, declaredHoles },
      anchored: mine,
      onRows,
    };
    const audit = new LogAudit({ ...context, ...(pageRows === undefined ? {} : { pageRows }) }, agent);
    logs.push(await audit.run(spans?.get(agent.agentId)));
  }
  explainAcrossLogs(problems, unexplained);
  const audited = new Set(agents.map((one) => one.agentId));
  await checkTombstones({ source, problems, tombstones }, audited);
  const sum = (of: (log: LogResult) => number): number => logs.reduce((all, log) => all + of(log), 0);
  return {
    ok: problems.ok,
    agents: logs.length,
    activities: sum(({ activities }) => activities),
    checkpoints: sum(({ checkpoints }) => checkpoints),
    cosigned: sum(({ cosigned }) => cosigned),
    witnessed: sum(({ witnessed }) => witnessed),
    problems: inOrder(problems.problems),
    problems_left_out: problems.leftOut,
    logs,
    keys: keys.keys,
  };
}

/** A log that only an anchor knows was here once. */
function withAnchored(agents: readonly AgentExtent[], anchored: readonly AnchoredNote[]): AgentExtent[] {
  const known = new Set(agents.map(({ agentId }) => agentId));
  const all = [...agents];
  for (const { note } of anchored) {
    const agentId = /^sworn\/(.+)$/.exec(note.text.split('\n')[0] ?? '')?.[1];
    if (agentId === undefined || known.has(agentId)) continue;
    known.add(agentId);
    all.push({ agentId, rows: 0, highestSeq: 0 });
  }
  return all;
}

/** Faults first, then by log and number. */
export function inOrder(problems: readonly Problem[]): Problem[] {
  return [...problems].sort(
    (a, b) =>
      Number(isFault(b)) - Number(isFault(a)) ||
      a.agent_id.localeCompare(b.agent_id) ||
      a.first_seq - b.first_seq ||
      a.last_seq - b.last_seq,
  );
}
