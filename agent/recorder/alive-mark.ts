// SPDX-License-Identifier: Apache-2.0

/**
 * When the recorder was last known to record: a small file, rewritten every second. After a crash it bounds the span that
 * nobody saw.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

interface Mark {
  readonly bootId: string;
  /** Nanoseconds since the Unix epoch. */
  readonly atUnixNs: string;
  readonly ended: boolean;
}

export interface Absence {
  readonly sinceUnixNs: bigint;
  readonly reason: 'agent_stopped' | 'agent_not_running' | 'host_restarted';
}

export class AliveMark {
  readonly #file: string;
  readonly #bootId: string;
  /** Since when nothing was recorded, until now; undefined at the very first start. */
  readonly absence: Absence | undefined;

  constructor(file: string, bootId: string) {
    this.#file = file;
    this.#bootId = bootId;
    this.absence = readAbsence(file, bootId);
  }

  /** Errors: those of the file system. */
  write(atUnixNs: bigint, ended: boolean): void {
    const mark: Mark = { bootId: this.#bootId, atUnixNs: String(atUnixNs), ended };
    writeFileSync(`${this.#file}.new`, JSON.stringify(mark), { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }
}

function readAbsence(file: string, bootId: string): Absence | undefined {
  let mark: Mark;
  try {
    mark = JSON.parse(readFileSync(file, 'utf8')) as Mark;
  } catch {
    return undefined;
  }
  const reason = mark.ended ? 'agent_stopped' : mark.bootId === bootId ? 'agent_not_running' : 'host_restarted';
  return { sinceUnixNs: BigInt(mark.atUnixNs), reason };
}
