// SPDX-License-Identifier: Apache-2.0

/**
 * Messages of varlink: JSON objects.
 *
 * Errors   never throws; undefined for what is none
 * Source   varlink.org, "Method Calls"; systemd, sd_varlink(3)
 */
import { objectOf } from '../mcp/json-rpc.ts';

export interface VarlinkCall {
  /** Interface and method: "io.systemd.Resolve.ResolveHostname". */
  readonly method: string;
  /** JSON text; '' when there are none. */
  readonly parameters: string;
  readonly values: Readonly<Record<string, unknown>>;
  /** No reply comes. */
  readonly oneway: boolean;
  /** Several replies may come. */
  readonly more: boolean;
  /** Behind the reply another language is spoken. */
  readonly upgrade: boolean;
}

export interface VarlinkReply {
  /** '' for none. */
  readonly error: string;
  readonly parameters: string;
  readonly values: Readonly<Record<string, unknown>>;
  /** Another reply to the same call follows. */
  readonly continues: boolean;
}

/** An interface's name is two labels at least, and a method's begins with a capital letter. */
const METHOD = /^[A-Za-z][\w-]*(?:\.[\w-]+)+\.[A-Z]\w*$/;
const NAME_LENGTH_MAX = 256;
const NOTHING: Readonly<Record<string, unknown>> = {};

export function readCall(text: string): VarlinkCall | undefined {
  const object = parsed(text);
  const method = object?.['method'];
  if (object === undefined || typeof method !== 'string' || !isMethod(method)) return undefined;
  return {
    method,
    ...parametersOf(object),
    oneway: object['oneway'] === true,
    more: object['more'] === true,
    upgrade: object['upgrade'] === true,
  };
}

/** Of a call that is cut: what its head says. */
export function headOfCall(head: string): VarlinkCall | undefined {
  const method = /^\s*\{\s*"method"\s*:\s*"([^"\\]{1,256})"/.exec(head)?.[1];
  if (method === undefined || !isMethod(method)) return undefined;
  return { method, parameters: '', values: NOTHING, oneway: false, more: false, upgrade: false };
}

/** Of a reply that is cut: what its ends say. */
export function endsOfReply(head: string, tail: string): VarlinkReply | undefined {
  if (!/^\s*\{\s*"/.test(head) || !tail.trimEnd().endsWith('}')) return undefined;
  const continues = /^\s*\{\s*"continues"\s*:\s*true/.test(head) || /"continues"\s*:\s*true\s*\}\s*$/.test(tail);
  const error = /^\s*\{\s*"error"\s*:\s*"([^"\\]{1,256})"/.exec(head)?.[1] ?? '';
  return { error, parameters: '', values: NOTHING, continues };
}

export function readReply(text: string): VarlinkReply | undefined {
  const object = parsed(text);
  if (object === undefined || object['method'] !== undefined) return undefined;
  const error = object['error'] ?? '';
  if (typeof error !== 'string' || error.length > NAME_LENGTH_MAX) return undefined;
  return { error, ...parametersOf(object), continues: object['continues'] === true };
}

export function isMethod(text: string): boolean {
  return text.length <= NAME_LENGTH_MAX && METHOD.test(text);
}

function parametersOf(object: Record<string, unknown>) {
  const values = objectOf(object['parameters']);
  return { parameters: values === undefined ? '' : JSON.stringify(values), values: values ?? NOTHING };
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    return objectOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}
