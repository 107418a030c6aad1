// SPDX-License-Identifier: Apache-2.0

/**
 * For journal-crash.test.ts: a process that appends as fast as it may until it is killed. It says on standard output which
 * number was acknowledged last; the sample at number n is sample n, so that whoever reads the journal knows what to find.
 */
import { writeSync } from 'node:fs';
import { Journal } from './journal.ts';
import { sampleCommand } from './sample-activities.ts';

const folder = process.argv[2]!;
const options = { segmentBytesMax: 2_000_000, groupBytesMax: 500_000, flushDelayMs: 2, diskFreeBytesMin: 0 };
const journal = await Journal.open({ folder, agentId: 'agent-1', host: 'host-1', ...options });
writeSync(1, `0\n`);
for (;;) {
  // Bursts of different sizes, so that kills meet single entries, full groups and new segments.
  const burst = 1 + Math.floor(Math.random() ** 4 * 4000);
  for (let count = 0; count < burst; count += 1) journal.append(sampleCommand(journal.state.lastSeq + 1));
  await journal.flushed(journal.state.lastSeq - Math.floor(Math.random() * 10));
  writeSync(1, `${journal.durableSeq}\n`);
  // As if a collector had all but the last: old segments are deleted under way.
  if (Math.random() < 0.1) journal.forget(journal.durableSeq - 5000);
}
