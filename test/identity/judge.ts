// SPDX-License-Identifier: Apache-2.0

/**
 * Whether a row is as it must be: what the client holds, what the stand-in for Entra issued, and what the record says must
 * be one story. Pure.
 */
import { ADVERTISED_SECONDS_DEFAULT } from '../../agent/broker/policy/policy.ts';
import { refusalCode } from '../../agent/broker/refusal.ts';
import type { Installed } from './clients.ts';
import { judgedByFile } from './judge-file.ts';
import { failedRow, type Planned, type Row } from './row.ts';

/** What a client printed. */
export interface Said {
  /** SHA-256 of the token, and of the one that it was given when it asked once more. */
  readonly fingerprint?: string;
  readonly again?: string;
  readonly expiresAtS?: number;
  readonly error?: string;
  readonly ms: number;
}

export interface Played {
  readonly pid: number;
  readonly said: Said;
  /** Of the process. Milliseconds since 1970. */
  readonly startedMs: number;
  readonly endedMs: number;
}

/** A row of the record. */
export interface TokenRow {
  readonly action: string;
  readonly reason: string;
  readonly interface: string;
  readonly fingerprint: string;
  readonly audience: string;
  readonly identity_id: string;
  readonly pid: number;
  readonly suspicious: boolean;
  /** Milliseconds since 1970, with fractions. */
  readonly started_ms: number;
  readonly ended_ms: number;
}

export interface Expected {
  readonly resource: string;
  readonly objectId: string;
  /** Fingerprints of the tokens that Entra issued for the resource, and to nobody but this identity. */
  readonly issued: ReadonlySet<string>;
  /** A refusal that takes longer is not "at once". Milliseconds; null does not look. */
  readonly refusalMsMax: number | null;
}

/** A client that does not repeat what the broker says. */
export function isSilent({ client, flavour }: Planned): boolean {
  return client.silentOn?.some((name) => name === flavour.name) ?? false;
}

/** How the broker answers those who only look whether it is there. */
const PROBE = 'metadata_header_missing';

const hasProbed = ({ client, flavour }: Planned): boolean =>
  client.probesOn?.some((name) => name === flavour.name) ?? false;

/** Clients know whole seconds, rounded either way. */
const ROUNDING_S = 2;

export function judged(
  planned: Planned,
  installed: Installed,
  played: Played,
  tokens: readonly TokenRow[],
  expected: Expected,
): Row {
  const { said } = played;
  if (planned.flavour.interface === 'workload-identity')
    return judgedByFile(planned, installed, played, tokens, expected);
  const told = tokens.filter(({ action }) => action === 'issued' || action === 'refused');
  // Its probe asks for nothing, and is no request for a token.
  const asked = hasProbed(planned) && told[0]?.reason === PROBE ? told.slice(1) : told;
  const last = asked.at(-1);
  const outcome = last === undefined ? 'none' : last.action === 'issued' ? 'token' : last.reason;
  const problems =
    planned.way.expect === 'token'
      ? problemsOfToken(planned, played, asked, expected)
      : problemsOfRefusal(planned, played, asked, expected);
  return {
    ...failedRow(planned, problems.join('; '), installed),
    ok: problems.length === 0,
    outcome,
    requests: asked.length,
    brokerMs: Math.max(0, ...asked.map(millisecondsOf)),
    clientMs: Math.round(said.ms),
    keepsForS:
      said.expiresAtS === undefined || last === undefined ? null : Math.round(said.expiresAtS - last.ended_ms / 1000),
    said: said.error ?? '',
  };
}

const millisecondsOf = ({ started_ms, ended_ms }: TokenRow): number => Math.round((ended_ms - started_ms) * 10) / 10;

function problemsOfToken(planned: Planned, played: Played, asked: readonly TokenRow[], expected: Expected): string[] {
  const { fingerprint, again, expiresAtS, error } = played.said;
  const problems: string[] = [];
  const check = (isAsItMustBe: boolean, problem: string): void => {
    if (!isAsItMustBe) problems.push(problem);
  };
  if (error !== undefined || fingerprint === undefined) return [`it has no token: ${error ?? 'and does not say why'}`];
  check(expected.issued.has(fingerprint), 'its token is none that Entra issued for this resource');
  check(again === fingerprint, 'it was given another token when it asked again');
  const wanted = planned.client.requests;
  check(asked.length === wanted, `${asked.length} requests at the broker, not ${wanted}`);
  for (const row of asked) {
    check(row.action === 'issued', `the record has a refusal: ${row.reason}`);
    check(row.fingerprint === fingerprint, 'the record has another token');
    check(row.audience === expected.resource, `the record has the audience ${row.audience}`);
    check(row.identity_id === expected.objectId, `the record has the identity ${row.identity_id}`);
    check(row.interface === planned.flavour.interface, `the record has the interface ${row.interface}`);
    // A client of several processes asks in others than its first.
    check(wanted > 1 || row.pid === played.pid, `the record has process ${row.pid}, not ${played.pid}`);
  }
  const earliestS = played.startedMs / 1000 + ADVERTISED_SECONDS_DEFAULT - ROUNDING_S;
  const latestS = played.endedMs / 1000 + ADVERTISED_SECONDS_DEFAULT + ROUNDING_S;
  const isRight = expiresAtS !== undefined && expiresAtS >= earliestS && expiresAtS <= latestS;
  check(isRight, `it takes its token to expire at ${expiresAtS}, not within ${earliestS} and ${latestS}`);
  return problems;
}

function problemsOfRefusal(planned: Planned, played: Played, asked: readonly TokenRow[], expected: Expected): string[] {
  const reason = planned.way.expect as Exclude<Planned['way']['expect'], 'token'>;
  const { fingerprint, error } = played.said;
  if (fingerprint !== undefined) return ['it has a token, and must have none'];
  const problems: string[] = [];
  const check = (isAsItMustBe: boolean, problem: string): void => {
    if (!isAsItMustBe) problems.push(problem);
  };
  const isNamed = error?.includes(refusalCode(reason)) === true;
  if (isSilent(planned)) check(!isNamed, 'it names the reason, and is listed as one that does not');
  else check(isNamed, `its error does not name ${refusalCode(reason)}: ${error}`);
  check(asked.length === 1, `${asked.length} requests at the broker, not 1`);
  for (const row of asked) {
    check(row.action === 'refused', 'the record has an issued token');
    check(row.reason === reason, `the record has the reason ${row.reason}`);
    check(row.interface === planned.flavour.interface, `the record has the interface ${row.interface}`);
    check(
      planned.client.requests > 1 || row.pid === played.pid,
      `the record has process ${row.pid}, not ${played.pid}`,
    );
    const ms = millisecondsOf(row);
    check(expected.refusalMsMax === null || ms <= expected.refusalMsMax, `the refusal took ${ms} ms`);
  }
  return problems;
}
