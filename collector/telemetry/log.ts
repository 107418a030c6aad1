// SPDX-License-Identifier: Apache-2.0

/**
 * The collector's own log: JSON lines. Secrets are never handed to it; the redaction here is the second lock. What has been
 * recorded does not belong in it either, and ClickHouse quotes the rows it chokes on: so messages of errors are cut.
 */
import { destination, type LevelWithSilent, type Logger, pino } from 'pino';
import { describeError } from '../model/error.ts';

export type Log = Logger;
export type LogLevel = LevelWithSilent;

const SECRET_KEYS = ['token', 'password', 'secret', 'authorization', 'private_key', 'privateKey'];

const CAUSES_MAX = 4;
const FRAMES_MAX = 12;

interface LoggedError {
  readonly type: string;
  readonly code?: unknown;
  readonly message: string;
  readonly at?: readonly string[];
  readonly cause?: LoggedError;
}

/** An error with its causes: bounded messages, and where it was thrown. A stack holds the whole message, so it is taken apart. */
export function errorForLog(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: describeError(error) };
  const { code } = error as { code?: unknown };
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return {
    type: error.name,
    ...(code === undefined ? {} : { code }),
    message: describeError(error),
    ...(frames.length === 0 ? {} : { at: frames.slice(0, FRAMES_MAX).map((line) => line.trim()) }),
    ...(error.cause === undefined || depth >= CAUSES_MAX ? {} : { cause: errorForLog(error.cause, depth + 1) }),
  };
}

export function createLog(level: LogLevel, fd = 2): Log {
  return pino(
    {
      level,
      base: { part: 'collector' },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      redact: { paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`]), censor: '[secret]' },
      serializers: { err: (error: unknown) => errorForLog(error) },
    },
    destination({ fd, sync: true }),
  );
}
