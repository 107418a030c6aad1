// SPDX-License-Identifier: Apache-2.0

/**
 * Which agents are silent. An agent that was stopped says so in its record before it goes; whoever goes without is either
 * cut off or ended by somebody, and both are worth an alert within seconds.
 *
 *   connected ─▶ gone ─▶ silent ─▶ (connected: back)         gone: its stream broke, and it may come again
 *       │          └───▶ stopped ─▶ (connected: back)        stopped: its last word was that it stops
 *       └──────────────▶ silent ─▶ (heard: back)             a stream that is open and brings nothing
 *
 * The state comes from the store at the start. Times that pass are measured by a clock that nobody sets; while the collector
 * itself does not run, no agent's time passes. Agents that deliver to another collector of the same store are not silent.
 */
import type { OwnActivity } from '../ingest/own-record.ts';
import type { AgentPresence, RecorderWord } from '../ingest/presence.ts';
import type { Sender } from '../model/activity.ts';
import type { LastHeard, PresenceStore } from '../store/presence-store.ts';
import type { CollectorMetrics } from '../telemetry/collector-metrics.ts';
import type { Log } from '../telemetry/log.ts';
import { type PresenceRule, presenceAlert } from './presence-alert.ts';

export interface SilenceOptions {
  readonly store: PresenceStore;
  readonly collectorId: string;
  /** Writes into the collector's own record, and so to the sinks. Rejects when the store does not take it. */
  readonly record: (own: readonly OwnActivity[]) => Promise<unknown>;
  /** How long an agent may be gone before it is silent. */
  readonly silenceMs: number;
  /** How long agents have to come after the collector's own start. */
  readonly graceMs: number;
  readonly metrics: Pick<CollectorMetrics, 'agentsSilent' | 'agentsUnwatched'>;
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>;
  /** Milliseconds; goes forward only, and not while the host sleeps. */
  readonly monotonicMs?: () => number;
  readonly wallMs?: () => number;
}

export interface AgentSilence {
  readonly agentId: string;
  readonly host: string;
  readonly state: 'silent' | 'stopped' | 'gone';
  readonly lastSeq: number;
  readonly heardAt: Date;
}

type Phase = 'connected' | 'gone' | 'silent' | 'stopped';

interface Watched {
  readonly agentId: string;
  host: string;
  phase: Phase;
  isConnected: boolean;
  lastSeq: number;
  /** By both clocks: the last sign of life. */
  heardMs: number;
  heardWallMs: number;
  /** By the monotonic clock: when it is silent unless something is heard before. */
  dueMs: number;
  heartbeatMs: number;
  /** Its last word was that it stops. */
  saidStop: boolean;
  /** What the record is still to say of it. */
  untold: { readonly rule: PresenceRule; readonly heardWallMs: number; readonly nowWallMs: number }[];
}

const LOOK_MS = 1000;
/** Looks that lie further apart: the collector was stopped, or starved, and heard nobody. */
const ABSENT_MS = 5_000;
/** An agent that was told to come again waits up to this long. */
const TOLD_TO_COME_AGAIN_MS = 90_000;
/** Until an agent has said how often its heart beats. */
const HEARTBEAT_MS = 30_000;
const HEARTBEATS_MISSED = 3;
/** With a name of 255 characters each, some 10 MB. */
const AGENTS_MAX = 10_000;
/** Agents that were not heard of for so long are nobody's concern any more. */
const REMEMBERED_MS = 7 * 86_400_000;
/** What is told of one agent while the store takes nothing. */
const UNTOLD_MAX = 8;

