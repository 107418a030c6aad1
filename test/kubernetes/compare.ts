// SPDX-License-Identifier: Apache-2.0

/** What kube-apiserver wrote down, held against the record: each event has one line, and the line says the same. */
import { isDeepStrictEqual } from 'node:util';
import { parse } from 'yaml';
import type { RecordedCommand } from '../oracle/recording/record.ts';
import type { AuditEvent } from './cluster.ts';

export interface Comparison {
  readonly requests: number;
  readonly matched: number;
  readonly missing: readonly string[];
  readonly altered: readonly string[];
  /** Lines of the record that no event stands behind. */
  readonly unexpected: readonly string[];
  /** Objects that were compared with what the log has of them, and those whose protobuf the log has as JSON: not compared. */
  readonly objects: { readonly compared: number; readonly encoded: number };
}

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
/** Said twice: by HTTP when it was granted, and when it was over. The log has the first. */
const SESSIONS = new Set(['exec', 'attach', 'portforward']);

export function compare(events: readonly AuditEvent[], commands: readonly RecordedCommand[]): Comparison {
  const left = new Set(
    commands.filter(({ protocol, operation }) => protocol === 'kubernetes' && !SESSIONS.has(operation)),
  );
  const missing: string[] = [];
  const altered: string[] = [];
  const objects = { compared: 0, encoded: 0 };
  for (const event of events) {
    const lines = [...left].filter((line) => isOf(event, line));
    const said = `${event.verb} ${event.requestURI} ${event.responseStatus?.code}`;
    const [line] = lines;
    if (line === undefined) {
      missing.push(said);
      continue;
    }
    left.delete(line);
    // An upgrade's answer has no Audit-ID: lines of equal upgrades are told apart by nothing.
    const twice = lines.length > 1 && line.attributes['k8s_audit_id'] !== undefined;
    const differences = [...(twice ? ['there twice'] : []), ...differencesOf(event, line, objects)];
    if (differences.length > 0) altered.push(`${said}: ${differences.join('; ')}`);
  }
  return {
    requests: events.length,
    matched: events.length - missing.length - altered.length,
    missing,
    altered,
    unexpected: [...left].map(({ statement, attributes }) => `${statement} ${attributes['status_code']}`),
    objects,
  };
}

function isOf(event: AuditEvent, line: RecordedCommand): boolean {
  const id = line.attributes['k8s_audit_id'];
  if (id !== undefined) return id === event.auditID;
  if (event.responseStatus?.code !== 101 || line.attributes['status_code'] !== '101') return false;
  return line.resource === resourceOf(event) && isDeepStrictEqual(JSON.parse(line.parameters || '{}'), queryOf(event));
}

function queryOf({ requestURI }: AuditEvent): Json {
  const query: Record<string, string | string[]> = {};
  for (const [name, value] of new URLSearchParams(requestURI.split('?')[1] ?? '')) {
    const before = query[name];
    query[name] = before === undefined ? value : [before, value].flat();
  }
  return query;
}

function resourceOf({ objectRef, requestURI }: AuditEvent): string {
  if (objectRef?.resource === undefined) return requestURI.split('?')[0] ?? '';
  const { resource, apiGroup, namespace = '', name = '', subresource = '' } = objectRef;
  const type = apiGroup === undefined ? resource : `${resource}.${apiGroup}`;
  return [type, resource === 'namespaces' ? '' : namespace, name, subresource].join('/').replace(/\/+$/, '');
}

function differencesOf(event: AuditEvent, line: RecordedCommand, objects: Comparison['objects']): string[] {
  const differences: string[] = [];
  const same = (what: string, inLog: unknown, inRecord: unknown) => {
    if (inLog !== inRecord) differences.push(`${what} is ${String(inRecord)}, in the log ${String(inLog)}`);
  };
  same('verb', event.verb, line.attributes['k8s_verb'] ?? line.operation);
  // Of what the server names, the log of a creation has no name; the record has the one that it was given.
  const isNamedLater = event.verb === 'create' && event.objectRef?.name === undefined;
  if (!isNamedLater) same('resource', resourceOf(event), line.resource);
  same('user', event.impersonatedUser?.username ?? '', line.attributes['k8s_impersonate_user'] ?? '');
  same('code', String(event.responseStatus?.code), line.attributes['status_code']);
  const request = bodyOf(line.request, line.attributes['request_content_type'] ?? '');
  const response = bodyOf(line.response, line.attributes['response_content_type'] ?? '');
  const count = objects as { compared: number; encoded: number };
  if (event.requestObject !== undefined) {
    if (request === 'encoded') count.encoded++;
    else {
      count.compared++;
      const where = missingIn(event.requestObject, request, '');
      if (where !== undefined) differences.push(`the request differs at ${where}`);
    }
  }
  if (event.responseObject !== undefined && event.verb !== 'watch') {
    if (response === 'encoded') count.encoded++;
    else {
      count.compared++;
      const where = missingIn(event.responseObject, response, '') ?? missingIn(response, event.responseObject, '');
      if (where !== undefined) differences.push(`the response differs at ${where}`);
    }
  }
  return differences;
}

function bodyOf(bytes: Buffer, contentType: string): unknown {
  if (contentType.includes('protobuf')) return 'encoded';
  if (bytes.length === 0) return undefined;
  try {
    return contentType.includes('yaml') ? parse(bytes.toString('utf8')) : JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Where `has` lacks what `wants` says; undefined when it has all of it. What is empty need not be there, a value that the record
 * withholds is equal to any, and kinds of the server's own (`__internal`) to what was sent.
 */
function missingIn(has: unknown, wants: unknown, path: string): string | undefined {
  if (isEmpty(wants) || (typeof wants === 'string' && /\[(?:redacted|token)/.test(wants))) return undefined;
  if (typeof has === 'string' && (has.includes('__internal') || typeof wants === 'string')) {
    const isHidden = typeof wants === 'string' && SECRET_PLACE.test(path);
    return has === wants || has.includes('__internal') || isHidden || sameTime(has, wants) ? undefined : path;
  }
  if (Array.isArray(wants)) {
    if (!Array.isArray(has) || has.length !== wants.length) return `${path} (length)`;
    return wants.map((one, i) => missingIn(has[i], one, `${path}/${i}`)).find((found) => found !== undefined);
  }
  // The server has it as `data`.
  if (path === '/stringData') return undefined;
  if (!isObject(wants)) return Object.is(has, wants) ? undefined : path;
  if (!isObject(has)) return path;
  return Object.keys(wants)
    .map((name) => missingIn(has[name], wants[name], `${path}/${name}`))
    .find((found) => found !== undefined);
}

/** Where the record has marks, the log has values. */
const SECRET_PLACE = /\/(?:data|stringData|token)(?:\/|$)|last-applied-configuration$/;

const sameTime = (one: unknown, other: unknown): boolean =>
  typeof one === 'string' && typeof other === 'string' && /^\d{4}-/.test(one) && Date.parse(one) === Date.parse(other);

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.values(value).every(isEmpty);
}
