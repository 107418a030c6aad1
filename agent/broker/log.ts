// SPDX-License-Identifier: Apache-2.0

/** What the broker needs of a logger; pino's has it. Fields never hold a token, an assertion, a secret or a key. */
export interface BrokerLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const silentLog: BrokerLog = { info() {}, warn() {}, error() {} };
