// SPDX-License-Identifier: Apache-2.0

/**
 * Which of several collectors over one ClickHouse has an agent. ClickHouse knows no unique key; this is what keeps
 * (agent_id, seq) unique, without a clock:
 *
 *   take over   write a claim with a number above all of the agent; see that it is the greatest; wait until the inserts are over
 *               that run by then; only now is the highest seq asked for
 *   insert      the statement itself counts the claims of its block that are still the greatest, and fails before it reads a
 *               row when one is not
 *
 * An insert is in the list of running queries before it reads the claims. So either it read them before the new claim was
 * written: then whoever takes over finds it in the list, and waits. Or it reads them later, and fails.
 *
 * Each claim has a random ticket. It decides between two with one number, and it fences: an insert under an earlier claim
 * fails also when the same collector made the newer one.
 *
 * On a cluster a claim has to reach a majority of its shard's replicas (`insert_quorum`), and is read where all that did are
 * (`select_sequential_consistency`, which asks for quorum inserts that are not parallel).
 */
import { randomBytes } from 'node:crypto';
import { CollectorError } from '../../model/error.ts';
import type { Claim } from '../event-store.ts';
import { textLiteral } from './erasure-sql.ts';
import type { Topology } from './migrations.ts';
import type { Ask, RunningInserts } from './running-inserts.ts';
import { settingsSql } from './settings-sql.ts';

/** Many agents connect together: their claims are one insert. Below what a server takes as text of a query (256 KiB). */
const AGENTS_A_ROUND = 500;
/** Another collector may take the same number; after so many times somebody else has the agent for good. */
const ATTEMPTS_MAX = 8;

/** What the failed statement says. ClickHouse gives it the code of `throwIf`, which alone does not say whose. */
const LOST = 'sworn: a claim of this block holds no more';
const THROW_IF = '395';

/** For an insert behind which others are read with `SEQUENTIAL`. */
export const QUORUM = { insert_quorum: 'auto', insert_quorum_parallel: 0, distributed_foreground_insert: 1 } as const;
export const SEQUENTIAL = { select_sequential_consistency: 1 } as const;

export interface ClaimDeskOptions {
  readonly ask: Ask;
  /** Runs a statement that answers nothing. Errors are CollectorErrors. */
  readonly command: (doing: string, sql: string) => Promise<void>;
  readonly running: RunningInserts;
  readonly topology: Topology;
  readonly collectorId: string;
}

interface Waiting {
  readonly agentId: string;
  readonly resolve: (claim: Claim) => void;
  readonly reject: (error: unknown) => void;
}

interface Numbered extends Claim {
  readonly number: bigint;
}

/** A random number of 64 bits in decimal, never 0. */
function newTicket(): string {
  return String(randomBytes(8).readBigUInt64LE() || 1n);
}

export class ClaimDesk {
  readonly #options: ClaimDeskOptions;
  readonly #queue: Waiting[] = [];
  #running = false;

  constructor(options: ClaimDeskOptions) {
    this.#options = options;
  }

  /**
   * Resolves when no insert under an earlier claim of this agent can come any more.
   *
   * Errors   CollectorError `store_unavailable`
   */
  claim(agentId: string): Promise<Claim> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ agentId, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  async lost(claims: readonly Claim[]): Promise<ReadonlySet<Claim>> {
    if (claims.length === 0) return new Set();
    const tops = await this.#tops([...new Set(claims.map(({ agentId }) => agentId))]);
    return new Set(claims.filter(({ agentId, ticket }) => tops.get(agentId)?.ticket !== ticket));
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#queue.length > 0) {
      const round = this.#queue.splice(0, AGENTS_A_ROUND);
      try {
        const claims = await this.#claimAll([...new Set(round.map(({ agentId }) => agentId))]);
        await this.#options.running.passed();
        for (const { agentId, resolve } of round) resolve(claims.get(agentId)!);
      } catch (error) {
        for (const { reject } of round) reject(error);
      }
    }
    this.#running = false;
  }

  async #claimAll(agents: readonly string[]): Promise<ReadonlyMap<string, Claim>> {
    const held = new Map<string, Claim>();
    let open = agents;
    for (let attempt = 1; open.length > 0; attempt++) {
      if (attempt > ATTEMPTS_MAX) {
        throw new CollectorError('store_unavailable', `${open[0]} is claimed by other collectors at the same moment`);
      }
      const before = await this.#tops(open);
      const claims = open.map((agentId) => {
        const number = (before.get(agentId)?.number ?? 0n) + 1n;
        return { agentId, number, ticket: newTicket() };
      });
      await this.#write(claims);
      const after = await this.#tops(open);
      for (const { agentId, ticket } of claims) {
        if (after.get(agentId)?.ticket === ticket) held.set(agentId, { agentId, ticket });
      }
      open = open.filter((agentId) => !held.has(agentId));
    }
    return held;
  }

  async #write(claims: readonly Numbered[]): Promise<void> {
    const { command, collectorId, topology } = this.#options;
    const rows = claims.map(({ agentId, number, ticket }) => `(${textLiteral(agentId)}, ${number}, ${ticket})`);
    const settings = { async_insert: 0, ...(topology.kind === 'cluster' ? QUORUM : {}) };
    await command(
      'claim agents',
      'INSERT INTO sworn.claims (agent_id, number, ticket, collector_id, claimed_at) ' +
        `SELECT agent_id, number, ticket, ${textLiteral(collectorId)}, now64(3) ` +
        `FROM values('agent_id String, number UInt64, ticket UInt64', ${rows.join(', ')}) ${settingsSql(settings)}`,
    );
  }

  /** The greatest claim of each of these agents that has one. */
  async #tops(agents: readonly string[]): Promise<ReadonlyMap<string, Numbered>> {
    const { ask, topology } = this.#options;
    const settings = topology.kind === 'cluster' ? ` ${settingsSql(SEQUENTIAL)}` : '';
    const rows = await ask<{ agent: string; n: string; t: string }>(
      'look up claims',
      'SELECT agent_id AS agent, (max((number, ticket)) AS top).1 AS n, top.2 AS t FROM sworn.claims ' +
        `WHERE agent_id IN (${agents.map(textLiteral).join(', ')}) GROUP BY agent_id${settings}`,
    );
    return new Map(rows.map(({ agent, n, t }) => [agent, { agentId: agent, number: BigInt(n), ticket: t }]));
  }
}

/** A condition that is true, or ends the statement before it has read anything when one of these claims holds no more. */
export function allHeldSql(claims: readonly Claim[]): string {
  const tickets = [...new Set(claims.map(({ ticket }) => ticket))];
  return (
    `(SELECT throwIf(count() != ${tickets.length}, ${textLiteral(LOST)}) FROM ` +
    '(SELECT max((number, ticket)).2 AS top FROM sworn.claims GROUP BY agent_id) ' +
    `WHERE top IN (${tickets.join(', ')})) = 0`
  );
}

/** Whether a statement ended by that condition. */
export function isClaimLost(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return code === THROW_IF && String(message).includes(LOST);
}
