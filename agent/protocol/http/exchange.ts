// SPDX-License-Identifier: Apache-2.0

/** An exchange from its two halves, either of which may be missing. */
import type { Exchange, Payload, Status } from '../decoder.ts';
import type { ReplyPart, RequestPart } from './parts.ts';

/** What was seen of an exchange. */
export interface Halves {
  readonly startedAt: number;
  readonly request: RequestPart | undefined;
  /** Its head was never whole. */
  readonly unread: boolean;
  /** The request was given out before its reply. */
  readonly givenOut: boolean;
  readonly reply: ReplyPart | undefined;
  /** The reply began before the request was whole. */
  readonly early: boolean;
  /** Status codes of interim replies (1xx), the first few of them, and the bytes of all. */
  readonly interim: readonly number[];
  readonly interimBytes: number;
  /** Another pairing is possible. */
  readonly uncertain: boolean;
  /** Why there is no reply. */
  readonly missing: string;
}

const NO_PAYLOAD: Payload = { bytes: new Uint8Array(), totalBytes: 0 };

/** Undefined when neither a request nor any byte of a reply was seen. */
export function exchangeOf(open: Halves): Exchange | undefined {
  const { request, reply } = open;
  if (request === undefined && reply === undefined && open.interimBytes === 0) return undefined;
  const requestAt = request?.startAt ?? reply?.startAt ?? open.startedAt;
  const requestEndAt = request?.endAt ?? requestAt;
  const isError = reply !== undefined && reply.statusCode >= 400;
  return {
    operation: request?.method ?? '',
    target: request?.authority ?? '',
    resource: request?.path ?? '',
    statement: request?.statement ?? '',
    statementShape: request?.statementShape ?? '',
    parameters: request?.parameters ?? '',
    request: request?.payload ?? NO_PAYLOAD,
    response: reply?.payload ?? NO_PAYLOAD,
    status: statusOf(reply),
    errorCode: isError ? String(reply.statusCode) : '',
    errorMessage: isError ? reply.reason : '',
    requestBytes: request?.wireBytes ?? 0,
    responseBytes: open.interimBytes + (reply?.wireBytes ?? 0),
    truncated: (request?.truncated ?? false) || (reply?.truncated ?? false),
    ...(request?.credential !== undefined && { credential: request.credential }),
    attributes: attributesOf(open),
    requestAt,
    requestEndAt,
    responseAt: reply?.startAt ?? requestAt,
    responseEndAt: reply?.endAt ?? requestEndAt,
  };
}

/** A reply that broke off says how it meant to end, not how it did; one with a gap did end, we only missed a part. */
function statusOf(reply: ReplyPart | undefined): Status {
  if (reply === undefined) return 'unknown';
  if (reply.statusCode >= 400) return 'error';
  return reply.incomplete === undefined || reply.incomplete === 'gap' ? 'ok' : 'unknown';
}

function attributesOf(open: Halves): Record<string, string> {
  const { request, reply } = open;
  const attributes: Record<string, string> = { ...request?.attributes, ...reply?.attributes };
  if ((request?.conflicts.length ?? 0) + (reply?.conflicts.length ?? 0) > 0) {
    attributes['framing_conflict'] = [
      ...(request?.conflicts.map((conflict) => `request-${conflict}`) ?? []),
      ...(reply?.conflicts.map((conflict) => `response-${conflict}`) ?? []),
    ].join(' ');
  }
  if (open.interim.length > 0) attributes['interim_status'] = open.interim.join(' ');
  if (request === undefined) attributes['request_missing'] = requestMissing(open);
  if (reply === undefined) attributes['response_missing'] = open.missing;
  if (open.early && request !== undefined) attributes['early_response'] = 'true';
  if (open.uncertain) attributes['pairing'] = 'uncertain';
  return attributes;
}

function requestMissing(open: Halves): string {
  if (open.givenOut) return 'given-out-before';
  return open.unread ? 'not-understood' : 'not-seen';
}
