// SPDX-License-Identifier: Apache-2.0

/**
 * Messages of JSON-RPC 2.0.
 *
 * Errors   never throws; undefined for what is none
 * Source   JSON-RPC 2.0 specification, sections 4 to 6
 */

/** As it pairs: ids 1 and "1" are two. */
export type Id = string;

export interface RpcRequest {
  readonly kind: 'request' | 'notification';
  readonly method: string;
  readonly params: unknown;
  /** '' of a notification. */
  readonly id: Id;
}

export interface RpcResponse {
  readonly kind: 'response';
  readonly id: Id;
  /** Undefined when there is an error. */
  readonly result: unknown;
  readonly error: { readonly code: string; readonly message: string } | undefined;
}

export type RpcMessage = RpcRequest | RpcResponse;

/** Longer ids and methods are no ids and methods. */
export const WORD_LENGTH_MAX = 256;
/** 1 MiB: what is parsed at once; of longer messages the outermost words are looked for (`skim.ts`). */
export const PARSED_BYTES_MAX = 1024 * 1024;
/** A batch of more is none of ours: it stays as it came, whole, so nothing hides behind the last that would be read. */
const BATCH_MAX = 1000;

/** The message that a text is, or the messages of a batch. */
export function readMessages(text: string): readonly RpcMessage[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) {
    const message = messageOf(value);
    return message && [message];
  }
  if (value.length > BATCH_MAX) return undefined;
  const messages = value.flatMap((member) => messageOf(member) ?? []);
  // All or none: a member that is passed over here may be one that a lenient server takes.
  return messages.length === 0 || messages.length < value.length ? undefined : messages;
}

export function messageOf(value: unknown): RpcMessage | undefined {
  const object = objectOf(value);
  if (object?.['jsonrpc'] !== '2.0') return undefined;
  const { method, id: rawId, params, result, error } = object;
  const id = idOf(rawId);
  if (typeof method === 'string' && method !== '' && method.length <= WORD_LENGTH_MAX) {
    return { kind: id === '' ? 'notification' : 'request', method, params, id };
  }
  if (method !== undefined || (result === undefined && error === undefined)) return undefined;
  const failure = objectOf(error);
  return {
    kind: 'response',
    id,
    result,
    error: failure && {
      code: typeof failure['code'] === 'number' ? String(failure['code']) : '',
      message: typeof failure['message'] === 'string' ? failure['message'] : '',
    },
  };
}

export function objectOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/** JSON of the id; '' when there is none that can be paired. */
export function idOf(value: unknown): Id {
  const isId = typeof value === 'number' || (typeof value === 'string' && value.length <= WORD_LENGTH_MAX);
  return isId ? JSON.stringify(value) : '';
}
