// SPDX-License-Identifier: Apache-2.0

/** The two halves of an exchange as they are kept: texts, payload and attributes, with credentials already out. */
import { carriedCredential } from '../carried-credential.ts';
import type { CarriedCredential, DecoderBounds, Payload } from '../decoder.ts';
import { keepContent } from './content.ts';
import { type Fields, fieldMembers, fieldValue } from './fields.ts';
import { NO_BODY } from './kept-body.ts';
import type { Incomplete, Message, RequestLine, StatusLine } from './message.ts';
import { redactField, showFields } from './secret-fields.ts';
import { redactTokens } from './secret-tokens.ts';
import type { FoundSecret } from './secrets.ts';
import { parseTarget, pathShape, type RequestTarget } from './target.ts';

export interface Part {
  readonly payload: Payload;
  readonly truncated: boolean;
  readonly incomplete: Incomplete | undefined;
  readonly wireBytes: number;
  readonly startAt: number;
  readonly endAt: number;
  /** Keys with their `request_` or `response_` before them, where both halves can have them. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly conflicts: readonly string[];
  /** About what it costs to keep it. */
  readonly heldBytes: number;
}

export interface RequestPart extends Part {
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly statement: string;
  readonly statementShape: string;
  readonly parameters: string;
  readonly credential: CarriedCredential | undefined;
}

export interface ReplyPart extends Part {
  readonly statusCode: number;
  readonly reason: string;
}

/** What is read from a head once it is whole, and kept until the message is. */
export interface HeadNotes {
  readonly fieldsJson: string;
  readonly fieldsNotShown: number;
  readonly conflicts: readonly string[];
  readonly codings: readonly string[];
}

/** A strings' and object's worth of memory besides the texts themselves. */
const PART_OVERHEAD_BYTES = 256;
/** Names of codings are words; anything longer is not shown as one. */
const CODING_LENGTH_MAX = 32;

export function headNotes(
  message: Message<unknown>,
  conflicts: readonly string[],
  transferCodings: readonly string[],
  secrets: FoundSecret[],
): HeadNotes {
  const shown = showFields(message.fields.lines, secrets);
  const contentCodings = fieldMembers(message.fields, 'content-encoding');
  return {
    fieldsJson: shown.json,
    fieldsNotShown: shown.notShown,
    conflicts,
    codings: transferCodings.length === 0 ? contentCodings : [...contentCodings, ...transferCodings],
  };
}

export function requestTarget(message: Message<RequestLine>): RequestTarget {
  return parseTarget(message.start.method, message.start.target, fieldValue(message.fields, 'host'));
}

export function requestPart(
  message: Message<RequestLine>,
  notes: HeadNotes,
  target: RequestTarget,
  bounds: DecoderBounds,
  secrets: FoundSecret[],
): RequestPart {
  const { method, version } = message.start;
  const attributes: Record<string, string> = { http_version: version };
  const part = partOf('request', message, notes, bounds.requestBytesMax, attributes, secrets);
  const statement = headOf(`${method} ${target.text}`, bounds.requestBytesMax);
  const parameters = headOf(target.parameters, bounds.requestBytesMax);
  const cut = statement.cut || parameters.cut;
  const userAgent = shownValue(message, 'user-agent');
  if (userAgent !== '') attributes['user_agent'] = userAgent;
  const expect = shownValue(message, 'expect');
  if (expect !== '') attributes['expect'] = expect;
  return {
    ...part,
    truncated: part.truncated || cut,
    heldBytes: part.heldBytes + 2 * (statement.text.length + parameters.text.length),
    method,
    authority: target.authority,
    path: target.path,
    statement: statement.text,
    statementShape: headOf(
      `${method} ${method === 'CONNECT' ? target.text : pathShape(target.path)}`,
      bounds.requestBytesMax,
    ).text,
    parameters: parameters.text,
    credential: bearerOf(message.fields),
  };
}

/** The token that the server goes by. Of several Authorization fields nobody knows which one that is. */
export function bearerOf(fields: Fields): CarriedCredential | undefined {
  let only: string | undefined;
  for (const { name, value } of fields.lines) {
    if (name !== 'authorization') continue;
    if (only !== undefined) return undefined;
    only = value;
  }
  if (only === undefined) return undefined;
  const [, token = ''] = /^bearer +(.*)$/i.exec(only) ?? [];
  const secret = token.trim();
  return secret === '' ? undefined : carriedCredential('http-bearer', secret, 'exchange');
}

