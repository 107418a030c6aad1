// SPDX-License-Identifier: Apache-2.0

/**
 * Both ledgers, kept in a file so that they outlive the agent: sessions keep their keys when it is started again, and so
 * who got which token has to be known then as well. Fingerprints, holders and times; never a token, never a claim.
 *
 * Shape    lines of JSON: a head, then one line for each session that got a token. Appended as it happens; written anew,
 *          aside and renamed, at the start and when it has grown by APPENDED_BYTES_MAX
 * Bounds   what the ledgers hold, plus APPENDED_BYTES_MAX; a file that is larger than FILE_BYTES_MAX is not read
 * Errors   a file that is broken, or of another boot (no session of that lives), counts as empty, and the first is told;
 *          one that cannot be written is told once and counted, and the ledgers go on in memory
 */

import { closeSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import type { Clock } from './clock.ts';
import type { MutableCounts } from './counts.ts';
import { createIssuanceLedger, type IssuanceLedger, type IssuedToken } from './issuance-ledger.ts';
import type { BrokerLog } from './log.ts';
import { createObtainedLedger, type ObtainedLedger } from './obtained-ledger.ts';
import type { JsonObject } from './token/compact-token.ts';
import type { Verification } from './token/verify.ts';
import type { TokenHolder } from './token-event.ts';

export interface LedgerFile {
  readonly path: string;
  /** Of the running kernel. */
  readonly bootId: string;
}

export interface Ledgers {
  readonly issued: IssuanceLedger;
  readonly obtained: ObtainedLedger;
  close(): void;
}

const VERSION = 1;
const FILE_BYTES_MAX = 64 * 1024 * 1024;
const APPENDED_BYTES_MAX = 8 * 1024 * 1024;
/** Of one ledger, when the file is written anew: the newest. */
const LINES_MAX = 50_000;

export interface LedgersOptions {
  readonly clock: Clock;
  readonly log: BrokerLog;
  /** Counts `ledgerUnwritten`, and what the ledgers count. */
  readonly counts: Pick<MutableCounts, 'obtainedDropped' | 'ledgerUnwritten'>;
  /** Without one the ledgers are in memory only. */
  readonly file?: LedgerFile | undefined;
}

export function openLedgers({ clock, log, counts, file }: LedgersOptions): Ledgers {
  const issued = createIssuanceLedger(clock);
  const obtained = createObtainedLedger(clock, counts);
  if (file === undefined) return { issued, obtained, close() {} };
  for (const line of readLines(file, log)) line.addTo({ issued, obtained });

  const { path, bootId } = file;
  let descriptor: number | undefined;
  let appendedBytes = 0;

  function failed(error: unknown): void {
    const cause = error instanceof Error ? error.message : 'unknown';
    if (counts.ledgerUnwritten === 0)
      log.error({ path, cause }, 'the ledger of tokens cannot be written: it will not outlive the agent');
    counts.ledgerUnwritten += 1;
  }

  function closeFile(): void {
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = undefined;
  }

  function writeAnew(): void {
    const lines = [...linesOf(issued), ...linesOfObtained(obtained)];
    const text = [JSON.stringify({ version: VERSION, boot_id: bootId }), ...lines].map((line) => `${line}\n`).join('');
    closeFile();
    const aside = `${path}.new`;
    rmSync(aside, { force: true });
    // "x": nothing that somebody else put there is written to.
    const fresh = openSync(aside, 'ax', 0o600);
    try {
      // On a full disk: the one that is there is whole, and stays.
      if (writeSync(fresh, text) !== Buffer.byteLength(text)) throw new Error('it was written in part');
      renameSync(aside, path);
    } catch (error) {
      closeSync(fresh);
      throw error;
    }
    descriptor = fresh;
    appendedBytes = 0;
  }

  function append(line: string): void {
    try {
      // After a failure the file may end in half a line: it is written anew, or not at all.
      if (descriptor === undefined || appendedBytes > APPENDED_BYTES_MAX) {
        writeAnew();
        return;
      }
      const bytes = Buffer.from(`${line}\n`);
      if (writeSync(descriptor, bytes) !== bytes.length) throw new Error('a line was written in part');
      appendedBytes += bytes.length;
    } catch (error) {
      failed(error);
      closeFile();
    }
  }

  try {
    writeAnew();
  } catch (error) {
    failed(error);
  }

  return {
    issued: {
      ...issued,
      add(token, issuance) {
        const isNew = issued.add(token, issuance);
        if (isNew) append(issuedLine(token, issuance));
        return isNew;
      },
      get size() {
        return issued.size;
      },
    },
    obtained: {
      ...obtained,
      add(token, obtainment) {
        const isNew = obtained.add(token, obtainment);
        if (isNew) append(obtainedLine(token, obtainment));
        return isNew;
      },
      get size() {
        return obtained.size;
      },
    },
    close: closeFile,
  };
}

type Issued = Parameters<IssuanceLedger['add']>;
type Obtained = Parameters<ObtainedLedger['add']>;

const issuedLine = (token: Issued[0], { holder, identityName, issuedAtNs, ...more }: Issued[1]): string =>
  JSON.stringify({
    how: 'issued',
    for_workload: more.isForWorkload,
    identity_id: more.identityId,
    fingerprint: token.fingerprint,
    expires_ms: token.expiresAtMs,
    verification: token.verification,
    identity: identityName,
    at_ns: String(issuedAtNs),
    ...holderFields(holder),
  });

const obtainedLine = (token: Obtained[0], { holder, from, atNs }: Obtained[1]): string =>
  JSON.stringify({
    how: 'obtained',
    fingerprint: token.fingerprint,
    expires_ms: token.expiresAtMs,
    from,
    at_ns: String(atNs),
    ...holderFields(holder),
  });

const holderFields = ({ pid, startNs, selectionName, sessionKey, sessionId }: TokenHolder): object => ({
  pid,
  start_ns: String(startNs),
  workload: selectionName,
  session_key: String(sessionKey),
  session_id: sessionId,
});

function linesOf(ledger: IssuanceLedger): string[] {
  const lines: string[] = [];
  for (const { issuances, ...token } of ledger.entries()) {
    for (const issuance of issuances) lines.push(issuedLine(token, issuance));
  }
  return lines.slice(-LINES_MAX);
}

function linesOfObtained(ledger: ObtainedLedger): string[] {
  const lines: string[] = [];
  for (const { obtainments, ...token } of ledger.entries()) {
    for (const obtainment of obtainments) lines.push(obtainedLine(token, obtainment));
  }
  return lines.slice(-LINES_MAX);
}

interface KeptLine {
  addTo(ledgers: Pick<Ledgers, 'issued' | 'obtained'>): void;
}

function readLines({ path, bootId }: LedgerFile, log: BrokerLog): readonly KeptLine[] {
  const broken = (cause: string): readonly KeptLine[] => {
    log.warn({ path, cause }, 'the ledger of tokens could not be read, and starts empty');
    return [];
  };
  let text: string;
  try {
    if (statSync(path).size > FILE_BYTES_MAX) return broken('it is too large');
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? [] : broken(code);
  }
  const lines = text.split('\n');
  // The agent may have ended within the last line; that one is missed, and the others hold.
  if (lines.pop() !== '') log.warn({ path }, 'the last line of the ledger of tokens is torn, and left out');
  const [head, ...rest] = lines.map(objectIn);
  if (head === undefined || head['version'] !== VERSION) return broken('its head is not one of this version');
  if (head['boot_id'] !== bootId) return [];
  const kept: KeptLine[] = [];
  for (const [index, line] of rest.entries()) {
    const read = line && keptLine(line);
    if (read === undefined) return broken(`line ${index + 2} is not one`);
    kept.push(read);
  }
  return kept;
}

function objectIn(line: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

const FINGERPRINT = /^[0-9a-f]{64}$/;
const NUMBER = /^\d{1,20}$/;

function keptLine(line: JsonObject): KeptLine | undefined {
  const { how, fingerprint, expires_ms: expiresAtMs, at_ns: atNs, identity, from } = line;
  const holder = holderIn(line);
  if (holder === undefined || typeof fingerprint !== 'string' || !FINGERPRINT.test(fingerprint)) return undefined;
  if (typeof expiresAtMs !== 'number' || typeof atNs !== 'string' || !NUMBER.test(atNs)) return undefined;
  const token = { fingerprint, expiresAtMs };
  if (how === 'obtained' && typeof from === 'string') {
    return { addTo: ({ obtained }) => obtained.add(token, { holder, from, atNs: BigInt(atNs) }) };
  }
  const verification = verificationIn(line['verification']);
  if (how !== 'issued' || typeof identity !== 'string' || verification === undefined) return undefined;
  const whole: IssuedToken = { ...token, verification };
  const { for_workload: isForWorkload, identity_id: identityId } = line;
  const issuance: Issued[1] = {
    ...{ holder, identityName: identity, issuedAtNs: BigInt(atNs) },
    ...(isForWorkload === true && { isForWorkload }),
    ...(typeof identityId === 'string' && { identityId }),
  };
  return { addTo: ({ issued }) => issued.add(whole, issuance) };
}

function holderIn(line: JsonObject): TokenHolder | undefined {
  const { pid, start_ns: startNs, workload, session_key: sessionKey, session_id: sessionId } = line;
  if (typeof pid !== 'number' || typeof startNs !== 'string' || !NUMBER.test(startNs)) return undefined;
  if (typeof sessionKey !== 'string' || !NUMBER.test(sessionKey)) return undefined;
  if (workload !== undefined && typeof workload !== 'string') return undefined;
  return {
    pid,
    startNs: BigInt(startNs),
    selectionName: workload,
    sessionKey: BigInt(sessionKey),
    ...(typeof sessionId === 'string' && { sessionId }),
  };
}

/** The ledger never holds a token that is invalid, so the file has none either. */
function verificationIn(value: unknown): Verification | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { state, reason } = value as JsonObject;
  if (state === 'verified') return { state };
  // The word goes back to where it came from, and is compared with nothing.
  return state === 'unverifiable' && typeof reason === 'string' ? ({ state, reason } as Verification) : undefined;
}
