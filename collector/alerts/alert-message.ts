// SPDX-License-Identifier: Apache-2.0

/** An alert that was just stored, in the words of the view `sworn.alerts`, so that it reads the same when read back. */
import { type Activity, IDENTITY_SOURCES, IDENTITY_STATES, type Sender, toBigInt, word } from '../model/activity.ts';
import { timeText } from '../model/activity-json.ts';
import type { AlertMessage } from './alert-sink.ts';

export function alertMessage(activity: Activity, sender: Sender): AlertMessage {
  const { alert } = activity;
  return {
    time: timeText(toBigInt(activity.timeNs)),
    alert_id: alert?.alertId ?? '',
    level: alert?.level ?? '',
    rule_id: alert?.ruleId ?? '',
    rule_title: alert?.ruleTitle ?? '',
    summary: alert?.summary ?? '',
    host: sender.host,
    session_id: activity.sessionId,
    workload: activity.workload,
    identity_id: activity.identityId,
    identity_name: activity.identityName,
    identity_state: word(IDENTITY_STATES, activity.identityState),
    identity_source: word(IDENTITY_SOURCES, activity.identitySource),
    pid: activity.pid,
    process_id: activity.processId,
    exe: activity.exe,
    matched_agent_id: alert?.matchedAgentId ?? '',
    matched_seq: String(alert?.matchedSeq ?? 0),
    agent_id: sender.agentId,
    seq: String(activity.seq === undefined ? 0 : toBigInt(activity.seq)),
    token_id: activity.tokenId,
    identity_tenant: activity.identityTenant,
    identity_blueprint: activity.identityBlueprint,
    identity_kind: activity.identityKind,
    on_behalf_of_id: activity.onBehalfOfId,
    on_behalf_of_name: activity.onBehalfOfName,
    token_audience: activity.tokenAudience,
    token_scopes: activity.tokenScopes,
    token_fingerprint: activity.tokenFingerprint,
  };
}
