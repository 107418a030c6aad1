// SPDX-License-Identifier: Apache-2.0

/** Batches as an agent sends them: activities, length-prefixed, zstd, in a Delivery message. */
import { zstdCompressSync } from 'node:zlib';
import protobuf from 'protobufjs/minimal.js';
import { sworn } from '../../proto/record.ts';
import type { ActivityProperties } from '../model/activity.ts';
import { makeActivity } from './activity-maker.ts';

/** The bytes of activities as they stand in a batch before compression. */
export function encodeActivities(activities: readonly ActivityProperties[]): Buffer {
  const writer = protobuf.Writer.create();
  for (const activity of activities) writer.bytes(sworn.v1.Activity.encode(activity).finish());
  return Buffer.from(writer.finish());
}

/** A Delivery with a batch of these activities, ready to be sent. */
export function encodeBatch(
  activities: readonly ActivityProperties[],
  firstSeq = Number(activities[0]?.seq ?? 1),
): Buffer {
  const bytes = encodeActivities(activities);
  const batch = {
    firstSeq,
    count: activities.length,
    activitiesZstd: zstdCompressSync(bytes),
    uncompressedBytes: bytes.length,
  };
  return Buffer.from(sworn.v1.Delivery.encode({ batch }).finish());
}

/** A Delivery with realistic activities firstSeq … firstSeq + count - 1. */
export function makeBatch(firstSeq: number, count: number): Buffer {
  return encodeBatch(Array.from({ length: count }, (_, at) => makeActivity(firstSeq + at)));
}
