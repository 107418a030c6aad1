// SPDX-License-Identifier: Apache-2.0

/** The collector's own log: JSON lines. Secrets are never handed to it; the redaction here is the second lock. */
import { destination, type LevelWithSilent, type Logger, pino, stdSerializers } from 'pino';

export type Log = Logger;
export type LogLevel = LevelWithSilent;

const SECRET_KEYS = ['token', 'password', 'secret', 'authorization', 'private_key', 'privateKey'];

export function createLog(level: LogLevel, fd = 2): Log {
  return pino(
    {
      level,
      base: { part: 'collector' },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      redact: { paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`]), censor: '[secret]' },
      serializers: { err: stdSerializers.errWithCause },
    },
    destination({ fd, sync: true }),
  );
}
