// SPDX-License-Identifier: Apache-2.0

/** All rules that are in force, ready to be run on activities as they arrive. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Activity, Kind, Sender } from '../model/activity.ts';
import { CollectorError } from '../model/error.ts';
import { parseRules } from './parse-rule.ts';
import { compile, type Predicate } from './predicate.ts';
import type { Rule } from './rule.ts';

export const RULE_PACK_FOLDER = join(import.meta.dirname, '../rule-pack');

export interface RuleSetEvents {
  /** A predicate threw: a fault of ours, counted; the activity goes on. */
  onError(rule: Rule, error: unknown): void;
  onCut(): void;
}

/** Rule files of a folder; `*.samples.yml` beside them are for tests. */
export function readRules(folder: string): Rule[] {
  return readdirSync(folder)
    .filter((file) => /\.ya?ml$/.test(file) && !/\.samples\.ya?ml$/.test(file))
    .sort()
    .flatMap((file) => parseRules(readFileSync(join(folder, file), 'utf8'), join(folder, file)));
}

export class RuleSet {
  readonly rules: readonly Rule[];
  readonly #byKind = new Map<Kind, { rule: Rule; predicate: Predicate }[]>();
  readonly #events: RuleSetEvents;

  /**
   * Errors   CollectorError `rule_invalid` when two rules share an id
   */
  constructor(rules: readonly Rule[], events: RuleSetEvents) {
    this.rules = rules;
    this.#events = events;
    const files = new Map<string, string>();
    for (const rule of rules) {
      const other = files.get(rule.id);
      if (other !== undefined) {
        throw new CollectorError('rule_invalid', `${rule.file}:1: the id ${rule.id} is also in ${other}`);
      }
      files.set(rule.id, rule.file);
      for (const kind of rule.kinds) {
        const compiled = { rule, predicate: compile(rule.detection, kind, () => events.onCut()) };
        const list = this.#byKind.get(kind);
        if (list === undefined) this.#byKind.set(kind, [compiled]);
        else list.push(compiled);
      }
    }
  }

  /** The rules that match. Alerts are never matched against rules: an alert about an alert would have no end. */
  matches(kind: Kind, activity: Activity, sender: Sender): readonly Rule[] {
    const compiled = kind === 'alert' ? undefined : this.#byKind.get(kind);
    if (compiled === undefined) return NONE;
    let found: Rule[] | undefined;
    for (const { rule, predicate } of compiled) {
      try {
        if (!predicate(activity, sender)) continue;
      } catch (error) {
        this.#events.onError(rule, error);
        continue;
      }
      if (found === undefined) found = [];
      found.push(rule);
    }
    return found ?? NONE;
  }
}

const NONE: readonly Rule[] = [];
