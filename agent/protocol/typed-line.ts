// SPDX-License-Identifier: Apache-2.0

/**
 * Whether somebody is in the middle of a line. A stretch of a terminal is not cut there, for a while: a secret that is typed
 * slowly would lie in two, and neither half looks like one.
 */
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** Control-C and control-D: the line is given up. */
const GIVEN_UP = [0x03, 0x04];

/** 30 s: how long a stretch waits for the end of a line that is typed. Longer, and what was said long ago is not in the record. */
export const LINE_NS = 30e9;

export class TypedLine {
  #isUnfinished = false;

  typed(bytes: Uint8Array): void {
    const last = bytes.at(-1);
    if (last === undefined) return;
    this.#isUnfinished = last !== LINE_FEED && last !== CARRIAGE_RETURN && !GIVEN_UP.includes(last);
  }

  /** Whether a stretch that began then still waits for the end of the line. */
  waits(startedNs: number, nowNs: number): boolean {
    return this.#isUnfinished && nowNs - startedNs < LINE_NS;
  }
}
