// SPDX-License-Identifier: Apache-2.0

/** The captures in `../captures/`, and the check that every PostgreSQL test makes of a script. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import type { Exchange } from '../../decoder.ts';
import { readCapture } from '../../testing/capture-file.ts';
import { checkScript } from '../../testing/check-script.ts';
import type { Run, RunOptions } from '../../testing/run-script.ts';
import { normalised, type Script } from '../../testing/script.ts';
import { postgres } from '../postgres.ts';

const directory = new URL('../captures/', import.meta.url);

export function captureNames(): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.jsonl'))
    .map((name) => name.replace(/\.jsonl$/, ''))
    .sort();
}

export function captured(name: string): Script {
  return normalised(readCapture(new URL(`${name}.jsonl`, directory)).script);
}

/** `checkScript`, and that the bytes of the exchanges add up to what was decoded. */
export function check(script: Script, options: RunOptions = {}): Run {
  const run = checkScript(postgres, script, options);
  bytesAddUp(run);
  return run;
}

export function bytesAddUp(run: Run): void {
  for (const [side, key] of [
    ['client', 'requestBytes'],
    ['server', 'responseBytes'],
  ] as const) {
    const sum = run.exchanges.reduce((bytes, exchange) => bytes + exchange[key], 0);
    const { decoded, cut } = run.counts[side];
    assert.equal(sum, decoded + cut, `${key} of all exchanges, and what was decoded of the ${side}`);
  }
}

/** Nothing was left over: every byte was understood or cut at a bound. */
export function allUnderstood(run: Run): void {
  assert.deepEqual(run.troubles, {});
  assert.equal(run.counts.client.notUnderstood + run.counts.server.notUnderstood, 0);
}

/** The exchanges that carry statements: without the login, and the end of the session. */
export function statementsOf(run: Run): Exchange[] {
  return run.exchanges.filter((exchange) => exchange.operation !== 'LOGIN' && exchange.operation !== 'TERMINATE');
}

/** Operation, status and what tells an exchange from the next, on one line. */
export function lineOf(exchange: Exchange): string {
  const { operation, status, errorCode, rows, statement, parameters } = exchange;
  const outcome = errorCode === '' ? status : `${status} ${errorCode}`;
  const count = rows === undefined ? '' : ` ${rows}`;
  return `${operation} ${outcome}${count} | ${statement}${parameters === '' ? '' : ` | ${parameters}`}`;
}

export function linesOf(run: Run): string[] {
  return statementsOf(run).map(lineOf);
}

export function responseText(exchange: Exchange | undefined): string {
  return Buffer.from(exchange?.response.bytes ?? []).toString();
}

export function requestText(exchange: Exchange | undefined): string {
  return Buffer.from(exchange?.request.bytes ?? []).toString();
}
