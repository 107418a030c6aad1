// SPDX-License-Identifier: Apache-2.0

/**
 * A collector for benches: it speaks the real protocol over real mutual TLS, acknowledges every batch, cosigns every
 * checkpoint as it is, and keeps nothing.
 *
 *   node bench/discarding-collector.ts FOLDER    writes ca.pem, agent.pem, agent.key there; prints {"port": …}
 */
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { makeAuthority } from '../agent/delivery/grpc/test-certificates.ts';
import { CollectorKey } from '../collector/seal/collector-key.ts';
import { formatNote, formatVerifier, parseNote } from '../proto/log/note.ts';
import { sworn } from '../proto/record.ts';

const folder = process.argv[2] as string;
const authority = await makeAuthority('bench');
const serverIdentity = await authority.issue('localhost');
const agentIdentity = await authority.issue('bench-agent');
writeFileSync(join(folder, 'ca.pem'), authority.cert);
writeFileSync(join(folder, 'agent.pem'), agentIdentity.cert);
writeFileSync(join(folder, 'agent.key'), agentIdentity.key, { mode: 0o600 });

type Call = ServerDuplexStream<sworn.v1.Delivery, sworn.v1.Receipt.$Properties>;

const key = new CollectorKey('bench-collector', generateKeyPairSync('ed25519').privateKey);
const sealKey = formatVerifier(key.cosigner);

function cosigned(note: string): string {
  const { text, signatures } = parseNote(note);
  return formatNote({ text, signatures: [...signatures, key.cosign(text, Math.floor(Date.now() / 1000))] });
}

let storedSeq = 0;
function deliver(call: Call): void {
  call.on('data', ({ hello, batch, checkpoint }: sworn.v1.Delivery) => {
    if (hello != null) call.write({ welcome: { storedSeq, batchBytesMax: 0, sealKey } });
    if (checkpoint != null) call.write({ cosigned: { note: cosigned(checkpoint.note ?? '') } });
    if (batch == null) return;
    storedSeq = Number(batch.firstSeq) + Number(batch.count) - 1;
    call.write({ stored: { seq: storedSeq } });
  });
  call.on('end', () => call.end());
  call.on('error', () => {});
}

const server = new Server({ 'grpc.max_receive_message_length': 64 << 20 });
server.addService(
  {
    Deliver: {
      path: '/sworn.v1.Ingest/Deliver',
      requestStream: true,
      responseStream: true,
      requestSerialize: (message: sworn.v1.Delivery) => Buffer.from(sworn.v1.Delivery.encode(message).finish()),
      requestDeserialize: (bytes: Buffer) => sworn.v1.Delivery.decode(bytes),
      responseSerialize: (message: sworn.v1.Receipt.$Properties) =>
        Buffer.from(sworn.v1.Receipt.encode(message).finish()),
      responseDeserialize: (bytes: Buffer) => sworn.v1.Receipt.decode(bytes),
    },
  },
  { Deliver: deliver },
);
const pair = { cert_chain: Buffer.from(serverIdentity.cert), private_key: Buffer.from(serverIdentity.key) };
const credentials = ServerCredentials.createSsl(Buffer.from(authority.cert), [pair], true);
server.bindAsync('127.0.0.1:0', credentials, (error, port) => {
  if (error) throw error;
  console.log(JSON.stringify({ port }));
});
process.once('SIGTERM', () => server.forceShutdown());
