// SPDX-License-Identifier: Apache-2.0

/** For tests of bounds: what is really held, garbage taken away first. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const COLLECTIONS_MAX = 20;

/** Bytes of the heap and of buffers that are still reachable. Buffers are let go by another thread, some time later. */
export function reachableBytes(): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < COLLECTIONS_MAX; i++) {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    if (heapUsed + arrayBuffers >= least) return least;
    least = heapUsed + arrayBuffers;
  }
  return least;
}
