// SPDX-License-Identifier: Apache-2.0

/** The record of a client against what its server wrote down: what was read, and whether it is the same to the byte. */
import { AssertionError } from 'node:assert';
import { assertAsLogged } from '../oracle/http/compare.ts';
import type { LoggedExchange, ServerLog } from '../oracle/http/server-log.ts';
import { responseOf } from '../oracle/postgres/response-rows.ts';
import { judgeByServer } from '../oracle/postgres/server-verdict.ts';
import { assertWhole } from '../oracle/recording/accounts.ts';
import type { RecordedCommand, RunRecord } from '../oracle/recording/record.ts';
import type { EncryptedRecord } from './encrypted-record.ts';
import type { Plaintext } from './plaintext.ts';
import { tableOf } from './statements.ts';

export interface Comparison {
  /** How many requests the server had, and how many of them are in the record, word for word. */
  readonly asked: number;
  readonly read: number;
  /** Of those that the server had: the record has their bytes, all of them and no others. */
  readonly requestsEqual: boolean;
  readonly responsesEqual: boolean;
  /** What is not as it should be, for a person. */
  readonly differences: readonly string[];
}

/**
 * Requests and replies one by one (method, target, fields, bodies), and of each connection as many bytes inside of TLS as
 * the server had, so that nothing is in the record that did not cross, nor the other way round.
 */
export function compareHttp(
  record: RunRecord,
  encrypted: EncryptedRecord,
  log: ServerLog,
  plaintexts: readonly Plaintext[],
  identity: string,
): Comparison {
  const differences: string[] = [];
  const commandsOn = commandsByPort(record);
  let [asked, read, requests, responses] = [0, 0, 0, 0];
  for (const exchanges of log.exchanges.values()) {
    const seen = (commandsOn.get(exchanges[0]?.port ?? 0) ?? []).filter(({ protocol }) => protocol === 'http');
    for (const [index, exchange] of exchanges.entries()) {
      asked++;
      const command = seen[index];
      if (command?.statement !== `${exchange.method} ${exchange.target}`) continue;
      read++;
      if (isSame(command.request, exchange.request, log)) requests++;
      if (isSame(command.response, exchange.response, log)) responses++;
    }
  }
  if (read > 0) note(differences, () => assertAsLogged(record, log, { role: 'client', identity }));
  const whole = withoutLateGoodbyes(record);
  note(differences, () => assertWhole(read > 0 ? whole : withoutExpiredHolds(whole)));
  checkWire(encrypted, plaintexts, differences);
  const bytesEqual = read === 0 || sameBytes(encrypted, plaintexts, differences);
  return {
    asked,
    read,
    requestsEqual: asked > 0 && requests === asked && bytesEqual,
    responsesEqual: asked > 0 && responses === asked && bytesEqual,
    differences,
  };
}

function commandsByPort({ connections, commands }: RunRecord): Map<number, RecordedCommand[]> {
  const portOf = new Map(connections.map(({ connectionId, localPort }) => [connectionId, localPort]));
  return Map.groupBy(commands, ({ connectionId }) => portOf.get(connectionId) ?? 0);
}

function isSame(seen: Buffer, logged: LoggedExchange['request'], log: ServerLog): boolean {
  return seen.equals(log.body(logged.contentSha256));
}

function sameBytes({ connections }: EncryptedRecord, plaintexts: readonly Plaintext[], differences: string[]): boolean {
  const byPort = new Map(connections.map((one) => [one.localPort, one]));
  let isEqual = true;
  for (const { port, received, sent } of plaintexts) {
    const one = byPort.get(port);
    const [request = 0, response = 0] = [one?.requestBytes, one?.responseBytes];
    if (request === received.length && response === sent.length) continue;
    isEqual = false;
    differences.push(
      `port ${port}: ${request} and ${response} bytes read, ${received.length} and ${sent.length} crossed`,
    );
  }
  return isEqual;
}

