// SPDX-License-Identifier: Apache-2.0

/** Whether this host can be recorded at all: tests that need it are skipped aloud elsewhere. */
import { hostChecks } from '../../agent/doctor/host-checks.ts';

/** What is missing; undefined when nothing is. */
export function missingOnHost(): string | undefined {
  const failed = hostChecks().filter(({ state }) => state === 'fail');
  return failed.length === 0 ? undefined : failed.map(({ name, found }) => `${name}: ${found}`).join('; ');
}
