// SPDX-License-Identifier: Apache-2.0

import type { Command } from './command-reader.ts';
import { CONTAINERS, namesOf } from './command-table.ts';
import { decoded, textOfCommand } from './command-text.ts';
import { Request } from './request.ts';
import { REDACTED, secretsOf } from './secrets.ts';
import { NAME_LENGTH_MAX, type Session } from './session.ts';

const COMMAND_LENGTH_MAX = 64;

/** A command in words; what it changes of the session takes effect when it is answered with success. */
export function requestOf(command: Command, session: Session, lengthMax: number): Request {
  const { args, count } = command;
  const textAt = (i: number): string => {
    const arg = args[i];
    return arg === undefined ? '' : decoded(arg.subarray(0, NAME_LENGTH_MAX)).slice(0, NAME_LENGTH_MAX);
  };
  const word = textAt(0).slice(0, COMMAND_LENGTH_MAX);
  const isContainer = CONTAINERS.has(word.toLowerCase()) && count > 1;
  const sub = isContainer ? textAt(1).slice(0, COMMAND_LENGTH_MAX) : '';
  const name = (isContainer ? `${word}|${sub}` : word).toLowerCase();
  const { hidden, user, password } = secretsOf(name, count, textAt);
  const text = textOfCommand(args, isContainer ? 2 : 1, hidden, lengthMax);

  const request = new Request();
  request.name = name;
  request.operation = (isContainer ? `${word} ${sub}` : word).toUpperCase();
  const shownNames = namesOf(
    name,
    args.map((_, i) => i),
    textAt,
  );
  request.resource = shownNames.map((i) => (hidden.has(i) ? REDACTED : textAt(i))).join(',');
  request.statement = text.statement;
  request.parameters = text.parameters;
  request.shape = text.shape;
  request.isTruncated = command.isCut || text.isCut;
  request.database = session.database;
  if (command.isInline) request.attributes['inline'] = 'true';
  if (command.missingBytes > 0) request.attributes['request_gap_bytes'] = String(command.missingBytes);
  if (password !== undefined && password < args.length && !command.isCut) {
    const secret = args[password];
    if (secret !== undefined && secret.length > 0) request.password = decoded(secret);
  }
  if (args.length < count) request.attributes['arguments'] = String(count);
  if (password !== undefined) request.attributes['auth_user'] = user === undefined ? 'default' : textAt(user);
  followSession(request, name, count, hidden, textAt);
  return request;
}

function followSession(
  request: Request,
  name: string,
  count: number,
  hidden: ReadonlySet<number>,
  textAt: (index: number) => string,
): void {
  const user = request.attributes['auth_user'];
  const arg = textAt(1);
  switch (name) {
    case 'auth':
      request.onSuccess = (session) => {
        session.user = user ?? '';
      };
      break;
    case 'hello': {
      // A user may be called so: what stands behind it is the password then.
      const at = indexOfWord('setname', count, (i) => (hidden.has(i) || hidden.has(i + 1) ? '' : textAt(i)));
      const clientName = at > 0 ? textAt(at + 1) : undefined;
      if (count > 1) request.attributes['protocol_version'] = arg;
      request.onSuccess = (session) => {
        if (count > 1) session.isResp3 = arg === '3';
        if (user !== undefined) session.user = user;
        if (clientName !== undefined) session.clientName = clientName;
      };
      break;
    }
    case 'select':
      request.onSuccess = (session) => {
        session.database = arg;
      };
      break;
    case 'client|setname': {
      const clientName = textAt(2);
      request.onSuccess = (session) => {
        session.clientName = clientName;
      };
      break;
    }
    case 'monitor':
      request.onSuccess = (session) => {
        session.isMonitoring = true;
      };
      break;
    case 'reset':
      request.onSuccess = (session) => session.reset();
      break;
    case 'subscribe':
    case 'psubscribe':
    case 'ssubscribe':
      request.repliesLeft = Math.max(1, count - 1);
      break;
    case 'unsubscribe':
    case 'punsubscribe':
    case 'sunsubscribe':
      // Without names it is from all: the last confirmation says that none is left.
      request.repliesLeft = count > 1 ? count - 1 : Number.POSITIVE_INFINITY;
      break;
    default:
  }
}

function indexOfWord(word: string, count: number, textAt: (index: number) => string): number {
  for (let i = 1; i < count; i++) if (textAt(i).toLowerCase() === word) return i;
  return -1;
}
