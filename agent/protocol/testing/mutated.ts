// SPDX-License-Identifier: Apache-2.0

/**
 * Property test over damaged captures: bytes flipped, cut out, inserted and doubled, steps doubled, dropped, swapped or
 * given to the other side, gaps in between. Whatever arrives, a decoder must not throw, must hold bounded memory, must
 * account for every byte, must not say more than the bytes can carry, and must say the same however they are cut.
 *
 * A failure prints seed and path (fast-check does); give them as `seed` and `path` to see it again.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ProtocolDefinition, Side } from '../decoder.ts';
import { sameRun } from './check-script.ts';
import { type Cut, type Run, type RunOptions, runScript } from './run-script.ts';
import { normalised, type Script, type Step, totalBytes } from './script.ts';

/** `npm run test:fuzz` tries so many times as many. */
const FUZZ_TIMES = Number(process.env['SWORN_TEST_FUZZ_TIMES'] ?? 1);

export interface MutatedOptions extends RunOptions {
  /** How many damaged captures to try; default 200. SWORN_TEST_FUZZ_TIMES multiplies it. */
  readonly runs?: number;
  readonly seed?: number;
  readonly path?: string;
  /** What else must hold for each run. */
  readonly holds?: (run: Run) => void;
  /** Do not ask that a damaged capture means the same however it is cut. Say in the test why not. */
  readonly cutsMayDiffer?: boolean;
}

interface Mutation {
  readonly kind:
    | 'flip'
    | 'cut'
    | 'insert'
    | 'double'
    | 'gap'
    | 'drop-step'
    | 'double-step'
    | 'swap-step'
    | 'other-side';
  /** Where, as a fraction of the steps and of the bytes of that step. */
  readonly step: number;
  readonly place: number;
  readonly length: number;
  readonly bytes: Uint8Array;
}

const KINDS: readonly Mutation['kind'][] = [
  'flip',
  'cut',
  'insert',
  'double',
  'gap',
  'drop-step',
  'double-step',
  'swap-step',
  'other-side',
];

const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom(...KINDS),
  step: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  place: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  length: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 400 })),
  bytes: fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 12 }),
    // Lengths are where decoders break: all ones, all zeros, the sign bit.
    fc.constantFrom(
      Uint8Array.of(0xff, 0xff, 0xff, 0xff),
      Uint8Array.of(0, 0, 0, 0),
      Uint8Array.of(0x7f, 0xff, 0xff, 0xff),
      Uint8Array.of(0x80, 0, 0, 0),
    ),
  ),
});

/** Sink calls per byte pushed: a decoder that says more than this about its bytes is making them up. */
const SAID_PER_BYTE_MAX = 1;

/** Check `definition` against damaged forms of `captures`. */
export function mutated(
  definition: ProtocolDefinition,
  captures: readonly Script[],
  options: MutatedOptions = {},
): void {
  const damaged = fc.record({
    capture: fc.nat({ max: captures.length - 1 }),
    mutations: fc.array(mutation, { minLength: 1, maxLength: 6 }),
    late: fc.boolean(),
    cutBytes: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 6 }),
  });
  fc.assert(
    fc.property(damaged, ({ capture, mutations, late, cutBytes }) => {
      const script = normalised(mutations.reduce(mutate, captures[capture] ?? []));
      const run = runScript(definition, script, { late, ...options });
      const said = run.exchanges.length + run.credentials.length;
      assert.ok(said <= 8 + totalBytes(script) * SAID_PER_BYTE_MAX, `${said} exchanges and credentials`);
      options.holds?.(run);
      if (!options.cutsMayDiffer) {
        sameRun(run, runScript(definition, script, { late, ...options }, inPieces(cutBytes)), `cut as ${cutBytes}`);
      }
    }),
    {
      numRuns: (options.runs ?? 200) * FUZZ_TIMES,
      includeErrorInReport: true,
      ...(options.seed === undefined ? {} : { seed: options.seed }),
      ...(options.path === undefined ? {} : { path: options.path }),
    },
  );
}

function inPieces(sizes: readonly number[]): Cut {
  return (step) => {
    const pieces: Uint8Array[] = [];
    for (let from = 0; from < step.bytes.length; ) {
      const size = sizes[pieces.length % sizes.length] ?? 1;
      pieces.push(step.bytes.subarray(from, from + size));
      from += size;
    }
    return pieces;
  };
}

function mutate(script: Script, change: Mutation): Script {
  const index = Math.floor(change.step * script.length);
  const step = script[index];
  if (step === undefined) return script;
  const around = (...steps: readonly Step[]) => [...script.slice(0, index), ...steps, ...script.slice(index + 1)];
  if (change.kind === 'drop-step') return around();
  if (change.kind === 'double-step') return around(step, step);
  if (change.kind === 'swap-step') {
    const next = script[index + 1];
    return next === undefined ? script : [...script.slice(0, index), next, step, ...script.slice(index + 2)];
  }
  if (step.kind !== 'bytes') return script;
  if (change.kind === 'other-side') return around({ ...step, from: otherSide(step.from) });
  const at = Math.floor(change.place * step.bytes.length);
  const head = step.bytes.subarray(0, at);
  const middle = step.bytes.subarray(at, at + change.length);
  const tail = step.bytes.subarray(at + change.length);
  const piece = (...parts: readonly Uint8Array[]): Step => ({ ...step, bytes: Buffer.concat(parts) });
  switch (change.kind) {
    case 'flip':
      return around(
        piece(head, change.bytes.subarray(0, step.bytes.length - at), step.bytes.subarray(at + change.bytes.length)),
      );
    case 'cut':
      return around(piece(head, tail));
    case 'insert':
      return around(piece(head, change.bytes, middle, tail));
    case 'double':
      return around(piece(head, middle, middle, tail));
    case 'gap':
      return around(piece(head), { kind: 'gap', from: step.from, missingBytes: middle.length }, piece(tail));
  }
}

function otherSide(side: Side): Side {
  return side === 'client' ? 'server' : 'client';
}
