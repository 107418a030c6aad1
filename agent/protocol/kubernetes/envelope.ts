// SPDX-License-Identifier: Apache-2.0

/**
 * Objects as application/vnd.kubernetes.protobuf.
 *
 * Shape    "k8s\0" · runtime.Unknown { 1: TypeMeta { 1: apiVersion, 2: kind }, 2: raw }; of raw, field 1 is the metadata
 *          A watch is frames, each with its length before it (u32 BE): WatchEvent { 1: type, 2: { 1: an envelope } }
 * Errors   never throws; undefined when it is no envelope
 * Source   Kubernetes documentation, "API Concepts", protobuf encoding; generated.proto of k8s.io/apimachinery and k8s.io/api
 */
import { bytesIn, eachIn, messageIn, numberIn, type ProtobufMessage, readProtobuf, textIn } from './protobuf.ts';

export const PROTOBUF_MAGIC = Buffer.from('k8s\0');

export interface Envelope {
  readonly apiVersion: string;
  readonly kind: string;
  readonly raw: Buffer;
  readonly object: ProtobufMessage;
  /** All of it was there. */
  readonly isWhole: boolean;
}

export function readEnvelope(bytes: Buffer): Envelope | undefined {
  if (bytes.length < 4 || bytes.compare(PROTOBUF_MAGIC, 0, 4, 0, 4) !== 0) return undefined;
  const unknown = readProtobuf(bytes.subarray(4));
  const type = messageIn(unknown, 1);
  const raw = bytesIn(unknown.fields, 2) ?? bytes.subarray(0, 0);
  const object = readProtobuf(raw);
  // Two of them: nobody knows which one counts.
  const isWhole = unknown.isWhole && object.isWhole && eachIn(unknown, 2).length <= 1;
  return { apiVersion: textIn(type, 1), kind: textIn(type, 2), raw, object, isWhole };
}

/** An object, as plain JSON would have the parts of it that are looked at. */
export function plainOf({ apiVersion, kind, object }: Envelope): Readonly<Record<string, unknown>> {
  if (kind === 'Status') return plainStatus(apiVersion, object);
  if (kind === 'DeleteOptions') return plainDeleteOptions(apiVersion, object);
  const metadata = messageIn(object, 1);
  if (kind.endsWith('List')) {
    return { apiVersion, kind, metadata: { resourceVersion: textIn(metadata, 2) }, items: eachIn(object, 2) };
  }
  return {
    apiVersion,
    kind,
    metadata: {
      name: textIn(metadata, 1),
      generateName: textIn(metadata, 2),
      namespace: textIn(metadata, 3),
      resourceVersion: textIn(metadata, 6),
    },
  };
}

function plainStatus(apiVersion: string, object: ProtobufMessage): Readonly<Record<string, unknown>> {
  return {
    apiVersion,
    kind: 'Status',
    status: textIn(object, 2),
    message: textIn(object, 3),
    reason: textIn(object, 4),
    code: numberIn(object, 6),
  };
}

function plainDeleteOptions(apiVersion: string, object: ProtobufMessage): Readonly<Record<string, unknown>> {
  const grace = object.fields.some(({ number }) => number === 1) ? numberIn(object, 1) : undefined;
  return {
    apiVersion,
    kind: 'DeleteOptions',
    ...(grace !== undefined && { gracePeriodSeconds: grace }),
    propagationPolicy: textIn(object, 4),
    dryRun: eachIn(object, 5).map((bytes) => bytes.toString('utf8')),
  };
}

/** The frames of a watch, as far as they are whole: what happened, and to what. */
export function watchFrames(bytes: Buffer): { type: string; object: Buffer }[] {
  const events: { type: string; object: Buffer }[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    if (length > bytes.length - at - 4) break;
    const event = readProtobuf(bytes.subarray(at + 4, at + 4 + length));
    const raw = messageIn(event, 2);
    events.push({ type: textIn(event, 1), object: (raw && bytesIn(raw.fields, 1)) ?? bytes.subarray(0, 0) });
    at += 4 + length;
  }
  return events;
}
