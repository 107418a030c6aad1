// SPDX-License-Identifier: Apache-2.0

/**
 * Where a message's body ends: the eight rules of RFC 9112, section 6.3, in their order. Messages that frame themselves
 * in two ways are where two programs can disagree about what was asked (request smuggling): the rule decides, and the
 * conflict is named.
 */
import { type Fields, fieldMembers, fieldValue } from '../http/fields.ts';

export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until-close' }
  /** The message does not say; what follows it cannot be placed. */
  | { readonly kind: 'unknown' }
  /** The connection's language changes behind this head. */
  | { readonly kind: 'handover'; readonly protocol: string };

export interface Framed {
  readonly framing: BodyFraming;
  /** Stable words for what contradicts itself; empty when nothing does. */
  readonly conflicts: readonly string[];
  /** Transfer codings besides `chunked`, in the order applied. */
  readonly transferCodings: readonly string[];
}

const NONE: BodyFraming = { kind: 'none' };
const CHUNKED: BodyFraming = { kind: 'chunked' };
const UNTIL_CLOSE: BodyFraming = { kind: 'until-close' };
const UNKNOWN: BodyFraming = { kind: 'unknown' };

/** Rules 3 to 7 for a request. */
export function requestFraming(fields: Fields, version: string): Framed {
  return framed(fields, version, NONE, UNKNOWN);
}

/** Rules 1 to 6 and 8 for a reply. `requestMethod` is undefined when the request was not seen. */
export function replyFraming(
  fields: Fields,
  version: string,
  statusCode: number,
  requestMethod: string | undefined,
): Framed {
  if (statusCode === 101) return withoutBody({ kind: 'handover', protocol: upgradedTo(fields) });
  if (requestMethod === 'CONNECT' && statusCode >= 200 && statusCode < 300) {
    return withoutBody({ kind: 'handover', protocol: 'tunnel' });
  }
  if (requestMethod === 'HEAD' || statusCode < 200 || statusCode === 204 || statusCode === 304)
    return withoutBody(NONE);
  return framed(fields, version, UNTIL_CLOSE, UNTIL_CLOSE);
}

function withoutBody(framing: BodyFraming): Framed {
  return { framing, conflicts: [], transferCodings: [] };
}

function framed(fields: Fields, version: string, unframed: BodyFraming, notChunkedLast: BodyFraming): Framed {
  const codings = fieldMembers(fields, 'transfer-encoding');
  const length = contentLength(fields);
  const conflicts: string[] = [];
  if (fields.spaceBeforeColon) conflicts.push('space-before-colon');
  if (length.kind === 'invalid') conflicts.push(length.conflict);

  if (codings.length > 0) {
    if (length.kind !== 'absent') conflicts.push('transfer-encoding-and-content-length');
    if (version === '1.0') conflicts.push('transfer-encoding-in-http-1.0');
    const chunked = codings.indexOf('chunked');
    if (chunked >= 0 && chunked < codings.length - 1) conflicts.push('chunked-not-last');
    if (codings.at(-1) !== 'chunked') {
      // A request framed like this has no end that server and client must agree on.
      if (notChunkedLast.kind === 'unknown' && chunked < 0) conflicts.push('transfer-encoding-not-chunked');
      return { framing: notChunkedLast, conflicts, transferCodings: codings };
    }
    return { framing: CHUNKED, conflicts, transferCodings: codings.filter((coding) => coding !== 'chunked') };
  }
  if (length.kind === 'invalid') return { framing: UNKNOWN, conflicts, transferCodings: [] };
  if (length.kind === 'absent') return { framing: unframed, conflicts, transferCodings: [] };
  const framing: BodyFraming = length.bytes === 0 ? NONE : { kind: 'length', bytes: length.bytes };
  return { framing, conflicts, transferCodings: [] };
}

type ContentLength =
  | { readonly kind: 'absent' }
  | { readonly kind: 'bytes'; readonly bytes: number }
  | { readonly kind: 'invalid'; readonly conflict: string };

/** Repeated equal values are one value (RFC 9112, section 6.3, rule 5). */
function contentLength(fields: Fields): ContentLength {
  let bytes: number | undefined;
  for (const field of fields.lines) {
    if (field.name !== 'content-length') continue;
    for (const text of field.value.split(',')) {
      const digits = text.trim();
      if (!/^\d+$/.test(digits)) return { kind: 'invalid', conflict: 'content-length-invalid' };
      const value = Number(digits);
      if (!Number.isSafeInteger(value)) return { kind: 'invalid', conflict: 'content-length-too-large' };
      if (bytes !== undefined && bytes !== value) return { kind: 'invalid', conflict: 'content-lengths-differ' };
      bytes = value;
    }
  }
  return bytes === undefined ? { kind: 'absent' } : { kind: 'bytes', bytes };
}

/** The protocol that a 101 names, in the words that other decoders go by. */
function upgradedTo(fields: Fields): string {
  const named = fieldValue(fields, 'upgrade').split(',')[0]!.trim().toLowerCase();
  const protocol = named.split('/')[0]!;
  if (protocol === 'h2c' || protocol === 'h2') return 'http2';
  return /^[a-z0-9][a-z0-9._+-]{0,63}$/.test(protocol) ? protocol : 'unknown';
}
