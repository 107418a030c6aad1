// SPDX-License-Identifier: Apache-2.0

/** Exec events → programs. An argv that is too long for its event comes before it in pieces, which wait here. */
import type { Program } from '../../model/kernel-event.ts';
import { textOf } from './byte-text.ts';
import { u64 } from './fields.ts';
import { argvPieceEvent, event, execEvent, limits } from './layout.generated.ts';

/**
 * Pieces of one argv follow one another and their exec event at once, so few are ever under way: one a CPU. Those whose
 * exec event was dropped stay until they are in the way.
 */
const WAITING_BYTES_MAX = 32 * 1024 * 1024;

interface Pieces {
  readonly timeNs: number;
  readonly pieces: { readonly offset: number; readonly bytes: Buffer }[];
  bytes: number;
}

export class ProgramReader {
  readonly #waiting = new Map<number, Pieces>();
  #waitingBytes = 0;

  /** Of all pieces that wait for their exec event. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  keepPiece(batch: Buffer, at: number): void {
    const tgid = batch.readUInt32LE(at + argvPieceEvent.tgid);
    const timeNs = u64(batch, at + event.timeNs);
    const start = at + argvPieceEvent.data;
    const bytes = Buffer.from(batch.subarray(start, start + batch.readUInt32LE(at + argvPieceEvent.bytes)));
    if (this.#waiting.get(tgid)?.timeNs !== timeNs) this.#forget(tgid);
    const waiting = this.#waiting.get(tgid) ?? { timeNs, pieces: [], bytes: 0 };
    this.#waiting.set(tgid, waiting);
    waiting.pieces.push({ offset: batch.readUInt32LE(at + argvPieceEvent.offset), bytes });
    waiting.bytes += bytes.length;
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > WAITING_BYTES_MAX) this.#forget(this.#waiting.keys().next().value as number);
  }

  /** The program of an exec event of `size` bytes. */
  read(batch: Buffer, at: number, size: number): Program {
    let start = at + execEvent.data;
    const take = (length: number): Buffer => {
      const part = batch.subarray(start, Math.min(start + length, at + size));
      start += length;
      return part;
    };
    const flags = batch.readUInt16LE(at + event.flags);
    const exe = take(batch.readUInt16LE(at + execEvent.exeBytes));
    const cwd = take(batch.readUInt16LE(at + execEvent.cwdBytes));
    const cgroup = take(batch.readUInt16LE(at + execEvent.cgroupBytes));
    const inline = take(batch.readUInt16LE(at + execEvent.argvInlineBytes));
    const argvBytes = batch.readUInt32LE(at + execEvent.argvBytes);
    const argv = this.#wholeArgv(batch, at, inline, argvBytes);
    return {
      exe: pathOf(exe, (flags & limits.flagExeCut) !== 0),
      cwd: pathOf(cwd, (flags & limits.flagCwdCut) !== 0),
      cgroup: pathOf(cgroup, (flags & limits.flagCgroupCut) !== 0),
      argv: splitArgv(argv),
      argvBytes,
      argvComplete: argv.length === argvBytes,
      uid: batch.readUInt32LE(at + execEvent.uid),
      gid: batch.readUInt32LE(at + execEvent.gid),
      loginUid: batch.readUInt32LE(at + execEvent.loginUid),
    };
  }

  /** Joins the inline head and the pieces; stops at the first hole, so that no argument is made up of two. */
  #wholeArgv(batch: Buffer, at: number, inline: Buffer, argvBytes: number): Buffer {
    const tgid = batch.readUInt32LE(at + execEvent.processTgid);
    const waiting = this.#waiting.get(tgid);
    this.#forget(tgid);
    if (inline.length >= argvBytes || waiting?.timeNs !== u64(batch, at + event.timeNs)) return inline;
    const parts = [inline];
    let end = inline.length;
    for (const piece of waiting.pieces) {
      if (piece.offset !== end) break;
      parts.push(piece.bytes);
      end += piece.bytes.length;
    }
    return Buffer.concat(parts);
  }

  #forget(tgid: number): void {
    const waiting = this.#waiting.get(tgid);
    if (waiting === undefined) return;
    this.#waiting.delete(tgid);
    this.#waitingBytes -= waiting.bytes;
  }
}

/** Components from the leaf to the root, each a length and a name, as a path. A cut one begins with an ellipsis. */
export function pathOf(components: Buffer, cut = false): string {
  const names: string[] = [];
  for (let at = 0; at < components.length; ) {
    const length = components[at] as number;
    names.push(textOf(components.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
  return `${cut ? '…' : ''}/${names.reverse().join('/')}`;
}

/** Each argument ends with a NUL; the last lacks it where argv was cut. */
export function splitArgv(bytes: Buffer): string[] {
  if (bytes.length === 0) return [];
  const whole = bytes[bytes.length - 1] === 0 ? bytes.subarray(0, -1) : bytes;
  return textOf(whole).split('\0');
}
