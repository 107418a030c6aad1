// SPDX-License-Identifier: Apache-2.0

/** What programs themselves say of their TLS secrets (SSLKEYLOGFILE), and where in a file a probe goes: the oracle's side. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { scratchFolder } from './trigger.ts';

/** Key and certificate of a server, PEM files, made once for this run. */
export function serverFiles(): { readonly key: string; readonly cert: string } {
  const key = join(scratchFolder(), 'server.key');
  const cert = join(scratchFolder(), 'server.pem');
  if (!existsSync(cert)) {
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const how = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    execFileSync('openssl', ['req', ...how, ...names, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  }
  return { key, cert };
}

const WANTED = new Set([
  'CLIENT_RANDOM',
  'CLIENT_EARLY_TRAFFIC_SECRET',
  'CLIENT_HANDSHAKE_TRAFFIC_SECRET',
  'SERVER_HANDSHAKE_TRAFFIC_SECRET',
  'CLIENT_TRAFFIC_SECRET_0',
  'SERVER_TRAFFIC_SECRET_0',
]);

export interface KeyLogLine {
  readonly label: string;
  readonly clientRandom: string;
  readonly secret: string;
}

/** The lines that decrypt; a secret that is logged twice counts once. */
export function keyLogLines(path: string): KeyLogLine[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  const wanted = [...new Set(lines)].map((line) => line.split(' ')).filter(([label]) => WANTED.has(label as string));
  return wanted.map(([label, clientRandom, secret]) => ({ label, clientRandom, secret }) as KeyLogLine);
}

/** The offset in the file of a symbol's first instruction; errors when it has no such symbol. */
export function offsetOf(path: string, symbol: string): number {
  const symbols = readelf('-sW', path);
  const found = new RegExp(`^\\s*\\d+: ([0-9a-f]+)\\s+\\d+ FUNC .* ${symbol}(?:@@?\\S+)?$`, 'm').exec(symbols);
  if (found === null) throw new Error(`${path} has no ${symbol}`);
  return fileOffsetOf(path, Number.parseInt(found[1] as string, 16));
}

/** Where an address is in the file that is mapped there. */
export function fileOffsetOf(path: string, address: number): number {
  for (const line of readelf('-lW', path).split('\n')) {
    const [type, ...columns] = line.trim().split(/\s+/);
    if (type !== 'LOAD') continue;
    const [offset, virtual, , fileBytes] = columns.map(Number) as [number, number, number, number];
    if (address >= virtual && address < virtual + fileBytes) return address - virtual + offset;
  }
  throw new Error(`${path} has nothing at ${address}`);
}

function readelf(how: string, path: string): string {
  return execFileSync('readelf', [how, path], { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 });
}
