// SPDX-License-Identifier: Apache-2.0

/**
 * Checks that a decoder says the same however the bytes are cut: whole, one byte at a time, and in two pieces at every
 * byte (at a sample of the bytes when the script is long). Returns what it said, for the test to look at.
 */
import assert from 'node:assert/strict';
import type { Exchange, Opening, ProtocolDefinition, Side } from '../decoder.ts';
import { type Cut, openingOf, type Run, type RunOptions, runScript, uncut } from './run-script.ts';
import { normalised, type Script, totalBytes } from './script.ts';

/** Every byte is tried up to here; it costs the square: 2 KiB are 4 MiB pushed. */
const EVERY_SPLIT_BYTES_MAX = 2048;
/** Splits tried in longer scripts, spread over it. */
const SAMPLED_SPLITS = 48;
/** One byte at a time up to here; longer scripts are cut into pieces of 1, 2, 3, 5, 8, … bytes, over and over. */
const SINGLE_BYTES_MAX = 256 * 1024;

export function checkScript(definition: ProtocolDefinition, script: Script, options: RunOptions = {}): Run {
  const steps = normalised(script);
  const whole = runScript(definition, steps, options, uncut);
  const bytes = totalBytes(steps);
  sameRun(
    whole,
    runScript(definition, steps, options, bytes <= SINGLE_BYTES_MAX ? single : growing),
    'in small pieces',
  );
  for (const at of splitsOf(bytes)) {
    sameRun(whole, runScript(definition, steps, options, splitAt(steps, at)), `split at byte ${at}`);
  }
  return whole;
}

/** Assert that two runs of one script said the same. Counts are compared too: a byte has one fate, however it came. */
export function sameRun(expected: Run, actual: Run, how: string): void {
  assert.deepEqual(actual.exchanges.map(plain), expected.exchanges.map(plain), `exchanges differ ${how}`);
  assert.deepEqual(actual.credentials, expected.credentials, `credentials differ ${how}`);
  assert.deepEqual(actual.handover, expected.handover, `handover differs ${how}`);
  assert.deepEqual(actual.troubles, expected.troubles, `troubles differ ${how}`);
  assert.deepEqual(actual.counts, expected.counts, `counts differ ${how}`);
}

/**
 * What `detect` says as the bytes arrive one by one, in the order of the script. Asserts that it never takes back a yes
 * or a no; returns the last word.
 */
export function checkDetect(
  definition: ProtocolDefinition,
  script: Script,
  options: RunOptions = {},
): ReturnType<ProtocolDefinition['detect']> {
  const seen: Record<Side, Uint8Array[]> = { client: [], server: [] };
  let word: ReturnType<ProtocolDefinition['detect']> = 'not-yet';
  let pushed = 0;
  for (const step of normalised(script)) {
    if (step.kind !== 'bytes') continue;
    for (let i = 0; i < step.bytes.length && pushed < EVERY_SPLIT_BYTES_MAX; i++, pushed++) {
      seen[step.from].push(step.bytes.subarray(i, i + 1));
      const opening: Opening = {
        ...openingOf([], options),
        client: Buffer.concat(seen.client),
        server: Buffer.concat(seen.server),
      };
      const next = definition.detect(opening);
      assert.ok(word === 'not-yet' || next === word, `detect said ${word}, then ${next} at byte ${pushed}`);
      word = next;
    }
  }
  return word;
}

const single: Cut = (step) => Array.from(step.bytes, (_, i) => step.bytes.subarray(i, i + 1));

const growing: Cut = (step) => {
  const pieces: Uint8Array[] = [];
  let [size, next] = [1, 2];
  for (let from = 0; from < step.bytes.length; from += size) {
    [size, next] = size > 100_000 ? [1, 2] : [next, size + next];
    pieces.push(step.bytes.subarray(from, from + size));
  }
  return pieces;
};

function splitAt(steps: Script, at: number): Cut {
  let before = 0;
  const starts = steps.map((step) => {
    const start = before;
    before += step.kind === 'bytes' ? step.bytes.length : 0;
    return start;
  });
  return (step, index) => {
    const offset = at - (starts[index] ?? 0);
    if (offset <= 0 || offset >= step.bytes.length) return [step.bytes];
    return [step.bytes.subarray(0, offset), step.bytes.subarray(offset)];
  };
}

function splitsOf(bytes: number): number[] {
  if (bytes <= EVERY_SPLIT_BYTES_MAX) return Array.from({ length: Math.max(0, bytes - 1) }, (_, i) => i + 1);
  // A golden-ratio sequence spreads evenly without falling into step with lengths in the script.
  return Array.from({ length: SAMPLED_SPLITS }, (_, i) => 1 + Math.floor(((i * 0.6180339887498949) % 1) * (bytes - 1)));
}

/** Payload bytes as text of one byte a character: a difference is then readable. */
function plain(exchange: Exchange): unknown {
  const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('latin1');
  return {
    ...exchange,
    request: { ...exchange.request, bytes: text(exchange.request.bytes), sha256: text(exchange.request.sha256) },
    response: { ...exchange.response, bytes: text(exchange.response.bytes), sha256: text(exchange.response.sha256) },
  };
}
