// SPDX-License-Identifier: Apache-2.0

/**
 * SSH without a proxy: packets of both directions and the keys of the connection go in, messages come out. What cannot be read
 * is told, byte for byte.
 *
 * What comes out is framed for `agent/protocol/ssh`: u32 length and payload of each packet, in the order in which packets
 * passed the socket, those in clear too. The first frame of a side is its version line, which begins with "SSH-".
 *
 * Both directions stand in one queue, as in `agent/tls`: a packet whose key is not there yet makes everything behind it wait.
 * No socket, no clock, no logger: `at` is a time in nanoseconds that the caller puts on bytes.
 *
 * Source   RFC 4253; OpenSSH's PROTOCOL
 */
import type { Side } from '../protocol/decoder.ts';
import { type Agreed, agree, type KexInit, readKexInit } from '../protocol/ssh/kex-init.ts';
import { packetSpecOf } from './algorithms.ts';
import { Direction, type SshCounts, type SshUnreadableReason } from './direction.ts';
import { newInflater } from './inflater.ts';
import type { SshKeyStore } from './key-pool.ts';
import { findKey } from './key-search.ts';
import type { PacketCipher } from './packet-cipher.ts';
import { payloadOf } from './plausible.ts';
import type { PacketSeeker } from './resync.ts';

export type { SshCounts, SshUnreadableReason } from './direction.ts';

export interface SshSink {
  /** Whole frames that `from` sent next. A view, for the duration of the call. */
  data(from: Side, bytes: Uint8Array, at: number): void;
  /** Messages of about that size, of `from`, will not be read; frames begin anew behind it. */
  gap(from: Side, bytes: number, at: number): void;
  /** Bytes that were had and not read. Over a connection the calls add up to `unreadable` of the counts. */
  unreadable(from: Side, reason: SshUnreadableReason, bytes: number, at: number): void;
}

export interface SshLayerOptions {
  /** The first bytes of the connection were not seen. */
  readonly late: boolean;
  readonly waitNs?: number;
  readonly waitBytesMax?: number;
}

type Arrival =
  | { readonly of: Direction; readonly bytes: Buffer; readonly at: number }
  | { readonly of: Direction; readonly missingBytes: number; readonly at: number };

const WAIT_NS = 5e9;
const WAIT_BYTES_MAX = 1024 * 1024;
/** What an arrival costs beside its bytes. */
const ARRIVAL_BYTES = 128;
/** RFC 4253, section 4.2: a version line; servers may say more before it. */
const LINE_BYTES_MAX = 255;
const BANNER_BYTES_MAX = 64 * 1024;

const KEXINIT = 20;
const NEWKEYS = 21;
const USERAUTH_SUCCESS = 52;

export class SshLayer {
  readonly #sink: SshSink;
  readonly #keys: SshKeyStore;
  readonly #waitNs: number;
  readonly #waitBytesMax: number;
  readonly #directions = { client: new Direction('client'), server: new Direction('server') };
  readonly #offers: Partial<Record<Side, KexInit>> = {};
  #agreed: Agreed | undefined;
  #strict: boolean | undefined;
  #isLoggedIn = false;
  #waiting: Arrival[] = [];
  #waitingBytes = 0;
  /** Whose key is awaited, and since when. */
  #blocked: { readonly of: Direction; readonly since: number } | undefined;
  #ended = false;

  constructor(sink: SshSink, keys: SshKeyStore, options: SshLayerOptions) {
    this.#sink = sink;
    this.#keys = keys;
    this.#waitNs = options.waitNs ?? WAIT_NS;
    this.#waitBytesMax = options.waitBytesMax ?? WAIT_BYTES_MAX;
    if (!options.late) return;
    for (const side of SIDES) this.#directions[side].dead = 'ssh_joined_late';
  }

  /** Bounded: by `waitBytesMax`, for each side by two packets, and behind a gap by what finds the next one. */
  get heldBytes(): number {
    const { client, server } = this.#directions;
    const sought = (client.seeker?.heldBytes ?? 0) + (server.seeker?.heldBytes ?? 0);
    return this.#waitingBytes + client.queue.length + server.queue.length + sought;
  }

