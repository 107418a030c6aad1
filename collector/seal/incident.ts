// SPDX-License-Identifier: Apache-2.0

/**
 * What is told when a log is not what it was: rules that no file holds, since no single activity shows it. Their ids are
 * stable; docs/OPERATOR.md says what to do about each.
 */
import type { CheckpointVerdict } from '../store/log-store.ts';

export const INCIDENT_RULES = {
  log_forked: { title: "An agent's log is not the continuation of what it delivered", level: 'critical' },
  log_rolled_back: { title: "An agent's log ends before what it delivered", level: 'critical' },
  log_key_changed: { title: "An agent's log is signed by another key", level: 'critical' },
  log_wrong_root: { title: 'An agent signed a checkpoint of other activities than it delivered', level: 'critical' },
  log_bad_signature: { title: "A checkpoint of an agent does not bear its key's signature", level: 'critical' },
  store_rolled_back: { title: 'The store has lost activities that a collector had signed for', level: 'critical' },
  log_hole_adopted: {
    title: "A log goes on behind activities that nobody has; their place is the agent's word",
    level: 'high',
  },
} as const satisfies Readonly<Record<string, { title: string; level: string }>>;

export type IncidentRule = keyof typeof INCIDENT_RULES;

export interface Incident {
  readonly rule: IncidentRule;
  readonly agentId: string;
  readonly host: string;
  /** The size or seq that it is about. */
  readonly seq: number;
  /** A sentence for a person. */
  readonly summary: string;
}

export const RULE_OF_VERDICT: Readonly<Record<Exclude<CheckpointVerdict, 'cosigned'>, IncidentRule>> = {
  forked: 'log_forked',
  rolled_back: 'log_rolled_back',
  key_changed: 'log_key_changed',
  bad_signature: 'log_bad_signature',
  wrong_root: 'log_wrong_root',
};
