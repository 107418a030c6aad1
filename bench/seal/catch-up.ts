// SPDX-License-Identifier: Apache-2.0

/**
 * How fast an agent catches up with what its journal has gathered while there was no collector.
 *
 *   node bench/seal/catch-up.ts SHARE|unbounded ACTIVITIES    prints {"seconds", "cpu_seconds"}
 */
import { AgentStage, ownCpuUs } from './agent-stage.ts';

const WARM = 30_000;

const [share, text] = process.argv.slice(2) as [string, string];
const activities = Number(text);
const stage = await AgentStage.open('all');
// An agent has delivered before.
await stage.append(Math.min(WARM, activities));
await stage.deliver(Number.POSITIVE_INFINITY);
await stage.append(activities);
const [beforeMs, beforeUs] = [performance.now(), ownCpuUs()];
await stage.deliver(share === 'unbounded' ? Number.POSITIVE_INFINITY : Number(share));
const result = { seconds: (performance.now() - beforeMs) / 1000, cpu_seconds: (ownCpuUs() - beforeUs) / 1e6 };
await stage.close();
console.log(JSON.stringify(result));
