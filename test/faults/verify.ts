// SPDX-License-Identifier: Apache-2.0

/** What `sworn verify` says of a record against what the scenarios know: both must agree. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from './fault.ts';

const COMMAND = join(import.meta.dirname, '../../cli/commands/verify.ts');
/** What it calls things that are no fault. */
const INFORMATION = new Set(['not_sealed_yet', 'erased']);
/** What it must find in a store with agents of older images and double lives, which it is told of. */
const OF_IMAGES = new Set(['forked', 'rolled_back']);

interface Verdict {
  readonly integrity: {
    readonly agents: number;
    readonly activities: number;
    readonly cosigned: number;
    readonly problems: readonly { readonly kind: string; readonly agent_id: string; readonly message: string }[];
  };
}

/** `run` is `sworn` with these words; it gives what it printed, whatever its exit code was. */
export async function verifyAgrees(
  run: (args: readonly string[]) => Promise<string>,
  say: (text: string) => void,
): Promise<Fault[]> {
  if (!existsSync(COMMAND)) {
    say('verify is not there yet');
    return [];
  }
  const text = await run(['verify', '--json']);
  const { integrity } = JSON.parse(text) as Verdict;
  const { agents, activities, cosigned } = integrity;
  const problems = integrity.problems.filter(({ kind }) => !INFORMATION.has(kind) && !OF_IMAGES.has(kind));
  say(
    `verify: ${activities} activities of ${agents} agents, ${cosigned} cosigned checkpoints, ${problems.length} problems`,
  );
  return problems.map(({ kind, agent_id: agent, message }) => ({
    kind: 'lost',
    text: `verify does not agree: ${kind} of ${agent}: ${message}`,
  }));
}
