// SPDX-License-Identifier: Apache-2.0

/** What the activities of a bundle themselves say of whether all of the session is there. */
import type { ActivityProperties } from '../../proto/leaf.ts';
import { type Gap, LISTED_MAX, type LossSum } from './completeness.ts';

const SESSION_STARTED = 1;
const SESSION_ENDED = 2;
const RECORDER_STARTED = 1;
const RECORDER_CLOCK_JUMPED = 4;
const RECORDER_SUSPENDED = 5;

type Wide = number | { readonly low: number; readonly high: number } | null | undefined;

function numberOf(value: Wide): number {
  if (value == null) return 0;
  return typeof value === 'number' ? value : (value.high >>> 0) * 2 ** 32 + (value.low >>> 0);
}

function timeOf(value: Wide): string {
  const ms = numberOf(value) / 1e6;
  // Whatever stands in a bundle that was made up.
  return ms < 8.64e15 ? new Date(ms).toISOString() : '';
}

/** Of one log. */
export class SessionFacts {
  hasStart = false;
  hasEnd = false;
  commands = 0;
  /** As the session's end counts them; -1 where there is no end. */
  commandsCounted = -1;
  readonly losses = new Map<string, LossSum>();
  readonly gaps: Gap[] = [];
  /** There are more losses or gaps than these. */
  isCut = false;
  readonly #session: string;
  readonly #agentId: string;

  constructor(session: string, agentId: string) {
    this.#session = session;
    this.#agentId = agentId;
  }

  add(_seq: number, activity: ActivityProperties): void {
    const { session, loss, recorder, command } = activity;
    const isOfSession = activity.sessionId === this.#session;
    if (isOfSession && command != null && !this.hasEnd) this.commands++;
    if (isOfSession && session != null) {
      if (session.action === SESSION_STARTED) this.hasStart = true;
      if (session.action === SESSION_ENDED) {
        this.hasEnd = true;
        this.commandsCounted = numberOf(session.commands as Wide);
      }
    }
    if (loss != null && (isOfSession || activity.sessionId === '' || activity.sessionId == null)) this.#loss(loss);
    if (recorder != null) this.#recorder(Number(recorder.action ?? 0), timeOf(activity.timeNs as Wide));
  }

  #loss(loss: NonNullable<ActivityProperties['loss']>): void {
    const { where: place = '', reason = '' } = loss as { where?: string; reason?: string };
    const key = JSON.stringify([place, reason]);
    const sum = this.losses.get(key) ?? { agent_id: this.#agentId, place, reason, losses: 0, events: 0, bytes: 0 };
    if (this.losses.size >= LISTED_MAX && sum.losses === 0) {
      this.isCut = true;
      return;
    }
    this.losses.set(key, {
      ...sum,
      losses: sum.losses + 1,
      events: sum.events + numberOf(loss.events as Wide),
      bytes: sum.bytes + numberOf(loss.bytes as Wide),
    });
  }

  #recorder(action: number, at: string): void {
    const gap = { agent_id: this.#agentId, from: at, to: at };
    if (action === RECORDER_CLOCK_JUMPED)
      this.#gap({ ...gap, kind: 'clock_jumped', message: 'The clock of the host was set.' });
    if (action === RECORDER_SUSPENDED) this.#gap({ ...gap, kind: 'suspended', message: 'The host slept.' });
    if (action === RECORDER_STARTED)
      this.#gap({ ...gap, kind: 'not_recorded', message: 'The recorder was started during the session.' });
  }

  #gap(gap: Gap): void {
    if (this.gaps.length < LISTED_MAX) this.gaps.push(gap);
    else this.isCut = true;
  }
}

/** Whether what is shown is all of the session: what the log itself can say of it. */
export interface Membership {
  readonly ok: boolean;
  readonly has_start: boolean;
  readonly has_end: boolean;
  /** Of the session, up to its end; and as its end counts them, null without one. */
  readonly commands: number;
  readonly commands_counted: number | null;
  /** Numbers between its first and its last activity that are not shown. */
  readonly hidden: number;
  readonly message: string;
}

export function membershipOf(facts: readonly SessionFacts[], hidden: number): Membership {
  const has_start = facts.some((one) => one.hasStart);
  const has_end = facts.some((one) => one.hasEnd);
  const commands = facts.reduce((sum, one) => sum + one.commands, 0);
  const counted = facts.reduce((sum, one) => sum + Math.max(0, one.commandsCounted), 0);
  const commands_counted = has_end ? counted : null;
  const said = { has_start, has_end, commands, commands_counted, hidden };
  if (!has_start || !has_end) {
    const what = has_start ? 'end' : has_end ? 'start' : 'start and end';
    return { ...said, ok: false, message: `The ${what} of the session is not here: more may belong to it.` };
  }
  if (commands !== counted) {
    const message = `The end of the session counts ${counted} commands, and ${commands} are here.`;
    return { ...said, ok: false, message };
  }
  if (hidden === 0) return { ...said, ok: true, message: 'Nothing between its start and its end is left out.' };
  const message = `All ${counted} commands that its end counts are here. ${hidden} activities between are not shown: hashes stand for them, and that they are of others is the word of whoever made the bundle.`;
  return { ...said, ok: true, message };
}
