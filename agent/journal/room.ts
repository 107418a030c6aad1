// SPDX-License-Identifier: Apache-2.0

/**
 * How much room the journal has: in memory (what is not yet written), in its folder, on the disk.
 *
 *   open    everything is taken
 *   tight   a bound is reached. Policy 'shed': payloads are dropped. Policy 'block': taken whole, and workloads are to be frozen
 *   none    the reserve beyond the bound is used up too: nothing is taken, each refusal is counted
 *
 * The reserve is what lets metadata and losses go on being written while the bound is reached, and what workloads may still
 * do until they are frozen.
 */
import type { Disk } from './disk.ts';

export type Room = 'open' | 'tight' | 'none';

export interface RoomBounds {
  /** Size of all segments. Beyond it the reserve begins, a quarter as much again. */
  readonly folderBytesMax: number;
  /** Free bytes that the disk keeps for others. The last half of them is not used at all. */
  readonly diskFreeBytesMin: number;
  /** Bytes not yet on stable storage. The first half is the usual work, the second half the reserve. */
  readonly pendingBytesMax: number;
}

export interface RoomUse {
  readonly folderBytes: number;
  readonly pendingBytes: number;
  /** The last write failed, and what is pending cannot leave memory. */
  readonly writeFails: boolean;
}

const RESERVE_OF_FOLDER = 0.25;
const RESERVE_OF_DISK = 0.5;
const RESERVE_OF_PENDING = 0.5;

/** Free space is asked for at most this often; with 512 MiB kept free, a disk fills slower than that. */
const FREE_SPACE_INTERVAL_MS = 1000;

export class RoomWatch {
  readonly #bounds: RoomBounds;
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #nowMs: () => number;
  #freeBytes = Number.POSITIVE_INFINITY;
  #askedAtMs = Number.NEGATIVE_INFINITY;

  constructor(bounds: RoomBounds, disk: Disk, folder: string, nowMs: () => number) {
    this.#bounds = bounds;
    this.#disk = disk;
    this.#folder = folder;
    this.#nowMs = nowMs;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  async refresh(): Promise<void> {
    // A clock that was set back must not keep the disk from being asked until it is there again.
    const agoMs = this.#nowMs() - this.#askedAtMs;
    if (agoMs >= 0 && agoMs < FREE_SPACE_INTERVAL_MS) return;
    this.#askedAtMs = this.#nowMs();
    try {
      this.#freeBytes = await this.#disk.freeBytes(this.#folder);
    } catch {
      // Unknown is no reason to drop anything: a disk that is really full says so when it is written to.
      this.#freeBytes = Number.POSITIVE_INFINITY;
    }
  }

  of(use: RoomUse): Room {
    const { folderBytesMax, diskFreeBytesMin, pendingBytesMax } = this.#bounds;
    const none =
      use.pendingBytes >= pendingBytesMax ||
      use.folderBytes >= folderBytesMax * (1 + RESERVE_OF_FOLDER) ||
      this.#freeBytes < diskFreeBytesMin * RESERVE_OF_DISK;
    if (none) return 'none';
    const tight =
      use.writeFails ||
      use.pendingBytes >= pendingBytesMax * (1 - RESERVE_OF_PENDING) ||
      use.folderBytes >= folderBytesMax ||
      this.#freeBytes < diskFreeBytesMin;
    return tight ? 'tight' : 'open';
  }
}
