// SPDX-License-Identifier: Apache-2.0

import type { Side } from '../protocol/decoder.ts';
import type { DirectionAlgorithms } from '../protocol/ssh/kex-init.ts';
import type { PacketSpec } from './algorithms.ts';
import { ByteQueue } from './byte-queue.ts';
import type { Inflater } from './inflater.ts';
import { type PacketCipher, plainCipher } from './packet-cipher.ts';
import type { PacketSeeker } from './resync.ts';

/** Stable words. */
export type SshUnreadableReason =
  /** The key did not come in time, or none that came opens the first packet. */
  | 'ssh_no_key'
  | 'ssh_joined_late'
  /** A cipher, MAC or compression whose packets are not read. */
  | 'ssh_cipher_unsupported'
  /** New keys were taken into use and it was not seen what was agreed on. */
  | 'ssh_not_negotiated'
  /** A packet that no end sends. */
  | 'ssh_packet_damaged'
  | 'ssh_packet_incomplete'
  /** From lost bytes to the next packet that can be told; of CBC and of compressed streams, to the end. */
  | 'ssh_after_gap'
  | 'ssh_compression_damaged'
  | 'ssh_memory_bound'
  | 'not_ssh';

/** What became of the bytes of a direction. */
export interface SshCounts {
  /** Understood, and no message: what is around messages. Less than nothing where compression made more of them. */
  readonly framing: number;
  /** Of messages that were given out, with their lengths. */
  readonly plaintext: number;
  readonly unreadable: number;
  readonly waiting: number;
}

/** What one side sends, and how far it is read. */
export class Direction {
  readonly side: Side;
  readonly queue = new ByteQueue();
  stage: 'version' | 'packets' = 'version';
  dead: SshUnreadableReason | undefined;
  sequence = 0;
  /** Undefined while its key is sought. */
  cipher: PacketCipher | undefined = plainCipher();
  spec: PacketSpec | undefined;
  algorithms: DirectionAlgorithms | undefined;
  /** Keys that were taken into use, with this direction's SSH_MSG_NEWKEYS. */
  keyExchanges = 0;
  /** Keys that had come when the first packet was tried with all of them. */
  triedArrivals = -1;
  inflater: Inflater | undefined;
  /** After a gap: bytes of plaintext that may be missing, until a packet is found again. */
  missedBytes = 0;
  isSeeking = false;
  /** Of ciphers that count: what finds the next packet, and how far behind the beginning of the last one is what comes. */
  seeker: PacketSeeker<PacketCipher> | undefined;
  seekBytes = 0;
  bannerBytes = 0;
  framing = 0;
  plaintext = 0;
  unreadable = 0;

  constructor(side: Side) {
    this.side = side;
  }
}
