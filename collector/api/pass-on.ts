// SPDX-License-Identifier: Apache-2.0

/** A long answer of the store, on to who asked for it; each piece is given back when it has left. */
import type { Readable, Writable } from 'node:stream';
import { giveBack } from '../model/given-back.ts';

/** Takes no more than `to` does. An answer that breaks off breaks `to` off, and who goes ends the answer. */
export function passOn(from: Readable, to: Writable): void {
  if (to.destroyed) {
    from.destroy();
    return;
  }
  from.on('data', (piece: Uint8Array) => {
    if (!to.write(piece, () => giveBack(piece))) from.pause();
  });
  to.on('drain', () => from.resume());
  from.once('end', () => to.end());
  from.once('error', () => to.destroy());
  to.once('close', () => from.destroy());
}
