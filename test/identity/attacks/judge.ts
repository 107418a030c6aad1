// SPDX-License-Identifier: Apache-2.0

/**
 * Compares three accounts that know nothing of each other: what the attacker holds, what the stand-in for Entra issued, and
 * the record.
 */
import type { TableRow } from '../tables.ts';
import type { Attack } from './attack.ts';
import type { TokenRow } from './record.ts';
import { fingerprintsIn, type Said, textOf } from './scene.ts';

export interface AttackRow extends TableRow {
  readonly about: string;
  readonly expect: Attack['expect'];
  /** What came back: statuses, and the broker's words. */
  readonly answers: readonly string[];
  readonly recorded: readonly string[];
  readonly alerts: readonly string[];
  /** By the record, the slowest refusal from its first byte to its answer. Milliseconds. */
  readonly brokerMs: number;
  readonly limit: string;
  readonly notes: readonly string[];
}

export interface Issued {
  readonly clientId: string;
  readonly fingerprint: string;
}

export interface Played {
  readonly attack: Attack;
  readonly said: readonly Said[];
  readonly honest: readonly Said[];
  readonly pids: ReadonlySet<number>;
  readonly honestPids: ReadonlySet<number>;
  readonly notes: readonly string[];
  readonly startedMs: number;
  readonly endedMs: number;
  /** What Entra issued meanwhile. */
  readonly issued: readonly Issued[];
  /** Whose token it may be: the client id of who sent. */
  readonly ownClientId: string;
  readonly failed?: string;
}

export function judged(played: Played, record: readonly TokenRow[]): AttackRow {
  const { attack, said, honest } = played;
  const rows = record.filter((row) => isOf(played, row));
  const problems = played.failed === undefined ? [...problemsOf(played, rows)] : [played.failed];
  const refused = rows.filter(({ action }) => action === 'refused');
  return {
    ...{ name: attack.name, about: attack.about, expect: attack.expect, limit: attack.limit ?? '' },
    ok: problems.length === 0,
    reason: problems.join('; '),
    answers: [...new Set([...said, ...honest].map(answerOf).filter((answer) => answer !== ''))],
    recorded: [...new Set(rows.map(recordedAs))],
    alerts: [...new Set(rows.map(({ alert }) => alert).filter((alert) => alert !== ''))],
    brokerMs: Math.round(Math.max(0, ...refused.map((row) => row.ended_ms - row.started_ms))),
    notes: played.notes,
  };
}

/** For so long after an attack the agent may find out what a token is that was used in it: keys have to be fetched. */
const SEEN_LATER_MS = 5_000;

function isOf({ startedMs, endedMs, pids, honestPids }: Played, row: TokenRow): boolean {
  if (row.started_ms < startedMs - 1) return false;
  if (row.started_ms <= endedMs + 1 && row.action !== 'observed') return true;
  const isOurs = [row.pid, row.session_pid].some((pid) => pids.has(pid) || honestPids.has(pid));
  return isOurs && row.started_ms <= endedMs + SEEN_LATER_MS;
}

function* problemsOf(played: Played, rows: readonly TokenRow[]): Generator<string> {
  const { attack, said, honest, issued, pids, ownClientId } = played;
  const held = new Set(said.flatMap((line) => fingerprintsIn(textOf(line))));
  const ofHonest = new Set(honest.flatMap((line) => fingerprintsIn(textOf(line))));
  const isOfAttacker = (row: TokenRow): boolean => pids.has(row.pid) || pids.has(row.session_pid);
  const refused = rows.filter(
    ({ action, reason }) => action === 'refused' && (attack.reasons as string[]).includes(reason),
  );

  if (said.length === 0) yield 'no program of the attack said what came of it';
  for (const { clientId, fingerprint } of issued) {
    if (!held.has(fingerprint)) continue;
    if (attack.expect === 'nothing') yield 'the attacker holds a token that Entra issued';
    else if (attack.expect === 'own' && clientId !== ownClientId) yield "it holds another identity's token";
  }
  switch (attack.expect) {
    case 'nothing': {
      if (held.size > 0) yield `the attacker holds ${held.size} tokens`;
      const unclaimed = issued.filter(({ fingerprint }) => !ofHonest.has(fingerprint));
      if (unclaimed.length > 0 && attack.mayFetch !== true) yield `Entra issued ${unclaimed.length} tokens to nobody`;
      if (rows.some((row) => row.action === 'issued' && isOfAttacker(row)))
        yield 'the record has a token for the attacker';
      if (attack.isUnreachable === true) break;
      if (refused.length === 0) {
        const found = rows.map(recordedAs).join(', ') || 'nothing';
        yield `the record has ${found}, and not one of ${attack.reasons.join(', ')}`;
      } else if (attack.isUnnamed !== true && !refused.some(isOfAttacker)) {
        yield `the record names pid ${refused.map(({ pid }) => pid).join(', ')}, and the attacker is ${[...pids].join(', ')}`;
      }
      break;
    }
    case 'own': {
      if (held.size === 0) yield 'it got no token, so the refusals beside it show nothing';
      const got = rows.filter((row) => row.action === 'issued' && held.has(row.fingerprint));
      if (got.length === 0) yield 'the record has no token for it';
      else if (!got.some(isOfAttacker)) yield 'the record has its token as that of another process';
      if (rows.some(({ alert }) => alert !== '')) yield 'there is an alert of what is right';
      break;
    }
    case 'alert':
      if (held.size === 0) yield 'the thief got no token, so the alert shows nothing';
      if (!rows.some(({ action, suspicious, alert }) => action === 'observed' && suspicious && alert !== ''))
        yield `there is no alert; the record has ${rows.map(recordedAs).join(', ')}`;
      break;
    case 'unseen':
      if (held.size === 0) yield 'it does not get the token: the limit is none';
      break;
  }
}

/** "403 SWORN_BROKER_NO_BINDING", or how the connection ended. */
export function answerOf(said: Said): string {
  if (said.failed !== undefined) return said.failed;
  if (said.received === undefined) return '';
  const text = textOf(said);
  const status = /^HTTP\/1\.[01] (\d+)/.exec(text)?.[1] ?? (text === '' ? 'closed' : 'other bytes');
  const code = /SWORN_BROKER_[A-Z_]+/.exec(text)?.[0] ?? (fingerprintsIn(text).length > 0 ? 'a token' : '');
  return `${status} ${code}`.trim();
}

const recordedAs = ({ action, reason, interface: at, suspicious }: TokenRow): string =>
  [action, reason, `by ${at || 'no interface'}`, suspicious ? '(suspicious)' : '']
    .filter((word) => word !== '')
    .join(' ');
