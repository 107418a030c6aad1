// SPDX-License-Identifier: Apache-2.0

/**
 * All channels of a connection, by the numbers that both ends give them.
 *
 * Source   RFC 4254; OpenSSH's PROTOCOL, section 2
 */
import { ByteReader } from '../bytes/byte-reader.ts';
import type { ByteCounts, DecoderBounds, DecoderSink, Side } from '../decoder.ts';
import { Channel } from './channel.ts';
import type { ConnectionFacts } from './connection-facts.ts';
import type { Budget } from './kept-bytes.ts';

/** Servers allow ten a connection or so. */
const CHANNELS_MAX = 256;
const PLACE_MAX = 1024;

export class Channels {
  readonly #bounds: DecoderBounds;
  readonly #facts: ConnectionFacts;
  readonly #sink: DecoderSink;
  readonly #counts: Readonly<Record<Side, ByteCounts>>;
  readonly #budget: Budget;
  /** By the number that this side gave. */
  readonly #by = { client: new Map<number, Channel>(), server: new Map<number, Channel>() };
  /** In the order in which they were opened. */
  readonly #open = new Set<Channel>();
  #opened = 0;

  constructor(
    bounds: DecoderBounds,
    facts: ConnectionFacts,
    sink: DecoderSink,
    counts: Readonly<Record<Side, ByteCounts>>,
  ) {
    this.#bounds = bounds;
    this.#facts = facts;
    this.#sink = sink;
    this.#counts = counts;
    this.#budget = { leftBytes: bounds.requestBytesMax + bounds.responseBytesMax };
  }

  get heldBytes(): number {
    let held = 0;
    for (const channel of this.#open) held += channel.heldBytes;
    return held;
  }

  /** A message with a number from 90 to 100. False: it is not whole, or of no channel that is known. */
  message(from: Side, message: Buffer, wireBytes: number, startAt: number, endAt: number): boolean {
    const number = message[0] as number;
    const reader = new ByteReader(message, 1);
    if (number === 90) return this.#openMessage(from, reader, wireBytes, startAt, endAt);
    const other = from === 'client' ? 'server' : 'client';
    const recipient = reader.u32();
    const channel = this.#by[other].get(recipient);
    if (channel === undefined || reader.short) return false;
    let cutBytes = 0;
    let isWhole = true;
    channel.note(from, wireBytes, startAt, endAt);
    switch (number) {
      case 91:
        channel.peerId ??= reader.u32();
        if (from !== channel.about.opener) this.#by[from].set(channel.peerId, channel);
        break;
      case 92: {
        const code = reader.u32();
        channel.notOpened(OPEN_FAILURES[code] ?? String(code), reader.text(Math.min(reader.u32(), PLACE_MAX)));
        this.#end(channel, true, endAt);
        break;
      }
      case 94:
        cutBytes = channel.data(from, reader.view(reader.u32()), startAt, endAt);
        break;
      case 95:
        reader.u32();
        cutBytes = channel.errorData(from, reader.view(reader.u32()), endAt);
        break;
      case 97:
        channel.closed[from] = true;
        if (channel.closed[other]) this.#end(channel, true, endAt);
        break;
      case 98:
        isWhole = channel.request(from, reader, endAt);
        break;
      case 99:
      case 100:
        channel.answered(number === 99);
        break;
      default:
        // More room in a window, end of what one side sends: nothing that a person would read.
        break;
    }
    // What was not kept is no more than the message that brought it; what of sftp came in pieces may be.
    cutBytes = Math.min(cutBytes, wireBytes);
    this.#counts[from].cut += cutBytes;
    this.#counts[from].decoded += wireBytes - cutBytes;
    if (!isWhole || reader.short) this.#sink.trouble(from, 'message_short', 0);
    return true;
  }

  gap(from: Side, missingBytes: number, at: number): void {
    for (const channel of this.#open) channel.gap(from, missingBytes, at);
  }

  end(at: number): void {
    for (const channel of [...this.#open]) this.#end(channel, channel.closed.client || channel.closed.server, at);
  }

  #openMessage(from: Side, reader: ByteReader, wireBytes: number, startAt: number, endAt: number): boolean {
    const type = reader.text(Math.min(reader.u32(), 256));
    const id = reader.u32();
    reader.skip(8);
    if (reader.short) return false;
    const { resource, port, attributes } = placesOf(type, reader);
    const before = this.#by[from].get(id);
    // The end of the one that had the number was not seen.
    if (before !== undefined) this.#end(before, false, endAt);
    const [oldest] = this.#open;
    if (this.#open.size >= CHANNELS_MAX && oldest !== undefined) {
      this.#sink.trouble(from, 'too_many_channels', 0);
      this.#end(oldest, false, endAt);
    }
    const about = {
      name: `channel ${++this.#opened}`,
      type,
      opener: from,
      id,
      resource,
      place: port === undefined ? undefined : { via: 'ssh', target: resource, port, client: from },
      attributes,
      openedAt: startAt,
    };
    const channel = new Channel(about, this.#bounds, this.#budget, this.#facts, this.#sink);
    channel.note(from, wireBytes, startAt, endAt);
    this.#by[from].set(id, channel);
    this.#open.add(channel);
    this.#counts[from].decoded += wireBytes;
    return true;
  }

  #end(channel: Channel, isWhole: boolean, at: number): void {
    const { opener, id } = channel.about;
    const other = opener === 'client' ? 'server' : 'client';
    this.#open.delete(channel);
    if (this.#by[opener].get(id) === channel) this.#by[opener].delete(id);
    if (channel.peerId !== undefined && this.#by[other].get(channel.peerId) === channel) {
      this.#by[other].delete(channel.peerId);
    }
    channel.end(isWhole, at);
  }
}

const OPEN_FAILURES: Readonly<Record<number, string>> = {
  1: 'ADMINISTRATIVELY_PROHIBITED',
  2: 'CONNECT_FAILED',
  3: 'UNKNOWN_CHANNEL_TYPE',
  4: 'RESOURCE_SHORTAGE',
};

interface Places {
  readonly resource: string;
  /** Of a connection that is forwarded; 0 of a socket with a path. */
  readonly port?: number;
  readonly attributes: Record<string, string>;
}

/** Where a forward goes, and where it comes from. */
function placesOf(type: string, reader: ByteReader): Places {
  const text = () => reader.text(Math.min(reader.u32(), PLACE_MAX));
  if (type === 'direct-tcpip' || type === 'forwarded-tcpip') {
    const host = text();
    const port = reader.u32();
    return { resource: `${host}:${port}`, port, attributes: { originator: `${text()}:${reader.u32()}` } };
  }
  if (type === 'direct-streamlocal@openssh.com' || type === 'forwarded-streamlocal@openssh.com') {
    return { resource: text(), port: 0, attributes: {} };
  }
  return { resource: '', attributes: type === 'x11' ? { originator: `${text()}:${reader.u32()}` } : {} };
}
