// SPDX-License-Identifier: Apache-2.0

/** Who connected to the broker's port, as the kernel side keeps it. */
import type { Caller } from '../kernel-event-source.ts';
import { processAt, scopeAt } from './fields.ts';
import { caller, callerKey } from './layout.generated.ts';

/** The client's end of a connection. The broker listens on loopback, so no other IPv6 address can be one. */
export function callerKeyOf(address: string, port: number): Uint8Array {
  const key = Buffer.alloc(callerKey.structBytes);
  const ipv4 = /^(?:::ffff:)?(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  if (ipv4 !== null) {
    for (let i = 0; i < 4; i++) key[callerKey.address + i] = Number(ipv4[i + 1]);
    key[callerKey.family] = 4;
  } else if (address === '::1') {
    key[callerKey.address + 15] = 1;
    key[callerKey.family] = 6;
  }
  key.writeUInt16LE(port, callerKey.port);
  return key;
}

export function readCaller(record: Buffer): Caller {
  const scope = scopeAt(record, caller.scope);
  return {
    process: processAt(record, caller.process),
    scope: scope.selectionId === 0 ? undefined : scope,
    uid: record.readUInt32LE(caller.uid),
    networkNamespace: record.readUInt32LE(caller.networkNamespace),
  };
}
