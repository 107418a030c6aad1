// SPDX-License-Identifier: Apache-2.0

/**
 * What the collector writes into the record itself: alerts, and losses that only it can see. They carry the collector's
 * id as agent_id and get their seq when the block that holds them is made, so that their record has no hole either.
 */
import { createHash } from 'node:crypto';
import { sworn } from '../../proto/record.ts';
import { type Activity, fromBigInt, type Kind, type Sender, TOKEN_ACTIONS, word } from '../model/activity.ts';
import type { Rule } from '../rules/rule.ts';
import { INCIDENT_RULES, type Incident } from '../seal/incident.ts';

/** Enough to see what happened; the whole statement is one click away. */
const SUMMARY_CHARACTERS_MAX = 300;

/** An activity of the collector's own, without its seq. */
export interface OwnActivity {
  readonly kind: Kind;
  readonly activity: Activity;
  /** The host that it is about. */
  readonly host: string;
}

/** The same match has the same id, however often it is found. */
export function alertIdOf(ruleId: string, agentId: string, seq: number): string {
  return createHash('sha256').update(`${ruleId}\0${agentId}\0${seq}`).digest('hex').slice(0, 32);
}

function summaryOf(activity: Activity): string {
  const who = activity.identityName || activity.identityId || activity.workload || 'an unknown identity';
  const { command, process, connection, finding, token } = activity;
  let what: string;
  if (command != null) what = `${command.statement || command.operation} at ${command.target || command.protocol}`;
  else if (process != null) what = (process.argv ?? []).join(' ') || activity.exe;
  else if (connection != null) what = `connection to ${connection.remoteAddress}:${connection.remotePort}`;
  else if (token != null) what = tokenText(token, activity.exe);
  else if (finding != null) what = `${finding.kind} ${finding.subject}: ${finding.message}`;
  else what = activity.exe;
  const text = `${who}: ${what}`.replace(/\s+/g, ' ');
  return text.length > SUMMARY_CHARACTERS_MAX ? `${text.slice(0, SUMMARY_CHARACTERS_MAX - 1)}…` : text;
}

function tokenText(token: sworn.v1.Token.$Properties, exe: string): string {
  const by = exe === '' ? '' : ` by ${exe}`;
  const why = token.reason ? `: ${token.reason}` : '';
  const holder = token.holderSessionId ? `, given to session ${token.holderSessionId}` : '';
  return `token ${word(TOKEN_ACTIONS, token.action)}${by} (${token.interface})${why}${holder}`;
}

/** The alert about an activity that matched a rule. Who and where are the activity's. */
export function alertFor(rule: Rule, activity: Activity, sender: Sender, seq: number): OwnActivity {
  const { timeNs, sessionId, workload, identityId, identityName, identityState, identitySource, tokenId } = activity;
  const { identityTenant, identityBlueprint, identityKind, onBehalfOfId, onBehalfOfName } = activity;
  const { tokenAudience, tokenScopes, tokenFingerprint } = activity;
  const { pid, processId, exe, connectionId } = activity;
  const alert = new sworn.v1.Activity({
    timeNs,
    endTimeNs: timeNs,
    sessionId,
    workload,
    identityId,
    identityName,
    identityState,
    identitySource,
    tokenId,
    identityTenant,
    identityBlueprint,
    identityKind,
    onBehalfOfId,
    onBehalfOfName,
    tokenAudience,
    tokenScopes,
    tokenFingerprint,
    pid,
    processId,
    exe,
    connectionId,
    alert: {
      alertId: alertIdOf(rule.id, sender.agentId, seq),
      ruleId: rule.id,
      ruleTitle: rule.title,
      level: rule.level,
      matchedAgentId: sender.agentId,
      matchedSeq: seq,
      summary: summaryOf(activity),
    },
  });
  return { kind: 'alert', activity: alert, host: sender.host };
}

/** The alert about a log that is not what it was. */
export function alertOfIncident({ rule, agentId, host, seq, summary }: Incident, nowNs: bigint): OwnActivity {
  const time = fromBigInt(nowNs);
  const { title, level } = INCIDENT_RULES[rule];
  const alert = new sworn.v1.Activity({
    timeNs: time,
    endTimeNs: time,
    identityState: sworn.v1.IdentityState.IDENTITY_STATE_NONE,
    alert: {
      alertId: alertIdOf(rule, agentId, seq),
      ruleId: rule,
      ruleTitle: title,
      level,
      matchedAgentId: agentId,
      matchedSeq: seq,
      summary: summary.length > SUMMARY_CHARACTERS_MAX ? `${summary.slice(0, SUMMARY_CHARACTERS_MAX - 1)}…` : summary,
    },
  });
  return { kind: 'alert', activity: alert, host };
}

/** A person took another key for an agent's log. */
export function keyAcceptedFor(agentId: string, before: string, verifier: string, nowNs: bigint): OwnActivity {
  const time = fromBigInt(nowNs);
  const finding = new sworn.v1.Activity({
    timeNs: time,
    endTimeNs: time,
    identityState: sworn.v1.IdentityState.IDENTITY_STATE_NONE,
    finding: {
      kind: 'log_key_accepted',
      subject: agentId,
      message: `From now on the log of ${agentId} is signed by ${verifier || 'no key'}; before by ${before || 'no key'}.`,
      events: 1,
    },
  });
  return { kind: 'finding', activity: finding, host: '' };
}

/** The loss of activities that an agent's journal no longer holds and that were never stored. */
export function missingFor(sender: Sender, storedSeq: number, firstSeq: number, nowNs: bigint): OwnActivity {
  const count = firstSeq - storedSeq - 1;
  const time = fromBigInt(nowNs);
  const loss = new sworn.v1.Activity({
    timeNs: time,
    endTimeNs: time,
    identityState: sworn.v1.IdentityState.IDENTITY_STATE_NONE,
    loss: {
      where: 'delivery',
      reason: 'journal_begins_later',
      events: count,
      message: `${sender.agentId} goes on at ${firstSeq}; of its record only the part up to ${storedSeq} is here. ${count} activities are neither in its journal nor in this store.`,
    },
  });
  return { kind: 'loss', activity: loss, host: sender.host };
}
