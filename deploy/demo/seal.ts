// SPDX-License-Identifier: Apache-2.0

/** The seal of the demo's record: waited for, then held to account by the command that an auditor runs. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { CollectorClient } from '../../cli/collector-client.ts';
import type { Stage } from './stage.ts';

const SWORN = join(import.meta.dirname, '../../bin/sworn');
const SEAL_MS = 60_000;
const VERIFY_MS = 120_000;

export interface SealVerdict {
  readonly activities: number;
  readonly logs: number;
  readonly checkpoints: number;
  readonly cosigned: number;
  /** Empty: the integrity holds, and all that the demo did is sealed. */
  readonly faults: readonly string[];
}

/** What is read here of the object that `sworn verify --json` prints. */
interface Report {
  readonly integrity: {
    readonly ok: boolean;
    readonly agents: number;
    readonly activities: number;
    readonly checkpoints: number;
    readonly cosigned: number;
    readonly problems: readonly { readonly kind: string; readonly agent_id: string; readonly message: string }[];
    readonly logs: readonly { readonly agent_id: string; readonly sealed_up_to: number }[];
  };
}

/** Of all logs, the collector's own too: how far they go now. */
export async function logEnds(client: CollectorClient): Promise<ReadonlyMap<string, number>> {
  const rows = await client.rows<{ agent_id: string; last: string }>(
    'SELECT agent_id, max(seq) AS last FROM sworn.activities GROUP BY agent_id',
  );
  return new Map(rows.map(({ agent_id, last }) => [agent_id, Number(last)]));
}

/** Resolves when a cosigned checkpoint covers each log up to `ends`. Errors: an Error that names a log that is not. */
export async function sealedUpTo(client: CollectorClient, ends: ReadonlyMap<string, number>): Promise<void> {
  const until = Date.now() + SEAL_MS;
  for (;;) {
    const rows = await client.rows<{ agent_id: string; size: string }>(
      "SELECT agent_id, max(size) AS size FROM sworn.checkpoints WHERE verdict = 'cosigned' GROUP BY agent_id",
    );
    const sizes = new Map(rows.map(({ agent_id, size }) => [agent_id, Number(size)]));
    const open = [...ends].filter(([agentId, end]) => (sizes.get(agentId) ?? 0) < end);
    if (open.length === 0) return;
    if (Date.now() > until) throw new Error(`the log of ${open[0]?.[0]} was not sealed within a minute`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

export async function verifySeal(
  { apiUrl, tokenFile }: Pick<Stage, 'apiUrl' | 'tokenFile'>,
  ends: ReadonlyMap<string, number>,
): Promise<SealVerdict> {
  const { integrity } = await runVerify(['--url', apiUrl, '--token-file', tokenFile]);
  const sealed = new Map(integrity.logs.map(({ agent_id, sealed_up_to }) => [agent_id, sealed_up_to]));
  const faults = [...ends]
    .filter(([agentId, end]) => (sealed.get(agentId) ?? 0) < end)
    .map(([agentId]) => `not sealed: ${agentId}`);
  if (!integrity.ok) {
    faults.push(...integrity.problems.map(({ kind, agent_id, message }) => `${kind}: ${agent_id}: ${message}`));
    if (faults.length === 0) faults.push('sworn verify: the integrity does not hold');
  }
  const { activities, agents: logs, checkpoints, cosigned } = integrity;
  return { activities, logs, checkpoints, cosigned, faults };
}

/** It ends with 1 when the integrity does not hold, and has said on standard output what does not. */
function runVerify(options: readonly string[]): Promise<Report> {
  return new Promise((resolve, reject) => {
    const limits = { timeout: VERIFY_MS, maxBuffer: 64 * 1024 * 1024 };
    execFile(SWORN, ['verify', '--json', ...options], limits, (error, out, err) => {
      if (error !== null && out === '') reject(new Error(`sworn verify: ${err || error.message}`));
      else resolve(JSON.parse(out) as Report);
    });
  });
}
