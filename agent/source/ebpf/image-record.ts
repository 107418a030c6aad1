// SPDX-License-Identifier: Apache-2.0

import type { ImageMapped } from '../../model/kernel-event.ts';
import { processAt, scopeAt, u64 } from './fields.ts';
import { event, imageEvent, limits } from './layout.generated.ts';
import { pathOf } from './program-reader.ts';

/** One image event, which is whole. */
export function readImage(batch: Buffer, at: number): ImageMapped {
  const flags = batch.readUInt16LE(at + event.flags);
  const start = at + imageEvent.data;
  const components = batch.subarray(start, start + batch.readUInt16LE(at + imageEvent.pathBytes));
  return {
    type: 'image-mapped',
    atNs: u64(batch, at + event.timeNs),
    process: processAt(batch, at + imageEvent.process),
    scope: scopeAt(batch, at + imageEvent.scope),
    file: { device: batch.readUInt32LE(at + imageEvent.device), inode: batch.readBigUInt64LE(at + imageEvent.inode) },
    path: pathOf(components, (flags & limits.flagPathCut) !== 0),
    isProgram: (flags & limits.flagProgram) !== 0,
  };
}