export class SilenceWatch implements AgentPresence {
  readonly #options: SilenceOptions;
  readonly #monotonicMs: () => number;
  readonly #wallMs: () => number;
  readonly #agents = new Map<string, Watched>();
  #lookedMs: number;
  #telling = false;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: SilenceOptions) {
    this.#options = options;
    this.#monotonicMs = options.monotonicMs ?? (() => performance.now());
    this.#wallMs = options.wallMs ?? Date.now;
    this.#lookedMs = this.#monotonicMs();
  }

  /** Reads who was there before. Errors: CollectorError of the store. */
  async load(): Promise<void> {
    const { store, collectorId, graceMs, silenceMs } = this.#options;
    const sinceMs = this.#wallMs() - REMEMBERED_MS;
    const nowMs = this.#monotonicMs();
    for (const heard of await store.lastHeard(collectorId, sinceMs, AGENTS_MAX)) {
      // It may have come while the store was asked.
      if (this.#agents.has(heard.agentId)) continue;
      const agent = this.#add(heard.agentId, heard.host);
      if (agent === undefined) break;
      agent.lastSeq = heard.lastSeq;
      agent.heardWallMs = heard.heardMs;
      agent.saidStop = heard.action === 'stopped';
      agent.phase = phaseOf(heard);
      agent.dueMs = nowMs + graceMs + silenceMs;
    }
    this.#count();
  }

  start(): void {
    this.#timer = setInterval(() => void this.look(), LOOK_MS);
  }

  /** Streams that end from now on end because the collector does. */
  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#timer);
  }

  /** Who is not there: silent first. */
  get absent(): readonly AgentSilence[] {
    const order = ['silent', 'gone', 'stopped'];
    return [...this.#agents.values()]
      .filter((agent): agent is Watched & { phase: AgentSilence['state'] } => agent.phase !== 'connected')
      .map(({ agentId, host, phase, lastSeq, heardWallMs }) => ({
        agentId,
        host,
        state: phase,
        lastSeq,
        heardAt: new Date(heardWallMs),
      }))
      .sort((one, other) => order.indexOf(one.state) - order.indexOf(other.state));
  }

  connected({ agentId, host }: Sender, storedSeq: number): void {
    const agent = this.#agents.get(agentId) ?? this.#add(agentId, host);
    if (agent === undefined) return;
    agent.host = host;
    agent.isConnected = true;
    agent.saidStop = false;
    agent.lastSeq = Math.max(agent.lastSeq, storedSeq);
    this.#heard(agent);
  }

  heard(agentId: string): void {
    const agent = this.#agents.get(agentId);
    if (agent?.isConnected) this.#heard(agent);
    // It tries: what keeps it away is on this side.
    else if (agent !== undefined) agent.dueMs = Math.max(agent.dueMs, this.#monotonicMs() + this.#options.silenceMs);
  }

  stored(agentId: string, lastSeq: number, word: RecorderWord | undefined): void {
    const agent = this.#agents.get(agentId);
    if (agent === undefined) return;
    agent.lastSeq = lastSeq;
    if (word !== undefined) {
      agent.saidStop = word.action === 'stopped';
      if (word.heartbeatMs !== undefined) agent.heartbeatMs = word.heartbeatMs;
    }
    if (agent.isConnected) this.#heard(agent);
  }

  gone(agentId: string, wasToldToComeAgain: boolean): void {
    const agent = this.#agents.get(agentId);
    if (agent === undefined || this.#isStopped) return;
    agent.isConnected = false;
    if (agent.saidStop) this.#turn(agent, 'stopped', 'agent_stopped');
    else if (agent.phase === 'connected') {
      agent.phase = 'gone';
      agent.dueMs = this.#monotonicMs() + (wasToldToComeAgain ? TOLD_TO_COME_AGAIN_MS : 0) + this.#options.silenceMs;
    }
    this.#count();
  }

  /** Once a second. Never throws. */
  async look(): Promise<void> {
    const nowMs = this.#monotonicMs();
    const absentMs = nowMs - this.#lookedMs;
    this.#lookedMs = nowMs;
    if (this.#isStopped) return;
    if (absentMs > ABSENT_MS) {
      // What the agents sent meanwhile is still in the sockets.
      for (const agent of this.#agents.values()) agent.dueMs += absentMs + this.#options.graceMs;
      return;
    }
    try {
      await this.#judge(nowMs);
      await this.#tell();
    } catch (error) {
      this.#options.log.warn({ err: error }, 'silent agents cannot be told of now; it is tried again');
    }
  }

  async #judge(nowMs: number): Promise<void> {
    const due = [...this.#agents.values()].filter(
      ({ phase, dueMs }) => (phase === 'connected' || phase === 'gone') && dueMs <= nowMs,
    );
    if (due.length === 0) return;
    await this.#lookElsewhere(due.filter(({ phase }) => phase === 'gone'));
    for (const agent of due) {
      // Something may have been heard while the store was asked.
      if (agent.dueMs > nowMs || agent.phase === 'silent' || agent.phase === 'stopped') continue;
      if (agent.saidStop && !agent.isConnected) this.#turn(agent, 'stopped', 'agent_stopped');
      else this.#turn(agent, 'silent', 'agent_silent');
    }
    this.#count();
  }

  /** Another collector may have stored what they sent. */
  async #lookElsewhere(gone: readonly Watched[]): Promise<void> {
    if (gone.length === 0) return;
    const { store, collectorId } = this.#options;
    const sinceMs = Math.min(...gone.map(({ heardWallMs }) => heardWallMs));
    const found = await store.lastHeard(collectorId, sinceMs, AGENTS_MAX);
    const byAgent = new Map(found.map((heard) => [heard.agentId, heard]));
    for (const agent of gone) {
      const heard = byAgent.get(agent.agentId);
      if (heard === undefined || heard.lastSeq <= agent.lastSeq) continue;
      agent.lastSeq = heard.lastSeq;
      agent.saidStop = heard.action === 'stopped';
      agent.heardWallMs = heard.heardMs;
      const agoMs = Math.max(0, this.#wallMs() - heard.heardMs);
      agent.dueMs = this.#monotonicMs() - agoMs + HEARTBEATS_MISSED * agent.heartbeatMs;
    }
  }

  #heard(agent: Watched): void {
    const wasAway = agent.phase === 'silent' || agent.phase === 'stopped';
    if (wasAway) this.#turn(agent, 'connected', 'agent_back');
    agent.phase = 'connected';
    agent.heardMs = this.#monotonicMs();
    agent.heardWallMs = this.#wallMs();
    agent.dueMs = agent.heardMs + Math.max(HEARTBEATS_MISSED * agent.heartbeatMs, this.#options.silenceMs);
    if (wasAway) this.#count();
  }

  #turn(agent: Watched, phase: Phase, rule: PresenceRule): void {
    agent.phase = phase;
    if (agent.untold.length < UNTOLD_MAX) {
      agent.untold.push({ rule, heardWallMs: agent.heardWallMs, nowWallMs: this.#wallMs() });
    }
    const fields = { agent: agent.agentId, host: agent.host, lastSeq: agent.lastSeq };
    if (rule === 'agent_silent') this.#options.log.warn(fields, 'an agent is silent');
    else this.#options.log.info(fields, rule === 'agent_back' ? 'an agent is back' : 'an agent was stopped in order');
  }

  /** One block for all of them. What the store does not take is tried again at the next look. */
  async #tell(): Promise<void> {
    if (this.#telling) return;
    const told = [...this.#agents.values()].flatMap((agent) => agent.untold.map((news) => ({ agent, news })));
    if (told.length === 0) return;
    this.#telling = true;
    try {
      await this.#options.record(
        told.map(({ agent: { agentId, host, lastSeq, isConnected }, news: { rule, heardWallMs, nowWallMs } }) =>
          presenceAlert({ rule, agentId, host, lastSeq, heardMs: heardWallMs, nowMs: nowWallMs, isConnected }),
        ),
      );
      for (const { agent, news } of told) agent.untold.splice(agent.untold.indexOf(news), 1);
    } finally {
      this.#telling = false;
    }
  }

  /** undefined when there are too many: counted. */
  #add(agentId: string, host: string): Watched | undefined {
    if (this.#agents.size >= AGENTS_MAX && !this.#makeRoom()) {
      this.#options.metrics.agentsUnwatched.add();
      return undefined;
    }
    const agent: Watched = {
      agentId,
      host,
      phase: 'gone',
      isConnected: false,
      lastSeq: 0,
      heardMs: 0,
      heardWallMs: this.#wallMs(),
      dueMs: Number.POSITIVE_INFINITY,
      heartbeatMs: HEARTBEAT_MS,
      saidStop: false,
      untold: [],
    };
    this.#agents.set(agentId, agent);
    return agent;
  }

  /** Forgets one of which all was told. */
  #makeRoom(): boolean {
    for (const { agentId, phase, untold } of this.#agents.values()) {
      if ((phase === 'stopped' || phase === 'silent') && untold.length === 0) return this.#agents.delete(agentId);
    }
    return false;
  }

  #count(): void {
    const silent = [...this.#agents.values()].filter(({ phase }) => phase === 'silent');
    this.#options.metrics.agentsSilent.set(silent.length);
  }
}

/** What was told before it is not told again. */
function phaseOf({ toldRule, toldMs, heardMs }: LastHeard): Phase {
  if (toldMs < heardMs) return 'gone';
  if (toldRule === 'agent_silent') return 'silent';
  return toldRule === 'agent_stopped' ? 'stopped' : 'gone';
}
