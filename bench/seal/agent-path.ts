// SPDX-License-Identifier: Apache-2.0

/**
 * What an activity costs an agent from the journal on, sealed in one of three ways, in a process of its own.
 *
 *   node bench/seal/agent-path.ts nothing|leaves|all ACTIVITIES    prints {"append_us", "deliver_us"}: CPU time each
 *
 * With `nothing` the chain in the journal is none, so it is not read back.
 */
import { AgentStage, ownCpuUs, type Sealing } from './agent-stage.ts';

/** No rest in between. */
const UNBOUNDED = Number.POSITIVE_INFINITY;
const WARM = 60_000;

const [sealing, text] = process.argv.slice(2) as [Sealing, string];
const activities = Number(text);
const stage = await AgentStage.open(sealing);

/** CPU time an activity, microseconds. */
async function spent(work: () => Promise<void>): Promise<number> {
  const before = ownCpuUs();
  await work();
  return (ownCpuUs() - before) / activities;
}

await stage.append(Math.min(WARM, activities));
if (sealing !== 'nothing') await stage.deliver(UNBOUNDED);
const append_us = await spent(() => stage.append(activities));
const deliver_us = sealing === 'nothing' ? 0 : await spent(() => stage.deliver(UNBOUNDED));
await stage.close();
console.log(JSON.stringify({ append_us, deliver_us }));
