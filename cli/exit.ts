// SPDX-License-Identifier: Apache-2.0

/** How the command line ends: 0 all is well, 1 it did not work, 2 it was asked wrongly or the host lacks something. */
export const EXIT = { ok: 0, failed: 1, unusable: 2 } as const;

/** An end with a message for a person: what is wrong, and what to do next. */
export class CliError extends Error {
  readonly exitCode: number;
  readonly next: string;

  constructor(message: string, next = '', exitCode: number = EXIT.failed) {
    super(message);
    this.name = 'CliError';
    this.next = next;
    this.exitCode = exitCode;
  }
}
