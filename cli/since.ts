// SPDX-License-Identifier: Apache-2.0

import { InvalidArgumentError } from 'commander';

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `30m`, `2h`, `7d` ago, or a time as the system reads it → RFC 3339. Errors: InvalidArgumentError. */
export function parseSince(text: string, nowMs: number = Date.now()): string {
  const ago = /^(\d+)([smhd])$/.exec(text);
  const ms = ago === null ? Date.parse(text) : nowMs - Number(ago[1]) * (UNIT_MS[ago[2] as string] as number);
  // Years that a date can have, and JavaScript has a name for.
  if (Number.isNaN(ms) || Math.abs(ms) > 8.64e15) {
    throw new InvalidArgumentError('Write 30m, 2h, 7d, or a time like 2026-01-31T08:00:00Z.');
  }
  return new Date(ms).toISOString();
}
