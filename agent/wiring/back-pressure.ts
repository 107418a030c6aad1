// SPDX-License-Identifier: Apache-2.0

/**
 * When the agent takes more of the kernel's events. Never before other work had its turn: batches that follow each other
 * without a break would keep the journal from hearing that its writes are done, and payloads would be dropped for want of
 * room that there is. And while the journal is behind, events wait before the agent, as long as there is room for what may
 * come meanwhile: beyond it the journal's own bounds decide, which drop payloads before anything else.
 */
import { setImmediate, setTimeout } from 'node:timers/promises';

const LOOK_AGAIN_MS = 2;
const WAITING_SHARE_MAX = 0.75;

export interface Pressure {
  /** Bytes that the journal holds and the disk does not. */
  readonly pendingBytes: number;
  /** How much of the room for events that nobody took yet is used: 0 to 1. */
  readonly waitingShare: number;
}

/** Resolves when more may be taken. */
export async function whenMoreMayCome(pressure: () => Pressure, pendingBytesMax: number): Promise<void> {
  await setImmediate();
  for (;;) {
    const { pendingBytes, waitingShare } = pressure();
    if (pendingBytes < pendingBytesMax || waitingShare > WAITING_SHARE_MAX) return;
    await setTimeout(LOOK_AGAIN_MS);
  }
}
