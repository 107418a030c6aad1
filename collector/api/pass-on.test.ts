// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough, Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { describe, it } from 'node:test';
import { passOn } from './pass-on.ts';

const PIECE_BYTES = 65_536;

function pieces(count: number): Buffer[] {
  return Array.from({ length: count }, (_, at) => Buffer.from(new ArrayBuffer(PIECE_BYTES)).fill(at + 1));
}

describe('an answer that is passed on', () => {
  it('arrives whole at who reads slowly, and its pieces are given back', async () => {
    const sent = pieces(20);
    const arrived: number[] = [];
    const to = new Writable({
      highWaterMark: 1,
      write(piece: Buffer, _encoding, done) {
        setImmediate(() => {
          arrived.push(piece.length, piece[0] as number, piece.at(-1) as number);
          done();
        });
      },
    });
    passOn(Readable.from(sent, { objectMode: false }), to);
    await finished(to);
    assert.deepEqual(
      arrived,
      sent.flatMap((_, at) => [PIECE_BYTES, at + 1, at + 1]),
    );
    assert.deepEqual(new Set(sent.map(({ length }) => length)), new Set([0]));
  });

  it('leaves a piece alone that is a part of something larger', async () => {
    const whole = Buffer.from(new ArrayBuffer(8)).fill(7);
    const to = new PassThrough();
    passOn(Readable.from([whole.subarray(2, 6)], { objectMode: false }), to);
    to.resume();
    await finished(to);
    assert.equal(whole.length, 8);
  });

  it('breaks off where the answer does, and ends the answer when nobody waits for it', async () => {
    const from = new PassThrough();
    const to = new PassThrough();
    passOn(from, to);
    from.destroy(new Error('no more'));
    await once(to, 'close');
    assert.equal(to.writableFinished, false);
    const other = new PassThrough();
    const gone = new PassThrough();
    passOn(other, gone);
    gone.destroy();
    await once(other, 'close');
    // Who went before it began: nothing says so any more.
    const late = new PassThrough();
    passOn(late, gone);
    assert.equal(late.destroyed, true);
  });
});
