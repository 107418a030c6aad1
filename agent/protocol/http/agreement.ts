// SPDX-License-Identifier: Apache-2.0

/** What a handover was agreed on with: the head of the request and the head of the reply, with the credentials out. */
import type { Agreement, Exchange } from '../decoder.ts';
import type { Fields } from './fields.ts';
import { bearerOf } from './parts.ts';
import { redactField } from './secret-fields.ts';
import type { RequestTarget } from './target.ts';

export type SwitchRequest = Pick<Agreement, 'method' | 'authority' | 'path' | 'requestFields' | 'credential'>;

/** Fields that are passed on of either head: as many as are shown. */
const FIELDS_MAX = 512;
/** A strings' and object's worth of memory besides the texts themselves. */
const FIELD_OVERHEAD_BYTES = 64;

const NOT_SEEN: SwitchRequest = { method: '', authority: '', path: '', requestFields: [] };

export function switchRequest(method: string, target: RequestTarget, fields: Fields): SwitchRequest {
  const credential = bearerOf(fields);
  return {
    method,
    authority: target.authority,
    path: target.pathAndQuery,
    requestFields: safeFields(fields),
    ...(credential && { credential }),
  };
}

/** About what it costs to keep it. */
export function switchRequestBytes({ path, requestFields }: SwitchRequest): number {
  return requestFields.reduce(
    (sum, [name, value]) => sum + 2 * (name.length + value.length) + FIELD_OVERHEAD_BYTES,
    2 * path.length,
  );
}

/** `asked` is undefined when the request was not seen. */
export function agreementOf(asked: SwitchRequest | undefined, reply: Fields, unanswered?: Exchange): Agreement {
  return { ...(asked ?? NOT_SEEN), responseFields: safeFields(reply), ...(unanswered && { unanswered }) };
}

/** What is taken out was handed over when the head was read. */
function safeFields({ lines }: Fields): (readonly [string, string])[] {
  return lines.slice(0, FIELDS_MAX).map(({ name, value }) => [name, redactField(name, value, [])] as const);
}
