// SPDX-License-Identifier: Apache-2.0

/** Secrets as the kernel side keeps them → what the agent works with. */
import type { TlsSecret, TrafficLabel } from '../../model/tls-secret.ts';
import { limits, secret, secretKind, secretLabel } from './layout.generated.ts';

const LABELS: Readonly<Record<number, TrafficLabel>> = {
  [secretLabel.clientEarly]: 'client-early',
  [secretLabel.clientHandshake]: 'client-handshake',
  [secretLabel.serverHandshake]: 'server-handshake',
  [secretLabel.clientApplication]: 'client-application',
  [secretLabel.serverApplication]: 'server-application',
};

/** Copies what it needs of a row of the kernel side, and fills the row with zeros. Undefined: it is no such secret. */
export function takeSecretFrom(row: Buffer): TlsSecret | undefined {
  try {
    return read(row);
  } finally {
    row.fill(0);
  }
}

function read(row: Buffer): TlsSecret | undefined {
  const bytes = row.readUInt16LE(secret.secretBytes);
  if (bytes === 0 || bytes > limits.secretBytesMax) return undefined;
  const has = row.readUInt16LE(secret.has);
  const clientRandom =
    (has & limits.secretHasClientRandom) === 0 ? undefined : part(row, secret.clientRandom, limits.secretRandomBytes);
  const serverRandom =
    (has & limits.secretHasServerRandom) === 0 ? undefined : part(row, secret.serverRandom, limits.secretRandomBytes);
  switch (row.readUInt16LE(secret.kind)) {
    case secretKind.traffic: {
      const label = LABELS[row.readUInt16LE(secret.label)];
      return { kind: 'traffic', label, clientRandom, secret: part(row, secret.secret, bytes) };
    }
    case secretKind.master:
      if (clientRandom === undefined) return undefined;
      return { kind: 'master', clientRandom, serverRandom, secret: part(row, secret.secret, bytes) };
    default:
      return undefined;
  }
}

/** A copy with memory of its own: what comes from Node's pool would share it with other buffers. */
function part(row: Buffer, at: number, bytes: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes);
  row.copy(copy, 0, at, at + bytes);
  return copy;
}
