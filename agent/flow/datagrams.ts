// SPDX-License-Identifier: Apache-2.0

/**
 * One UDP flow: datagrams, each a whole, and the account of every byte. Those of DNS are had; of others the source tells the
 * sums and no content, by design. What the sums have at the end, of a flow whose datagrams are had, and nobody saw, is lost.
 */
import type { ByteAccount } from '../model/activity.ts';
import type { BytesMissing, BytesMoved, ConnectionClosed, ConnectionOpened } from '../model/kernel-event.ts';
import type { DecoderBounds, Exchange, Side } from '../protocol/decoder.ts';
import { DATAGRAM_PORTS, dnsDatagrams } from '../protocol/dns/dns.ts';
import { Decoding } from './decoding.ts';
import { AS_CLIENT, AS_SERVER, type Direction, type SideOf } from './opening.ts';

export interface DatagramsSink {
  exchange(exchange: Exchange): void;
  lost(direction: Direction, reason: string, bytes: number, atNs: number): void;
  trouble(direction: Direction, reason: string, bytes: number, atNs: number): void;
}

const DIRECTIONS = ['sent', 'received'] as const;
const NO_BYTES = new Uint8Array(0);

/** Of one direction. */
interface Sums {
  /** Fed, or told to be missing. */
  told: number;
  lost: number;
  /** Of which there is no content. */
  onlyCounted: number;
}

export class Datagrams {
  /** The workload is whoever is not at the port of DNS; where both are (mDNS), that is not known. */
  readonly role: 'client' | 'server' | 'unknown';
  readonly #sink: DatagramsSink;
  readonly #sideOf: SideOf;
  readonly #decoding: Decoding | undefined;
  readonly #sums: Readonly<Record<Direction, Sums>> = {
    sent: { told: 0, lost: 0, onlyCounted: 0 },
    received: { told: 0, lost: 0, onlyCounted: 0 },
  };
  #lastAtNs: number;
  #hasFailed = false;

  constructor(opened: ConnectionOpened, bounds: DecoderBounds, sink: DatagramsSink) {
    const { localPort, remotePort, role, atNs } = opened;
    this.#sink = sink;
    this.#lastAtNs = atNs;
    const [asClient, asServer] = [DATAGRAM_PORTS.has(remotePort), DATAGRAM_PORTS.has(localPort)];
    this.role = asClient === asServer ? role : asClient ? 'client' : 'server';
    this.#sideOf = this.role === 'server' ? AS_SERVER : AS_CLIENT;
    if (!asClient && !asServer) return;
    const serverPort = asClient ? remotePort : localPort;
    const opening = { client: NO_BYTES, server: NO_BYTES, serverPort, late: false };
    this.#decoding = new Decoding(dnsDatagrams, (given) => dnsDatagrams.create(bounds, given, opening), {
      exchange: (exchange) => sink.exchange(exchange),
      credential: () => {},
      terminal: () => {},
      carried: () => {},
      trouble: (from, reason, bytes) => sink.trouble(this.#directionOf(from), reason, bytes, this.#lastAtNs),
    });
  }

  get protocol(): string {
    return this.#decoding === undefined || this.#hasFailed ? 'unknown' : this.#decoding.protocol;
  }

  get heldBytes(): number {
    return this.#decoding?.heldBytes ?? 0;
  }

  moved({ direction, bytes, atNs }: BytesMoved): void {
    const sums = this.#sums[direction];
    this.#lastAtNs = atNs;
    sums.told += bytes.length;
    if (this.#decoding === undefined || this.#hasFailed) {
      sums.onlyCounted += bytes.length;
      return;
    }
    if (this.#decoding.push(this.#sideOf[direction], bytes, atNs).kind !== 'failed') return;
    // What the failed decoder was given stays in its account, as not understood.
    this.#hasFailed = true;
    this.#sink.trouble(direction, 'decoder_failed', bytes.length, atNs);
  }

  missing({ direction, bytes, reason, atNs }: BytesMissing): void {
    this.#lastAtNs = atNs;
    this.#lose(direction, bytes, reason, atNs);
  }

  /** The sums of the source are known now. */
  close({ sentBytes, receivedBytes, atNs }: ConnectionClosed): void {
    this.end(atNs);
    for (const [direction, bytes] of [
      ['sent', sentBytes],
      ['received', receivedBytes],
    ] as const) {
      const sums = this.#sums[direction];
      const unseen = bytes - sums.told;
      if (unseen <= 0) continue;
      if (this.#decoding !== undefined) this.#lose(direction, unseen, 'ring_full', atNs);
      else {
        sums.told += unseen;
        sums.onlyCounted += unseen;
      }
    }
  }

  /** Pending exchanges come out. */
  end(atNs: number): void {
    this.#lastAtNs = atNs;
    if (this.#decoding === undefined || this.#hasFailed) return;
    if (!this.#decoding.end(atNs)) this.#sink.trouble('sent', 'decoder_failed', 0, atNs);
  }

  account(direction: Direction): ByteAccount {
    const { told, lost, onlyCounted } = this.#sums[direction];
    const read = this.#decoding?.account(this.#sideOf[direction]) ?? { decoded: 0, notUnderstood: 0, cut: 0 };
    return {
      moved: told,
      decoded: read.decoded,
      notUnderstood: read.notUnderstood + onlyCounted,
      unreadable: 0,
      cut: read.cut,
      lost,
    };
  }

  #lose(direction: Direction, bytes: number, reason: string, atNs: number): void {
    const sums = this.#sums[direction];
    sums.told += bytes;
    sums.lost += bytes;
    this.#sink.lost(direction, reason, bytes, atNs);
    if (this.#hasFailed) return;
    this.#decoding?.gap(this.#sideOf[direction], bytes, atNs);
  }

  #directionOf(side: Side): Direction {
    return DIRECTIONS.find((direction) => this.#sideOf[direction] === side) ?? 'sent';
  }
}
