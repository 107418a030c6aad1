// SPDX-License-Identifier: Apache-2.0

/** From a body as it was carried to the payload that is kept: content codings off, credentials out. */
import { createHash } from 'node:crypto';
import type { Payload } from '../decoder.ts';
import { decodeContent } from './content-coding.ts';
import type { WholeBody } from './kept-body.ts';
import { redactContent } from './secret-content.ts';
import type { FoundSecret } from './secrets.ts';

export interface Content {
  /**
   * `bytes` is the content as a reader of the page would see it; `totalBytes` and `sha256` are of the body as carried:
   * transfer coding off, content coding on. So they compare with a server's own log, also when the content is longer.
   */
  readonly payload: Payload;
  /** The payload is not all of the content: cut at the bound, behind a gap, or not to be decoded further. */
  readonly cut: boolean;
  readonly decoded: '' | 'whole' | 'head' | 'no';
  /** Why it was not decoded. */
  readonly undecodedReason: string;
  /** Size of the whole content with its coding off, when that is known. */
  readonly contentBytes: number | undefined;
  readonly secrets: readonly FoundSecret[];
}

/**
 * @param codings    content codings and transfer codings besides `chunked`, in the order applied
 * @param complete   the message ended as its framing says
 * @param bytesMax   bound of the payload
 * @param inReply    tokens in it were given to who reads it
 */
export function keepContent(
  body: WholeBody,
  codings: readonly string[],
  contentType: string,
  complete: boolean,
  bytesMax: number,
  inReply = false,
): Content {
  let bytes = body.bytes;
  let decoded: Content['decoded'] = '';
  let undecodedReason = '';
  let cut = body.cut;
  const applied = codings.filter((coding) => coding !== 'identity');
  if (applied.length > 0 && bytes.length > 0) {
    const whole = complete && !body.cut;
    const result = decodeContent(bytes, applied, whole, bytesMax);
    decoded = result.kind;
    if (result.kind === 'no') undecodedReason = result.reason;
    else bytes = result.bytes;
    if (whole && result.kind === 'head') cut = true;
  }
  const contentBytes = decoded === 'whole' ? bytes.length : undefined;
  const redacted = redactContent(bytes, contentType, inReply);
  const sha256 = cut && !body.isBroken ? (body.sha256 ?? sha256Of(body.bytes)) : undefined;
  return {
    payload: {
      bytes: redacted.bytes,
      totalBytes: body.totalBytes,
      ...(sha256 === undefined ? {} : { sha256 }),
    },
    cut,
    decoded,
    undecodedReason,
    contentBytes,
    secrets: redacted.secrets,
  };
}

function sha256Of(bytes: Buffer): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}
