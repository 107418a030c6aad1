// SPDX-License-Identifier: Apache-2.0

/** Secrets as the kernel side keeps them → what the agent works with. */
import type { SshCipherHint, SshCipherKey } from '../../model/ssh-key.ts';
import type { TlsSecret, TrafficLabel } from '../../model/tls-secret.ts';
import { limits, secret, secretKind, secretLabel, sshCipher } from './layout.generated.ts';

/** One of the two. */
export interface TakenSecret {
  readonly tls?: TlsSecret;
  readonly ssh?: SshCipherKey;
}

const LABELS: Readonly<Record<number, TrafficLabel>> = {
  [secretLabel.clientEarly]: 'client-early',
  [secretLabel.clientHandshake]: 'client-handshake',
  [secretLabel.serverHandshake]: 'server-handshake',
  [secretLabel.clientApplication]: 'client-application',
  [secretLabel.serverApplication]: 'server-application',
};

const CIPHERS: Readonly<Record<number, SshCipherHint>> = {
  [sshCipher.aesCtr]: 'aes-ctr',
  [sshCipher.aesGcm]: 'aes-gcm',
  [sshCipher.aesCbc]: 'aes-cbc',
  [sshCipher.chacha20]: 'chacha20',
};

const SSH_KEY_BYTES = [16, 24, 32, 64];

/** Copies what it needs of a row of the kernel side, and fills the row with zeros. Undefined: it is no such secret. */
export function takeSecretFrom(row: Buffer): TakenSecret | undefined {
  try {
    if (row.readUInt16LE(secret.kind) === secretKind.sshCipher) {
      const ssh = readSshKey(row);
      return ssh && { ssh };
    }
    const tls = readTlsSecret(row);
    return tls && { tls };
  } finally {
    row.fill(0);
  }
}

function readTlsSecret(row: Buffer): TlsSecret | undefined {
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

function readSshKey(row: Buffer): SshCipherKey | undefined {
  const keyBytes = row.readUInt16LE(secret.secretBytes);
  const ivBytes = row.readUInt16LE(secret.ivBytes);
  if (!SSH_KEY_BYTES.includes(keyBytes) || ivBytes > limits.sshIvBytesMax) return undefined;
  const has = row.readUInt16LE(secret.has);
  const encrypts = (has & limits.secretHasEncrypts) !== 0;
  return {
    cipher: CIPHERS[row.readUInt16LE(secret.label)] ?? 'unknown',
    key: part(row, secret.secret, keyBytes),
    iv: part(row, secret.iv, ivBytes),
    encrypts: encrypts || (has & limits.secretHasDecrypts) !== 0 ? encrypts : undefined,
  };
}

/** A copy with memory of its own: what comes from Node's pool would share it with other buffers. */
function part(row: Buffer, at: number, bytes: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes);
  row.copy(copy, 0, at, at + bytes);
  return copy;
}
