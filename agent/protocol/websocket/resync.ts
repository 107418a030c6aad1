// SPDX-License-Identifier: Apache-2.0

/**
 * Where frames begin again when the place was lost. A head is two bytes that much looks like; so many of them, each where
 * the one before says that it ends, are no accident: one place in some ten million of random bytes.
 */
import type { Side } from '../decoder.ts';
import { type FrameHead, Opcode, type Reserved, readHead } from './frame.ts';

const CHAIN_FRAMES = 4;
/** At the end of a connection fewer do, if they end where it ends. */
const LAST_FRAMES_MIN = 2;
/** 64 KiB: what is held for the proof. Longer frames are passed over while the place is sought. */
const CHAIN_BYTES_MAX = 64 * 1024;

export type Chain = 'yes' | 'no' | 'not-yet';

/** Do frames of `from` begin at `at`? `isEnd`: nothing more comes behind these bytes. */
export function startsFrames(bytes: Uint8Array, at: number, from: Side, reserved: Reserved, isEnd: boolean): Chain {
  let next = at;
  let before: FrameHead | undefined;
  for (let frames = 0; frames < CHAIN_FRAMES; frames++) {
    if (next - at > CHAIN_BYTES_MAX) return 'no';
    if (next === bytes.length) return isEnd ? (frames >= LAST_FRAMES_MIN ? 'yes' : 'no') : 'not-yet';
    if (next > bytes.length) return isEnd ? 'no' : 'not-yet';
    const head = readHead(bytes, next, bytes.length, from, reserved);
    if (head === 'more') return isEnd ? 'no' : 'not-yet';
    if (head === 'malformed' || !head.isMinimal || !follows(head, before)) return 'no';
    if (head.opcode < Opcode.close) before = head;
    next += head.headBytes + head.payloadBytes;
  }
  return 'yes';
}

/** A fragment goes on with continuations, and only a fragment does. */
function follows(head: FrameHead, before: FrameHead | undefined): boolean {
  if (before === undefined || head.opcode >= Opcode.close) return true;
  return (head.opcode === Opcode.continuation) === !before.fin;
}
