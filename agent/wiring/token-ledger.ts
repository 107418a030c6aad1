// SPDX-License-Identifier: Apache-2.0

/** Token events into the record and onto their sessions. */
import type { ActivityBuilder } from '../activity/activity-builder.ts';
import { tokenActivity } from '../activity/token-activity.ts';
import type { TokenEvent } from '../broker/token-event.ts';
import { bind, type Session } from '../lineage/session.ts';
import { IdentityState, TokenAction } from '../model/activity.ts';
import type { Recorder } from '../recorder/recorder.ts';
import type { SourceClock } from '../source/kernel-event-source.ts';

/** A session is told by the kernel some milliseconds after it began; a quick workload asks for its token before that. */
const SESSION_AWAITED_MS = 5000;

export class TokenLedger {
  readonly #clock: SourceClock;
  readonly #recorder: Recorder;
  readonly #builder: ActivityBuilder;
  readonly #waiting = new Map<bigint, { events: TokenEvent[]; timer: NodeJS.Timeout }>();

  constructor(clock: SourceClock, recorder: Recorder, builder: ActivityBuilder) {
    this.#clock = clock;
    this.#recorder = recorder;
    this.#builder = builder;
  }

  take(event: TokenEvent): void {
    const key = event.caller?.sessionKey ?? 0n;
    const session = key === 0n ? undefined : this.#recorder.lineage.sessionWithKey(key);
    if (key === 0n || session !== undefined) {
      this.#write(event, session);
      return;
    }
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) {
      waiting.events.push(event);
      return;
    }
    const timer = setTimeout(() => this.#giveUp(key), SESSION_AWAITED_MS);
    this.#waiting.set(key, { events: [event], timer });
  }

  sessionStarted(session: Session): void {
    const waiting = this.#waiting.get(session.scope.sessionKey);
    if (waiting === undefined) return;
    clearTimeout(waiting.timer);
    this.#waiting.delete(session.scope.sessionKey);
    for (const event of waiting.events) this.#write(event, session);
  }

  flush(): void {
    for (const key of [...this.#waiting.keys()]) this.#giveUp(key);
  }

  #giveUp(key: bigint): void {
    const waiting = this.#waiting.get(key);
    this.#waiting.delete(key);
    clearTimeout(waiting?.timer);
    for (const event of waiting?.events ?? []) this.#write(event, undefined);
  }

  #write(event: TokenEvent, session: Session | undefined): void {
    const process = event.caller === undefined ? undefined : this.#recorder.lineage.processOf(event.caller);
    const processId = process === undefined ? '' : this.#builder.processId(process);
    this.#recorder.write(tokenActivity(event, session, process, processId));
    if (session !== undefined) bindTo(session, event, this.#clock.fromUnixNs(event.startedAtNs));
  }
}

function bindTo(session: Session, event: TokenEvent, sinceNs: number): void {
  if (event.action === TokenAction.REFUSED || event.identityState === IdentityState.INVALID) return;
  // Seen on the wire and not ours: it says whose token was used, not who the workload is, unless nothing better is known.
  const known = session.bindings.at(-1)?.binding;
  if (event.action === TokenAction.OBSERVED && known !== undefined && known.state !== IdentityState.NONE) return;
  bind(session, sinceNs, {
    identityId: event.identityId,
    identityName: event.identityName === '' ? (known?.identityName ?? '') : event.identityName,
    state: event.identityState,
    source: event.identitySource,
    tokenId: event.tokenId,
  });
}
