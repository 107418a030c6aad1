// SPDX-License-Identifier: Apache-2.0

/** Signs of life of agents, for whoever watches that they are there. */
import { type Activity, RECORDER_ACTIONS, type Sender, word } from '../model/activity.ts';

/** The last that a recorder said of itself in a batch. */
export interface RecorderWord {
  readonly action: 'started' | 'stopped' | 'heartbeat';
  /** How often it says so; undefined for agents that do not tell. */
  readonly heartbeatMs: number | undefined;
}

export interface AgentPresence {
  /** Its stream was taken. */
  connected(sender: Sender, storedSeq: number): void;
  /** It sent something, or tried to. */
  heard(agentId: string): void;
  /** A batch of it is stored. */
  stored(agentId: string, lastSeq: number, word: RecorderWord | undefined): void;
  /** Its stream is over. */
  gone(agentId: string, wasToldToComeAgain: boolean): void;
}

/** Heartbeats that are further apart say nothing of whether it is there. */
const HEARTBEAT_SECONDS_MAX = 3600;

/** undefined for what says nothing of whether it runs. */
export function recorderWordOf({ recorder }: Activity): RecorderWord | undefined {
  if (recorder == null) return undefined;
  const action = word(RECORDER_ACTIONS, recorder.action);
  if (action !== 'started' && action !== 'stopped' && action !== 'heartbeat') return undefined;
  const seconds = Number(recorder.attributes?.['heartbeat_seconds'] ?? Number.NaN);
  const isSensible = seconds >= 1 && seconds <= HEARTBEAT_SECONDS_MAX;
  return { action, heartbeatMs: isSensible ? seconds * 1000 : undefined };
}