/** An alert of TLS, in the largest of its forms: with an explicit vector, a digest and padding. */
const GOODBYE_BYTES_MAX = 101;

/**
 * A server says goodbye (close_notify) to whom has left already: seen on the way in, and counted by no socket. The record
 * says so, and whether it happens is a matter of microseconds.
 */
function withoutLateGoodbyes(record: RunRecord): RunRecord {
  const connections = record.connections.map((one) => {
    const { received_surplus_bytes: surplus, ...attributes } = one.attributes;
    return surplus !== undefined && Number(surplus) <= GOODBYE_BYTES_MAX ? { ...one, attributes } : one;
  });
  return { ...record, connections };
}

/** A hold that was not long enough is why a client is not read. Where findings tell of all its bytes, it adds nothing. */
function withoutExpiredHolds(record: RunRecord): RunRecord {
  return { ...record, losses: record.losses.filter(({ reason }) => reason !== 'hold_expired') };
}

/** What the agent counted on the wire is what the server's sockets did, read or not; and what its handshake was. */
function checkWire({ connections }: EncryptedRecord, plaintexts: readonly Plaintext[], differences: string[]): void {
  const byPort = new Map(connections.map((one) => [one.localPort, one]));
  for (const { port, serverName, isResumed, wireReadBytes, wireWrittenBytes } of plaintexts) {
    const { sentBytes = 0, receivedBytes = 0, serverName: asked = '', attributes = {} } = byPort.get(port) ?? {};
    if ((attributes['tls_resumed'] === 'true') !== isResumed) {
      differences.push(`port ${port}: its session was ${isResumed ? '' : 'not '}resumed`);
    }
    // Of a session of TLS 1.2 that is resumed the server's library does not tell the name.
    if (asked !== serverName && !(isResumed && serverName === ''))
      differences.push(`port ${port}: the client asked for '${serverName}', recorded is '${asked}'`);
    if (sentBytes === wireReadBytes && receivedBytes === wireWrittenBytes) continue;
    differences.push(
      `port ${port}: ${sentBytes} and ${receivedBytes} bytes counted, ${wireReadBytes} and ${wireWrittenBytes} on the wire`,
    );
  }
}

/** Statements, parameters and errors as the server logged them for a role, and the rows that they have. */
export function comparePostgres(record: RunRecord, logText: string, role: string, body: string): Comparison {
  const { matches, missing, doubled, altered } = judgeByServer(record, logText, { [role]: role });
  const differences: string[] = [];
  const whole = withoutLateGoodbyes(record);
  note(differences, () => assertWhole(matches.length > 0 ? whole : withoutExpiredHolds(whole)));
  const asked = matches.length + missing.length + altered.length;
  if (matches.length > 0) {
    for (const [what, some] of Object.entries({ missing, doubled, altered })) {
      for (const { logged, recorded } of some.slice(0, 3)) differences.push(`${what}: ${logged} | ${recorded}`);
    }
  }
  const isEqual = asked > 0 && missing.length + doubled.length + altered.length === 0;
  const wrong = matches.filter(({ logged: { kind, text, parameters }, recorded: [command] }) => {
    const table = kind === 'prepare' ? undefined : tableOf(text, parameters, body);
    return table !== undefined && !(command?.rows === table.length - 1 && command.response.equals(responseOf(table)));
  });
  for (const { logged, recorded } of wrong) {
    differences.push(
      `reply to ${logged.text.slice(0, 60)}: ${recorded[0]?.rows} rows, ${recorded[0]?.response.length} bytes`,
    );
  }
  return {
    asked,
    read: matches.length,
    requestsEqual: isEqual,
    responsesEqual: isEqual && wrong.length === 0,
    differences,
  };
}

const SAID_MAX = 300;

function note(differences: string[], check: () => unknown): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof AssertionError)) throw error;
    differences.push(error.message.replace(/\s+/g, ' ').slice(0, SAID_MAX));
  }
}
