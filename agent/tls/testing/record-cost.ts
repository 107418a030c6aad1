// SPDX-License-Identifier: Apache-2.0

/**
 * What does a record cost? `bin/node agent/tls/testing/record-cost.ts` prints CPU microseconds of records that the layer
 * reads, key known, each whole in one push, and of a trial that fails; the median of several runs.
 */
import { type CipherGCMTypes, createCipheriv } from 'node:crypto';
import { AeadCipher } from '../aead-cipher.ts';
import { readTlsCaptures } from '../capture/tls-capture.ts';
import { type CipherSuite, suitesOfSecret } from '../cipher-suite.ts';
import { expandLabel } from '../key-derivation.ts';
import { RECORD_HEADER_BYTES, writeSequence } from '../record-cipher.ts';
import { SecretPool } from '../secret-pool.ts';
import { TlsLayer } from '../tls-layer.ts';
import { secretsFor } from './run-layer.ts';

const RUNS = 5;
/** Two tickets, three messages and the alert: what the server of the captures has sent by then. */
const SENT_RECORDS = 6;

const captures = readTlsCaptures();
for (const name of ['aes_128_gcm_sha256', 'aes_256_gcm_sha384', 'chacha20_poly1305_sha256']) {
  const capture = captures.find((one) => one.name === `node-1.3-${name}`)!;
  const { secret } = secretsFor(capture).find((one) => one.kind === 'traffic' && one.label === 'server-application')!;
  const suite = suitesOfSecret(secret.length).find((one) => one.name === capture.expected.cipherSuite)!;
  for (const [size, count] of [
    [100, 20_000],
    [16_384, 3000],
  ] as const) {
    const records = sealed(suite, secret, size, count);
    const costs = Array.from({ length: RUNS }, () => {
      const pool = new SecretPool();
      for (const one of secretsFor(capture)) pool.add(one, 1, 0);
      let bytes = 0;
      const sink = {
        data(_: string, data: Uint8Array) {
          bytes += data.length;
        },
        gap() {},
        unreadable() {},
      };
      const layer = new TlsLayer(
        sink,
        pool.storeFor(() => [1]),
        { late: false },
      );
      for (const step of capture.script) if (step.kind === 'bytes') layer.push(step.from, step.bytes, 0);
      bytes = 0;
      const cost = cpuOf(count, (i) => layer.push('server', records[i]!, 0));
      if (bytes !== size * count) throw new Error(`${bytes} bytes were read`);
      return cost;
    });
    console.log(`${suite.name}, ${size} bytes: ${median(costs)} µs`);
    const trials = Array.from({ length: RUNS }, () =>
      cpuOf(2000, () => AeadCipher.ofTrafficSecret(suite, Buffer.alloc(secret.length, 1)).open(0, records[0]!)),
    );
    console.log(`${suite.name}, ${size} bytes, with a wrong secret: ${median(trials)} µs`);
  }
}

function sealed(suite: CipherSuite, secret: Buffer, size: number, count: number): Buffer[] {
  const key = expandLabel(suite.hash, secret, 'key', suite.keyBytes);
  const iv = expandLabel(suite.hash, secret, 'iv', suite.fixedNonceBytes);
  const plain = Buffer.alloc(size + 1, 23);
  const header = Buffer.from([23, 3, 3, 0, 0]);
  header.writeUInt16BE(plain.length + suite.tagBytes, RECORD_HEADER_BYTES - 2);
  return Array.from({ length: count }, (_, i) => {
    const nonce = Buffer.alloc(12);
    writeSequence(nonce, 4, SENT_RECORDS + i);
    for (let at = 0; at < nonce.length; at++) nonce[at] = (nonce[at] as number) ^ (iv[at] as number);
    const cipher = createCipheriv(suite.algorithm as CipherGCMTypes, key, nonce, { authTagLength: suite.tagBytes });
    cipher.setAAD(header);
    return Buffer.concat([header, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  });
}

function cpuOf(count: number, work: (i: number) => void): number {
  const before = process.cpuUsage();
  for (let i = 0; i < count; i++) work(i);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

function median(values: readonly number[]): string {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!.toFixed(1);
}
