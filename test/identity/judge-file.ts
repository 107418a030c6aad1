// SPDX-License-Identifier: Apache-2.0

/**
 * Whether a row of the interface `workload-identity` is as it must be: the client asked Entra itself, with the file that the
 * broker wrote, and the record saw both cross the wire. Pure.
 */
import type { Installed } from './clients.ts';
import type { Expected, Played, TokenRow } from './judge.ts';
import { failedRow, type Planned, type Row } from './row.ts';

const EXCHANGE = 'api://AzureADTokenExchange';
/** Entra's tokens for applications; the stand-in's last as long. */
const LIFETIME_S_MIN = 3000;

export function judgedByFile(
  planned: Planned,
  installed: Installed,
  played: Played,
  tokens: readonly TokenRow[],
  expected: Expected,
): Row {
  const { said } = played;
  const problems =
    said.fingerprint === undefined
      ? [`it has no token: ${said.error ?? 'and does not say why'}`]
      : problemsOf(planned, played, said.fingerprint, tokens, expected);
  return {
    ...failedRow(planned, problems.join('; '), installed),
    ok: problems.length === 0,
    outcome: said.fingerprint === undefined ? 'none' : 'token',
    clientMs: Math.round(said.ms),
    keepsForS: said.expiresAtS === undefined ? null : Math.round(said.expiresAtS - played.endedMs / 1000),
    said: said.error ?? '',
  };
}

function problemsOf(
  { client }: Planned,
  { said, endedMs }: Played,
  fingerprint: string,
  tokens: readonly TokenRow[],
  { issued, resource, objectId }: Expected,
): string[] {
  const problems: string[] = [];
  const check = (isAsItMustBe: boolean, problem: string): void => {
    if (!isAsItMustBe) problems.push(problem);
  };
  check(issued.has(fingerprint), 'its token is none that Entra issued for this resource');
  check(said.again === fingerprint, 'it was given another token when it asked again');
  const leftS = (said.expiresAtS ?? 0) - endedMs / 1000;
  check(leftS > LIFETIME_S_MIN, `it takes its token to last ${Math.round(leftS)} s more`);
  const asked = tokens.filter((row) => row.interface !== 'workload-identity' && row.action !== 'observed');
  check(asked.length === 0, `the broker was asked: ${asked.map((row) => row.interface).join(' ')}`);
  check(!tokens.some((row) => row.suspicious), 'the record has a suspicious use');
  if (client.isUnread === true) return problems;
  const sent = tokens.find((row) => row.interface === 'http-form' && row.audience === EXCHANGE);
  check(sent?.action === 'observed', 'the record does not have the file on its way to Entra');
  check(sent?.identity_id === objectId, `the record has the file as of ${sent?.identity_id}`);
  const got = tokens.find((row) => row.interface === 'http-token-response' && row.fingerprint === fingerprint);
  check(got?.audience === resource, 'the record does not have the token in the answer of Entra');
  check(got?.identity_id === objectId, `the record has the token as of ${got?.identity_id}`);
  return problems;
}
