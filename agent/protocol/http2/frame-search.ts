// SPDX-License-Identifier: Apache-2.0

/**
 * Where frames begin again in bytes of which the beginning was not seen: where so many follow one another that it is no
 * chance, or where they end exactly with the connection.
 */
import { FRAME_HEADER_BYTES, frameHeader, isPlausible } from './frames.ts';

/** One by chance is one in some millions of places; payloads have millions. */
const FRAMES_IN_A_ROW = 3;

export type FrameSearch =
  | { readonly kind: 'found'; readonly at: number }
  /** Nothing begins before `at`; what is there needs more bytes to be told. */
  | { readonly kind: 'open'; readonly at: number };

/** `reachMax`: a chain that is longer than this is none. `isWhole`: no more bytes will come. */
export function findFrames(bytes: Buffer, from: 'client' | 'server', reachMax: number, isWhole: boolean): FrameSearch {
  for (let at = 0; at < bytes.length; at++) {
    const chain = chainAt(bytes, at, from, reachMax, isWhole);
    if (chain === 'yes') return { kind: 'found', at };
    if (chain === 'not-yet') return { kind: 'open', at };
  }
  return { kind: 'open', at: bytes.length };
}

function chainAt(
  bytes: Buffer,
  start: number,
  from: 'client' | 'server',
  reachMax: number,
  isWhole: boolean,
): 'yes' | 'no' | 'not-yet' {
  let at = start;
  for (let frames = 0; frames < FRAMES_IN_A_ROW; frames++) {
    if (at + FRAME_HEADER_BYTES - start > reachMax) return 'no';
    if (at + FRAME_HEADER_BYTES > bytes.length) {
      if (!isWhole) return 'not-yet';
      return frames > 0 && at === bytes.length ? 'yes' : 'no';
    }
    if (!isPlausible(bytes, at, from)) return 'no';
    at += FRAME_HEADER_BYTES + frameHeader(bytes, at).length;
  }
  return 'yes';
}
