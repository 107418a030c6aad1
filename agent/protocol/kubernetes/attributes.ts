// SPDX-License-Identifier: Apache-2.0

/** What a request to Kubernetes says besides its words: attributes that begin with `k8s_`. */
import type { Exchange } from '../decoder.ts';
import type { BodyFacts } from './body.ts';
import type { Encoding, Plain } from './object.ts';
import { parameter, type Query, type RequestInfo } from './request-info.ts';
import { type Fields, field } from './signs.ts';
import type { WatchEvents } from './watch.ts';

export interface Known {
  readonly exchange: Exchange;
  readonly info: RequestInfo;
  readonly operation: string;
  readonly name: string;
  readonly query: Query;
  readonly requestFields: Fields;
  readonly responseFields: Fields;
  readonly request: { readonly encoding: Encoding; readonly contentType: string };
  readonly response: { readonly encoding: Encoding };
  readonly facts: BodyFacts;
  readonly dryRun: string;
  readonly impersonatedUser: string;
  /** What was answered, where that says more than that it was done. */
  readonly status: Plain | undefined;
  readonly events: WatchEvents | undefined;
}

/** Groups and extra keys of an impersonation that are shown. */
const IMPERSONATION_MAX = 64;
const PATCHES: Readonly<Record<string, string>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
  'application/apply-patch+cbor': 'apply',
};

export function attributesOf(known: Known): Record<string, string> {
  const { info, query, facts, operation } = known;
  const attributes: Record<string, string> = {};
  const set = (name: string, value: string | undefined) => {
    if (value !== undefined && value !== '') attributes[name] = value;
  };
  if (operation !== info.verb) set('k8s_verb', info.verb);
  set('k8s_group', info.group);
  set('k8s_version', info.version);
  set('k8s_resource', info.resource);
  set('k8s_subresource', info.subresource);
  set('k8s_namespace', info.namespace);
  set('k8s_name', known.name);
  set('k8s_proxied_path', info.rest);
  set('k8s_kind', facts.kind);
  set('k8s_dry_run', known.dryRun);
  set('k8s_field_manager', parameter(query, 'fieldManager'));
  set('k8s_force', parameter(query, 'force'));
  set('k8s_label_selector', parameter(query, 'labelSelector'));
  set('k8s_field_selector', parameter(query, 'fieldSelector'));
  set('k8s_resource_version', parameter(query, 'resourceVersion'));
  set('k8s_propagation_policy', parameter(query, 'propagationPolicy') ?? facts.propagationPolicy);
  set('k8s_grace_period_seconds', parameter(query, 'gracePeriodSeconds') ?? facts.gracePeriodSeconds);
  if (info.verb === 'patch')
    set('k8s_patch_type', PATCHES[known.request.contentType.split(';')[0]!.trim()] ?? 'unknown');
  if (known.request.encoding !== 'json') set('k8s_request_encoding', known.request.encoding);
  if (known.response.encoding !== 'json') set('k8s_response_encoding', known.response.encoding);
  set('k8s_audit_id', field(known.responseFields, 'audit-id') || field(known.requestFields, 'audit-id'));
  setImpersonation(known, set);
  if (known.status?.['kind'] === 'Status' && known.exchange.status === 'error') {
    set('k8s_status_code', String(known.status['code'] ?? ''));
  }
  if (known.status?.['kind'] === 'Table') set('k8s_answer', 'table');
  if (known.events !== undefined && Object.keys(known.events.counts).length > 0) {
    set('k8s_watch_events', JSON.stringify(known.events.counts));
  }
  return attributes;
}

function setImpersonation(known: Known, set: (name: string, value: string) => void): void {
  set('k8s_impersonate_user', known.impersonatedUser);
  set('k8s_impersonate_uid', field(known.requestFields, 'impersonate-uid'));
  const groups = valuesOf(known.requestFields['impersonate-group']);
  if (groups.length > 0) set('k8s_impersonate_groups', JSON.stringify(groups));
  const extra = Object.keys(known.requestFields)
    .filter((name) => name.startsWith('impersonate-extra-'))
    .slice(0, IMPERSONATION_MAX)
    .map((name) => [name.slice('impersonate-extra-'.length), valuesOf(known.requestFields[name])] as const);
  if (extra.length > 0) set('k8s_impersonate_extra', JSON.stringify(Object.fromEntries(extra)));
}

function valuesOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).slice(0, IMPERSONATION_MAX);
}
