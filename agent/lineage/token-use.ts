// SPDX-License-Identifier: Apache-2.0

/**
 * Which of the tokens that are in play an activity is of. A session has several at a time, for several targets; a request
 * may carry one, a connection may have been opened with one.
 *
 *   1. the token that the exchange carried (HTTP bearer, or a login)
 *   2. the token of the connection's latest login that was not refused
 *   3. the session's own: of the tokens issued to it by then, the latest whose audience is the target; else its latest binding
 *
 * 1 and 2 hold for a token that is genuine: its signature was checked, or the broker had it from Entra. Anybody can write a
 * token that names somebody else; such a one, expired, badly signed or not to be checked, takes no row away from an identity
 * that is known. Where nothing at all is known, one that cannot be checked says whom it claims to be, and the row's state
 * is `unverifiable`.
 *
 * A genuine token of somebody else does name the row: that identity's power was used. Who used it is in the row's session
 * and process, and `suspicious` in the token's own row.
 */
import { IdentitySource, IdentityState } from '../model/activity.ts';
import type { Binding } from '../model/identity.ts';
import { audienceFits, type Place } from './audience.ts';
import { bindingAt, generally, type Session } from './session.ts';

/** What was known of the token with that fingerprint when it was asked; undefined: nothing. */
export type TokenOf = (fingerprint: string) => Binding | undefined;

/** A token that cannot be forged by who carries it. */
export function isGenuine({ state, source }: Binding): boolean {
  return state === IdentityState.VERIFIED || (state === IdentityState.UNVERIFIABLE && source === IdentitySource.BROKER);
}

/** Whether the token says more than what is known without it. */
export function takesOver(token: Binding, known: Binding): boolean {
  if (isGenuine(token)) return true;
  return token.state === IdentityState.UNVERIFIABLE && known.state === IdentityState.NONE;
}

/** The binding of an activity: `carried` by its exchange, or else by its connection's login. */
export function bindingFor(
  session: Session,
  atNs: number,
  carried: Binding | undefined,
  login: Binding | undefined,
  place: Place,
): Binding {
  const known = ownBinding(session, atNs, place);
  for (const token of [carried, login]) if (token !== undefined && takesOver(token, known)) return token;
  return known;
}

/** Of the session's own tokens, the one for this target. */
function ownBinding(session: Session, atNs: number, place: Place): Binding {
  const latest = bindingAt(session, atNs);
  if (latest.audience === '' || audienceFits(latest.audience, place)) return latest;
  const { bindings } = session;
  for (let i = bindings.length - 1; i > 0; i--) {
    const { sinceNs, binding } = bindings[i] as { sinceNs: number; binding: Binding };
    if (sinceNs <= atNs && binding.source === IdentitySource.BROKER && audienceFits(binding.audience, place))
      return generally(session, atNs, binding);
  }
  return latest;
}

/**
 * The tokens that a connection was logged in with. A login counts from its own exchange on, and exchanges come in the order
 * in which they were answered: so it is told of each, and asked before.
 */
export class ConnectionLogins {
  readonly #byConnection = new WeakMap<object, Login>();

  /** The login in force; undefined when there is none, or nothing is known of its token. */
  loginOf(connection: object, tokenOf: TokenOf): Binding | undefined {
    const login = this.#byConnection.get(connection);
    if (login === undefined) return undefined;
    // A signature is checked a moment after the token was seen. Once it was good, that holds for the connection: the server
    // lets nobody out because a token expired meanwhile.
    if (login.binding === undefined || !isGenuine(login.binding)) login.binding = tokenOf(login.fingerprint);
    return login.binding;
  }

  /** `connection` was logged in with this token; '' with something that is none. */
  loggedIn(connection: object, fingerprint: string): void {
    if (fingerprint === '') this.#byConnection.delete(connection);
    else this.#byConnection.set(connection, { fingerprint, binding: undefined });
  }
}

interface Login {
  readonly fingerprint: string;
  binding: Binding | undefined;
}