  /** Since when something waits for a key. */
  get waitingSince(): number | undefined {
    return this.#blocked?.since;
  }

  counts(side: Side): SshCounts {
    const of = this.#directions[side];
    const behind = this.#waiting.reduce(
      (sum, one) => sum + (one.of === of && 'bytes' in one ? one.bytes.length : 0),
      0,
    );
    const { framing, plaintext, unreadable, queue } = of;
    return { framing, plaintext, unreadable, waiting: queue.length + behind };
  }

  /** Bytes that `from` sent next. Keeps copies only. Never throws, whatever they are. */
  push(from: Side, bytes: Uint8Array, at: number): void {
    if (this.#ended || bytes.length === 0) return;
    const of = this.#directions[from];
    if (this.#blocked === undefined) this.#feed(of, bytes, at);
    else this.#wait({ of, bytes: Buffer.from(bytes), at });
  }

  /** `missingBytes` that `from` sent next were never captured. */
  gap(from: Side, missingBytes: number, at: number): void {
    if (this.#ended || missingBytes <= 0) return;
    const of = this.#directions[from];
    if (this.#blocked === undefined) this.#missed(of, missingBytes, at);
    else this.#wait({ of, missingBytes, at });
  }

  /** New keys are in the store: what waits is tried. */
  secretsChanged(_at: number): void {
    const blocked = this.#blocked;
    if (this.#ended || blocked === undefined) return;
    this.#blocked = undefined;
    this.#read(blocked.of, blocked.since);
    this.#drain();
  }

  /** What has waited for longer than `waitNs` becomes unreadable; what stood behind it goes on. Call it once a second. */
  expire(now: number): void {
    while (!this.#ended && this.#blocked !== undefined && now - this.#blocked.since > this.#waitNs) {
      this.#giveUp('ssh_no_key');
    }
  }

  /** No more of either side. Everything is told, and every key that was taken is filled with zeros. */
  end(at: number): void {
    if (this.#ended) return;
    while (this.#blocked !== undefined) this.#giveUp('ssh_no_key');
    for (const side of SIDES) {
      const of = this.#directions[side];
      this.#unreadable(
        of,
        of.isSeeking || of.seeker !== undefined ? 'ssh_after_gap' : 'ssh_packet_incomplete',
        of.queue.clear(),
        at,
      );
      of.cipher?.end();
      of.seeker?.end();
      of.seeker = undefined;
    }
    this.#ended = true;
  }

  #wait(arrival: Arrival): void {
    this.#waiting.push(arrival);
    this.#waitingBytes += sizeOf(arrival);
    while (this.#waitingBytes > this.#waitBytesMax && this.#blocked !== undefined) this.#giveUp('ssh_memory_bound');
  }

  /** The key is not awaited any longer: without it nothing of that direction can ever be read again. */
  #giveUp(reason: SshUnreadableReason): void {
    const { of, since } = this.#blocked as { of: Direction; since: number };
    this.#blocked = undefined;
    this.#die(of, reason, since);
    this.#drain();
  }

  #drain(): void {
    while (this.#blocked === undefined) {
      const arrival = this.#waiting.shift();
      if (arrival === undefined) return;
      this.#waitingBytes -= sizeOf(arrival);
      if ('bytes' in arrival) this.#feed(arrival.of, arrival.bytes, arrival.at);
      else this.#missed(arrival.of, arrival.missingBytes, arrival.at);
    }
  }

  #feed(of: Direction, bytes: Uint8Array, at: number): void {
    if (of.dead !== undefined) {
      this.#unreadable(of, of.dead, bytes.length, at);
      return;
    }
    of.queue.push(bytes);
    this.#read(of, at);
  }

  /** All that is whole. */
  #read(of: Direction, at: number): void {
    while (of.dead === undefined && this.#blocked === undefined) {
      const goesOn = of.stage === 'version' ? this.#readLine(of, at) : this.#readPacket(of, at);
      if (!goesOn) return;
    }
  }

  /** RFC 4253, section 4.2. */
  #readLine(of: Direction, at: number): boolean {
    const head = of.queue.peek(Math.min(of.queue.length, BANNER_BYTES_MAX));
    const newline = head.indexOf(10);
    if (newline < 0 || of.bannerBytes > BANNER_BYTES_MAX) {
      const isVersion = head.subarray(0, 4).equals(VERSION.subarray(0, Math.min(4, head.length)));
      if (head.length > LINE_BYTES_MAX && (isVersion || of.bannerBytes + head.length >= BANNER_BYTES_MAX)) {
        this.#die(of, 'not_ssh', at);
      }
      return false;
    }
    const text = Buffer.from(head.subarray(0, head[newline - 1] === 13 ? newline - 1 : newline));
    of.queue.skip(newline + 1);
    if (text.subarray(0, 4).equals(VERSION)) {
      of.stage = 'packets';
      this.#give(of, text, newline + 1, at);
    } else {
      of.bannerBytes += newline + 1;
      of.framing += newline + 1;
    }
    return true;
  }

  /** Returns whether there may be another. */
  #readPacket(of: Direction, at: number): boolean {
    if (of.seeker !== undefined && !this.#seek(of, of.seeker, at)) return false;
    const cipher = of.cipher ?? this.#seekKey(of, at);
    if (cipher === undefined || of.queue.length < cipher.headBytes) return false;
    const bytes = cipher.packetBytes(of.queue.peek(cipher.headBytes), of.sequence);
    if (bytes !== undefined && bytes > of.queue.length) return false;
    const packet = bytes === undefined ? undefined : of.queue.peek(bytes);
    const body = packet && cipher.open(packet, of.sequence);
    const payload = body && payloadOf(body);
    if (packet === undefined || payload === undefined) return this.#unopened(of, at);
    this.#found(of, at);
    of.queue.skip(packet.length);
    of.sequence = (of.sequence + 1) >>> 0;
    const message = of.inflater === undefined ? payload : of.inflater.inflate(payload);
    if (message === undefined || message.length === 0) {
      this.#unreadable(of, 'ssh_compression_damaged', packet.length, at);
      this.#die(of, 'ssh_compression_damaged', at);
      return false;
    }
    this.#give(of, message, packet.length, at);
    this.#follow(of, message, at);
    return true;
  }

  #unopened(of: Direction, at: number): boolean {
    if (!of.isSeeking) {
      this.#die(of, 'ssh_packet_damaged', at);
      return false;
    }
    of.queue.skip(1);
    of.missedBytes++;
    this.#unreadable(of, 'ssh_after_gap', 1, at);
    return true;
  }

  /** Returns whether the next packet was found. */
  #seek(of: Direction, seeker: PacketSeeker<PacketCipher>, at: number): boolean {
    const answer = seeker.find(of.queue.peek(of.queue.length), of.seekBytes);
    if (answer.kind === 'lost') {
      this.#die(of, 'ssh_after_gap', at);
      return false;
    }
    of.queue.skip(answer.at);
    of.seekBytes += answer.at;
    of.missedBytes += answer.at;
    this.#unreadable(of, 'ssh_after_gap', answer.at, at);
    if (answer.kind === 'not-yet') return false;
    of.cipher?.end();
    of.cipher = answer.cipher;
    of.sequence = answer.sequence;
    seeker.end();
    of.seeker = undefined;
    of.isSeeking = true;
    this.#found(of, at);
    return true;
  }

  #found(of: Direction, at: number): void {
    if (!of.isSeeking) return;
    of.isSeeking = false;
    this.#sink.gap(of.side, of.missedBytes, at);
    of.missedBytes = 0;
  }

  #seekKey(of: Direction, at: number): Direction['cipher'] {
    if (of.queue.length === 0) return undefined;
    if (of.spec === undefined) {
      this.#die(of, of.algorithms === undefined ? 'ssh_not_negotiated' : 'ssh_cipher_unsupported', at);
      return undefined;
    }
    if (of.triedArrivals !== this.#keys.arrivals) {
      const answer = findKey(of, of.spec, this.#keys);
      if (answer.kind === 'found') {
        of.cipher = answer.cipher;
        return of.cipher;
      }
      if (answer.kind === 'need-more') return undefined;
      of.triedArrivals = this.#keys.arrivals;
    }
    this.#blocked = { of, since: at };
    return undefined;
  }

  /** What a message means for the packets that follow. */
  #follow(of: Direction, message: Buffer, at: number): void {
    const number = message[0];
    if (number === KEXINIT) this.#offered(of, message);
    else if (number === NEWKEYS) this.#newKeys(of, at);
    else if (number === USERAUTH_SUCCESS && of.side === 'server' && !this.#isLoggedIn) {
      this.#isLoggedIn = true;
      for (const side of SIDES) {
        const direction = this.#directions[side];
        if (direction.spec?.compression === 'after-login') direction.inflater = newInflater();
      }
    }
  }

  #offered(of: Direction, message: Buffer): void {
    const offer = readKexInit(message);
    if (offer === undefined) return;
    this.#offers[of.side] = offer;
    const { client, server } = this.#offers;
    if (client === undefined || server === undefined) return;
    this.#agreed = agree(client, server);
    this.#strict ??= this.#agreed.strict;
    delete this.#offers.client;
    delete this.#offers.server;
  }

  #newKeys(of: Direction, _at: number): void {
    of.cipher?.end();
    of.cipher = undefined;
    of.algorithms = this.#agreed?.of[of.side];
    of.spec = of.algorithms && packetSpecOf(of.algorithms);
    of.triedArrivals = -1;
    of.keyExchanges++;
    if (this.#strict === true) of.sequence = 0;
    const compression = of.spec?.compression;
    const isCompressed = compression === 'at-once' || (compression === 'after-login' && this.#isLoggedIn);
    of.inflater = isCompressed ? newInflater() : undefined;
    if (of.spec?.cipher.kind === 'none') of.cipher = of.spec.tagBytes === 0 ? of.cipher : undefined;
  }

  /** Bytes of a direction are missing. Who tells packets apart by their tags finds its place again. */
  #missed(of: Direction, missingBytes: number, at: number): void {
    if (of.dead !== undefined) {
      this.#sink.gap(of.side, missingBytes, at);
      return;
    }
    const brokenBytes = missingBytes + of.queue.length;
    of.missedBytes += brokenBytes;
    this.#unreadable(of, 'ssh_packet_incomplete', of.queue.clear(), at);
    if (of.spec?.cipher.kind === 'gcm' && of.cipher !== undefined && of.inflater === undefined) {
      of.isSeeking = true;
      return;
    }
    const isCounting = of.cipher?.seeker !== undefined && of.inflater === undefined;
    if (of.seeker === undefined && !isCounting) {
      this.#die(of, 'ssh_after_gap', at);
      return;
    }
    of.seekBytes = brokenBytes + (of.seeker === undefined ? 0 : of.seekBytes);
    of.seeker ??= of.cipher?.seeker?.(of.sequence);
    of.seeker?.moved();
  }

  #die(of: Direction, reason: SshUnreadableReason, at: number): void {
    of.dead = reason;
    of.cipher?.end();
    of.cipher = undefined;
    of.seeker?.end();
    of.seeker = undefined;
    if (of.missedBytes > 0) this.#sink.gap(of.side, of.missedBytes, at);
    of.missedBytes = 0;
    this.#unreadable(of, reason, of.queue.clear(), at);
  }

  /** A message, in a frame; `wireBytes` is what it was on the wire, with all around it. */
  #give(of: Direction, message: Buffer, wireBytes: number, at: number): void {
    const frame = Buffer.allocUnsafe(4 + message.length);
    frame.writeUInt32BE(message.length, 0);
    message.copy(frame, 4);
    of.framing += wireBytes - frame.length;
    of.plaintext += frame.length;
    this.#sink.data(of.side, frame, at);
  }

  #unreadable(of: Direction, reason: SshUnreadableReason, bytes: number, at: number): void {
    if (bytes === 0) return;
    of.unreadable += bytes;
    this.#sink.unreadable(of.side, reason, bytes, at);
  }
}

const SIDES = ['client', 'server'] as const;
const VERSION = Buffer.from('SSH-');

function sizeOf(arrival: Arrival): number {
  return ARRIVAL_BYTES + ('bytes' in arrival ? arrival.bytes.length : 0);
}
