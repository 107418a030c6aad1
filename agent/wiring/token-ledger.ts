// SPDX-License-Identifier: Apache-2.0

/** Token events into the record and onto their sessions. */
import type { ActivityBuilder } from '../activity/activity-builder.ts';
import { type HolderIds, NO_HOLDER, tokenActivity } from '../activity/token-activity.ts';
import { tokenBinding } from '../activity/token-binding.ts';
import type { TokenEvent } from '../broker/token-event.ts';
import { bind, type Session } from '../lineage/session.ts';
import { IdentityState, TokenAction } from '../model/activity.ts';
import type { Binding } from '../model/identity.ts';
import type { Recorder } from '../recorder/recorder.ts';
import type { SourceClock } from '../source/kernel-event-source.ts';

/** A session is told by the kernel some milliseconds after it began; a quick workload asks for its token before that. */
const SESSION_AWAITED_MS = 5000;

export class TokenLedger {
  readonly #clock: SourceClock;
  readonly #recorder: Recorder;
  readonly #builder: ActivityBuilder;
  readonly #objectIdOf: (name: string) => string;
  readonly #waiting = new Map<bigint, { events: TokenEvent[]; timer: NodeJS.Timeout }>();

  /** `objectIdOf` says what the configuration has for an identity's name, or ''. */
  constructor(
    clock: SourceClock,
    recorder: Recorder,
    builder: ActivityBuilder,
    objectIdOf: (name: string) => string = () => '',
  ) {
    this.#clock = clock;
    this.#recorder = recorder;
    this.#builder = builder;
    this.#objectIdOf = objectIdOf;
  }

  /** Errors: an Error when an issued token finds no room in the record: it is not handed out then. */
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
    for (const event of waiting.events) this.#writeLate(event, session);
  }

  flush(): void {
    for (const key of [...this.#waiting.keys()]) this.#giveUp(key);
  }

  #giveUp(key: bigint): void {
    const waiting = this.#waiting.get(key);
    this.#waiting.delete(key);
    clearTimeout(waiting?.timer);
    for (const event of waiting?.events ?? []) this.#writeLate(event, undefined);
  }

  /** Nobody waits for it any more. What cannot be written is a loss, and what waits behind it is written all the same. */
  #writeLate(event: TokenEvent, session: Session | undefined): void {
    try {
      this.#write(event, session);
    } catch {
      const atNs = this.#clock.fromUnixNs(event.startedAtNs);
      const span = { sinceNs: atNs, untilNs: atNs };
      this.#recorder.addLoss({ where: 'broker', reason: 'token_event_unwritten', events: 1, bytes: 0, ...span });
    }
  }

  #write(event: TokenEvent, session: Session | undefined): void {
    const process = event.caller === undefined ? undefined : this.#recorder.lineage.processOf(event.caller);
    const processId = this.#processIdOf(event.caller);
    const binding = tokenBinding(event, this.#objectIdOf);
    const activity = tokenActivity(event, binding, session, process, processId, this.#holderOf(event));
    const isWritten = this.#recorder.write(activity);
    if (!isWritten && event.action === TokenAction.ISSUED) throw new Error('the record has no room');
    if (session !== undefined) bindTo(session, event, binding, this.#clock.fromUnixNs(event.startedAtNs));
  }

  /** A refusal may be told some milliseconds before the kernel's word on the process that was refused: its id is known all the same. */
  #processIdOf(caller: TokenEvent['caller']): string {
    if (caller === undefined || caller.pid === 0 || caller.sessionKey === 0n) return '';
    return this.#builder.processIdOf({ pid: caller.pid, startNs: caller.startNs });
  }

  /** Whom the token was given to by the broker, or who was seen to obtain it first. */
  #holderOf({ issuance, obtainment }: TokenEvent): HolderIds {
    const holder = issuance?.holder ?? obtainment?.holder;
    if (holder === undefined) return NO_HOLDER;
    const sessionId = holder.sessionId ?? this.#recorder.lineage.sessionWithKey(holder.sessionKey)?.id ?? '';
    const processId = holder.pid === 0 ? '' : this.#builder.processIdOf({ pid: holder.pid, startNs: holder.startNs });
    return { sessionId, processId };
  }
}

function bindTo(session: Session, event: TokenEvent, binding: Binding, sinceNs: number): void {
  // A refresh token, for one, says nothing of anybody.
  if (event.action === TokenAction.OBSERVED && event.identityId === '') return;
  if (event.action === TokenAction.REFUSED || event.identityState === IdentityState.INVALID) return;
  // Seen on the wire and not ours: it says whose token was used, not who the workload is, unless nothing better is known.
  const known = session.bindings.at(-1)?.binding;
  // A token file says whom the policy means: of use where that is not whom the workload is known as.
  if (event.identityState === IdentityState.POLICY) {
    if (known?.identityId === event.identityId) return;
    bind(session, sinceNs, { ...binding, audience: '', fingerprint: '' });
    return;
  }
  if (event.action === TokenAction.OBSERVED && known !== undefined && known.state !== IdentityState.NONE) return;
  const identityName = binding.identityName === '' ? (known?.identityName ?? '') : binding.identityName;
  bind(session, sinceNs, { ...binding, identityName });
}
