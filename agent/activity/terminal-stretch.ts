// SPDX-License-Identifier: Apache-2.0

/**
 * A stretch of a terminal as the record has it: what was typed, what was shown, and a timing that says in which order.
 *
 * What a terminal does not show while it is typed is a password, or may be one: it is counted, and not kept. Sources that
 * see the terminal's settings say so themselves (`hidden`); of the others it is judged here, and in doubt it is not kept.
 */
import type { TerminalEvent, TerminalStretch } from '../protocol/decoder.ts';
import type { Redactor } from './redaction/redactor.ts';

export interface RecordedStretch {
  readonly sinceNs: number;
  readonly untilNs: number;
  readonly input: Uint8Array;
  readonly output: Uint8Array;
  /** As docs/RECORD.md has it. */
  readonly timing: string;
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly hiddenBytes: number;
}

/** How much of an echo has to be that of what was typed: one letter may be there by chance. */
const ECHO_BYTES_LOOKED_AT = 3;
/** Of a line that is shown anew, somewhere in it. */
const REDRAWN_BYTES_LOOKED_AT = 16;
const ESC = 0x1b;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

export function recordedStretch(stretch: TerminalStretch, redactor: Redactor): RecordedStretch {
  const events = withoutUnshown(stretch.events);
  const sinceNs = events[0]?.at ?? 0;
  const untilNs = events.reduce((latest, { at }) => Math.max(latest, at), sinceNs);
  const typed = redacted(events, 'typed', redactor);
  const shown = redacted(events, 'shown', redactor);
  const timing = events.map((event) => [
    microsBetween(sinceNs, event.at),
    ...entryOf(event, typed.lengths, shown.lengths),
  ]);
  const hiddenBytes = events.reduce((sum, event) => sum + (event.kind === 'hidden' ? event.bytes : 0), 0);
  return {
    sinceNs,
    untilNs,
    input: typed.bytes,
    output: shown.bytes,
    timing: JSON.stringify(timing),
    inputBytes: typed.seenBytes + hiddenBytes,
    outputBytes: shown.seenBytes,
    hiddenBytes,
  };
}

function microsBetween(sinceNs: number, atNs: number): number {
  return Math.max(0, Math.round((atNs - sinceNs) / 1000));
}

/** Takes the next length of what was typed or shown. */
function entryOf(event: TerminalEvent, typed: number[], shown: number[]): [what: string, much: number | string] {
  switch (event.kind) {
    case 'typed':
      return ['i', typed.shift() ?? 0];
    case 'shown':
      return ['o', shown.shift() ?? 0];
    case 'hidden':
      return ['h', event.bytes];
    case 'resized':
      return ['r', `${event.columns}x${event.rows}`];
  }
}

function redacted(events: readonly TerminalEvent[], kind: 'typed' | 'shown', redactor: Redactor) {
  const all = events.flatMap((event) => (event.kind === kind ? [event.bytes] : []));
  const seen = Buffer.concat(all);
  const { bytes, lengths } = redactor.pieces(
    seen,
    all.map((one) => one.length),
  );
  return { bytes, lengths: [...lengths], seenBytes: seen.length };
}

/**
 * Typed text that the terminal did not show, as its count. What is typed until something is shown again is looked at
 * together: its first line was shown when what follows it on the same line begins with it; further lines, typed ahead of
 * whoever reads them, when they are somewhere in what follows. Keys that are no text (Enter, arrows) are kept.
 */
export function withoutUnshown(events: readonly TerminalEvent[]): readonly TerminalEvent[] {
  const kept: TerminalEvent[] = [];
  for (let at = 0; at < events.length; ) {
    const event = events[at] as TerminalEvent;
    if (event.kind !== 'typed') {
      kept.push(event);
      at++;
      continue;
    }
    let end = at;
    while (end < events.length && !showsText(events[end] as TerminalEvent)) end++;
    const burst = events.slice(at, end);
    let answerEnd = end;
    while (answerEnd < events.length && events[answerEnd]?.kind !== 'typed') answerEnd++;
    const first = burst.findIndex((one) => one.kind === 'typed' && textOf(one.bytes).length > 0);
    // A line feed that was shown before any text ends the line in which an echo would have to be.
    const answer = events.slice(at + Math.max(0, first), answerEnd);
    kept.push(...(first < 0 ? burst : burstWithoutUnshown(burst, bytesOf(answer, 'shown'))));
    at = end;
  }
  return kept;
}

