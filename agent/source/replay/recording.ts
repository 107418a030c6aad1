// SPDX-License-Identifier: Apache-2.0

/**
 * Kernel events as a file: to run the recorder without a kernel, and to hand on what made it fail.
 *
 * Shape    JSON lines. The first is the header; each other is one event as `model/kernel-event.ts` has it, with 64-bit
 *          numbers (`startNs`, `sessionKey`) as decimal text and bytes as text, one character a byte (latin1)
 * Beware   a recording holds what crossed the connections as it was, credentials included: nothing is redacted here
 */
import type { KernelEvent } from '../../model/kernel-event.ts';

export interface RecordingHeader {
  readonly recording: 1;
  /** Nanoseconds since the Unix epoch at the source's time 0, decimal. */
  readonly epochUnixNs: string;
  /** How it was made. */
  readonly note: string;
}

const BIGINTS = new Set(['startNs', 'sessionKey']);

/** One line, without its end. */
export function eventToLine(event: KernelEvent): string {
  const plain =
    event.type === 'bytes-moved' || event.type === 'terminal-moved' ? { ...event, bytes: textOf(event.bytes) } : event;
  return JSON.stringify(plain, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}

/** Errors: an Error when the line is no event. */
export function lineToEvent(line: string): KernelEvent {
  const event: unknown = JSON.parse(line, (key, value: unknown) => {
    if (BIGINTS.has(key) && typeof value === 'string') return BigInt(value);
    return key === 'bytes' && typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
  });
  if (typeof event !== 'object' || event === null || typeof (event as { type?: unknown }).type !== 'string') {
    throw new Error('this is no event');
  }
  return event as KernelEvent;
}

/** Errors: an Error when the line is no header of a recording that this version reads. */
export function lineToHeader(line: string): RecordingHeader {
  const header = JSON.parse(line) as Partial<RecordingHeader>;
  if (header.recording !== 1 || typeof header.epochUnixNs !== 'string') throw new Error('this is no recording');
  return { recording: 1, epochUnixNs: header.epochUnixNs, note: header.note ?? '' };
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
