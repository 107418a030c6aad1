// SPDX-License-Identifier: Apache-2.0

/** The harness must catch a decoder that is wrong; so it is tried with a right one and with several wrong ones. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Decoder, DecoderSink, Exchange, ProtocolDefinition, Side } from '../decoder.ts';
import { readCapture, writeCapture } from './capture-file.ts';
import { checkDetect, checkScript } from './check-script.ts';
import { mutated } from './mutated.ts';
import { ends, misses, sends } from './script.ts';

const NOTHING = { bytes: new Uint8Array(), totalBytes: 0 };

/** A toy: client lines are requests, each is an exchange as soon as its newline is seen. '!' hands over. */
function lines(fault: 'none' | 'per-chunk' | 'miscounts' | 'keeps-views' | 'grows' | 'throws'): ProtocolDefinition {
  return {
    name: 'lines',
    detect: (opening) => (opening.client.includes(10) ? 'yes' : 'not-yet'),
    create: (_bounds, sink) => lineDecoder(fault, sink),
  };
}

function lineDecoder(fault: string, sink: DecoderSink): Decoder {
  const counts = {
    client: { decoded: 0, notUnderstood: 0, cut: 0 },
    server: { decoded: 0, notUnderstood: 0, cut: 0 },
  };
  let line: Buffer = Buffer.alloc(0);
  let held = 0;
  const give = (statement: Buffer, at: number) => {
    sink.exchange(exchange(fault === 'keeps-views' ? statement : Buffer.from(statement), at));
  };
  return {
    counts,
    get heldBytes() {
      return line.length + held;
    },
    push(from: Side, bytes: Uint8Array, at: number) {
      if (fault === 'throws' && bytes.includes(0)) throw new Error('a decoder must not throw');
      if (fault === 'grows') held += 1_000_000_000;
      if (from === 'server') {
        counts.server.decoded += bytes.length;
        return;
      }
      let start = 0;
      for (let i = 0; i < bytes.length; i++) {
        if (bytes[i] === 33) {
          counts.client.decoded += line.length + i + 1 - start;
          line = Buffer.alloc(0);
          sink.handover('other', i + 1);
          return;
        }
        if (bytes[i] !== 10) continue;
        const part = Buffer.from(bytes.buffer, bytes.byteOffset + start, i + 1 - start);
        counts.client.decoded += line.length + part.length - (fault === 'miscounts' ? 1 : 0);
        give(line.length === 0 ? part : Buffer.concat([line, part]), at);
        line = Buffer.alloc(0);
        start = i + 1;
      }
      if (fault === 'per-chunk' && start < bytes.length) give(Buffer.from(bytes.subarray(start)), at);
      line = Buffer.concat([line, bytes.subarray(start)]);
    },
    gap() {},
    end(from: Side) {
      if (from !== 'client') return;
      counts.client.notUnderstood += line.length;
      line = Buffer.alloc(0);
    },
  };
}

function exchange(bytes: Uint8Array, at: number): Exchange {
  return {
    operation: 'LINE',
    target: '',
    resource: '',
    statement: '',
    statementShape: '',
    parameters: '',
    request: { bytes, totalBytes: bytes.length },
    response: NOTHING,
    status: 'unknown',
    errorCode: '',
    errorMessage: '',
    requestBytes: bytes.length,
    responseBytes: 0,
    truncated: false,
    attributes: {},
    requestAt: at,
    requestEndAt: at,
    responseAt: at,
    responseEndAt: at,
  };
}

const SCRIPT = [sends('client', 'one\ntw'), sends('server', 'ok'), sends('client', 'o\nthree'), ends('client')];

test('a decoder that is right passes, and its exchanges come back', () => {
  const run = checkScript(lines('none'), SCRIPT);
  assert.deepEqual(
    run.exchanges.map((one) => [Buffer.from(one.request.bytes).toString(), one.requestAt]),
    [
      ['one\n', 0],
      ['two\n', 2],
    ],
  );
  assert.deepEqual(run.counts.client, { decoded: 8, notUnderstood: 5, cut: 0 });
});

test('bytes after a handover are not the decoder’s', () => {
  const run = checkScript(lines('none'), [sends('client', 'one\n!secret\n'), sends('server', 'more')]);
  assert.deepEqual(run.handover, { protocol: 'other', from: 'client', atByte: 5 });
  assert.deepEqual(run.ownBytes, { client: 5, server: 0 });
});

for (const [fault, says] of [
  ['per-chunk', /exchanges differ/],
  ['miscounts', /do not add up/],
  ['keeps-views', /exchanges differ/],
  ['grows', /held \d+ bytes/],
] as const) {
  test(`a decoder that ${fault} is caught`, () => {
    assert.throws(() => checkScript(lines(fault), SCRIPT), says);
  });
}

test('damaged captures pass with a decoder that is right and find one that throws', () => {
  mutated(lines('none'), [SCRIPT], { seed: 1, runs: 50 });
  assert.throws(() => mutated(lines('throws'), [SCRIPT], { seed: 1, runs: 200 }), /must not throw/);
});

test('detection is tried as bytes arrive', () => {
  assert.equal(checkDetect(lines('none'), SCRIPT), 'yes');
  assert.equal(checkDetect(lines('none'), [sends('client', 'no newline')]), 'not-yet');
});

test('a capture is read back as it was written', () => {
  const file = join(tmpdir(), `sworn-capture-${process.pid}.jsonl`);
  const note = { server: 's 1', client: 'c 1', command: 'x', date: '2026-01-01' };
  const script = [sends('client', '\x00\xff"\n', 'x'.repeat(1000)), misses('server', 7), ends('server')];
  try {
    writeCapture(file, { note, script });
    assert.deepEqual(readCapture(file), { note, script });
  } finally {
    rmSync(file);
  }
});
