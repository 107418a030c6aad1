// SPDX-License-Identifier: Apache-2.0

/**
 * Tokens seen in use on the wire: whose they are, whether they are genuine, and whether whoever uses one is who was given
 * it. What is told is told once for a token, a session, a place and a state; the answer comes every time.
 *
 * The token itself is forgotten on return; what is remembered of it is its fingerprint and its recorded claims.
 */

import { IdentitySource, IdentityState, TokenAction } from '../model/activity.ts';
import { type Clock, nsOfMs } from './clock.ts';
import type { MutableCounts } from './counts.ts';
import type { ExchangeJudge, SentTo } from './exchange-credential.ts';
import { type IssuanceLedger, isIssuedTo, issuanceFor, type LedgerEntry } from './issuance-ledger.ts';
import type { BrokerLog } from './log.ts';
import type { ObtainedLedger, Obtainment } from './obtained-ledger.ts';
import type { Identity } from './policy/policy.ts';
import { type RecognisedSaml, recogniseSaml } from './saml/recognise.ts';
import type { AssertionVerifier } from './saml/verify-assertion.ts';
import {
  audiencesIn,
  clientOf,
  fingerprintOf,
  type JsonObject,
  readToken,
  textClaim,
  timeClaim,
} from './token/compact-token.ts';
import { recordedClaims } from './token/recorded-claims.ts';
import { outOfTime, type TokenVerifier, type Verification } from './token/verify.ts';
import type { Issuance, ObservedReason, TokenEvent, TokenHolder } from './token-event.ts';

export interface Sighting {
  /** "http-bearer", "postgresql-cleartext-password", … */
  readonly interface: string;
  /** The process that sent it. */
  readonly holder: TokenHolder | undefined;
  /**
   * The place may as well hold a password (PostgreSQL, Redis, HTTP basic). What does not look like a token is left alone
   * then: a digest of a password would give it away to whoever tries a dictionary.
   */
  readonly maybePassword: boolean;
  /** It stood in the answer of a token endpoint to the holder: who answered, by address and port. */
  readonly obtainedFrom?: string;
  /** It was shown to the holder by a client of its: that is the client's use, and no hand-over. */
  readonly isReceived?: boolean;
  /** The request in which it stood. */
  readonly sentTo?: SentTo;
  /** It stood in an answer that the holder received. */
  readonly isAnswered?: boolean;
}

export type Observation =
  | { readonly kind: 'not-a-token' }
  | {
      readonly kind: 'token';
      /** '' for an opaque token that nobody was seen to get, or a short one: such could be guessed from a digest. */
      readonly fingerprint: string;
      readonly verification: Verification;
      readonly claims: JsonObject;
      readonly tokenId: string;
      readonly tenantId: string;
      readonly audience: string;
      readonly identityId: string;
      readonly identityName: string;
      readonly identityState: IdentityState;
      readonly identitySource: IdentitySource;
      /** Whom the broker gave it to; undefined: it is not from this broker. */
      readonly issuance: Issuance | undefined;
      /** Of a token from elsewhere: the first session that was seen to obtain it. */
      readonly obtainment: Obtainment | undefined;
      /** Used by another session than those that got it, or an exchange credential where it has no business. */
      readonly suspicious: boolean;
    };

/** What is known by now of a token that was issued or seen. */
export interface KnownToken {
  /** What may be recorded of them; {} of a token that cannot be read. */
  readonly claims: JsonObject;
  /** undefined while it is being checked. */
  readonly verification: Verification | undefined;
  /** Whom the broker gave it to, the holder's own session first; undefined: it is not from this broker. */
  readonly issuance: Issuance | undefined;
  /** Of a token from elsewhere: the first session that was seen to obtain it. */
  readonly obtainment: Obtainment | undefined;
  /** With a holder: its use by that session was found suspicious. Without: anybody's was. */
  readonly suspicious: boolean;
}

export interface TokenWatch {
  /** Never throws, never rejects. */
  observe(token: string, sighting: Sighting): Promise<Observation>;
  /**
   * From memory, at once, and without a trace: undefined for a token that nobody issued or saw lately. A call right after
   * `observe` finds the claims already, the verification a little later.
   */
  known(fingerprint: string, holder?: TokenHolder): KnownToken | undefined;
}

