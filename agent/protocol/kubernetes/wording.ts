// SPDX-License-Identifier: Apache-2.0

/**
 * How a request to Kubernetes reads: `resource`, as queries take it apart, and `statement`, much as kubectl would be told.
 *
 * Shape    resource: RESOURCE[.GROUP]/NAMESPACE/NAME/SUBRESOURCE, empty parts at its end left out. Every part has its place:
 *          `nodes//n1`, `pods/default`, `pods/default/web/exec`. Without a resource it is the path: `/healthz`
 */
import { parameter, type Query, type RequestInfo } from './request-info.ts';

/** The words of a request, with its values, and with `?` for each of them. */
export interface Wording {
  readonly statement: string;
  readonly shape: string;
}

/** What is asked for besides: each is an option with a value. */
export interface Options {
  readonly query: Query;
  readonly dryRun: string;
  readonly impersonatedUser: string;
}

export const typeOf = ({ resource, group }: RequestInfo): string => (group === '' ? resource : `${resource}.${group}`);

export function resourceOf(info: RequestInfo, name: string, path: string): string {
  if (!info.isResource) return path;
  // A namespace is in no namespace, though its path makes it look so.
  const namespace = info.resource === 'namespaces' ? '' : info.namespace;
  return [typeOf(info), namespace, name, info.subresource].join('/').replace(/\/+$/, '');
}

const SELECTORS: Readonly<Record<string, string>> = { labelSelector: '-l', fieldSelector: '--field-selector' };

export function wordingOf(operation: string, info: RequestInfo, name: string, path: string, options: Options): Wording {
  if (!info.isResource) return { statement: `${operation} ${path}`, shape: `${operation} ${path}` };
  const what = info.subresource === '' ? typeOf(info) : `${typeOf(info)}/${info.subresource}`;
  const values: [string, string][] = [];
  if (name !== '') values.push(['', name]);
  if (info.namespace !== '' && info.resource !== 'namespaces') values.push(['-n', info.namespace]);
  for (const [key, option] of Object.entries(SELECTORS)) {
    const value = parameter(options.query, key);
    if (value !== undefined && value !== '') values.push([option, value]);
  }
  if (options.impersonatedUser !== '') values.push(['--as', options.impersonatedUser]);
  const dryRun = options.dryRun === '' ? '' : ' --dry-run=server';
  const written = (show: (value: string) => string) =>
    values.map(([option, value]) => (option === '' ? ` ${show(value)}` : ` ${option} ${show(value)}`)).join('');
  return {
    statement: `${operation} ${what}${written((value) => value)}${dryRun}`,
    shape: `${operation} ${what}${written(() => '?')}${dryRun}`,
  };
}
