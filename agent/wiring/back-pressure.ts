// SPDX-License-Identifier: Apache-2.0

/**
 * When the agent takes more of the kernel's events. Never before other work had its turn: batches that follow each other
 * without a break would keep the journal from hearing that its writes are done, and payloads would be dropped for want of
 * room that there is. And while the journal is behind, events wait in the ring, as long as that has room for what may come
 * meanwhile: beyond it the journal's own bounds decide, which drop payloads before anything else.
 */
import { setImmediate, setTimeout } from 'node:timers/promises';

const LOOK_AGAIN_MS = 2;
const RING_SHARE_MAX = 0.5;

export interface Pressure {
  /** Bytes that the journal holds and the disk does not. */
  readonly pendingBytes: number;
  readonly ringWaitingBytes: number;
}

export interface PressureBounds {
  readonly pendingBytesMax: number;
  readonly ringBytes: number;
}

/** Resolves when more may be taken. */
export async function whenMoreMayCome(pressure: () => Pressure, bounds: PressureBounds): Promise<void> {
  await setImmediate();
  for (;;) {
    const { pendingBytes, ringWaitingBytes } = pressure();
    if (pendingBytes < bounds.pendingBytesMax || ringWaitingBytes > bounds.ringBytes * RING_SHARE_MAX) return;
    await setTimeout(LOOK_AGAIN_MS);
  }
}
