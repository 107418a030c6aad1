// SPDX-License-Identifier: Apache-2.0

/**
 * What the collector says of an agent that is not heard of: alerts of rules that no file holds, since no activity shows
 * them. Their ids are stable; docs/DETECTION.md says what to do about each.
 */
import { sworn } from '../../proto/record.ts';
import { alertIdOf, type OwnActivity } from '../ingest/own-record.ts';
import { fromBigInt } from '../model/activity.ts';

export const PRESENCE_RULES = {
  agent_silent: { title: 'An agent is silent: what its host does is not recorded, or not delivered', level: 'high' },
  agent_stopped: { title: 'An agent was stopped in order', level: 'informational' },
  agent_back: { title: 'An agent is back', level: 'informational' },
} as const;

export type PresenceRule = keyof typeof PRESENCE_RULES;

export interface PresenceNews {
  readonly rule: PresenceRule;
  readonly agentId: string;
  readonly host: string;
  /** The last of its activities that is stored: the same silence has the same id, also after a restart of the collector. */
  readonly lastSeq: number;
  /** Wall clock of the collector, milliseconds: when it was heard of last, and now. */
  readonly heardMs: number;
  readonly nowMs: number;
  /** Of `agent_silent`: the stream is open all the same. */
  readonly isConnected: boolean;
}

const MS_NS = 1_000_000n;

export function presenceAlert(news: PresenceNews): OwnActivity {
  const { rule, agentId, host, lastSeq, heardMs, nowMs } = news;
  const { title, level } = PRESENCE_RULES[rule];
  const activity = new sworn.v1.Activity({
    timeNs: nsOf(rule === 'agent_stopped' ? nowMs : Math.min(heardMs, nowMs)),
    endTimeNs: nsOf(nowMs),
    identityState: sworn.v1.IdentityState.IDENTITY_STATE_NONE,
    identitySource: sworn.v1.IdentitySource.IDENTITY_SOURCE_NONE,
    alert: {
      alertId: alertIdOf(rule, agentId, lastSeq),
      ruleId: rule,
      ruleTitle: title,
      level,
      matchedAgentId: agentId,
      matchedSeq: lastSeq,
      summary: summaryOf(news),
    },
  });
  return { kind: 'alert', activity, host };
}

function summaryOf({ rule, agentId, host, lastSeq, heardMs, nowMs, isConnected }: PresenceNews): string {
  const who = host === '' ? agentId : `${agentId} on ${host}`;
  const gap = lengthText(nowMs - heardMs);
  if (rule === 'agent_back') return `${who} is back after ${gap}. Its record says what it missed (losses).`;
  if (rule === 'agent_stopped')
    return `${who} was stopped in order, after activity ${lastSeq}. Nothing is recorded there now.`;
  const how = isConnected
    ? 'is connected and has sent nothing'
    : 'is gone without having said that it stops, and was not heard of';
  return `${who} ${how} for ${gap}; heard of last with activity ${lastSeq}. Look whether host, network and agent are up, and who ended it.`;
}

/** Whole seconds: 3 d 04:05:06, or 42 s below two minutes. */
function lengthText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const days = Math.floor(seconds / 86_400);
  const clock = `${two((seconds / 3600) % 24)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
  return days === 0 ? clock : `${days} d ${clock}`;
}

function nsOf(ms: number) {
  return fromBigInt(BigInt(Math.floor(ms)) * MS_NS);
}
