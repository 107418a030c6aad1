// SPDX-License-Identifier: Apache-2.0

/**
 * Runs one decoder over one script, cut in one way, and writes down everything that came out.
 *
 * Labels: every byte carries the index of its step in the normalised script, however it is cut. So exchanges of two runs
 * of a script must be equal in every field, `requestAt` and its siblings included.
 */
import assert from 'node:assert/strict';
import {
  type Agreement,
  type ByteCounts,
  type CarriedPlace,
  DEFAULT_BOUNDS,
  type DecoderBounds,
  type Exchange,
  type Opening,
  type ProtocolDefinition,
  type SeenCredential,
  type Side,
  type TerminalStretch,
} from '../decoder.ts';
import { bytesFrom, type Script, type Step } from './script.ts';

export interface RunOptions {
  readonly bounds?: DecoderBounds;
  readonly serverPort?: number;
  /** The decoder is told that it joined late. */
  readonly late?: boolean;
  /** What was agreed on before the decoder took over. */
  readonly agreement?: Agreement;
  /** What `heldBytes` may reach at any moment. The default follows from the bounds: see `heldBytesMaxOf`. */
  readonly heldBytesMax?: number;
}

export interface Handover {
  readonly protocol: string;
  /** Whose bytes were being pushed, and how many of that side's bytes, since the beginning, were the decoder's own. */
  readonly from: Side;
  readonly atByte: number;
  readonly agreement?: Agreement;
}

/** A connection that was carried: where to, and what was said in it. */
export interface Carried {
  readonly id: string;
  readonly place: CarriedPlace;
  client: string;
  server: string;
  missingBytes: number;
  isClosed: boolean;
}

/** All that a decoder said in one run. */
export interface Run {
  readonly exchanges: readonly Exchange[];
  readonly credentials: readonly SeenCredential[];
  readonly terminals: readonly TerminalStretch[];
  readonly carried: readonly Carried[];
  readonly handover: Handover | undefined;
  /** Bytes by `side reason`; a decoder may report one loss in several calls. */
  readonly troubles: Readonly<Record<string, number>>;
  readonly counts: Readonly<Record<Side, ByteCounts>>;
  /** Bytes that were the decoder's: pushed, and not handed over. */
  readonly ownBytes: Readonly<Record<Side, number>>;
  readonly heldBytesMax: number;
}

/** Cuts the bytes of a step into the pieces that are pushed. */
export type Cut = (step: Step & { kind: 'bytes' }, index: number) => readonly Uint8Array[];

export const uncut: Cut = (step) => [step.bytes];

/** 256 KiB beyond the bounds for what is not a payload: names, small requests that wait, tables of statements. */
const HELD_BYTES_BESIDES = 256 * 1024;

export function heldBytesMaxOf(bounds: DecoderBounds): number {
  return 2 * (bounds.requestBytesMax + bounds.responseBytesMax + bounds.pendingBytesMax) + HELD_BYTES_BESIDES;
}

export function openingOf(script: Script, options: RunOptions = {}): Opening {
  return {
    client: bytesFrom(script, 'client').subarray(0, 4096),
    server: bytesFrom(script, 'server').subarray(0, 4096),
    serverPort: options.serverPort ?? 0,
    late: options.late ?? false,
    ...(options.agreement && { agreement: options.agreement }),
  };
}

/**
 * Run `script` (normalised), each step cut by `cut`.
 *
 * Asserts, besides what it returns: `heldBytes` is under its bound after each push and 0 at the end; for each side, the
 * decoder's own bytes = decoded + notUnderstood + cut. Sides that the script leaves open are ended, client first.
 */