export interface TokenWatchParts {
  readonly identities: readonly Identity[];
  readonly verifier: TokenVerifier;
  /** Without one assertions are opaque. */
  readonly assertions?: AssertionVerifier;
  readonly ledger: IssuanceLedger;
  readonly obtained: ObtainedLedger;
  readonly exchange: ExchangeJudge;
  readonly clock: Clock;
  readonly log: BrokerLog;
  readonly counts: MutableCounts;
  readonly onEvent: (event: TokenEvent) => void;
}

/** With their claims at most some 16 MiB, if somebody fills all with the largest; ordinarily 2 MiB. */
const REMEMBERED_MAX = 1000;
const REPORTED_MAX = 1000;
const SUSPECTS_MAX = 1000;
/** Where an assertion was seen says less than that it is one. */
const SAML_INTERFACE = 'http-saml';
const UNCHECKED: Promise<Verification> = Promise.resolve({ state: 'unverifiable', reason: 'opaque' });
const EARLIER_MAX = 1000;
/** An opaque token that is shorter may be a word: no digest of it is kept. Entra's refresh tokens have over a thousand. */
const OPAQUE_CHARACTERS_MIN = 64;
/** For so long an opaque token counts as obtained; it does not say when it ends. */
const OPAQUE_KEPT_MS = 24 * 60 * 60 * 1000;
/** Keys that were missing may have come since. */
const LOOK_AGAIN_MS = 60 * 1000;

interface Remembered {
  /** The claims that later looks need. */
  claims: JsonObject;
  /** Of an assertion only what is proven, so it is there when the verification is. */
  recorded: JsonObject;
  readonly isOpaque: boolean;
  readonly isShort: boolean;
  readonly isSaml: boolean;
  verification: Promise<Verification>;
  /** What it came to, as soon as that is known. */
  settled: Verification | undefined;
  checkedAtMs: number;
  /** Sessions whose use of it was suspicious. */
  readonly suspects: Set<bigint | undefined>;
  /** Sessions that used it while nobody had been seen to obtain it: they have it from before the recording. */
  readonly earlier: Set<bigint | undefined>;
  readonly reported: Set<string>;
}

const STATES = {
  verified: IdentityState.VERIFIED,
  unverifiable: IdentityState.UNVERIFIABLE,
  invalid: IdentityState.INVALID,
} as const;

