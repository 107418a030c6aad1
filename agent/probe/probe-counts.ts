// SPDX-License-Identifier: Apache-2.0

/** What the keeper has done, and what it has left undone. */
export interface ProbeCounts {
  /** Processes that have mapped something that is looked at now. */
  waiting: number;
  /** Images that workloads mapped. */
  mapped: number;
  /** Of them, those of processes that were gone before the file could be opened. */
  gone: number;
  /** Files that were looked into. */
  inspected: number;
  /** Files that were known from an earlier look, by what they are or by all that they hold. */
  remembered: number;
  /** Earlier looks that did not hold: other instructions are where a probe should be. */
  misremembered: number;
  /** Files of earlier looks that could not be used, or not be written. */
  cacheFailures: number;
  /** Files of the host beyond HOST_FILES_MAX: looked at when a workload maps them. */
  notScanned: number;
  /** Files that could not be opened or read. */
  unreadable: number;
  /** Searches for one family of libraries in one file that ended in an error of ours. */
  failedSearches: number;
  /** Files that wanted more reading than is allowed. */
  cut: number;
  /** Files that were taken by their path, because their device numbers cannot be compared. */
  inexact: number;
  attached: number;
  refused: number;
  detached: number;
  /** Files that the kernel side had no room for: they are told of each time. */
  notKnown: number;
  /** Files that were forgotten to make room. */
  forgotten: number;
  /** Probes that a canary, or their link alone, has shown to be alive. */
  proved: number;
  linked: number;
  silent: number;
  /** Rounds that failed. */
  failedRounds: number;
  /** Findings that were not told, because there were too many at once. */
  untold: number;
}

export function emptyCounts(): ProbeCounts {
  return {
    waiting: 0,
    mapped: 0,
    gone: 0,
    inspected: 0,
    remembered: 0,
    misremembered: 0,
    cacheFailures: 0,
    notScanned: 0,
    unreadable: 0,
    failedSearches: 0,
    cut: 0,
    inexact: 0,
    attached: 0,
    refused: 0,
    detached: 0,
    notKnown: 0,
    forgotten: 0,
    proved: 0,
    linked: 0,
    silent: 0,
    failedRounds: 0,
    untold: 0,
  };
}
