// SPDX-License-Identifier: Apache-2.0

/**
 * Reads text/event-stream as a browser does.
 *
 * Shape    lines that end in CR LF, LF or CR; `field: value`, comments begin with a colon; an empty line ends an event
 * Units    sizes in bytes
 * Errors   never throws; an event that the end cuts off is none, as the specification wants, and `isCutOff` says so
 * Keeps    the line and the event at hand, up to EVENT_BYTES_MAX together
 * Source   WHATWG HTML, section 9.2.6 (interpreting an event stream)
 */
import { asBuffer, textOf } from '../bytes/byte-reader.ts';
import { GrowingBytes } from '../http/held-bytes.ts';

export interface ServerSentEvent {
  /** 'message' unless the stream names another. */
  readonly type: string;
  readonly data: string;
  /** The last id that was given, by this event or an earlier one. */
  readonly lastEventId: string;
}

/** Takes the data of an event that is too long to be kept, as it comes. */
export interface LongData {
  push(bytes: Uint8Array): void;
}

export interface LongEvents {
  /** An event of one line of data is longer than the bound. */
  begin(): LongData;
  /** It has ended; undefined when it had several lines, and is passed over. */
  end(data: LongData | undefined): void;
}

/** 16 MiB: what is kept of a request; a longer event is passed over and counted. */
export const EVENT_BYTES_MAX = 16 * 1024 * 1024;
const LF = 0x0a;
const CR = 0x0d;
const BYTE_ORDER_MARK = '\ufeff';

export class EventStreamReader {
  readonly #give: (event: ServerSentEvent) => void;
  readonly #bytesMax: number;
  readonly #longs: LongEvents | undefined;
  #long: LongData | undefined;
  #line: GrowingBytes;
  #lineIsTooLong = false;
  /** The byte before was a CR: a LF that follows is of the same line end. */
  #afterReturn = false;
  #isFirstLine = true;
  #type = '';
  readonly #data: string[] = [];
  #eventBytes = 0;
  #isTooLong = false;
  lastEventId = '';
  /** Milliseconds that a client is to wait before it connects again; undefined when not told. */
  retryMs: number | undefined;
  events = 0;
  /** Events above the bound: passed over, unless somebody takes them. */
  longEvents = 0;
  /** Bytes of those that nobody took. */
  passedBytes = 0;
  /** Bytes up to the end of the line at hand. */
  position = 0;

  constructor(
    give: (event: ServerSentEvent) => void,
    bytesMax: number = EVENT_BYTES_MAX,
    longs: LongEvents | undefined = undefined,
  ) {
    this.#give = give;
    this.#bytesMax = bytesMax;
    this.#longs = longs;
    this.#line = new GrowingBytes(bytesMax);
  }

  get heldBytes(): number {
    return this.#line.heldBytes + this.#eventBytes;
  }

  /** Something was begun and is not ended. */
  get isCutOff(): boolean {
    return this.#line.length > 0 || this.#data.length > 0 || this.#isTooLong;
  }

  /** What was begun and will not end: its text, as far as it was kept. The next line is of another event. */
  giveUp(): string {
    const text = [...this.#data, this.#line.view().toString()].join('\n');
    this.#line.take();
    this.#lineIsTooLong = this.#isTooLong = false;
    this.#long = undefined;
    this.#data.length = this.#eventBytes = 0;
    this.#type = '';
    return text;
  }

  /** Bytes are missing: what follows, to the end of an event, is passed over. */
  skipEvent(): void {
    this.#lineIsTooLong = this.#isTooLong = true;
  }

  push(chunk: Uint8Array): void {
    const bytes = asBuffer(chunk);
    const before = this.position;
    this.#read(bytes, before);
    this.position = before + bytes.length;
  }

  #read(bytes: Buffer, before: number): void {
    let from = 0;
    if (this.#afterReturn && bytes.length > 0) {
      if (bytes[0] === LF) from = 1;
      this.#afterReturn = false;
    }
    for (let lf = bytes.indexOf(LF, from), cr = bytes.indexOf(CR, from); from < bytes.length; ) {
      if (lf >= 0 && lf < from) lf = bytes.indexOf(LF, from);
      if (cr >= 0 && cr < from) cr = bytes.indexOf(CR, from);
      const end = lf < 0 || (cr >= 0 && cr < lf) ? cr : lf;
      if (end < 0) {
        this.#hold(bytes.subarray(from));
        return;
      }
      this.position = before + end + 1;
      if (this.#line.length > 0 || this.#lineIsTooLong || end - from > this.#bytesMax) {
        this.#hold(bytes.subarray(from, end));
        this.#takeLine(this.#line.take(), 0, undefined);
      } else {
        this.#takeLine(bytes, from, end);
      }
      from = end + 1;
      if (bytes[end] !== CR) continue;
      if (from === bytes.length) this.#afterReturn = true;
      else if (bytes[from] === LF) from++;
    }
  }