export function createTokenWatch(parts: TokenWatchParts): TokenWatch {
  const { identities, verifier, assertions, ledger, obtained, exchange, clock, log, counts, onEvent } = parts;
  const remembered = new Map<string, Remembered>();

  function recall(token: string, fingerprint: string, saml: RecognisedSaml | undefined): Remembered {
    const known = remembered.get(fingerprint);
    if (known !== undefined) {
      // Least recently seen first: that one goes when there is no room.
      remembered.delete(fingerprint);
      remembered.set(fingerprint, known);
      return known;
    }
    const read = readToken(token);
    const claims = read.kind === 'jwt' ? read.claims : {};
    const isOpaque = saml === undefined && (read.kind === 'opaque' || read.kind === 'too-long');
    const fresh: Remembered = {
      claims: timesOf(claims),
      recorded: recordedClaims(claims),
      isOpaque,
      isShort: isOpaque && token.length < OPAQUE_CHARACTERS_MIN,
      isSaml: saml !== undefined,
      verification: UNCHECKED,
      settled: undefined,
      checkedAtMs: clock.monotonicMs(),
      suspects: new Set(),
      earlier: new Set(),
      reported: new Set(),
    };
    fresh.verification = check(token, saml, fresh);
    remembered.set(fingerprint, fresh);
    const [oldest] = remembered.keys();
    if (remembered.size > REMEMBERED_MAX && oldest !== undefined) remembered.delete(oldest);
    return fresh;
  }

  function check(token: string, saml: RecognisedSaml | undefined, known: Remembered): Promise<Verification> {
    if (saml === undefined || assertions === undefined) return verifier.verify(token, readToken(token));
    return assertions.verify(saml.xml).then(({ verification, claims }) => {
      known.claims = timesOf(claims);
      known.recorded = claims;
      return verification;
    });
  }

  /** What is right today is expired tomorrow, and a key that was missing may be there. */
  async function verificationNow(
    token: string,
    saml: RecognisedSaml | undefined,
    known: Remembered,
  ): Promise<Verification> {
    const before = await known.verification;
    const mayChange =
      before.state === 'unverifiable' &&
      (before.reason === 'keys_unavailable' || before.reason === 'key_not_published');
    if (mayChange && clock.monotonicMs() - known.checkedAtMs > LOOK_AGAIN_MS) {
      known.checkedAtMs = clock.monotonicMs();
      known.verification = check(token, saml, known);
      return known.verification;
    }
    return unlessOutOfTime(before, known.claims);
  }

  function unlessOutOfTime(before: Verification, claims: JsonObject): Verification {
    const when = before.state === 'invalid' ? undefined : outOfTime(claims, clock.wallMs());
    return when === undefined ? before : { state: 'invalid', reason: when };
  }

  /** The name that the configuration has for whom the claims say. */
  function configured(claims: JsonObject): Identity | undefined {
    const [tenant, client] = [textClaim(claims, 'tid').toLowerCase(), clientOf(claims).toLowerCase()];
    return identities.find(
      (identity) => identity.tenant.toLowerCase() === tenant && identity.clientId.toLowerCase() === client,
    );
  }

  /**
   * Is it used by a session that was not seen to get it, while others were? A managed-identity endpoint keeps a token for
   * all who ask, so getting it from the same place as the first is getting it, too; from anywhere else it is a hand-over.
   */
  function isElsewhere(
    entry: LedgerEntry | undefined,
    obtainments: readonly Obtainment[],
    earlier: Remembered['earlier'],
    { holder, obtainedFrom, isReceived }: Sighting,
  ): boolean {
    if (isReceived === true) return false;
    if (entry !== undefined) return !entry.issuances.some((issuance) => isIssuedTo(issuance, holder));
    const isOwn = (got: { holder: TokenHolder }): boolean => got.holder.sessionKey === holder?.sessionKey;
    const [first] = obtainments;
    if (first === undefined || obtainments.some(isOwn) || earlier.has(holder?.sessionKey)) return false;
    return obtainedFrom !== first.from;
  }

  /** Whoever got it, to be asked later; and who was seen to get it by now. */
  function noteOrigin(
    fingerprint: string,
    known: Remembered,
    sighting: Sighting,
    startedAtMs: number,
  ): { entry: LedgerEntry | undefined; obtainment: Obtainment | undefined; isElsewhere: boolean } {
    const entry = ledger.find(fingerprint);
    const before = obtained.find(fingerprint);
    const elsewhere = isElsewhere(entry, before, known.earlier, sighting);
    const { holder, obtainedFrom } = sighting;
    const isSeen = entry !== undefined || before.length > 0;
    if (obtainedFrom === undefined) {
      // Who was shown it has not got it by that.
      if (!isSeen && sighting.isReceived !== true && known.earlier.size < EARLIER_MAX)
        known.earlier.add(holder?.sessionKey);
    } else if (entry === undefined && holder !== undefined && !elsewhere && !known.isShort) {
      const expiresAtS = timeClaim(known.claims, 'exp');
      const expiresAtMs = expiresAtS === undefined ? startedAtMs + OPAQUE_KEPT_MS : expiresAtS * 1000;
      obtained.add({ fingerprint, expiresAtMs }, { holder, from: obtainedFrom, atNs: nsOfMs(startedAtMs) });
    }
    return {
      entry,
      obtainment: entry === undefined ? obtained.find(fingerprint)[0] : undefined,
      isElsewhere: elsewhere,
    };
  }

  async function look(token: string, seenAt: Sighting, startedAtMs: number): Promise<Observation> {
    const saml = assertions && recogniseSaml(token);
    const sighting = saml === undefined ? seenAt : { ...seenAt, interface: SAML_INTERFACE };
    const fingerprint = saml?.fingerprint ?? fingerprintOf(token);
    const known = recall(token, fingerprint, saml);
    const isAsGot = ledger.find(fingerprint) !== undefined || obtained.find(fingerprint).length > 0;
    if (known.isOpaque && !isAsGot && sighting.maybePassword) {
      remembered.delete(fingerprint);
      return { kind: 'not-a-token' };
    }
    counts.observed += 1;
    const { entry, obtainment, isElsewhere } = noteOrigin(fingerprint, known, sighting, startedAtMs);
    const verification = await verificationNow(token, saml, known);
    known.settled = verification;
    const claims = known.recorded;
    const isBelieved = entry !== undefined || verification.state !== 'invalid';
    const identity = isBelieved ? configured(claims) : undefined;
    const issuance = entry && issuanceFor(entry, sighting.holder);
    const audiences = audiencesIn(claims);
    const isGot = entry !== undefined || obtainment !== undefined;
    const observation = {
      kind: 'token',
      fingerprint: known.isOpaque && !isGot ? '' : fingerprint,
      verification,
      claims,
      tokenId: textClaim(claims, 'uti'),
      tenantId: textClaim(claims, 'tid'),
      audience: audiences.join(' ').slice(0, 512),
      identityId: isBelieved ? textClaim(claims, 'oid') || clientOf(claims) || (issuance?.identityId ?? '') : '',
      identityName: issuance?.identityName ?? identity?.name ?? '',
      identityState: STATES[verification.state],
      identitySource: entry === undefined ? IdentitySource.WIRE : IdentitySource.BROKER,
      issuance,
      obtainment,
      suspicious: isElsewhere || exchange.isOutOfPlace(claims, sighting, entry !== undefined),
    } as const;
    if (observation.suspicious && known.suspects.size < SUSPECTS_MAX) known.suspects.add(sighting.holder?.sessionKey);
    report(observation, known, sighting, startedAtMs);
    return observation;
  }

  function report(
    seen: Observation & { kind: 'token' },
    known: Remembered,
    sighting: Sighting,
    startedAtMs: number,
  ): void {
    const { holder } = sighting;
    const { verification } = seen;
    const reason = reasonOf(verification, seen.issuance !== undefined || seen.obtainment !== undefined);
    const key = JSON.stringify([
      String(holder?.sessionKey),
      sighting.interface,
      verification.state,
      reason,
      seen.suspicious,
    ]);
    if (known.reported.has(key)) return;
    if (known.reported.size >= REPORTED_MAX) known.reported.clear();
    known.reported.add(key);
    tell(known, key, {
      action: TokenAction.OBSERVED,
      startedAtNs: nsOfMs(startedAtMs),
      endedAtNs: nsOfMs(clock.wallMs()),
      fingerprint: seen.fingerprint,
      tokenId: seen.tokenId,
      claims: seen.claims,
      audience: seen.audience,
      tenantId: seen.tenantId,
      issuedAtNs: nsOfMs((timeClaim(known.claims, 'iat') ?? 0) * 1000),
      expiresAtNs: nsOfMs((timeClaim(known.claims, 'exp') ?? 0) * 1000),
      interface: sighting.interface,
      tokenKind: known.isSaml ? 'saml' : known.isOpaque ? 'opaque' : 'jwt',
      reason,
      suspicious: seen.suspicious,
      caller: holder,
      identityId: seen.identityId,
      identityName: seen.identityName,
      identityState: seen.identityState,
      identitySource: seen.identitySource,
      issuance: seen.issuance,
      obtainment: seen.obtainment,
      count: 1,
    });
  }

  /** An event that was not taken is offered again with the next sighting. */
  function tell(known: Remembered, key: string, event: TokenEvent): void {
    try {
      onEvent(event);
    } catch (error) {
      known.reported.delete(key);
      counts.eventsFailed += 1;
      log.error({ cause: error instanceof Error ? error.message : 'unknown' }, 'a token event could not be recorded');
    }
  }

  return {
    async observe(token, sighting) {
      try {
        return await look(token, sighting, clock.wallMs());
      } catch (error) {
        counts.eventsFailed += 1;
        log.error(
          { cause: error instanceof Error ? error.message : 'unknown' },
          'a token that was seen could not be recorded',
        );
        return { kind: 'not-a-token' };
      }
    },
    known(fingerprint, holder) {
      const seen = remembered.get(fingerprint);
      const entry = ledger.find(fingerprint);
      if (seen === undefined && entry === undefined) return undefined;
      const checked = seen?.settled ?? entry?.verification;
      const times = seen?.claims ?? entry?.claims ?? {};
      return {
        claims: seen?.recorded ?? entry?.claims ?? {},
        verification: checked && unlessOutOfTime(checked, times),
        issuance: entry && issuanceFor(entry, holder),
        obtainment: entry === undefined ? obtained.find(fingerprint)[0] : undefined,
        suspicious:
          holder === undefined ? (seen?.suspects.size ?? 0) > 0 : (seen?.suspects.has(holder.sessionKey) ?? false),
      };
    },
  };
}

/** Nobody was seen to get it: that alone is no fault, it may be from before the recording. */
function reasonOf(verification: Verification, isGot: boolean): ObservedReason | '' {
  if (verification.state === 'verified') return isGot ? '' : 'origin_unseen';
  return isGot ? verification.reason : `${verification.reason} origin_unseen`;
}

/** The claims that later looks need. */
function timesOf(claims: JsonObject): JsonObject {
  return Object.fromEntries(
    ['iat', 'nbf', 'exp'].flatMap((name) => (Object.hasOwn(claims, name) ? [[name, claims[name]]] : [])),
  );
}