export function replyPart(
  message: Message<StatusLine>,
  notes: HeadNotes,
  bounds: DecoderBounds,
  secrets: FoundSecret[],
): ReplyPart {
  const { statusCode, reason, version } = message.start;
  const attributes: Record<string, string> = { status_code: String(statusCode), response_http_version: version };
  const part = partOf('response', message, notes, bounds.responseBytesMax, attributes, secrets);
  return {
    ...part,
    statusCode,
    reason: redactTokens(reason, secrets),
  };
}

/** Names of attributes, made once: a name that is put together for each message would be looked up by its characters. */
const ATTRIBUTES = { request: attributeNames('request'), response: attributeNames('response') };

function attributeNames(side: string) {
  return {
    headers: `${side}_headers`,
    headersNotShown: `${side}_headers_not_shown`,
    trailers: `${side}_trailers`,
    contentType: `${side}_content_type`,
    contentEncoding: `${side}_content_encoding`,
    contentDecoded: `${side}_content_decoded`,
    contentUndecodedReason: `${side}_content_undecoded_reason`,
    contentBytes: `${side}_content_bytes`,
    redactions: `${side}_redactions`,
    incomplete: `${side}_incomplete`,
    malformedFields: `${side}_malformed_fields`,
    obsFold: `${side}_obs_fold`,
    bareLf: `${side}_bare_lf`,
    chunkExtensions: `${side}_chunk_extensions`,
  };
}

/** `attributes` are filled. */
function partOf(
  side: 'request' | 'response',
  message: Message<unknown>,
  notes: HeadNotes,
  bytesMax: number,
  attributes: Record<string, string>,
  secrets: FoundSecret[],
): Part {
  const names = ATTRIBUTES[side];
  const { fields, trailers } = message;
  const contentType = fieldValue(fields, 'content-type');
  const body = message.body?.finish() ?? NO_BODY;
  const complete = message.incomplete === undefined;
  const content = keepContent(body, notes.codings, contentType, complete, bytesMax, side === 'response');
  secrets.push(...content.secrets);
  const shownTrailers = showFields(trailers.lines, secrets);
  if (notes.fieldsJson !== '') attributes[names.headers] = notes.fieldsJson;
  const notShown = notes.fieldsNotShown + shownTrailers.notShown;
  if (notShown > 0) attributes[names.headersNotShown] = String(notShown);
  if (shownTrailers.json !== '') attributes[names.trailers] = shownTrailers.json;
  const shownType = redactField('content-type', contentType, []);
  if (shownType !== '') attributes[names.contentType] = shownType;
  if (notes.codings.length > 0) {
    const codings = notes.codings.filter((coding) => coding.length <= CODING_LENGTH_MAX).join(', ');
    if (codings !== '') attributes[names.contentEncoding] = codings;
  }
  if (content.decoded !== '') attributes[names.contentDecoded] = content.decoded;
  if (content.undecodedReason !== '') attributes[names.contentUndecodedReason] = content.undecodedReason;
  if (content.contentBytes) attributes[names.contentBytes] = String(content.contentBytes);
  if (content.secrets.length > 0) attributes[names.redactions] = String(content.secrets.length);
  if (message.incomplete !== undefined) attributes[names.incomplete] = message.incomplete;
  const malformed = fields.malformedLines + trailers.malformedLines;
  if (malformed > 0) attributes[names.malformedFields] = String(malformed);
  if (fields.folded) attributes[names.obsFold] = 'true';
  if (message.bareLf) attributes[names.bareLf] = 'true';
  if (message.chunkExtensions) attributes[names.chunkExtensions] = 'true';
  return {
    payload: content.payload,
    truncated: content.cut,
    incomplete: message.incomplete,
    wireBytes: message.wireBytes,
    startAt: message.startAt,
    endAt: message.endAt,
    attributes,
    conflicts: notes.conflicts,
    heldBytes:
      content.payload.bytes.length + 2 * (notes.fieldsJson.length + shownTrailers.json.length) + PART_OVERHEAD_BYTES,
  };
}

/** A field's first value as it is shown with the others; what is taken out of it was handed over with them. */
function shownValue(message: Message<unknown>, name: string): string {
  return redactField(name, fieldValue(message.fields, name), []);
}

/** The text up to `bytesMax` bytes of UTF-8, never half a character. */
function headOf(text: string, bytesMax: number): { text: string; cut: boolean } {
  if (text.length * 3 <= bytesMax || Buffer.byteLength(text) <= bytesMax) return { text, cut: false };
  const bytes = Buffer.from(text);
  let end = bytesMax;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return { text: bytes.toString('utf8', 0, end), cut: true };
}
