// SPDX-License-Identifier: Apache-2.0

import { parameterValue, redactQuery } from './secret-parameters.ts';
import { redactTokens } from './secret-tokens.ts';
/**
 * What a request line asks for: authority, path and query, with credentials taken out.
 *
 * Source   RFC 9112, section 3.2 (the four forms of a target); RFC 3986, section 3
 */
import { type FoundSecret, REDACTED } from './secrets.ts';

export interface RequestTarget {
  readonly authority: string;
  /** Path without query; '' for CONNECT, '*' for the asterisk form. */
  readonly path: string;
  /** Path with query; '' for CONNECT. */
  readonly pathAndQuery: string;
  /** As it was sent, credentials taken out. */
  readonly text: string;
  /** JSON of the query's parameters, names and values decoded, arrays where a name is repeated; '' without a query. */
  readonly parameters: string;
  readonly secrets: readonly FoundSecret[];
}

const ABSOLUTE_FORM = /^[a-zA-Z][a-zA-Z0-9+.-]*:\/\//;

export function parseTarget(method: string, target: string, host: string): RequestTarget {
  const secrets: FoundSecret[] = [];
  if (method === 'CONNECT') {
    const authority = withoutUserinfo(target, secrets);
    return { authority: authority.host, path: '', pathAndQuery: '', text: authority.text, parameters: '', secrets };
  }
  const scheme = ABSOLUTE_FORM.exec(target)?.[0] ?? '';
  const rest = target.slice(scheme.length);
  const authorityEnd = scheme === '' ? 0 : endOfAuthority(rest);
  const authority = withoutUserinfo(rest.slice(0, authorityEnd), secrets);
  const pathAndQuery = rest.slice(authorityEnd);
  const question = pathAndQuery.indexOf('?');
  const path = redactPath(question < 0 ? pathAndQuery : pathAndQuery.slice(0, question), secrets);
  const query = question < 0 ? undefined : redactQuery(pathAndQuery.slice(question + 1), secrets);
  const search = query === undefined ? '' : `?${query}`;
  return {
    // Userinfo in the Host field is handed over with the other fields.
    authority: scheme === '' ? withoutUserinfo(host, []).host : authority.host,
    path: path === '' ? '/' : path,
    pathAndQuery: `${path === '' ? '/' : path}${search}`,
    text: `${scheme}${authority.text}${path}${search}`,
    parameters: query === undefined || query === '' ? '' : queryJson(query),
    secrets,
  };
}

function endOfAuthority(rest: string): number {
  const end = rest.search(/[/?#]/);
  return end < 0 ? rest.length : end;
}

function withoutUserinfo(authority: string, secrets: FoundSecret[]): { host: string; text: string } {
  const at = authority.lastIndexOf('@');
  if (at < 0) return { host: authority, text: authority };
  if (at > 0) secrets.push({ kind: 'http-userinfo', secret: authority.slice(0, at) });
  const host = authority.slice(at + 1);
  return { host, text: `${REDACTED}@${host}` };
}

/** Sessions kept in the path, as servlet containers do, and tokens that stand there bare. */
function redactPath(path: string, secrets: FoundSecret[]): string {
  const withoutSessions = path.includes(';')
    ? path.replace(/(;jsessionid=)([^;/?#]+)/gi, (_, name: string, secret: string) => {
        secrets.push({ kind: 'http-query', secret });
        return `${name}${REDACTED}`;
      })
    : path;
  return redactTokens(withoutSessions, secrets);
}

function queryJson(query: string): string {
  const parameters: Record<string, string | string[]> = Object.create(null);
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = parameterValue(equals < 0 ? pair : pair.slice(0, equals));
    const value = equals < 0 ? '' : parameterValue(pair.slice(equals + 1));
    const before = parameters[name];
    if (before === undefined) parameters[name] = value;
    else if (typeof before === 'string') parameters[name] = [before, value];
    else before.push(value);
  }
  return JSON.stringify(parameters);
}

/** Without one of these no part of a path is taken for an id. */
const MAY_BE_ID = /\d|[a-fA-F]{8}/;
const NUMBER = /^\d[\d.,:_-]*$/;
const NUMBER_WITH_EXTENSION = /^\d+(?=\.[a-zA-Z]\w*$)/;
const UUID = /[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}/g;
/** Digests, object ids and the like; 16 hexadecimal digits are no word. */
const LONG_HEX = /(?<![0-9a-zA-Z])[0-9a-fA-F]{16,}(?![0-9a-zA-Z])/g;
/** Ids in other alphabets: long, with a digit and a letter, without a dot. */
const LONG_ID = /^(?=.*\d)(?=.*[a-zA-Z])[\w~%=+-]{24,}$/;

/** The path with what looks like an id replaced by '?', so that requests for different things of a kind are equal. */
export function pathShape(path: string): string {
  if (!/\d|[a-fA-F]{16}/.test(path)) return path;
  return path
    .split('/')
    .map((segment) => {
      if (!MAY_BE_ID.test(segment)) return segment;
      if (NUMBER.test(segment)) return '?';
      const shaped = segment
        .replace(UUID, '?')
        .replace(LONG_HEX, '?')
        .replace(NUMBER_WITH_EXTENSION, '?')
        .replace(/(?<=[(=,'])\d+(?=[),'])/g, '?');
      return LONG_ID.test(shaped) ? '?' : shaped;
    })
    .join('/');
}
