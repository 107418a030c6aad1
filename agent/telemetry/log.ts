// SPDX-License-Identifier: Apache-2.0

/**
 * The agent's own log: JSON lines on standard error, where systemd takes them up. Never the record, never a secret: none is
 * handed to it, and what has the name of one is left out all the same. Messages of errors may quote what came from outside,
 * so they are cut.
 */
import { type Logger, pino } from 'pino';

export type Log = Logger;

const SECRET_NAMES = ['token', 'password', 'secret', 'authorization', 'assertion', 'key'];
const MESSAGE_LENGTH_MAX = 500;
const FRAMES_MAX = 12;
const CAUSES_MAX = 4;

export interface ErrorLine {
  readonly type: string;
  readonly code?: string;
  readonly message: string;
  readonly at?: readonly string[];
  readonly cause?: ErrorLine;
}

/** What is written of an error: its bounded message, where it was thrown, and the same of its causes. No other fields. */
export function errorLine(error: unknown, depth = 0): ErrorLine {
  if (!(error instanceof Error)) return { type: typeof error, message: cut(String(error)) };
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  // The first lines of a stack are the message once more, whole.
  const frames = (error.stack ?? '').split('\n').filter((line) => /^ {4}at /.test(line));
  return {
    type: error.name,
    ...(typeof code === 'string' && { code: cut(code) }),
    message: cut(error.message),
    ...(frames.length > 0 && { at: frames.slice(0, FRAMES_MAX).map((line) => cut(line.trim())) }),
    ...(cause !== undefined && depth < CAUSES_MAX && { cause: errorLine(cause, depth + 1) }),
  };
}

function cut(text: string): string {
  return text.length <= MESSAGE_LENGTH_MAX ? text : `${text.slice(0, MESSAGE_LENGTH_MAX)} …`;
}

export function createLog(level: string, fd = 2): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: SECRET_NAMES.flatMap((name) => [name, `*.${name}`]), censor: '[secret]' },
      serializers: { err: (error: unknown) => errorLine(error) },
    },
    pino.destination({ dest: fd, sync: true }),
  );
}
