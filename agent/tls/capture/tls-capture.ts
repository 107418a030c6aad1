// SPDX-License-Identifier: Apache-2.0

/**
 * A recorded TLS connection with its secrets and with what both ends say that they sent and received.
 *
 * Shape    NAME.jsonl: a capture as of any protocol; NAME.expected.json: the rest
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { TlsSecret, TrafficLabel } from '../../model/tls-secret.ts';
import { type Capture, readCapture, writeCapture } from '../../protocol/testing/capture-file.ts';

export interface Expected {
  /** Lines of a key log (SSLKEYLOGFILE). */
  readonly keyLog: readonly string[];
  /** Application data, base64. */
  readonly client: string;
  readonly server: string;
  readonly version: string;
  readonly cipherSuite: string;
  readonly protocol: string;
  readonly resumed: boolean;
  /** SHA-256 of the certificates that were shown; '' for none, undefined where nobody says. */
  readonly certificate?: string;
  readonly clientCertificate?: string;
}

export interface TlsCapture extends Capture {
  readonly name: string;
  readonly expected: Expected;
}

const folder = new URL('../captures/', import.meta.url);

export function writeTlsCapture({ name, note, script, expected }: TlsCapture): void {
  writeCapture(new URL(`${name}.jsonl`, folder), { note, script });
  writeFileSync(new URL(`${name}.expected.json`, folder), `${JSON.stringify(expected, null, 2)}\n`);
}

export function readTlsCaptures(): readonly TlsCapture[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.jsonl'))
    .map((file) => file.slice(0, -'.jsonl'.length))
    .sort()
    .map((name) => ({
      name,
      ...readCapture(new URL(`${name}.jsonl`, folder)),
      expected: JSON.parse(readFileSync(new URL(`${name}.expected.json`, folder), 'utf8')) as Expected,
    }));
}

const LABELS: Readonly<Record<string, TrafficLabel>> = {
  CLIENT_EARLY_TRAFFIC_SECRET: 'client-early',
  CLIENT_HANDSHAKE_TRAFFIC_SECRET: 'client-handshake',
  SERVER_HANDSHAKE_TRAFFIC_SECRET: 'server-handshake',
  CLIENT_TRAFFIC_SECRET_0: 'client-application',
  SERVER_TRAFFIC_SECRET_0: 'server-application',
};

/** The secrets of a key log, anew at each call. Source: draft-ietf-tls-keylogfile. */
export function secretsOf(keyLog: readonly string[]): TlsSecret[] {
  return keyLog.flatMap((line): TlsSecret[] => {
    const [label = '', random = '', value = ''] = line.split(' ');
    const clientRandom = Buffer.from(random, 'hex');
    const secret = Buffer.from(value, 'hex');
    if (label === 'CLIENT_RANDOM') return [{ kind: 'master', clientRandom, serverRandom: undefined, secret }];
    const traffic = LABELS[label];
    return traffic === undefined ? [] : [{ kind: 'traffic', label: traffic, clientRandom, secret }];
  });
}
