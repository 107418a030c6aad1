// SPDX-License-Identifier: Apache-2.0

/**
 * The record against the server's own log: the same requests and replies, once each, in the same order, on each
 * connection; bodies byte for byte; and of each connection as many bytes as the server's sockets counted.
 */
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import type { RecordedCommand, RecordedConnection, RunRecord } from '../recording/record.ts';
import type { FieldLine, LoggedBody, LoggedConnection, LoggedExchange, ServerLog } from './server-log.ts';

export interface Bounds {
  readonly requestBytesMax: number;
  readonly responseBytesMax: number;
}

/** As the agent's configuration has them when it says nothing. */
export const DEFAULT_BOUNDS: Bounds = { requestBytesMax: 16 * 1024 * 1024, responseBytesMax: 1024 * 1024 };

export interface Expectation {
  /** What the recorded workload was. */
  readonly role: 'client' | 'server';
  readonly identity: string;
  readonly bounds?: Bounds;
}

export interface Matched {
  readonly logged: LoggedExchange;
  readonly recorded: RecordedCommand;
}

/** Fields that Node's library adds by itself. */
const ADDED_FIELDS = new Set(['connection', 'content-length', 'date', 'keep-alive', 'transfer-encoding']);
/** Never shown as they were sent. */
const SECRET_FIELDS = new Set(['authorization', 'cookie', 'proxy-authorization']);

/** Throws where the record is not what the server wrote down. Answers every pair, in the server's order. */
export function assertAsLogged(record: RunRecord, log: ServerLog, expected: Expectation): Matched[] {
  const matched: Matched[] = [];
  for (const { logged, recorded } of pairConnections(record, accepted(log), expected.role).paired) {
    const exchanges = log.exchanges.get(logged.connection) ?? [];
    const commands = record.commands.filter(({ connectionId }) => connectionId === recorded.connectionId);
    const line = (method: string, target: string) => `${method} ${target}`;
    assert.deepEqual(
      commands.map(({ operation, statement }) => line(operation, statement.slice(operation.length + 1))),
      exchanges.map(({ method, target }) => line(method, target)),
      `requests of the connection from port ${logged.port}`,
    );
    for (const [index, one] of exchanges.entries()) matched.push({ logged: one, recorded: commands[index]! });
  }
  const met = new Set(matched.map(({ recorded }) => recorded));
  assert.deepEqual(
    record.commands
      .filter((command) => !met.has(command))
      .map(({ statement, connectionId }) => [statement, connectionId]),
    [],
    `commands of which the server knows nothing: ${inspect(record.connections)}`,
  );
  for (const pair of matched) {
    assertExchange(pair, log, expected);
    assert.equal(pair.recorded.identityName, expected.identity);
  }
  return matched;
}

/**
 * Every connection of the server is in the record, with as many bytes each way as the server's socket counted, and what
 * was cut is what bodies had beyond the bounds. Of a reply that broke off, fewer may have arrived than were sent.
 */
export function assertSameBytes(record: RunRecord, log: ServerLog, expected: Expectation): void {
  const { role, bounds = DEFAULT_BOUNDS } = expected;
  const { paired, others } = pairConnections(record, log.connections, role);
  for (const { logged, recorded: one } of paired) {
    const name = `the connection from port ${logged.port}`;
    const [asked, told] = role === 'client' ? [one.sent, one.received] : [one.received, one.sent];
    const exchanges = log.exchanges.get(logged.connection) ?? [];
    const isBroken = exchanges.some(({ isSent }) => !isSent);
    const beyond = (max: number, of: (one: LoggedExchange) => LoggedBody): number =>
      exchanges.reduce((sum, exchange) => sum + Math.max(0, of(exchange).carriedBytes - max), 0);
    assert.equal(asked.moved, logged.readBytes, `bytes to the server on ${name}`);
    assert.equal(
      asked.cut,
      beyond(bounds.requestBytesMax, ({ request }) => request),
      `cut of requests on ${name}`,
    );
    if (isBroken) {
      assert.ok(told.moved <= logged.writtenBytes, `bytes from the server on ${name}`);
      continue;
    }
    assert.equal(told.moved, logged.writtenBytes, `bytes from the server on ${name}`);
    assert.equal(
      told.cut,
      beyond(bounds.responseBytesMax, ({ response }) => response),
      `cut of replies on ${name}`,
    );
    if (exchanges.some(({ isRefused }) => isRefused)) continue;
    assert.equal(asked.notUnderstood, logged.upgradedReadBytes, `upgraded bytes to the server on ${name}`);
    assert.equal(told.notUnderstood, logged.upgradedWrittenBytes, `upgraded bytes from the server on ${name}`);
  }
  const strangers = others.filter(({ protocol }) => protocol === 'http');
  assert.deepEqual(strangers, [], 'connections of which the server knows nothing');
}

