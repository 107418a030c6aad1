// SPDX-License-Identifier: Apache-2.0

/** Who calls the broker, and what a process is now, as the kernel side keeps both. */
import { isIPv4 } from 'node:net';
import type { BrokerCaller, KnownProcess, SocketEnds, SocketUser } from '../../model/broker-caller.ts';
import { connectionKeyAt, processAt, scopeAt } from './fields.ts';
import { caller, callerKey, limits, processState, socketUser } from './layout.generated.ts';

/** undefined when an address is none that the broker listens on: IPv4, or ::1. */
export function callerKeyOf(client: SocketEnds): Uint8Array | undefined {
  const key = Buffer.alloc(callerKey.structBytes);
  const families = [
    writeAddress(key, callerKey.local, client.localAddress),
    writeAddress(key, callerKey.remote, client.remoteAddress),
  ];
  const [family] = families;
  if (family === undefined || families[1] !== family) return undefined;
  key[callerKey.family] = family;
  key.writeUInt16LE(client.localPort, callerKey.localPort);
  key.writeUInt16LE(client.remotePort, callerKey.remotePort);
  return key;
}

function writeAddress(key: Buffer, at: number, address: string): 4 | 6 | undefined {
  if (address === '::1') {
    key[at + 15] = 1;
    return 6;
  }
  const ipv4 = address.replace(/^::ffff:/i, '');
  if (!isIPv4(ipv4)) return undefined;
  for (const [i, part] of ipv4.split('.').entries()) key[at + i] = Number(part);
  return 4;
}

export function readCaller(record: Buffer): BrokerCaller {
  const flags = record.readUInt32LE(caller.flags);
  const sender = userAt(record, caller.sender);
  return {
    opener: userAt(record, caller.opener),
    sender: sender.process.pid === 0 ? undefined : sender,
    connectionKey: connectionKeyAt(record, caller.connection),
    networkNamespace: record.readUInt32LE(caller.networkNamespace),
    changes: record.readUInt32LE(caller.changes),
    hasStrangers: (flags & limits.callerStrangers) !== 0,
    isUntold: (flags & limits.callerUntold) !== 0,
    isRedirected: (flags & limits.callerRedirected) !== 0,
  };
}

function userAt(record: Buffer, at: number): SocketUser {
  const scope = scopeAt(record, at + socketUser.scope);
  return {
    process: processAt(record, at + socketUser.process),
    scope: scope.selectionId === 0 ? undefined : scope,
    execs: record.readUInt32LE(at + socketUser.execs),
    uid: record.readUInt32LE(at + socketUser.uid),
    gid: record.readUInt32LE(at + socketUser.gid),
  };
}

export function readProcess(pid: number, record: Buffer): KnownProcess {
  return {
    process: { pid, startNs: record.readBigUInt64LE(processState.startNs) },
    scope: scopeAt(record, processState.scope),
    execs: record.readUInt32LE(processState.execs),
  };
}
