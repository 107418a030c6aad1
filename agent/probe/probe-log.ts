// SPDX-License-Identifier: Apache-2.0

/** The part of the agent's log that is used here. */
export interface ProbeLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}
