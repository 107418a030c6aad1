// SPDX-License-Identifier: Apache-2.0

/** One call of `sworn.v1.Ingest/Deliver` over a connection of its own. Messages in, messages out; no meaning yet. */
import { isIP } from 'node:net';
import { checkServerIdentity, type SecureContext } from 'node:tls';
import {
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type ServiceError,
  type VerifyOptions,
} from '@grpc/grpc-js';
import { sworn } from '../../../proto/record.ts';
import { splitAddress } from './address.ts';

export interface CallOptions {
  /** host:port, an IPv6 address in brackets. */
  readonly collector: string;
  readonly context: SecureContext;
  /** The name that the collector's certificate must be for; by default the host of `collector`. */
  readonly serverName: string | undefined;
  /** A ping after so long without anything from the other end, and how long its answer may take. */
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
}

/**
 * An address cannot be the name that TLS asks for, and gRPC would ask for it all the same, which Node refuses. So another
 * name is asked for, and the certificate is checked for the address.
 */
const NAME_FOR_ADDRESS = 'collector';

function addressOf({ collector, serverName }: CallOptions): string | undefined {
  const host = splitAddress(collector)?.host ?? '';
  return serverName === undefined && isIP(host) !== 0 ? host : undefined;
}

function named(options: CallOptions): ChannelOptions {
  const name = addressOf(options) === undefined ? options.serverName : NAME_FOR_ADDRESS;
  return name === undefined ? {} : { 'grpc.ssl_target_name_override': name };
}

function verifying(options: CallOptions): VerifyOptions {
  const address = addressOf(options);
  return address === undefined ? {} : { checkServerIdentity: (_, cert) => checkServerIdentity(address, cert) };
}

const DELIVER_PATH = '/sworn.v1.Ingest/Deliver';

/** Receipts are small; nothing larger is read. */
const RECEIPT_BYTES_MAX = 64 * 1024;

export interface CollectorCall {
  /** Resolves when more may be sent: at once, unless the connection is slower than we are. */
  send(delivery: sworn.v1.Delivery.$Properties): Promise<void>;
  /** Ends our side. Receipts may still come. */
  end(): void;
  /** Drops the call and the connection. */
  close(): void;
}

export interface CallHandlers {
  receipt(bytes: Buffer): void;
  /** Exactly once, whoever ended it. `error` is null when the collector ended the call without one. */
  ended(error: ServiceError | null): void;
}

export function openCall(options: CallOptions, handlers: CallHandlers): CollectorCall {
  const client = new Client(
    options.collector,
    credentials.createFromSecureContext(options.context, verifying(options)),
    {
      'grpc.keepalive_time_ms': options.keepaliveMs,
      'grpc.keepalive_timeout_ms': options.keepaliveTimeoutMs,
      'grpc.max_receive_message_length': RECEIPT_BYTES_MAX,
      // The journal is what repeats; a second buffer for it would only cost memory.
      'grpc.enable_retries': 0,
      // Other connections of this process, with older certificates, are not to be shared.
      'grpc.use_local_subchannel_pool': 1,
      // Environment variables of whoever started the agent must not lead the record elsewhere.
      'grpc.enable_http_proxy': 0,
      'grpc.service_config_disable_resolution': 1,
      ...named(options),
    },
  );
  const call: ClientDuplexStream<Uint8Array, Buffer> = client.makeBidiStreamRequest(
    DELIVER_PATH,
    (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    (bytes: Buffer) => bytes,
    new Metadata(),
    {},
  );
  let hasEnded = false;
  let wake: (() => void) | undefined;
  const end = (error: ServiceError | null) => {
    if (hasEnded) return;
    hasEnded = true;
    wake?.();
    client.close();
    handlers.ended(error);
  };
  call.on('data', (bytes: Buffer) => {
    if (!hasEnded) handlers.receipt(bytes);
  });
  call.on('error', (error: ServiceError) => end(error));
  call.on('end', () => end(null));
  call.on('drain', () => wake?.());
  return {
    send(delivery) {
      if (hasEnded || call.write(sworn.v1.Delivery.encode(delivery).finish())) return Promise.resolve();
      return new Promise((resolve) => {
        wake = resolve;
      });
    },
    end: () => call.end(),
    close: () => {
      call.cancel();
      end(null);
    },
  };
}
