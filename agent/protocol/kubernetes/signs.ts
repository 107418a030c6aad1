// SPDX-License-Identifier: Apache-2.0

/**
 * Is it Kubernetes? Many APIs have paths that begin with /api/v1. A path must fit the grammar of Kubernetes, and one thing
 * besides must be there that only Kubernetes has.
 *
 * Source   Kubernetes documentation, "API Concepts", "API Priority and Fairness" (x-kubernetes-pf-…), "Auditing" (Audit-ID)
 */
import type { Plain } from './object.ts';
import type { RequestInfo } from './request-info.ts';

export type Fields = Readonly<Record<string, unknown>>;

export interface Seen {
  readonly info: RequestInfo;
  readonly requestFields: Fields;
  readonly responseFields: Fields;
  /** What was sent and what was answered; parsed only where fields do not tell. */
  readonly objects: () => readonly (Plain | undefined)[];
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** What client-go puts into its User-Agent: `program/version (os/arch) kubernetes/commit`. */
const USER_AGENT =
  /^kubectl\/|^kube-[a-z-]+\/|\(\w+\/\w+\) kubernetes\/|^kubelet\/|^Kubernetes(?:Csharp|Java) Client|^OpenAPI-Generator\/[\w.+-]+\/python$/;
const CONTENT_TYPE =
  /vnd\.kubernetes\.protobuf|(?:strategic-merge-patch\+json|apply-patch\+(?:yaml|cbor))|;\s*as=(?:Table|PartialObjectMetadata)|com\.github\.proto-openapi|;\s*g=(?:meta\.k8s\.io|apidiscovery\.k8s\.io)/;
const STREAMS = /(?:^|[\s,])v[1-5]\.channel\.k8s\.io|(?:^|[\s,])(?:base64\.)?channel\.k8s\.io|portforward\.k8s\.io/;

export function isKubernetes(seen: Seen): boolean {
  return hasServerSign(seen.responseFields) || hasClientSign(seen) || seen.objects().some(isOfPath(seen.info));
}

function hasServerSign(fields: Fields): boolean {
  return UUID.test(field(fields, 'audit-id')) || UUID.test(field(fields, 'x-kubernetes-pf-flowschema-uid'));
}

function hasClientSign({ info, requestFields }: Seen): boolean {
  // Of /version and /metrics only the server's word counts, and programs that are Kubernetes' own.
  const agent = field(requestFields, 'user-agent');
  if (USER_AGENT.test(agent)) return info.isResource || !agent.startsWith('OpenAPI');
  if (CONTENT_TYPE.test(`${field(requestFields, 'accept')} ${field(requestFields, 'content-type')}`)) return true;
  return (
    STREAMS.test(field(requestFields, 'sec-websocket-protocol')) ||
    STREAMS.test(field(requestFields, 'x-stream-protocol-version'))
  );
}

/** An object says its group and version, and they are those of the path; an error is of the core. */
function isOfPath(info: RequestInfo): (object: Plain | undefined) => boolean {
  const version = info.group === '' ? info.version : `${info.group}/${info.version}`;
  return (object) => {
    if (!info.isResource || object === undefined) return false;
    const { apiVersion, kind } = object;
    if (typeof kind !== 'string' || !/^[A-Z][A-Za-z0-9]{0,62}$/.test(kind)) return false;
    return apiVersion === version || (kind === 'Status' && apiVersion === 'v1' && typeof object['status'] === 'string');
  };
}

/** The first of a field's values. */
export function field(fields: Fields, name: string): string {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' ? first : '';
}