type Accepted = Pick<LoggedConnection, 'connection' | 'port'>;

/** Connections of the server with those in the record: by the port of the client, and in order where it was used again. */
function pairConnections<Logged extends Accepted>(
  record: RunRecord,
  logged: readonly Logged[],
  role: Expectation['role'],
): { readonly paired: { logged: Logged; recorded: RecordedConnection }[]; readonly others: RecordedConnection[] } {
  const others = record.connections.filter(({ action }) => action === 'closed');
  others.sort((one, other) => openingOf(record, one) - openingOf(record, other));
  const paired = logged.map((one) => {
    const at = others.findIndex((recorded) => clientPort(recorded, role) === one.port);
    assert.ok(at >= 0, `the connection from port ${one.port} is in the record`);
    return { logged: one, recorded: others.splice(at, 1)[0] as RecordedConnection };
  });
  return { paired, others };
}

/** A server that keeps its own book of what crossed logs no connections: then those on which something was asked. */
function accepted({ connections, exchanges }: ServerLog): readonly Accepted[] {
  if (connections.length > 0) return connections;
  const asked = [...exchanges.values()].map(([first]) => first as LoggedExchange);
  return asked.sort((one, other) => one.connection - other.connection);
}

function openingOf({ connections }: RunRecord, { connectionId }: RecordedConnection): number {
  return connections.find((one) => one.connectionId === connectionId)?.seq ?? 0;
}

function clientPort({ localPort, remotePort }: RecordedConnection, role: Expectation['role']): number {
  return role === 'client' ? localPort : remotePort;
}

function assertExchange({ logged, recorded }: Matched, log: ServerLog, expected: Expectation): void {
  const { bounds = DEFAULT_BOUNDS } = expected;
  const name = `${logged.method} ${logged.target} from port ${logged.port}`;
  const { attributes } = recorded;
  const isError = logged.status >= 400;
  if (logged.isRefused) {
    assert.equal(recorded.errorCode, String(logged.status), name);
    assert.equal(recorded.errorMessage, logged.reason, name);
    return;
  }
  assert.deepEqual(
    {
      role: recorded.role,
      version: attributes['http_version'],
      interim: attributes['interim_status'] ?? '',
      status: attributes['status_code'] ?? '0',
      outcome: recorded.status,
      errorCode: recorded.errorCode,
      errorMessage: recorded.errorMessage,
      requestIncomplete: attributes['request_incomplete'] ?? '',
      responseIncomplete: attributes['response_incomplete'] ?? '',
      conflict: attributes['framing_conflict'] ?? '',
      pairing: attributes['pairing'] ?? '',
    },
    {
      role: expected.role,
      version: logged.version,
      interim: logged.interim.join(' '),
      status: String(logged.status),
      outcome: isError ? 'error' : logged.isSent ? 'ok' : 'unknown',
      errorCode: isError ? String(logged.status) : '',
      errorMessage: isError ? logged.reason : '',
      requestIncomplete: logged.isReceived ? '' : 'connection-ended',
      responseIncomplete: logged.isSent || logged.status === 0 ? '' : 'connection-ended',
      conflict: '',
      pairing: '',
    },
    name,
  );
  assertFields(attributes, logged, name);
  assert.deepEqual(JSON.parse(recorded.parameters || '{}'), queryOf(logged), `query of ${name}`);
  const request = { bytes: recorded.request, size: recorded.requestPayloadBytes, sha256: recorded.requestSha256 };
  const response = { bytes: recorded.response, size: recorded.responsePayloadBytes, sha256: recorded.responseSha256 };
  const cuts = [
    assertBody(request, logged.request, bounds.requestBytesMax, log, `the request of ${name}`),
    logged.isSent
      ? assertBody(response, logged.response, bounds.responseBytesMax, log, `the reply to ${name}`)
      : assertHead(response, logged.response, bounds.responseBytesMax, log, `the reply to ${name}`),
  ];
  if (logged.isReceived && logged.isSent) assert.equal(recorded.truncated, cuts.includes(true), `truncated: ${name}`);
}

