// SPDX-License-Identifier: Apache-2.0

import type { FileKey, ProbeKind } from './code-image.ts';

export interface ProbeCount {
  readonly id: number;
  /** A number of `probeKind`. */
  readonly kind: number;
  /** How often a watched process or the canary came by, since it was attached. */
  readonly hits: number;
}

/** The kernel side of the probes: places them, counts them, and knows which files need no look. */
export interface ProbeAttacher {
  /**
   * Places a probe on a file; it is live in all processes that have the file mapped when this returns.
   *
   * Units   `fileOffset` in bytes, of the instruction
   * Errors  throws an Error whose `code` is the errno's name (EINVAL, EACCES, …)
   */
  attach(kind: ProbeKind, path: string, fileOffset: number): number;
  /** Unknown ids are ignored. */
  detach(id: number): void;
  /** Those that are attached now; an id that is missing here has no link any more. */
  probes(): readonly ProbeCount[];
  /**
   * A known file is mapped without an `image-mapped` event, as long as it was changed last at `changedNs` (its ctime, since
   * 1970). Left out: as when it is mapped next.
   */
  setImageKnown(file: FileKey, known: boolean, changedNs?: bigint): void;
  /** All that this process has mapped so far is known: its connections may go on. A process that is gone is no error. */
  settle(pid: number): void;
  /** This process exercises a probe: its hits count, its secrets are thrown away in the kernel. 0: none does. */
  setCanary(pid: number): void;
}
