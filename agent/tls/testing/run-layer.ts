// SPDX-License-Identifier: Apache-2.0

/** Runs the layer over a captured conversation, cut and damaged as a test wants, and checks what must hold at any time. */
import assert from 'node:assert/strict';
import type { TlsSecret } from '../../model/tls-secret.ts';
import type { Side } from '../../protocol/decoder.ts';
import type { Script, Step } from '../../protocol/testing/script.ts';
import { secretsOf, type TlsCapture } from '../capture/tls-capture.ts';
import { SecretPool } from '../secret-pool.ts';
import { TlsLayer, type TlsLayerOptions } from '../tls-layer.ts';

/** Plaintext where it was read, and the size of what is missing between. */
export interface Piece {
  /** In the plaintext of that side, gaps counted. */
  readonly offset: number;
  readonly bytes: Buffer;
}

export interface LayerRun {
  readonly layer: TlsLayer;
  readonly pool: SecretPool;
  readonly pieces: Readonly<Record<Side, Piece[]>>;
  /** Size of plaintext, gaps included. */
  readonly offsets: Record<Side, number>;
  readonly gaps: Record<Side, number>;
  /** Bytes by `side reason`. */
  readonly unreadable: Record<string, number>;
  /** The sides whose data came out, in order. */
  readonly order: string[];
  readonly heldBytesMax: number;
}

export interface LayerRunOptions extends Partial<TlsLayerOptions> {
  /** Of the session that the connection is in; left out: its own. */
  readonly pool?: SecretPool;
  /** In the store from the beginning. */
  readonly secrets?: readonly TlsSecret[];
  /** Bytes of each push; whole steps by default. */
  readonly pieceBytes?: number;
  /** Called before each push. */
  readonly before?: (run: { layer: TlsLayer; pool: SecretPool }, push: number) => void;
  readonly leaveOpen?: boolean;
}

const PID = 4711;

export function runLayer(script: Script, options: LayerRunOptions = {}): LayerRun {
  const pool = options.pool ?? new SecretPool();
  for (const secret of options.secrets ?? []) pool.add(secret, PID, 0);
  const pieces: Record<Side, Piece[]> = { client: [], server: [] };
  const offsets = { client: 0, server: 0 };
  const gaps = { client: 0, server: 0 };
  const unreadable: Record<string, number> = {};
  const order: string[] = [];
  const pushed = { client: 0, server: 0 };
  let heldBytesMax = 0;
  const layer = new TlsLayer(
    {
      data(from, bytes) {
        assert.ok(bytes.length > 0);
        pieces[from].push({ offset: offsets[from], bytes: Buffer.from(bytes) });
        offsets[from] += bytes.length;
        if (order.at(-1) !== from) order.push(from);
      },
      gap(from, bytes) {
        assert.ok(bytes > 0);
        offsets[from] += bytes;
        gaps[from] += bytes;
      },
      unreadable(from, reason, bytes) {
        assert.ok(bytes > 0);
        const key = `${from} ${reason}`;
        unreadable[key] = (unreadable[key] ?? 0) + bytes;
      },
    },
    pool.storeFor(() => [PID]),
    { late: false, ...options },
  );
  const check = (): void => {
    heldBytesMax = Math.max(heldBytesMax, layer.heldBytes);
    for (const side of ['client', 'server'] as const) {
      const { framing, plaintext, unreadable: unread, waiting } = layer.counts(side);
      assert.equal(framing + plaintext + unread + waiting, pushed[side], `the counts of the ${side} add up`);
      assert.equal(sumOf(pieces[side]), plaintext);
      const told = Object.entries(unreadable).reduce((sum, [key, n]) => sum + (key.startsWith(side) ? n : 0), 0);
      assert.equal(told, unread, 'what is unreadable is told');
    }
  };
  let pushes = 0;
  for (const step of script) {
    if (step.kind === 'gap') layer.gap(step.from, step.missingBytes, pushes);
    if (step.kind !== 'bytes') continue;
    for (const bytes of cut(step, options.pieceBytes)) {
      options.before?.({ layer, pool }, pushes);
      const copy = Uint8Array.from(bytes);
      pushed[step.from] += copy.length;
      layer.push(step.from, copy, pushes++);
      // Nothing may be kept that is not a copy.
      copy.fill(0xee);
      check();
    }
  }
  if (!options.leaveOpen) {
    layer.end(pushes);
    check();
    assert.equal(layer.heldBytes, 0);
    assert.equal(layer.counts('client').waiting + layer.counts('server').waiting, 0);
  }
  return { layer, pool, pieces, offsets, gaps, unreadable, order, heldBytesMax };
}

export function plaintextOf(capture: TlsCapture): Readonly<Record<Side, Buffer>> {
  const { client, server } = capture.expected;
  return { client: Buffer.from(client, 'base64'), server: Buffer.from(server, 'base64') };
}

export function secretsFor(capture: TlsCapture): TlsSecret[] {
  return secretsOf(capture.expected.keyLog);
}

/** Secrets as a probe sees them that is told no labels: only the master secret names its connection. */
export function unlabelled(secrets: readonly TlsSecret[]): TlsSecret[] {
  return secrets.map((secret) =>
    secret.kind === 'master' ? secret : { ...secret, label: undefined, clientRandom: undefined },
  );
}

/** Nothing wrong was given out: each piece is what its side sent. With `exact`, at the place that the gaps say. */
export function isOfPlaintext(run: LayerRun, plain: Readonly<Record<Side, Buffer>>, exact = true): void {
  for (const side of ['client', 'server'] as const) {
    let from = 0;
    for (const { offset, bytes } of run.pieces[side]) {
      if (exact) {
        assert.ok(plain[side].subarray(offset, offset + bytes.length).equals(bytes), `${side} at ${offset}`);
        continue;
      }
      const found = plain[side].indexOf(bytes, from);
      assert.ok(found >= 0, `the ${side} sent this`);
      from = found + bytes.length;
    }
  }
}

export function readWhole(run: LayerRun, side: Side): Buffer {
  return Buffer.concat(run.pieces[side].map((piece) => piece.bytes));
}

function sumOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => sum + piece.bytes.length, 0);
}

function* cut(step: Step & { kind: 'bytes' }, pieceBytes = Number.POSITIVE_INFINITY): Iterable<Uint8Array> {
  for (let at = 0; at < step.bytes.length; at += pieceBytes) yield step.bytes.subarray(at, at + pieceBytes);
}
