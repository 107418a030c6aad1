// SPDX-License-Identifier: Apache-2.0

/** What each counter of the kernel side means, and which of them is something missed that nothing else tells of. */
import { counter } from './layout.generated.ts';

export interface CounterMeaning {
  readonly where: string;
  readonly reason: string;
  /**
   * 'loss': becomes a loss by itself. 'told': the events or the stream offsets tell of it already, with the connection
   * that it belongs to. 'note': nothing was missed.
   */
  readonly kind: 'loss' | 'told' | 'note';
  /** After this the picture of which processes run may be wrong, and is put right from the kernel's own table. */
  readonly resync?: boolean;
}

export const counterMeanings: Readonly<Record<number, CounterMeaning>> = {
  [counter.forkRingFull]: { where: 'process', reason: 'fork_ring_full', kind: 'loss', resync: true },
  [counter.execRingFull]: { where: 'process', reason: 'exec_ring_full', kind: 'loss', resync: true },
  [counter.exitRingFull]: { where: 'process', reason: 'exit_ring_full', kind: 'loss', resync: true },
  [counter.joinRingFull]: { where: 'process', reason: 'join_ring_full', kind: 'loss', resync: true },
  [counter.processStale]: { where: 'process', reason: 'exit_missed', kind: 'loss', resync: true },
  [counter.processMapFull]: { where: 'process', reason: 'process_table_full', kind: 'loss' },
  [counter.argvRingFull]: { where: 'process', reason: 'argv_ring_full', kind: 'told' },
  [counter.argvUnreadable]: { where: 'process', reason: 'argv_unreadable', kind: 'told' },
  [counter.argvTooLong]: { where: 'process', reason: 'argv_too_long', kind: 'told' },
  /** The path itself begins with an ellipsis. */
  [counter.pathCut]: { where: 'process', reason: 'path_cut', kind: 'loss' },
  [counter.openRingFull]: { where: 'connection', reason: 'open_ring_full', kind: 'told' },
  [counter.closeRingFull]: { where: 'connection', reason: 'close_ring_full', kind: 'told' },
  [counter.closeLost]: { where: 'connection', reason: 'close_lost', kind: 'loss' },
  [counter.bytesRingFull]: { where: 'connection', reason: 'ring_full', kind: 'told' },
  [counter.bytesUnreadable]: { where: 'connection', reason: 'unreadable', kind: 'told' },
  [counter.segmentTooLarge]: { where: 'connection', reason: 'too_large', kind: 'told' },
  [counter.socketStorage]: { where: 'connection', reason: 'no_memory_for_socket', kind: 'loss' },
  [counter.refused]: { where: 'connection', reason: 'refused', kind: 'note' },
  [counter.retransmitted]: { where: 'connection', reason: 'retransmitted', kind: 'note' },
  [counter.udpMapFull]: { where: 'udp', reason: 'table_full', kind: 'loss' },
  [counter.unixMapFull]: { where: 'unix', reason: 'table_full', kind: 'loss' },
  [counter.uringUnseen]: { where: 'unix', reason: 'io_uring_unseen', kind: 'loss' },
  [counter.unixNoBuffer]: { where: 'unix', reason: 'no_buffer', kind: 'told' },
  [counter.unixCallTooLarge]: { where: 'unix', reason: 'too_large', kind: 'told' },
  [counter.unixUnreadable]: { where: 'unix', reason: 'unreadable', kind: 'told' },
  [counter.packetUnreadable]: { where: 'connection', reason: 'packet_unreadable', kind: 'loss' },
  [counter.copySkipped]: { where: 'connection', reason: 'skipped', kind: 'told' },
  [counter.wayRingFull]: { where: 'source', reason: 'way_ring_full', kind: 'loss' },
  [counter.selectionMapFull]: { where: 'process', reason: 'selection_table_full', kind: 'loss' },
  [counter.secretRingFull]: { where: 'tls', reason: 'secret_ring_full', kind: 'loss' },
  [counter.secretMapFull]: { where: 'tls', reason: 'secret_table_full', kind: 'loss' },
  [counter.secretUnreadable]: { where: 'tls', reason: 'secret_unreadable', kind: 'loss' },
  [counter.keyRingFull]: { where: 'ssh', reason: 'key_ring_full', kind: 'loss' },
  [counter.keyMapFull]: { where: 'ssh', reason: 'key_table_full', kind: 'loss' },
  [counter.keyUnreadable]: { where: 'ssh', reason: 'key_unreadable', kind: 'loss' },
  [counter.imageRingFull]: { where: 'tls', reason: 'image_ring_full', kind: 'loss' },
  [counter.imageUnreadable]: { where: 'tls', reason: 'image_unreadable', kind: 'loss' },
  [counter.unsettledMapFull]: { where: 'tls', reason: 'unsettled_table_full', kind: 'loss' },
  [counter.held]: { where: 'tls', reason: 'held', kind: 'note' },
  /** Its bytes are microseconds. */
  [counter.heldTime]: { where: 'tls', reason: 'held_time', kind: 'note' },
  /** Where it went is in the record. */
  [counter.redirectNamespace]: { where: 'broker', reason: 'redirect_other_namespace', kind: 'note' },
  /** Nothing of the record: the broker decides by /proc, or refuses. */
  [counter.senderUntold]: { where: 'broker', reason: 'sender_untold', kind: 'note' },
  [counter.callerLost]: { where: 'broker', reason: 'caller_lost', kind: 'note' },
  [counter.streamMapFull]: { where: 'stream', reason: 'table_full', kind: 'loss' },
  [counter.streamRingFull]: { where: 'stream', reason: 'ring_full', kind: 'told' },
  [counter.streamUnreadable]: { where: 'stream', reason: 'unreadable', kind: 'told' },
  [counter.streamNoBuffer]: { where: 'stream', reason: 'no_buffer', kind: 'told' },
  [counter.streamTooLarge]: { where: 'stream', reason: 'too_large', kind: 'told' },
  [counter.streamCompat]: { where: 'stream', reason: 'compat_call', kind: 'loss' },
  [counter.streamUringUnseen]: { where: 'stream', reason: 'io_uring_unseen', kind: 'loss' },
  [counter.streamEndUnseen]: { where: 'stream', reason: 'end_unseen', kind: 'loss' },
  [counter.holdExpired]: { where: 'tls', reason: 'hold_expired', kind: 'loss' },
};
