// SPDX-License-Identifier: Apache-2.0

/**
 * Where packets go on behind lost bytes, under ciphers that count: AES-CTR by its blocks, ChaCha20 by its packets.
 *
 * How many bytes are missing is known, how many packets they were is not: so neither is the place in the keystream, as each packet
 * has a tag that no keystream is spent on. All places that fit are tried, at each byte that may begin a packet. What has to fit
 * is the head of a message: of data its length, twice, its number and its channel, 70 bits of 112; of other messages
 * the head of the next one too. ChaCha20 has its tag besides.
 *
 * Bounds   GAP_BYTES_MAX from where the last packet began; PACKETS_MAX lost ones of ChaCha20; SEARCH_BYTES_MAX behind the gap
 * Errors   an answer each: nothing throws, whatever the bytes are
 */
import { PACKET_BYTES_MAX } from './packet-bytes.ts';

/** A keystream of as many bytes is made once a gap: some milliseconds. */
export const GAP_BYTES_MAX = 4 * 1024 * 1024;
/** A packet is 32 KiB or so; behind the largest one there are others. */
const SEARCH_BYTES_MAX = PACKET_BYTES_MAX + 64 * 1024;
/** 3 µs each. */
export const PACKETS_MAX = 4096;
const CHANNELS_MAX = 65_536;
const NAME_BYTES_MAX = 64;
/** Of a body, what tells whether it begins a message: padding, number, channel, length. */
export const HEAD_BYTES = 10;
/** A length is below 2 ** 18: its upper bits are 0, and so are those of the text and of the keystream equal. */
const LENGTH_BITS = 18;

export type Seeking<C> =
  | { readonly kind: 'found'; readonly at: number; readonly cipher: C; readonly sequence: number }
  /** Nothing begins before `at`; from there on more bytes are needed. */
  | { readonly kind: 'not-yet'; readonly at: number }
  | { readonly kind: 'lost' };

/** Looks for packets behind a gap. */
export interface Seeker<C> {
  /** What it keeps in memory. */
  readonly heldBytes: number;
  /** `bytes` come `distance` bytes behind the beginning of the packet in which bytes are missing. */
  find(bytes: Buffer, distance: number): Seeking<C>;
  end(): void;
}

/** What a cipher has at a place where a packet may begin. */
export interface Place<C> {
  /** Bytes of the whole packet, with its tag. */
  readonly packetBytes: number;
  readonly head: Head;
  /** Undefined while the packet is not whole, false: it is none. */
  proof(): Place<C> | boolean | undefined;
  readonly cipher: () => C;
  readonly sequence: number;
}

/** How much a head proves; 'no' when no message begins so. */
export type Head = 'data' | 'other' | 'no';

export interface PlaceFinder<C> {
  /** What is needed to look at a place. */
  readonly placeBytes: number;
  readonly heldBytes: number;
  /** Prepares for places up to `distance`. */
  reach(distance: number): void;
  /** All that may be at `at`. */
  places(bytes: Buffer, at: number, distance: number): Iterable<Place<C>>;
  end(): void;
}

export class PacketSeeker<C> implements Seeker<C> {
  readonly #finder: PlaceFinder<C>;
  #from: number | undefined;

  constructor(finder: PlaceFinder<C>) {
    this.#finder = finder;
  }

  get heldBytes(): number {
    return this.#finder.heldBytes;
  }

  find(bytes: Buffer, distance: number): Seeking<C> {
    this.#from ??= distance;
    if (distance > GAP_BYTES_MAX || distance - this.#from > SEARCH_BYTES_MAX) return { kind: 'lost' };
    this.#finder.reach(this.#from + SEARCH_BYTES_MAX + PACKET_BYTES_MAX);
    let at = 0;
    for (; at + this.#finder.placeBytes <= bytes.length; at++) {
      for (const place of this.#finder.places(bytes, at, distance + at)) {
        const proof = isProven(place);
        if (proof === undefined) return { kind: 'not-yet', at };
        if (proof) return { kind: 'found', at, cipher: place.cipher(), sequence: place.sequence };
      }
    }
    return { kind: 'not-yet', at };
  }

  /** Another gap: what is behind it is as far as it is. */
  moved(): void {
    this.#from = undefined;
  }

  end(): void {
    this.#finder.end();
  }
}

/** Undefined: more bytes are needed to say. */
function isProven<C>(place: Place<C>): boolean | undefined {
  const proof = place.proof();
  if (proof === undefined || typeof proof === 'boolean') return proof;
  return proof.head !== 'no';
}

/** `body`: HEAD_BYTES of it; `bodyBytes`: what it has in whole, padding included. RFC 4253, section 6; RFC 4254. */
export function headOf(body: Buffer, bodyBytes: number): Head {
  const padding = body[0] as number;
  const payloadBytes = bodyBytes - 1 - padding;
  if (padding < 4 || payloadBytes < 5 || body.readUInt32BE(2) >= CHANNELS_MAX) return 'no';
  const text = body.readUInt32BE(6);
  switch (body[1]) {
    case 94:
      return text === payloadBytes - 9 ? 'data' : 'no';
    case 93:
      return payloadBytes === 9 ? 'other' : 'no';
    case 96:
    case 97:
    case 99:
    case 100:
      return payloadBytes === 5 ? 'other' : 'no';
    case 98:
      return text > 0 && text <= NAME_BYTES_MAX && text <= payloadBytes - 10 ? 'other' : 'no';
    default:
      return 'no';
  }
}

/** Words of a keystream that may hide a length, found by the word that it hides it in. */
export class LengthWords {
  readonly #words: Uint32Array;
  readonly #first = new Int32Array(2 ** (32 - LENGTH_BITS)).fill(-1);
  readonly #next: Int32Array;

  constructor(words: Uint32Array) {
    this.#words = words;
    this.#next = new Int32Array(words.length);
    for (let i = words.length - 1; i >= 0; i--) {
      const upper = (words[i] as number) >>> LENGTH_BITS;
      this.#next[i] = this.#first[upper] as number;
      this.#first[upper] = i;
    }
  }

  get heldBytes(): number {
    return this.#words.byteLength + this.#next.byteLength + this.#first.byteLength;
  }

  /** Indexes of those, and the length that each gives. */
  *under(word: number): Generator<readonly [index: number, length: number]> {
    for (let i = this.#first[word >>> LENGTH_BITS] as number; i >= 0; i = this.#next[i] as number) {
      yield [i, (word ^ (this.#words[i] as number)) >>> 0];
    }
  }

  end(): void {
    this.#words.fill(0);
  }
}
