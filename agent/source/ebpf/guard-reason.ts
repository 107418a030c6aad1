// SPDX-License-Identifier: Apache-2.0

/** Why `refuseActs` threw, in one line: the kernel's own words come after what was tried, on lines of their own. */
export function whyNotGuarded(error: unknown): string {
  const [first = '', ...lines] = (error instanceof Error ? error.message : String(error)).trim().split('\n');
  return lines.at(-1)?.trim() || first;
}
