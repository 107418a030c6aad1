// SPDX-License-Identifier: Apache-2.0

/** Why a stream ends because of its log; `code` is one of those of Refused (proto/sworn/v1/ingest.proto). */
export class SealRefusal extends Error {
  override readonly name = 'SealRefusal';
  readonly code: 'malformed' | 'forked' | 'rolled_back' | 'key_changed' | 'gap';
  readonly retry: boolean;

  constructor(code: SealRefusal['code'], message: string, retry = false) {
    super(message);
    this.code = code;
    this.retry = retry;
  }
}
