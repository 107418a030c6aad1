// SPDX-License-Identifier: Apache-2.0

/** Numbers that a packet of ChaCha20-Poly1305 may have behind lost ones: see `resync.ts`. Its tag is the proof. */
import { packetBytesOf } from './packet-bytes.ts';
import { HEAD_BYTES, headOf, LengthWords, PACKETS_MAX, type Place, type PlaceFinder } from './resync.ts';

const TAG_BYTES = 16;
/** Length, body of one block, tag. */
const PACKET_BYTES_MIN = 4 + 8 + TAG_BYTES;

/** What the cipher does; all by the packet's number. */
export interface ChachaParts<C> {
  /** First four bytes of the keystream that lengths are under. */
  lengthWord(sequence: number): number;
  /** Decrypts a head. */
  body(sequence: number, head: Buffer): Buffer;
  isWhole(sequence: number, packet: Buffer): boolean;
  readonly cipher: () => C;
  end(): void;
}

export class ChachaPlaces<C> implements PlaceFinder<C> {
  readonly placeBytes = 4 + HEAD_BYTES;
  readonly #parts: ChachaParts<C>;
  /** Of the packet in which bytes are missing. */
  readonly #sequence: number;
  #words: LengthWords | undefined;
  #reach = 0;

  constructor(parts: ChachaParts<C>, sequence: number) {
    this.#parts = parts;
    this.#sequence = sequence;
  }

  get heldBytes(): number {
    return this.#words?.heldBytes ?? 0;
  }

  /** More packets than are tried may be lost: then none is found. */
  reach(distance: number): void {
    const packets = Math.min(PACKETS_MAX, Math.ceil(distance / PACKET_BYTES_MIN));
    if (packets <= this.#reach) return;
    this.#reach = packets;
    const words = new Uint32Array(packets);
    for (let i = 0; i < packets; i++) words[i] = this.#parts.lengthWord(this.#numberOf(i));
    this.#words = new LengthWords(words);
  }

  *places(bytes: Buffer, at: number, distance: number): Generator<Place<C>> {
    for (const [index, length] of this.#words?.under(bytes.readUInt32BE(at)) ?? []) {
      const packetBytes = packetBytesOf(length, TAG_BYTES, 8, 4);
      if (packetBytes === undefined || (index + 1) * PACKET_BYTES_MIN > distance) continue;
      const sequence = this.#numberOf(index);
      const head = headOf(this.#parts.body(sequence, bytes.subarray(at + 4, at + 4 + HEAD_BYTES)), length);
      if (head === 'no') continue;
      const proof = (): boolean | undefined =>
        at + packetBytes > bytes.length
          ? undefined
          : this.#parts.isWhole(sequence, bytes.subarray(at, at + packetBytes));
      yield { packetBytes, head, proof, cipher: this.#parts.cipher, sequence };
    }
  }

  end(): void {
    this.#words?.end();
    this.#words = undefined;
    this.#parts.end();
  }

  #numberOf(index: number): number {
    return (this.#sequence + 1 + index) >>> 0;
  }
}