  #hold(bytes: Buffer): void {
    const kept = this.#lineIsTooLong ? 0 : this.#line.append(bytes);
    if (kept === bytes.length) return;
    if (!this.#lineIsTooLong) {
      this.#lineIsTooLong = true;
      const head = this.#line.take();
      const isData = /^data: ?/.exec(head.toString('latin1', 0, 6));
      if (isData !== null && this.#data.length === 0 && !this.#isTooLong) this.#long = this.#longs?.begin();
      this.#pass(head.subarray(isData?.[0].length ?? 0));
    }
    this.#pass(bytes.subarray(kept));
  }

  #pass(bytes: Buffer): void {
    if (this.#long === undefined) this.passedBytes += bytes.length;
    else this.#long.push(bytes);
  }

  #takeLine(bytes: Buffer, start: number, end: number = bytes.length): void {
    const isTooLong = this.#lineIsTooLong;
    this.#lineIsTooLong = false;
    if (isTooLong || this.#eventBytes + end - start > this.#bytesMax) {
      this.#isTooLong = true;
      this.passedBytes += end - start;
      return;
    }
    let line = textOf(bytes, start, end);
    if (this.#isFirstLine && line.startsWith(BYTE_ORDER_MARK)) line = line.slice(1);
    this.#isFirstLine = false;
    if (line === '') {
      this.#dispatch();
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    this.#field(name, value, end - start);
  }

  #field(name: string, value: string, bytes: number): void {
    if (name === 'data') {
      this.#data.push(value);
      this.#eventBytes += bytes;
    } else if (name === 'event') {
      this.#type = value;
    } else if (name === 'id') {
      if (!value.includes('\0')) this.lastEventId = value;
    } else if (name === 'retry' && /^\d{1,15}$/.test(value)) {
      this.retryMs = Number(value);
    }
  }

  #dispatch(): void {
    const { length } = this.#data;
    const data = this.#data.join('\n');
    const type = this.#type || 'message';
    const isTooLong = this.#isTooLong;
    const eventBytes = this.#eventBytes;
    this.#data.length = 0;
    this.#type = '';
    this.#eventBytes = 0;
    this.#isTooLong = false;
    const long = this.#long;
    this.#long = undefined;
    if (isTooLong) {
      this.longEvents++;
      this.passedBytes += eventBytes;
      this.#longs?.end(long);
    } else if (length > 0) {
      this.events++;
      this.#give({ type, data, lastEventId: this.lastEventId });
    }
  }
}

export interface EventStream {
  readonly events: readonly ServerSentEvent[];
  readonly lastEventId: string;
  readonly retryMs: number | undefined;
  readonly isCutOff: boolean;
}

/** All events of a whole body. */
export function parseEventStream(bytes: Uint8Array): EventStream {
  const events: ServerSentEvent[] = [];
  const reader = new EventStreamReader((event) => events.push(event));
  reader.push(bytes);
  return { events, lastEventId: reader.lastEventId, retryMs: reader.retryMs, isCutOff: reader.isCutOff };
}

/** Whether a content type is that of an event stream. */
export function isEventStream(contentType: string): boolean {
  return /^\s*text\/event-stream\s*(?:;|$)/i.test(contentType);
}