export function runScript(
  definition: ProtocolDefinition,
  script: Script,
  options: RunOptions = {},
  cut: Cut = uncut,
): Run {
  const bounds = options.bounds ?? DEFAULT_BOUNDS;
  const heldLimit = options.heldBytesMax ?? heldBytesMaxOf(bounds);
  const exchanges: Exchange[] = [];
  const credentials: SeenCredential[] = [];
  const terminals: TerminalStretch[] = [];
  const carried: Carried[] = [];
  const troubles: Record<string, number> = {};
  const ownBytes = { client: 0, server: 0 };
  const ended = { client: false, server: false };
  let handover: Handover | undefined;
  let heldBytesMax = 0;
  let pushing: { from: Side; bytes: number } | undefined;

  const decoder = definition.create(
    bounds,
    {
      exchange: (exchange) => exchanges.push(exchange),
      credential: (credential) => credentials.push(credential),
      terminal: (stretch) => terminals.push(stretch),
      carried: (event) => {
        const { id } = event;
        const open = carried.find((one) => one.id === id);
        if (event.kind === 'opened') {
          assert.equal(open, undefined, `${id} was opened twice`);
          carried.push({ id, place: event.place, client: '', server: '', missingBytes: 0, isClosed: false });
          return;
        }
        assert.ok(open?.isClosed === false, `${id} is not open`);
        if (event.kind === 'bytes') open[event.from] += Buffer.from(event.bytes).toString('latin1');
        else if (event.kind === 'gap') open.missingBytes += event.missingBytes;
        else open.isClosed = true;
      },
      handover: (protocol, consumedBytes, agreement) => {
        assert.ok(pushing, 'handover outside a push');
        assert.equal(handover, undefined, 'handed over twice');
        assert.ok(consumedBytes >= 0 && consumedBytes <= pushing.bytes, `handover consumed ${consumedBytes} bytes`);
        const atByte = ownBytes[pushing.from] + consumedBytes;
        handover = { protocol, from: pushing.from, atByte, ...(agreement && { agreement }) };
      },
      trouble: (from, reason, bytes) => {
        const key = `${from} ${reason}`;
        troubles[key] = (troubles[key] ?? 0) + bytes;
      },
    },
    openingOf(script, options),
  );
  const noteHeld = () => {
    const held = decoder.heldBytes;
    assert.ok(held >= 0, `held ${held} bytes`);
    assert.ok(held <= heldLimit, `held ${held} bytes, more than ${heldLimit}`);
    if (held > heldBytesMax) heldBytesMax = held;
  };

  script.forEach((step, index) => {
    if (step.kind === 'gap') {
      if (handover === undefined) decoder.gap(step.from, step.missingBytes, index);
    } else if (step.kind === 'end') {
      decoder.end(step.from, index);
      ended[step.from] = true;
    } else {
      for (const piece of cut(step, index)) {
        if (handover !== undefined) return;
        pushing = { from: step.from, bytes: piece.length };
        // The chunk is spoilt after the push: what a decoder keeps must be a copy.
        const chunk = Buffer.from(piece);
        decoder.push(step.from, chunk, index);
        chunk.fill(0xa5);
        pushing = undefined;
        const handed = handover as Handover | undefined;
        ownBytes[step.from] = handed?.atByte ?? ownBytes[step.from] + piece.length;
        noteHeld();
      }
    }
    noteHeld();
  });
  for (const side of ['client', 'server'] as const) {
    if (!ended[side]) decoder.end(side, script.length);
  }
  assert.equal(decoder.heldBytes, 0, 'bytes are held after the end');
  const counts = { client: { ...decoder.counts.client }, server: { ...decoder.counts.server } };
  for (const side of ['client', 'server'] as const) {
    const { decoded, notUnderstood, cut: cutBytes } = counts[side];
    assert.ok(Math.min(decoded, notUnderstood, cutBytes) >= 0, `a count is negative: ${JSON.stringify(counts)}`);
    assert.equal(
      decoded + notUnderstood + cutBytes,
      ownBytes[side],
      `bytes of the ${side} do not add up: ${JSON.stringify(counts[side])} of ${ownBytes[side]}`,
    );
  }
  assert.ok(
    carried.every(({ isClosed }) => isClosed),
    'what is carried is closed at the end',
  );
  return { exchanges, credentials, terminals, carried, handover, troubles, counts, ownBytes, heldBytesMax };
}
