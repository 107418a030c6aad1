// SPDX-License-Identifier: Apache-2.0

/** Credentials that were found, handed to the sink with the place that they were found in. */
import type { DecoderSink, SeenCredential } from '../decoder.ts';
import type { FoundSecret } from './secrets.ts';
import type { RequestTarget } from './target.ts';

export type CredentialPlace = Pick<SeenCredential, 'sentTo' | 'inReply'>;

export const IN_REPLY: CredentialPlace = { inReply: true };
export const sentTo = ({ authority, path }: Pick<RequestTarget, 'authority' | 'path'>): CredentialPlace => ({
  sentTo: { authority, path },
});

export function handOver(sink: DecoderSink, secrets: readonly FoundSecret[], at: number, place: CredentialPlace): void {
  for (const { kind, secret } of secrets) sink.credential({ kind, secret, at, ...place });
}
