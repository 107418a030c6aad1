// SPDX-License-Identifier: Apache-2.0

/**
 * An exchange of HTTP as a request to the Kubernetes API. README.md says which exchanges are taken for one, and what each
 * field then means.
 *
 * Errors   undefined when it is none; never throws on bytes
 */
import type { Exchange, Payload } from '../decoder.ts';
import type { Meaning, TakeSecret } from '../http/meanings.ts';
import { attributesOf } from './attributes.ts';
import { type BodyFacts, bodyFacts, brief } from './body.ts';
import { itemsOf } from './items.ts';
import { bufferOf, type Encoding, encodingOf, isPlain, type Plain, textAt, valueIn } from './object.ts';
import { mayBeOfApi, type Query, type RequestInfo, requestInfo } from './request-info.ts';
import { carriesSecrets, isSecretKind, withoutQuotes, withoutSecrets } from './secrets.ts';
import { type Fields, field, isKubernetes } from './signs.ts';
import { watchEvents } from './watch.ts';
import { resourceOf, wordingOf } from './wording.ts';

export const kubernetes: Meaning = (exchange, take) => {
  if (!mayBeOfApi(exchange.operation, exchange.resource)) return undefined;
  const query = plainOf(exchange.parameters);
  const info = requestInfo(exchange.operation, exchange.resource, query);
  if (info === undefined) return undefined;
  const requestFields = plainOf(exchange.attributes['request_headers']);
  const responseFields = plainOf(exchange.attributes['response_headers']);
  const request = bodyOf(exchange.request, exchange.attributes['request_content_type'] ?? '');
  const response = bodyOf(exchange.response, exchange.attributes['response_content_type'] ?? '');
  const objects = () => [plain(request.value), plain(response.value)];
  const seen = { info, requestFields, responseFields, objects };
  return isKubernetes(seen)
    ? [spoken(exchange, { info, query, requestFields, responseFields, request, response }, take)]
    : undefined;
};

interface Body {
  readonly encoding: Encoding;
  readonly contentType: string;
  /** Parsed when it is first asked for. */
  readonly value: unknown;
}

interface Parts {
  readonly info: RequestInfo;
  readonly query: Query;
  readonly requestFields: Fields;
  readonly responseFields: Fields;
  readonly request: Body;
  readonly response: Body;
}

function bodyOf(payload: Payload, contentType: string): Body {
  const encoding = encodingOf(payload.bytes, contentType);
  // Of a watch each line is one; what was cut is none.
  const isOne = !contentType.includes('stream=watch') && payload.bytes.length > 0;
  let read: { readonly value: unknown } | undefined;
  return {
    encoding,
    contentType,
    get value() {
      read ??= { value: isOne ? valueIn(payload.bytes, encoding) : undefined };
      return read.value;
    },
  };
}

/**
 * Is it worth parsing what was answered? A list and a table say how many there are, and an error says why; all else was said by the
 * request. Without these words it is neither, unless they are written with escapes.
 */
function saysMore({ status, response }: Exchange, encoding: Encoding): boolean {
  if (status === 'error' || encoding !== 'json') return true;
  const text = bufferOf(response.bytes).toString('latin1');
  return text.includes('List"') || text.includes('Table"') || text.includes('\\u');
}

const plain = (value: unknown): Plain | undefined => (isPlain(value) ? value : undefined);

/** JSON of ours: query parameters and fields as HTTP gives them out. */
function plainOf(json: string | undefined): Plain {
  if (json === undefined || json === '') return {};
  const value: unknown = JSON.parse(json);
  return isPlain(value) ? value : {};
}

/** These are no acts on an object: a stream is opened, and says the rest itself. */
const CONNECTS = new Set(['exec', 'attach', 'portforward', 'proxy']);

function operationOf(info: RequestInfo): string {
  if (!info.isResource || !CONNECTS.has(info.subresource)) return info.verb;
  return info.resource === 'pods' || info.resource === 'services' || info.resource === 'nodes' ? 'connect' : info.verb;
}

function spoken(exchange: Exchange, parts: Parts, take: TakeSecret): Exchange {
  const { info, query, requestFields, request, response } = parts;
  const operation = operationOf(info);
  const facts = bodyFacts(request.value, info);
  const name = info.name || facts.name || (operation === 'create' ? textAt(response.value, 'metadata', 'name') : '');
  const events = info.verb === 'watch' ? watchEvents(exchange.response.bytes, response.encoding) : undefined;
  const dryRun = dryRunOf(query, facts);
  const impersonatedUser = field(requestFields, 'impersonate-user');
  const wording = wordingOf(operation, info, name, exchange.resource, { query, dryRun, impersonatedUser });
  const status = saysMore(exchange, response.encoding) ? plain(response.value) : undefined;
  const isStatus = status?.['kind'] === 'Status' && exchange.status === 'error';
  const message = isStatus ? textAt(status, 'message') : '';
  const hidden = secretsOut(exchange, parts, take);
  const rows = events?.rows ?? itemsOf(status);
  return {
    ...exchange,
    protocol: 'kubernetes',
    operation,
    resource: resourceOf(info, name, exchange.resource),
    statement: wording.statement,
    statementShape: wording.shape,
    parameters: parametersOf(query, facts, request.value),
    request: hidden.request,
    response: hidden.response,
    errorCode: (isStatus ? textAt(status, 'reason') : '') || exchange.errorCode,
    errorMessage: (hidden.isSecret ? withoutQuotes(message) : message) || exchange.errorMessage,
    ...(rows !== undefined && !exchange.truncated && { rows }),
    attributes: {
      ...exchange.attributes,
      ...attributesOf({ ...parts, operation, name, facts, dryRun, impersonatedUser, exchange, status, events }),
      ...(hidden.isChanged && { k8s_secret_values: 'redacted' }),
    },
  };
}

function dryRunOf(query: Query, facts: BodyFacts): string {
  const value = query['dryRun'];
  const asked: unknown = Array.isArray(value) ? value[0] : value;
  return typeof asked === 'string' ? asked : facts.dryRun;
}

/** The query, and what the body says, in short. */
function parametersOf(query: Query, facts: BodyFacts, value: unknown): string {
  const said = brief(facts, value);
  if (said === undefined) return Object.keys(query).length === 0 ? '' : JSON.stringify(query);
  return JSON.stringify({ ...query, body: said });
}

interface Hidden {
  readonly request: Payload;
  readonly response: Payload;
  readonly isSecret: boolean;
  readonly isChanged: boolean;
}

function secretsOut(exchange: Exchange, { info, request }: Parts, take: TakeSecret): Hidden {
  const ofPath = info.isResource && carriesSecrets(info);
  const isPatch = info.verb === 'patch' || request.contentType.includes('json-patch');
  type Clean = { payload: Payload; isSecret: boolean; isChanged: boolean };
  const clean = (half: 'request' | 'response', patch: boolean): Clean => {
    const payload = exchange[half];
    const isSecret = ofPath || isSecretKind(payload.bytes);
    if (!isSecret) return { payload, isSecret, isChanged: false };
    const { bytes, isChanged, tokens } = withoutSecrets(payload.bytes, patch);
    for (const secret of tokens) take(half, { kind: 'kubernetes-token', secret });
    return { payload: isChanged ? { ...payload, bytes } : payload, isSecret, isChanged };
  };
  const asked = clean('request', isPatch);
  const answered = clean('response', false);
  return {
    request: asked.payload,
    response: answered.payload,
    isSecret: asked.isSecret || answered.isSecret,
    isChanged: asked.isChanged || answered.isChanged,
  };
}
