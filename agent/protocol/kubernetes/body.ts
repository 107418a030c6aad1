// SPDX-License-Identifier: Apache-2.0

/** What the body of a request says in short: which object, what a patch touches, how a deletion is meant. */
import { at, isPlain, textAt } from './object.ts';
import type { RequestInfo } from './request-info.ts';

export interface BodyFacts {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly dryRun: string;
  readonly propagationPolicy: string;
  readonly gracePeriodSeconds: string;
  /** Paths that a patch touches, as JSON pointers have them. */
  readonly touched: readonly string[];
}

/** More say that much was changed; the body has them all. */
const TOUCHED_MAX = 32;
const TOUCHED_DEPTH = 4;

export function bodyFacts(value: unknown, info: RequestInfo): BodyFacts {
  const isDeletion = info.verb === 'delete' || info.verb === 'deletecollection';
  const options = isDeletion ? value : undefined;
  const grace = at(options, 'gracePeriodSeconds');
  const dryRuns = at(options, 'dryRun');
  const dryRun: unknown = Array.isArray(dryRuns) ? dryRuns[0] : undefined;
  return {
    apiVersion: textAt(value, 'apiVersion'),
    kind: textAt(value, 'kind'),
    name: isDeletion ? '' : textAt(value, 'metadata', 'name'),
    dryRun: typeof dryRun === 'string' ? dryRun : '',
    propagationPolicy: textAt(options, 'propagationPolicy'),
    gracePeriodSeconds: typeof grace === 'number' ? String(grace) : '',
    touched: info.verb === 'patch' ? touchedBy(value) : [],
  };
}

function touchedBy(patch: unknown): string[] {
  if (Array.isArray(patch)) {
    const paths = patch.slice(0, TOUCHED_MAX).map((step) => textAt(step, 'path'));
    return paths.filter((path) => path !== '');
  }
  const paths: string[] = [];
  collect(patch, '', 0, paths);
  return paths;
}

function collect(value: unknown, path: string, depth: number, paths: string[]): void {
  if (paths.length >= TOUCHED_MAX) return;
  if (!isPlain(value) || depth === TOUCHED_DEPTH || Object.keys(value).length === 0) {
    if (path !== '') paths.push(path);
    return;
  }
  for (const name of Object.keys(value)) {
    if (paths.length >= TOUCHED_MAX) return;
    if (depth === 0 && (name === 'apiVersion' || name === 'kind')) continue;
    collect(value[name], `${path}/${name.slice(0, 256).replaceAll('~', '~0').replaceAll('/', '~1')}`, depth + 1, paths);
  }
}

/** For `parameters`; undefined when there is nothing to say. Values of fields are not repeated here, but for what reviews ask. */
export function brief(facts: BodyFacts, value: unknown): Readonly<Record<string, unknown>> | undefined {
  const said: Record<string, unknown> = {};
  for (const name of ['apiVersion', 'kind', 'name', 'propagationPolicy', 'gracePeriodSeconds', 'dryRun'] as const) {
    if (facts[name] !== '') said[name] = facts[name];
  }
  if (facts.touched.length > 0) said['touches'] = facts.touched;
  if (facts.kind.endsWith('AccessReview')) {
    for (const name of ['resourceAttributes', 'nonResourceAttributes', 'user']) {
      const asked = at(value, 'spec', name);
      if (isPlain(asked))
        said[name] = Object.fromEntries(
          Object.keys(asked)
            .slice(0, 16)
            .map((key) => [key, textAt(asked, key)]),
        );
      else if (typeof asked === 'string') said[name] = asked.slice(0, 1024);
    }
  }
  const replicas = at(value, 'spec', 'replicas');
  if (typeof replicas === 'number') said['replicas'] = replicas;
  return Object.keys(said).length === 0 ? undefined : said;
}
