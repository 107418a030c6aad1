// SPDX-License-Identifier: Apache-2.0

/** What `sworn verify` says of a record against what the scenarios know: both must agree. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from './fault.ts';

const COMMAND = join(import.meta.dirname, '../../cli/commands/verify.ts');
const WORDS = ['verify', '--json'];
/** What it calls things that are no fault. */
const INFORMATION = new Set(['not_sealed_yet', 'erased']);
/** Two histories of one agent, as an image of its disk makes them: it is right to tell of them. */
const OF_TWO_HISTORIES = new Set(['forked', 'rolled_back']);

interface Problem {
  readonly kind: string;
  readonly agent_id: string;
  readonly message: string;
}

interface Verdict {
  readonly integrity: {
    readonly agents: number;
    readonly activities: number;
    readonly cosigned: number;
    readonly problems: readonly Problem[];
  };
}

export interface Expected {
  /** This one alone. */
  readonly agentId?: string;
  /** Agents that had two histories. */
  readonly forked?: ReadonlySet<string>;
  readonly say: (text: string) => void;
}

/** `run` is `sworn` with these words at the collector in question; it gives what it printed, whatever its exit code was. */
export async function verifyAgrees(
  run: (args: readonly string[]) => Promise<string>,
  { agentId, forked = new Set(), say }: Expected,
): Promise<Fault[]> {
  if (!existsSync(COMMAND)) {
    say('verify is not there yet');
    return [];
  }
  const { integrity } = JSON.parse(
    await run([...WORDS, ...(agentId === undefined ? [] : ['--agent', agentId])]),
  ) as Verdict;
  const { agents, activities, cosigned, problems } = integrity;
  const isRight = ({ kind, agent_id: agent }: Problem): boolean =>
    INFORMATION.has(kind) || (OF_TWO_HISTORIES.has(kind) && forked.has(agent));
  const wrong = problems.filter((problem) => !isRight(problem));
  say(`verify: ${activities} activities of ${agents} logs, ${cosigned} cosigned checkpoints, ${wrong.length} problems`);
  return wrong.map(({ kind, agent_id: agent, message }) => ({
    kind: 'lost',
    text: `verify does not agree: ${kind} of ${agent}: ${message}`,
  }));
}