function burstWithoutUnshown(burst: readonly TerminalEvent[], shown: Buffer): TerminalEvent[] {
  const typed = bytesOf(burst, 'typed');
  const isHidden = new Uint8Array(typed.length);
  const allShown = textOf(shown);
  let isFirst = true;
  for (let from = 0; from < typed.length; ) {
    let to = from + 1;
    while (to < typed.length && !isLineEnd(typed[to - 1] as number)) to++;
    const line = textOf(typed.subarray(from, to));
    if (line.length > 0) {
      const isSeen = isFirst ? isShown(line, textOf(shown, true)) : allShown.includes(headOf(line));
      if (!isSeen) isHidden.fill(1, from, to);
      isFirst = false;
    }
    from = to;
  }
  let before = 0;
  return burst.flatMap((one) => {
    if (one.kind !== 'typed') return [one];
    const mine = isHidden.subarray(before, before + one.bytes.length);
    before += one.bytes.length;
    return textHidden(one.bytes, mine, one.at);
  });
}

function showsText(event: TerminalEvent): boolean {
  return event.kind === 'shown' && textOf(event.bytes).length > 0;
}

function isShown(typed: Buffer, shown: Buffer): boolean {
  const compared = Math.min(typed.length, shown.length, ECHO_BYTES_LOOKED_AT);
  if (compared > 0 && typed.subarray(0, compared).equals(shown.subarray(0, compared))) return true;
  // A line that is shown anew as a whole: behind its prompt.
  return typed.length >= ECHO_BYTES_LOOKED_AT && shown.includes(headOf(typed));
}

function headOf(line: Buffer): Buffer {
  return line.subarray(0, REDRAWN_BYTES_LOOKED_AT);
}

function bytesOf(events: readonly TerminalEvent[], kind: 'typed' | 'shown'): Buffer {
  return Buffer.concat(events.flatMap((event) => (event.kind === kind ? [event.bytes] : [])));
}

/** Bytes that stand for something to be read: no control characters, no escape sequences. Up to the end of a line, if asked. */
function textOf(bytes: Uint8Array, toLineEnd = false): Buffer {
  const text: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at] as number;
    if (byte === ESC) {
      at = sequenceEnd(bytes, at);
      continue;
    }
    if (byte === LINE_FEED && toLineEnd) break;
    if (byte >= 0x20 && byte !== 0x7f) text.push(byte);
    at++;
  }
  return Buffer.from(text);
}

/** Source: ECMA-48, sections 5.3 to 5.6: CSI, OSC and other strings, two-byte escapes. */
function sequenceEnd(bytes: Uint8Array, from: number): number {
  const second = bytes[from + 1];
  let at = from + 2;
  if (second === 0x5b) {
    while (at < bytes.length && ((bytes[at] as number) < 0x40 || (bytes[at] as number) > 0x7e)) at++;
    return at + 1;
  }
  if (second === 0x5d || second === 0x50 || second === 0x5f || second === 0x5e) {
    while (at < bytes.length && bytes[at] !== 0x07 && bytes[at] !== ESC) at++;
    return bytes[at] === ESC ? at + 2 : at + 1;
  }
  return second === 0x4f ? at + 1 : at;
}

/** The typed bytes with runs of hidden text as counts; what is no text stays. */
function textHidden(bytes: Uint8Array, isHidden: Uint8Array, at: number): TerminalEvent[] {
  const isKept = (index: number): boolean => isHidden[index] === 0 || (bytes[index] as number) < 0x20;
  const parts: TerminalEvent[] = [];
  for (let from = 0; from < bytes.length; ) {
    let to = from + 1;
    while (to < bytes.length && isKept(to) === isKept(from)) to++;
    if (isKept(from)) parts.push({ kind: 'typed', bytes: bytes.subarray(from, to), at });
    else parts.push({ kind: 'hidden', bytes: to - from, at });
    from = to;
  }
  return parts;
}

function isLineEnd(byte: number): boolean {
  return byte === LINE_FEED || byte === CARRIAGE_RETURN;
}
