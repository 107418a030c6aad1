// SPDX-License-Identifier: Apache-2.0

/**
 * The words of MCP: which methods are its own, what they touch, and how they ended.
 *
 * Source   Model Context Protocol, revisions 2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25 and 2026-07-28
 */
import type { Status } from '../decoder.ts';
import { objectOf, type RpcRequest, type RpcResponse } from './json-rpc.ts';

/** Methods begin with one of these words, or are one. `initialize` is told from others' by its parameters. */
const FAMILIES =
  /^(?:tools|prompts|resources|sampling|roots|elicitation|completion|logging|tasks|subscriptions|server\/discover|notifications\/(?:tools|prompts|resources|roots|elicitation|tasks|subscriptions|message|progress|cancelled|initialized))(?:\/|$)/;
/** Revisions are dates. */
const REVISION = /^\d{4}-\d{2}-\d{2}$/;

export function isMcp({ method, params }: RpcRequest): boolean {
  if (method === 'initialize') return REVISION.test(String(objectOf(params)?.['protocolVersion'] ?? ''));
  return FAMILIES.test(method);
}

/** The answer to `initialize`: where replies go by a connection of their own, nothing else tells. */
export function isGreeting({ result }: RpcResponse): boolean {
  const object = objectOf(result);
  return object?.['serverInfo'] !== undefined && REVISION.test(String(object['protocolVersion'] ?? ''));
}

export interface RequestWords {
  readonly operation: string;
  readonly resource: string;
  readonly statement: string;
  readonly statementShape: string;
  /** JSON: the arguments of a tool or prompt, else all parameters. */
  readonly parameters: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** A statement shows that much of the arguments, in characters. */
const ARGUMENTS_SHOWN_MAX = 1024;
const WORD_SHOWN_MAX = 512;

export function requestWords({ method, params }: RpcRequest): RequestWords {
  const object = objectOf(params) ?? {};
  const { arguments: args } = object;
  const resource = resourceOf(object);
  const parameters = jsonOf(args !== undefined && resource !== '' ? args : params);
  const shown = shortened(resource === '' || args !== undefined ? parameters : '', ARGUMENTS_SHOWN_MAX);
  return {
    operation: method,
    resource,
    statement: [method, resource, shown].filter((word) => word !== '').join(' '),
    statementShape: [method, resource].filter((word) => word !== '').join(' '),
    parameters,
    attributes: method === 'initialize' ? partyOf(object, 'client', 'clientInfo', '') : metaParty(object, 'client'),
  };
}

/** What a request names: a tool, a prompt, a resource, what a completion is for. */
function resourceOf(params: Record<string, unknown>): string {
  const ref = objectOf(params['ref']);
  for (const value of [params['name'], params['uri'], ref?.['name'], ref?.['uri']]) {
    if (typeof value === 'string' && value !== '') return shortened(value, WORD_SHOWN_MAX);
  }
  return '';
}

export interface ReplyWords {
  readonly status: Status;
  readonly errorCode: string;
  readonly errorMessage: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export function replyWords(method: string, { result, error }: RpcResponse): ReplyWords {
  if (error !== undefined) {
    const message = shortened(error.message, WORD_SHOWN_MAX);
    return { status: 'error', errorCode: error.code, errorMessage: message, attributes: {} };
  }
  const object = objectOf(result) ?? {};
  // A tool that failed is answered by a result that says so: the model is to read it.
  if (object['isError'] === true) {
    const message = shortened(firstText(object['content']), WORD_SHOWN_MAX);
    return { status: 'error', errorCode: 'isError', errorMessage: message, attributes: {} };
  }
  const attributes =
    method === 'initialize' ? partyOf(object, 'server', 'serverInfo', '') : metaParty(object, 'server');
  // The server asks for more before it answers: the client calls again, with what was asked for (2026-07-28).
  if (object['resultType'] === 'input_required') attributes['result_type'] = 'input_required';
  return { status: 'ok', errorCode: '', errorMessage: '', attributes };
}

/** Since 2026-07-28 there is no `initialize`: each message says who speaks, in its `_meta`. */
const META = 'io.modelcontextprotocol/';

function metaParty(object: Record<string, unknown>, party: 'client' | 'server'): Record<string, string> {
  const meta = objectOf(object['_meta']);
  return meta === undefined ? {} : partyOf(meta, party, `${party}Info`, META);
}

/** Name, version and revision that a party introduces itself with. */
function partyOf(
  object: Record<string, unknown>,
  party: 'client' | 'server',
  key: string,
  prefix: string,
): Record<string, string> {
  const info = objectOf(object[`${prefix}${key}`]);
  const entries = [
    [`${party}_name`, info?.['name']],
    [`${party}_version`, info?.['version']],
    [`${party}_protocol_version`, object[`${prefix}protocolVersion`]],
  ] as const;
  return Object.fromEntries(
    entries.flatMap(([name, value]) => (typeof value === 'string' ? [[name, shortened(value, WORD_SHOWN_MAX)]] : [])),
  );
}

function firstText(content: unknown): string {
  if (!Array.isArray(content)) return '';
  const text = content.map((part) => objectOf(part)?.['text']).find((part) => typeof part === 'string');
  return typeof text === 'string' ? text : '';
}

/** '' for nothing, and for what is too deep to be written again. */
function jsonOf(value: unknown): string {
  if (value === undefined) return '';
  try {
    return JSON.stringify(value);
  } catch {
    return '';
  }
}

function shortened(text: string, lengthMax: number): string {
  return text.length > lengthMax ? `${text.slice(0, lengthMax).toWellFormed()}…` : text;
}
