// SPDX-License-Identifier: Apache-2.0

/**
 * `sworn.v1.Ingest` as grpc-js wants it. Deliveries stay bytes here: what is in them is judged where a fault can be
 * answered with a reason, and not where it would end the call without one.
 */
import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { sworn } from '../../proto/record.ts';

export const DELIVER_PATH = '/sworn.v1.Ingest/Deliver';

export interface IngestDefinition extends ServiceDefinition<UntypedServiceImplementation> {}

export const INGEST_SERVICE: IngestDefinition = {
  Deliver: {
    path: DELIVER_PATH,
    requestStream: true,
    responseStream: true,
    requestSerialize: (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: (receipt: sworn.v1.Receipt.$Properties) =>
      Buffer.from(sworn.v1.Receipt.encode(receipt).finish()),
    responseDeserialize: (bytes: Buffer) => sworn.v1.Receipt.decode(bytes),
  },
};

/** Codes of `Refused`, as proto/sworn/v1/ingest.proto lists them. */
export type RefusalCode =
  | 'wrong_agent'
  | 'gap'
  | 'rolled_back'
  | 'forked'
  | 'key_changed'
  | 'too_large'
  | 'malformed'
  | 'superseded'
  | 'store_unavailable';

/** The reason for which a stream ends. `retry` says whether the same agent may come again with the same. */
export class Refusal extends Error {
  readonly code: RefusalCode;
  readonly retry: boolean;

  constructor(code: RefusalCode, message: string, options: { retry?: boolean; cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
    this.retry = options.retry ?? false;
  }
}
