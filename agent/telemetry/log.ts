// SPDX-License-Identifier: Apache-2.0

/** The agent's own log: JSON lines on standard error, where systemd takes them up. Never the record, never a secret. */
import { type Logger, pino } from 'pino';

export type Log = Logger;

export function createLog(level: string): Log {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
}