function assertFields(attributes: RecordedCommand['attributes'], logged: LoggedExchange, name: string): void {
  const shown = (which: string) => JSON.parse(attributes[which] ?? '{}') as Record<string, unknown>;
  const asked = asJson(logged.fields);
  const recorded = shown('request_headers');
  for (const secret of SECRET_FIELDS) {
    if (asked[secret] === undefined) continue;
    assert.match(String(recorded[secret]), /\[redacted\]/, `${secret} of ${name}`);
    asked[secret] = recorded[secret];
  }
  assert.deepEqual(recorded, asked, `fields of ${name}`);
  assert.deepEqual(shown('request_trailers'), asJson(logged.trailers), `trailers of ${name}`);
  const set = asJson(logged.sentFields);
  const told = Object.entries(shown('response_headers')).filter(([key]) => key in set || !ADDED_FIELDS.has(key));
  assert.deepEqual(Object.fromEntries(told), set, `fields of the reply to ${name}`);
  if (logged.method === 'HEAD' || !logged.isSent) return;
  assert.deepEqual(shown('response_trailers'), asJson(logged.sentTrailers), `trailers of the reply to ${name}`);
}

/** Names in lower case; Node takes each byte of a value for a character. */
function asJson(lines: readonly FieldLine[]): Record<string, unknown> {
  return grouped(
    lines.map(([key, text]) => [
      key.toLowerCase(),
      isByteText(text) ? Buffer.from(text, 'latin1').toString('utf8') : text,
    ]),
  );
}

/** Arrays where a name is repeated. */
function grouped(pairs: Iterable<readonly [string, string]>): Record<string, unknown> {
  const values: Record<string, string | string[]> = {};
  for (const [key, value] of pairs) {
    const before = values[key];
    values[key] = before === undefined ? value : [before, value].flat();
  }
  return values;
}

function isByteText(text: string): boolean {
  return /^[\0-\xff]*$/.test(text) && isUtf8(Buffer.from(text, 'latin1'));
}

function queryOf({ method, target }: LoggedExchange): Record<string, unknown> {
  if (method === 'CONNECT' || target === '*') return {};
  return grouped(new URL(target, 'http://any').searchParams);
}

interface SeenBody {
  readonly bytes: Buffer;
  readonly size: number;
  readonly sha256: string;
}

/** Byte for byte; of a body that was cut, its head and the digest of the whole. Answers whether it was cut. */
function assertBody(seen: SeenBody, logged: LoggedBody, bytesMax: number, log: ServerLog, name: string): boolean {
  assert.equal(seen.size, logged.carriedBytes, `size of ${name}`);
  const isCut = logged.carriedBytes > bytesMax || logged.contentBytes > bytesMax;
  if (!isCut) {
    assert.equal(sha256(seen.bytes), logged.contentSha256, `content of ${name}`);
    assert.equal(seen.sha256, '', `${name} is whole`);
    return false;
  }
  assert.equal(seen.sha256, logged.carriedSha256, `digest of ${name}`);
  const head = log.body(logged.contentSha256).subarray(0, seen.bytes.length);
  assert.ok(seen.bytes.equals(head), `the head of ${name}`);
  assert.ok(seen.bytes.length <= bytesMax, `the head of ${name} is within the bound`);
  const isCoded = logged.carriedSha256 !== logged.contentSha256;
  if (!isCoded) assert.equal(seen.bytes.length, bytesMax, `the head of ${name} is as long as the bound`);
  return true;
}

/** What a client had of a reply before one of them broke it off: as the server sent it, as far as it goes. */
function assertHead(seen: SeenBody, logged: LoggedBody, bytesMax: number, log: ServerLog, name: string): boolean {
  assert.ok(seen.size <= logged.carriedBytes, `${seen.size} of ${logged.carriedBytes} bytes came of ${name}`);
  const head = log.body(logged.carriedSha256).subarray(0, seen.size);
  assert.ok(seen.bytes.equals(head.subarray(0, bytesMax)), `the head of ${name}`);
  const isCut = seen.size > bytesMax;
  assert.equal(seen.sha256, isCut ? sha256(head) : '', `digest of what came of ${name}`);
  return isCut;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
