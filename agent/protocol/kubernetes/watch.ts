// SPDX-License-Identifier: Apache-2.0

/**
 * The events of a watch, counted by type, as far as they were kept.
 *
 * Shape    JSON: an object {"type", "object"} a line; protobuf: frames (envelope.ts)
 * Source   Kubernetes documentation, "API Concepts", efficient detection of changes
 */
import { watchFrames } from './envelope.ts';
import { bufferOf, type Encoding } from './object.ts';

export interface WatchEvents {
  /** ADDED, MODIFIED, DELETED, BOOKMARK, ERROR. */
  readonly counts: Readonly<Record<string, number>>;
  /** Events that tell of an object. */
  readonly rows: number;
}

const TYPES = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']);
/** kube-apiserver writes the type first. */
const TYPE = /^\s*\{\s*"type"\s*:\s*"([A-Z]{1,16})"/;
const LINE_HEAD_BYTES = 64;
const NEWLINE = 0x0a;

export function watchEvents(given: Uint8Array, encoding: Encoding): WatchEvents {
  const bytes = bufferOf(given);
  const counts: Record<string, number> = {};
  const types = encoding === 'protobuf' ? watchFrames(bytes).map(({ type }) => type) : lineTypes(bytes);
  let rows = 0;
  for (const type of types) {
    if (!TYPES.has(type)) continue;
    counts[type] = (counts[type] ?? 0) + 1;
    if (type !== 'BOOKMARK' && type !== 'ERROR') rows++;
  }
  return { counts, rows };
}

function* lineTypes(bytes: Buffer): Generator<string> {
  for (let from = 0; from < bytes.length; ) {
    const newline = bytes.indexOf(NEWLINE, from);
    const to = newline < 0 ? bytes.length : newline;
    const head = bytes.toString('latin1', from, Math.min(to, from + LINE_HEAD_BYTES));
    yield TYPE.exec(head)?.[1] ?? '';
    from = to + 1;
  }
}
