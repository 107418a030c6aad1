// SPDX-License-Identifier: Apache-2.0

/**
 * The beginning of a connection, or of a stretch of it that may speak another language: bytes are gathered until they say
 * which. Then they are fed to whoever reads that language, gaps among them included, as if they had just come.
 */
import type { Opening, ProtocolDefinition, Side } from '../protocol/decoder.ts';
import { detect, OPENING_BYTES_MAX } from '../protocol/detect.ts';

export type Direction = 'sent' | 'received';

/** Which side of the protocol each direction is: what a client sends is the client's. */
export type SideOf = Readonly<Record<Direction, Side>>;
export const AS_CLIENT: SideOf = { sent: 'client', received: 'server' };
export const AS_SERVER: SideOf = { sent: 'server', received: 'client' };

export type Arrival =
  | { readonly direction: Direction; readonly bytes: Uint8Array; readonly at: number }
  | { readonly direction: Direction; readonly missingBytes: number; readonly at: number };

export type Decision =
  | { readonly kind: 'not-yet' }
  | {
      readonly kind: 'found';
      readonly definition: ProtocolDefinition;
      readonly opening: Opening;
      readonly sideOf: SideOf;
    }
  | { readonly kind: 'none'; readonly name: string; readonly sideOf: SideOf }
  /** A fault of ours: detection threw. */
  | { readonly kind: 'failed' };

/**
 * Arrivals and bytes that are gathered at most. Detection decides within `OPENING_BYTES_MAX` of either side, but looks only
 * at what follows the last gap, and single bytes cost more than they weigh.
 */
const ARRIVALS_MAX = 4096;
const GATHERED_BYTES_MAX = 4 * OPENING_BYTES_MAX;
/** What one arrival costs beside its bytes. */
const ARRIVAL_BYTES = 128;

export interface Ports {
  readonly local: number;
  readonly remote: number;
}

export class OpeningBytes {
  readonly arrivals: Arrival[] = [];
  /** Gathered of each direction. */
  readonly bytes: Record<Direction, number> = { sent: 0, received: 0 };
  readonly #heads: Record<Direction, Buffer> = { sent: Buffer.alloc(0), received: Buffer.alloc(0) };
  readonly #ports: Ports;
  #late: boolean;

  constructor(late: boolean, ports: Ports) {
    this.#late = late;
    this.#ports = ports;
  }

  /** What is gathered may begin in the middle of anything. */
  get late(): boolean {
    return this.#late;
  }

  get heldBytes(): number {
    const heads = this.#heads.sent.length + this.#heads.received.length;
    return this.bytes.sent + this.bytes.received + heads + ARRIVAL_BYTES * this.arrivals.length;
  }

  add(direction: Direction, bytes: Uint8Array, at: number): void {
    this.arrivals.push({ direction, bytes: new Uint8Array(bytes), at });
    this.bytes[direction] += bytes.length;
    const head = this.#heads[direction];
    const wanted = OPENING_BYTES_MAX - head.length;
    if (wanted > 0) this.#heads[direction] = Buffer.concat([head, bytes.subarray(0, wanted)]);
  }

  /** What comes behind cannot be joined to what came before, and may begin in the middle of anything. */
  addGap(direction: Direction, missingBytes: number, at: number): void {
    this.arrivals.push({ direction, missingBytes, at });
    this.#heads[direction] = Buffer.alloc(0);
    this.#late = true;
  }

  /**
   * Which language it is, asked for each way round that is possible. A language that is found one way round is certain,
   * whatever the other way round still waits for.
   */
  decide(ways: readonly SideOf[], among: readonly ProtocolDefinition[] | undefined): Decision {
    let waits = false;
    let name = 'unknown';
    let named = ways[0] as SideOf;
    try {
      for (const sideOf of ways) {
        const opening = this.#view(sideOf);
        const detection = detect(opening, among);
        if (detection.kind === 'found') return { kind: 'found', definition: detection.definition, opening, sideOf };
        if (detection.kind === 'not-yet') waits = true;
        else if (name === 'unknown') {
          name = detection.name;
          named = sideOf;
        }
      }
    } catch {
      return { kind: 'failed' };
    }
    if (waits && !this.#isFull()) return { kind: 'not-yet' };
    return { kind: 'none', name, sideOf: named };
  }

  /** Nothing more comes: what is not decided now never is. */
  decideAtEnd(ways: readonly SideOf[], among: readonly ProtocolDefinition[] | undefined): Decision {
    const decision = this.decide(ways, among);
    return decision.kind === 'not-yet' ? { kind: 'none', name: 'unknown', sideOf: ways[0] as SideOf } : decision;
  }

  #isFull(): boolean {
    return this.arrivals.length >= ARRIVALS_MAX || this.bytes.sent + this.bytes.received > GATHERED_BYTES_MAX;
  }

  #view(sideOf: SideOf): Opening {
    const { sent, received } = this.#heads;
    const [client, server] = sideOf.sent === 'client' ? [sent, received] : [received, sent];
    const serverPort = sideOf.sent === 'client' ? this.#ports.remote : this.#ports.local;
    return { client, server, serverPort, late: this.#late };
  }
}
