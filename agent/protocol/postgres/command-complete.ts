// SPDX-License-Identifier: Apache-2.0

import { CONSEQUENCE } from '../sql/verbs.ts';
import type { Conversation } from './conversation.ts';
import type { PreparedStatement } from './prepared.ts';
import type { Request } from './request.ts';

/** The count at the end of a command tag: "INSERT 0 5", "SELECT 3"; undefined for commands that count nothing. */
export function rowsOf(tag: string): number | undefined {
  const count = / (\d{1,15})$/.exec(tag)?.[1];
  return count === undefined ? undefined : Number(count);
}

/** The verb of a command tag: "INSERT", "CREATE TABLE". */
export function verbOf(tag: string): string {
  return tag.replace(/[ \d]+$/, '').slice(0, 64);
}

/**
 * The server completed a command and says by its tag which: learn from it what the text does not tell, and follow what
 * SQL does to prepared statements (PREPARE, EXECUTE, DEALLOCATE share their names with the protocol).
 */
export function completeCommand(talk: Conversation, request: Request, verb: string): void {
  const { sql, prepared } = request;
  const isUnknown =
    request.operation === 'UNKNOWN' || sql.operation === 'UNKNOWN' || (prepared !== undefined && !prepared.isKnown);
  if (isUnknown) {
    request.operation = verb;
  } else if (request.operation === '' && !sql.operation.startsWith(verb) && !verb.startsWith(sql.operation)) {
    request.setAttribute('command_tag', verb);
  }
  if (sql.prepares !== undefined && verb === 'PREPARE') {
    talk.prepared.add(statementBySql(talk, sql.prepares.name, sql.prepares.text));
  } else if (sql.deallocates !== undefined) {
    if (sql.deallocates === '') talk.prepared.clearStatements();
    else talk.prepared.remove(sql.deallocates);
  } else if (sql.operation === 'DISCARD' && verb === 'DISCARD ALL') {
    talk.prepared.clear();
  } else if (sql.executes !== undefined) {
    executeBySql(talk, request, sql.executes);
  }
}

function statementBySql(talk: Conversation, name: string, text: string): PreparedStatement {
  return {
    name,
    sql: talk.statementOf(text),
    isKnown: true,
    isCut: false,
    typeOids: [],
    columns: undefined,
    request: undefined,
    previous: undefined,
  };
}

/** EXECUTE must not hide what it runs, nor EXPLAIN of one what it is about; only EXPLAIN ANALYZE runs it, too. */
function executeBySql(talk: Conversation, request: Request, name: string): void {
  const { sql } = talk.prepared.statement(name);
  if (sql.text === '') return;
  request.setAttribute('executes', sql.text);
  const { operation: command } = request.sql;
  if (command === 'EXPLAIN') {
    request.sql = { ...request.sql, resource: sql.resource };
    return;
  }
  const isExplained = command === 'EXPLAIN ANALYZE';
  const runs = sql.verbs === '' ? sql.operation : sql.verbs;
  request.sql = {
    ...request.sql,
    operation: isExplained && !CONSEQUENCE.includes(sql.operation) ? command : sql.operation,
    verbs: `${isExplained ? `${command}, ` : ''}EXECUTE, ${runs}`,
    resource: sql.resource,
    unbounded: sql.unbounded,
  };
}
