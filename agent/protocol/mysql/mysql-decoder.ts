// SPDX-License-Identifier: Apache-2.0

/**
 * One connection to a MySQL or MariaDB server. Puts the parts together: two streams of messages, under them compression where
 * it was agreed, the client's messages that become requests, the server's that answer them.
 */
import type { ByteCounts, Decoder, DecoderBounds, DecoderSink, Opening, Side } from '../decoder.ts';
import { Client } from './client.ts';
import { Capability } from './constants.ts';
import { isFromItsBeginning } from './detect.ts';
import { PacketStream } from './packet-stream.ts';
import { Server } from './server.ts';
import { Talk } from './talk.ts';
import { Unpacking } from './unpacking.ts';

/** What a message has besides the payload that it holds. */
const MESSAGE_BYTES_BESIDES = 1024;

export class MysqlDecoder implements Decoder {
  readonly #sink: DecoderSink;
  readonly #bounds: DecoderBounds;
  readonly #talk: Talk;
  readonly #client: PacketStream;
  readonly #server: PacketStream;
  readonly #ended = { client: false, server: false };
  #unpacking: Record<Side, Unpacking> | undefined;
  readonly counts: Readonly<Record<Side, ByteCounts>>;

  constructor(bounds: DecoderBounds, sink: DecoderSink, opening: Opening) {
    this.#sink = sink;
    this.#bounds = bounds;
    const isWhole = isFromItsBeginning(opening);
    const talk = new Talk(bounds, sink);
    this.#talk = talk;
    talk.isLoggedIn = !isWhole;
    talk.isUncertain = !isWhole;
    talk.areRepliesLost = !isWhole;
    const client = new Client(talk);
    const server = new Server(talk);
    const lost = (): void => this.#lost();
    this.#client = new PacketStream(
      'client',
      bounds.requestBytesMax + MESSAGE_BYTES_BESIDES,
      {
        message: (bytes, start, end, sequence, whole) => client.message(bytes, start, end, sequence, whole),
        lost: () => {
          talk.isUncertain = true;
        },
        trouble: (reason, bytes) => sink.trouble('client', reason, bytes),
      },
      isWhole,
    );
    this.#server = new PacketStream(
      'server',
      bounds.responseBytesMax + MESSAGE_BYTES_BESIDES,
      {
        message: (bytes, start, end, sequence, whole) => server.message(bytes, start, end, sequence, whole),
        lost,
        trouble: (reason, bytes) => sink.trouble('server', reason, bytes),
      },
      isWhole,
    );
    client.stream = this.#client;
    server.stream = this.#server;
    client.onTls = () => this.#handOver('SSL REQUEST', 'tls');
    client.onReplication = () => this.#handOver('', 'mysql-binlog');
    client.onCommand = () => this.#beginCommand();
    talk.onCompressed = () => this.#compress();
    this.counts = { client: this.#client.counts, server: this.#server.counts };
  }

  get heldBytes(): number {
    const packed = (this.#unpacking?.client.heldBytes ?? 0) + (this.#unpacking?.server.heldBytes ?? 0);
    return packed + this.#client.heldBytes + this.#server.heldBytes + this.#talk.heldBytes;
  }

  push(from: Side, bytes: Uint8Array, at: number): void {
    const stream = from === 'client' ? this.#client : this.#server;
    if (this.#unpacking !== undefined) {
      this.#unpacking[from].push(bytes, at);
    } else {
      stream.push(bytes, at);
      if (this.#unpacking !== undefined) this.#pushPacked(from, stream, bytes, at);
    }
    this.#talk.response.flush();
    this.#talk.file.flush();
  }

  /** Compression was agreed in this chunk; what is behind that is compressed. */
  #pushPacked(from: Side, stream: PacketStream, bytes: Uint8Array, at: number): void {
    stream.isPaused = false;
    this.#unpacking?.[from].push(bytes.subarray(stream.usedBytes), at);
  }

  gap(from: Side, missingBytes: number, _at: number): void {
    if (this.#unpacking !== undefined) {
      this.#unpacking[from].fail('gap_in_compressed');
      (from === 'client' ? this.#client : this.#server).lose('gap_in_compressed');
    } else {
      (from === 'client' ? this.#client : this.#server).gap(missingBytes);
    }
  }

  end(from: Side, _at: number): void {
    if (this.#ended[from]) return;
    this.#ended[from] = true;
    this.#unpacking?.[from].fail('unfinished');
    (from === 'client' ? this.#client : this.#server).end();
    if (!this.#ended.client || !this.#ended.server) return;
    this.#talk.giveOutAll('');
    this.#talk.prepared.clear();
  }

  #lost(): void {
    this.#talk.isUncertain = true;
    this.#talk.areRepliesLost = true;
  }

  /**
   * A client that waits for replies sends a command when it had the one before: what still seems to wait was answered out
   * of sight, and the server's next byte begins a message.
   */
  #beginCommand(): void {
    const talk = this.#talk;
    if (!talk.areRepliesLost && !(talk.isUncertain && !talk.hasPipelined)) return;
    talk.areRepliesLost = false;
    talk.giveOutAll('reply_lost');
    this.#server.resume();
  }

  #handOver(operation: string, protocol: string): void {
    const talk = this.#talk;
    const { head } = talk;
    if (head !== undefined && operation !== '') {
      head.operation = operation;
      head.status = 'ok';
    }
    talk.giveOutAll('');
    talk.prepared.clear();
    this.#server.giveUp('unfinished');
    this.#server.stop();
    this.#client.stopAfterMessage();
    if (this.#unpacking === undefined) {
      this.#sink.handover(protocol, this.#client.usedBytes);
      return;
    }
    // What follows is compressed, and nobody else could take that off.
    this.#unpacking.client.fail('replication_compressed');
    this.#unpacking.server.fail('replication_compressed');
  }

  #compress(): void {
    const talk = this.#talk;
    const isZlib = talk.has(Capability.compress);
    const side = (from: Side, stream: PacketStream): Unpacking => {
      const unpacking = new Unpacking(this.#bounds.requestBytesMax + MESSAGE_BYTES_BESIDES, {
        unpacked: (bytes, wireBytes, at) => {
          stream.addPacked(wireBytes);
          stream.push(bytes, at);
        },
        failed: (reason, bytes) => {
          stream.counts.notUnderstood += bytes;
          this.#sink.trouble(from, reason, bytes);
          if (from === 'server') this.#lost();
        },
      });
      if (!isZlib) unpacking.fail('compressed_zstd');
      return unpacking;
    };
    this.#unpacking = { client: side('client', this.#client), server: side('server', this.#server) };
    this.#server.isPaused = true;
    this.#server.usePacked();
    // A client that waits for the end of its login has nothing half said.
    if (this.#client.messageBytes > 0) this.#client.lose('malformed');
    this.#client.resume();
    this.#client.usePacked();
  }
}
