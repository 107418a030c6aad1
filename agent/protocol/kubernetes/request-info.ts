// SPDX-License-Identifier: Apache-2.0

/**
 * What a path of the Kubernetes API asks for, as kube-apiserver itself reads it.
 *
 * Shape    /api/VERSION/… or /apis/GROUP/VERSION/…, then [namespaces/NAMESPACE/]RESOURCE[/NAME[/SUBRESOURCE[/rest]]];
 *          `watch/` may stand behind the version (an old form). Everything else is no resource: /healthz, /openapi/v3, …
 * Errors   never throws; undefined when the path is none that the API has
 * Source   Kubernetes documentation, "API Concepts" and "Authorization", request attributes
 */

export interface RequestInfo {
  /** The verb that is authorized: get, list, watch, create, update, patch, delete, deletecollection; '' for OPTIONS. */
  readonly verb: string;
  /** A path without a resource: discovery, health, metrics. */
  readonly isResource: boolean;
  /** '' for the core group. */
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  /** '' for what no namespace has, and for all of them. */
  readonly namespace: string;
  readonly name: string;
  /** Behind a subresource: the path that is asked of a pod, service or node through `proxy`. */
  readonly rest: string;
}

/** Query parameters, as HTTP gives them out: a list where a name repeats. */
export type Query = Readonly<Record<string, unknown>>;

/** The first value of a parameter, which is the one that counts; undefined when it is not there. */
export function parameter(query: Query, name: string): string | undefined {
  const value = Object.hasOwn(query, name) ? query[name] : undefined;
  const first: unknown = Array.isArray(value) ? value[0] : value;
  if (first === null) return '';
  return typeof first === 'string' ? first : undefined;
}

const SEGMENT = /^[^/?#]{1,253}$/;
const GROUP = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;
const VERSION = /^v[1-9]\d{0,3}(?:(?:alpha|beta)[1-9]\d{0,3})?$/;
const RESOURCE = /^[a-z][a-z0-9]{0,62}$/;
const WITHOUT_RESOURCE =
  /^\/(?:api(?:\/v[1-9]\w{0,15})?|apis(?:\/[a-z0-9.-]{1,253}(?:\/v[1-9]\w{0,15})?)?|version|metrics(?:\/.*)?|(?:healthz|livez|readyz)(?:\/.*)?|openapi\/v[23](?:\/.*)?|openid\/v1\/jwks|\.well-known\/openid-configuration|logs(?:\/.*)?)\/?$/;

const VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
  OPTIONS: '',
};

/** Of `namespaces/NAME/…`, what belongs to the namespace itself and is no resource inside of it. */
const OF_NAMESPACES = new Set(['status', 'finalize']);

/** What is looked at of every exchange of HTTP: `/api`, `/apis` in any spelling, or a path without a resource. */
export function mayBeOfApi(method: string, path: string): boolean {
  if (!Object.hasOwn(VERBS, method)) return false;
  return BEGINNINGS.test(path) || WITHOUT_RESOURCE.test(path);
}

const BEGINNINGS = /^\/(?:api|[^/]*%)/;

export function requestInfo(method: string, path: string, query: Query): RequestInfo | undefined {
  const verb = Object.hasOwn(VERBS, method) ? VERBS[method] : undefined;
  if (verb === undefined) return undefined;
  const parts = decoded(path);
  const resource = parts === undefined ? undefined : resourceInfo(verb, parts, query);
  if (resource !== undefined) return resource;
  if (!WITHOUT_RESOURCE.test(path)) return undefined;
  // What is not a resource is asked by its method alone.
  const plain = method.toLowerCase();
  return { ...NOTHING, verb: plain === 'options' ? '' : plain };
}

const NOTHING: RequestInfo = {
  verb: '',
  isResource: false,
  group: '',
  version: '',
  resource: '',
  subresource: '',
  namespace: '',
  name: '',
  rest: '',
};

function resourceInfo(verb: string, parts: readonly string[], query: Query): RequestInfo | undefined {
  const isCore = parts[0] === 'api';
  if (!isCore && parts[0] !== 'apis') return undefined;
  const group = isCore ? '' : (parts[1] ?? '');
  const version = parts[isCore ? 1 : 2] ?? '';
  if (!VERSION.test(version) || (!isCore && !GROUP.test(group))) return undefined;
  let at = isCore ? 2 : 3;
  let isWatched = false;
  if (parts[at] === 'watch') {
    isWatched = true;
    at++;
  }
  if (parts[at] === undefined) return undefined;
  let namespace = '';
  if (parts[at] === 'namespaces' && parts[at + 1] !== undefined) {
    namespace = parts[at + 1]!;
    if (parts[at + 2] !== undefined && !OF_NAMESPACES.has(parts[at + 2]!)) at += 2;
  }
  const [resource = '', name = '', subresource = '', ...rest] = parts.slice(at);
  if (!RESOURCE.test(resource)) return undefined;
  const named = name === '' ? selectedName(verb, query) : name;
  return {
    verb: verbOf(verb, name, isWatched, query),
    isResource: true,
    group,
    version,
    resource,
    subresource,
    namespace,
    name: named,
    rest: rest.join('/'),
  };
}

function verbOf(verb: string, name: string, isWatched: boolean, query: Query): string {
  if (isWatched) return 'watch';
  if (name !== '') return verb;
  if (verb === 'get') return isTrue(parameter(query, 'watch')) ? 'watch' : 'list';
  return verb === 'delete' ? 'deletecollection' : verb;
}

/** A collection that is asked for one name alone. */
function selectedName(verb: string, query: Query): string {
  const selector = parameter(query, 'fieldSelector');
  if (selector === undefined || (verb !== 'get' && verb !== 'delete')) return '';
  const [, name = ''] = /^metadata\.name=([^,=!]{1,253})$/.exec(selector) ?? [];
  return name;
}

/** As the API reads booleans: what is there is true, but for `0` and `false`. */
function isTrue(value: string | undefined): boolean {
  return value !== undefined && value !== '0' && value.toLowerCase() !== 'false';
}

/** Segments without their percent signs; undefined when one is none that the API has. */
function decoded(path: string): string[] | undefined {
  if (!path.startsWith('/') || path.length > 8192) return undefined;
  const segments = path.slice(1).replace(/\/$/, '').split('/');
  const parts: string[] = [];
  for (const segment of segments) {
    let part: string;
    try {
      part = decodeURIComponent(segment);
    } catch {
      return undefined;
    }
    // Behind a subresource anything may stand.
    if (parts.length < 7 && !SEGMENT.test(part)) return undefined;
    parts.push(part);
  }
  return parts;
}
