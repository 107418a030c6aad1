// SPDX-License-Identifier: Apache-2.0

/** Which socket is at the caller's end of a connection, and whether a process holds it open: read from /proc. */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { endianness } from 'node:os';
import type { BrokerConnection, CallerDirectory } from './caller-directory.ts';

const LITTLE_ENDIAN = endianness() === 'LE';

/** An IPv4 address as /proc/net/tcp writes it: the word in memory order, in hexadecimal. */
function v4Hex(address: string): string | undefined {
  const bytes = address.split('.').map(Number);
  if (bytes.length !== 4 || bytes.some((byte) => !(byte >= 0 && byte <= 255))) return undefined;
  return Buffer.from(LITTLE_ENDIAN ? bytes.reverse() : bytes)
    .toString('hex')
    .toUpperCase();
}

const portHex = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0');

/** The v4-mapped form that a socket of family AF_INET6 has in /proc/net/tcp6; Java's sockets are such. */
const mapped = (v4: string): string => `0000000000000000${LITTLE_ENDIAN ? 'FFFF0000' : '0000FFFF'}${v4}`;

/**
 * The inode of the caller's socket, whose own end is the broker's remote end.
 *
 * Errors   undefined when there is no such socket, or nobody holds it any more (inode 0); throws when /proc cannot be read
 */
export function callerSocketInode(connection: BrokerConnection, proc = '/proc'): string | undefined {
  const caller = v4Hex(connection.remoteAddress);
  const broker = v4Hex(connection.localAddress);
  if (caller === undefined || broker === undefined) return undefined;
  const ports = [portHex(connection.remotePort), portHex(connection.localPort)];
  for (const [table, from, to] of [
    ['tcp', caller, broker],
    ['tcp6', mapped(caller), mapped(broker)],
  ] as const) {
    const wanted = ` ${from}:${ports[0]} ${to}:${ports[1]} `;
    for (const line of readFileSync(`${proc}/net/${table}`, 'latin1').split('\n')) {
      if (!line.includes(wanted)) continue;
      const inode = line.trim().split(/\s+/)[9];
      if (inode !== undefined && inode !== '0') return inode;
    }
  }
  return undefined;
}

/** false also for a process that has ended, or is not ours to look into. */
export function holdsSocket(pid: number, inode: string, proc = '/proc'): boolean {
  const link = `socket:[${inode}]`;
  let descriptors: string[];
  try {
    descriptors = readdirSync(`${proc}/${pid}/fd`);
  } catch {
    return false;
  }
  return descriptors.some((descriptor) => {
    try {
      return readlinkSync(`${proc}/${pid}/fd/${descriptor}`) === link;
    } catch {
      return false; // Closed since the directory was read.
    }
  });
}

/** Connections whose socket is remembered; more than the broker has open at a time. */
const REMEMBERED_MAX = 2048;

/**
 * For when nothing but who *opened* a connection is known: that answer counts only while the opener still holds the
 * socket. So one that passed its connection on and closed it is not taken for the caller. (That others hold it besides
 * cannot be told this way; only the opener's descriptors are read.)
 *
 * The table of sockets is walked once for a connection (some milliseconds: the kernel goes through all its buckets), since a
 * connection keeps its socket; the opener's descriptors are read every time.
 */
export function whileHeldByOpener(opened: CallerDirectory, proc = '/proc'): CallerDirectory {
  const inodes = new Map<string, string>();

  return {
    callerOf(connection) {
      const caller = opened.callerOf(connection);
      if (caller === undefined) return undefined;
      const key = `${connection.remoteAddress} ${connection.remotePort} ${connection.localAddress} ${connection.localPort}`;
      const remembered = inodes.get(key);
      if (remembered !== undefined && holdsSocket(caller.pid, remembered, proc)) return caller;
      // Not known yet, not held, or the addresses are those of a later connection.
      inodes.delete(key);
      const inode = callerSocketInode(connection, proc);
      if (inode === undefined || !holdsSocket(caller.pid, inode, proc)) return undefined;
      inodes.set(key, inode);
      const [oldest] = inodes.keys();
      if (inodes.size > REMEMBERED_MAX && oldest !== undefined) inodes.delete(oldest);
      return caller;
    },
  };
}
