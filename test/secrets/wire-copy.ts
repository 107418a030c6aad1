// SPDX-License-Identifier: Apache-2.0

/**
 * A collector's door that keeps a copy of all that an agent sends: it ends the agent's mutual TLS, and passes each message
 * on to the real collector with the certificate that this one gave the agent.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import {
  Client,
  type ClientDuplexStream,
  credentials,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
} from '@grpc/grpc-js';
import { makeAuthority } from '../../agent/delivery/grpc/test-certificates.ts';
import { sworn } from '../../proto/record.ts';

const PATH = '/sworn.v1.Ingest/Deliver';
const MESSAGE_BYTES_MAX = 64 << 20;
const asIs = (bytes: Buffer): Buffer => bytes;
const METHOD = {
  path: PATH,
  requestStream: true,
  responseStream: true,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
} as const;

export interface WireCopy {
  /**
   * What an agent is configured with, a file of it in `folder`. `certificates`: the folder that `sworn collector
   * issue-certificate` wrote. `collector`: host:port of where to pass on to, when the agent connects.
   */
  target(folder: string, certificates: string, collector: () => string): object;
  /** Every message so far, as it came out of TLS, and behind each batch what is compressed in it. */
  received(): Buffer;
  stop(): void;
}

export async function startWireCopy(): Promise<WireCopy> {
  const authority = await makeAuthority('wire-copy');
  const own = await authority.issue('localhost');
  const messages: Buffer[] = [];
  let door: { certificates: string; collector: () => string } | undefined;

  function deliver(call: ServerDuplexStream<Buffer, Buffer>): void {
    if (door === undefined) return void call.end();
    const { certificates, collector } = door;
    const file = (name: string): Buffer => readFileSync(join(certificates, name));
    const trust = credentials.createSsl(file('collector-ca.pem'), file('agent.key'), file('agent.pem'));
    const client = new Client(collector(), trust, { 'grpc.max_send_message_length': MESSAGE_BYTES_MAX });
    const onward: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(PATH, asIs, asIs);
    call.on('data', (message: Buffer) => {
      messages.push(message);
      onward.write(message);
    });
    call.on('end', () => onward.end());
    onward.on('data', (receipt: Buffer) => call.write(receipt));
    onward.on('end', () => call.end());
    onward.on('status', () => client.close());
    for (const side of [call, onward]) side.on('error', () => {});
  }

  const server = new Server({ 'grpc.max_receive_message_length': MESSAGE_BYTES_MAX });
  server.addService({ Deliver: METHOD }, { Deliver: deliver });
  const pair = { cert_chain: Buffer.from(own.cert), private_key: Buffer.from(own.key) };
  // Who the agent is, is the real collector's to say.
  const trusted = ServerCredentials.createSsl(null, [pair], false);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', trusted, (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  return {
    target(folder, certificates, collector) {
      door = { certificates, collector };
      const caFile = join(folder, 'wire-copy-ca.pem');
      writeFileSync(caFile, authority.cert);
      const files = { certificate_file: join(certificates, 'agent.pem'), key_file: join(certificates, 'agent.key') };
      return { address: `localhost:${port}`, ca_file: caFile, ...files };
    },
    received: () => Buffer.concat(messages.flatMap((message) => [message, inflated(message)])),
    stop: () => server.forceShutdown(),
  };
}

function inflated(message: Buffer): Buffer {
  const { batch } = sworn.v1.Delivery.decode(message);
  const activities = batch?.activitiesZstd;
  return activities == null ? Buffer.alloc(0) : zstdDecompressSync(activities);
}
