// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { TerminalEvent } from '../protocol/decoder.ts';
import { Redactor } from './redaction/redactor.ts';
import { recordedStretch } from './terminal-stretch.ts';

const redactor = new Redactor(new Uint8Array(32));

/** "i:ls" typed, "o:ls" shown, "h:3" hidden, "r:80x24"; a millisecond apart. */
function eventsOf(...parts: readonly string[]): TerminalEvent[] {
  return parts.map((part, index) => {
    const [kind, text] = [part.slice(0, 1), part.slice(2)];
    const at = 5e9 + index * 1e6;
    if (kind === 'h') return { kind: 'hidden', bytes: Number(text), at };
    const [columns, rows] = text.split('x').map(Number) as [number, number];
    if (kind === 'r') return { kind: 'resized', columns, rows, at };
    return { kind: kind === 'i' ? 'typed' : 'shown', bytes: Buffer.from(text), at };
  });
}

function recorded(...parts: readonly string[]) {
  const events = eventsOf(...parts);
  const { input, output, timing, ...rest } = recordedStretch(
    { terminal: 't', columns: 80, rows: 24, events, cutBytes: 0 },
    redactor,
  );
  const text = { input: Buffer.from(input).toString(), output: Buffer.from(output).toString() };
  return { ...rest, ...text, timing: JSON.parse(timing) as [number, string, number | string][] };
}

test('a stretch is what was typed, what was shown, and the order of both', () => {
  const stretch = recorded('o:$ ', 'i:l', 'o:l', 'r:100x30', 'i:s\r', 'o:s\r\nfile\r\n');
  assert.equal(stretch.input, 'ls\r');
  assert.equal(stretch.output, '$ ls\r\nfile\r\n');
  assert.deepEqual(stretch.timing, [
    [0, 'o', 2],
    [1000, 'i', 1],
    [2000, 'o', 1],
    [3000, 'r', '100x30'],
    [4000, 'i', 2],
    [5000, 'o', 9],
  ]);
  assert.deepEqual([stretch.inputBytes, stretch.outputBytes, stretch.hiddenBytes], [3, 12, 0]);
  assert.deepEqual([stretch.sinceNs, stretch.untilNs], [5e9, 5e9 + 5e6]);
});

test('what is typed while nothing is shown is counted and not kept', () => {
  const cases = [
    ['o:Password: ', 'i:hunter2\r', 'o:\r\nWelcome\r\n'],
    ['o:Password: ', 'i:hu', 'i:nt', 'i:er2', 'i:\r', 'o:\r\nhunt: welcome\r\n'],
    ['o:Password: ', 'i:hunter2\r', 'o:got it'],
    ['o:Password: ', 'i:hunter2\r', 'o:\x1b[?2004l\r\n'],
    ['o:Password: ', 'i:hunter2', 'r:80x25'],
    ['o:Password: ', 'i:hunter2', 'o:*******', 'i:\r', 'o:\r\n'],
    ['i:\x1b[A', 'i:hunter2\r'],
  ];
  for (const parts of cases) {
    const stretch = recorded(...parts);
    assert.doesNotMatch(stretch.input, /hunter|nt|er2/, parts.join(' '));
    assert.equal(stretch.hiddenBytes, parts.at(0)?.includes('[A') ? 9 : 7, parts.join(' '));
  }
});

test('what the source says is hidden stays in its place', () => {
  const stretch = recorded('i:a', 'o:a', 'h:7', 'i:\n', 'o:\n');
  assert.deepEqual(
    stretch.timing.map(([, what, much]) => `${what}${much}`),
    ['i1', 'o1', 'h7', 'i1', 'o1'],
  );
  assert.equal(stretch.inputBytes, 9);
});

test('a line that is shown anew with its prompt shows what was typed', () => {
  assert.equal(recorded('i:stty size\r', 'o:\r\x1b[K$ stty size\r\n30 100\r\n').input, 'stty size\r');
});

test('several lines typed at once are kept when the first is shown', () => {
  assert.equal(recorded('i:ls\rpwd\r', 'o:ls\r\n/x\r\n', 'o:pwd\r\n').input, 'ls\rpwd\r');
});

test('a password that is typed ahead with the command that asks for it is counted and not kept', () => {
  const stretch = recorded('o:$ ', 'i:read -s word\rhunter2\r', 'o:read -s word\r\n', 'o:$ ');
  assert.equal(stretch.input, 'read -s word\r\r');
  assert.equal(stretch.hiddenBytes, 7);
});

test('credentials that were typed or shown are taken out, and the timing counts what is left', () => {
  const stretch = recorded('i:export DB_PASSWORD=hun', 'o:export DB_PASSWORD=hun', 'i:ter2\r', 'o:ter2\r\n$ ');
  assert.doesNotMatch(stretch.input + stretch.output, /hun|ter2/);
  assert.match(stretch.input, /^export DB_PASSWORD=\[redacted:[0-9a-f]{12}\]\r$/);
  assert.equal(stretch.inputBytes, 'export DB_PASSWORD=hunter2\r'.length);
});

test('whatever happens, the timing takes exactly what is there', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc
      .constantFrom('PASSWORD=abc', 'ls\r', '\x1b[', '\x1b]0;t', 'token: eyJhbGciOiJIUzI1NiJ9.e30.x')
      .map((text) => Buffer.from(text)),
  );
  const event: fc.Arbitrary<TerminalEvent> = fc.oneof(
    fc.record({ kind: fc.constantFrom('typed' as const, 'shown' as const), bytes, at: fc.nat() }),
    fc.record({ kind: fc.constant('hidden' as const), bytes: fc.nat({ max: 9 }), at: fc.nat() }),
    fc.record({ kind: fc.constant('resized' as const), columns: fc.nat(), rows: fc.nat(), at: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 30 }), (events) => {
      const stretch = recordedStretch({ terminal: '', columns: 0, rows: 0, events, cutBytes: 0 }, redactor);
      const timing = JSON.parse(stretch.timing) as [number, string, number][];
      const sum = (what: string) => timing.reduce((all, [, kind, much]) => all + (kind === what ? much : 0), 0);
      assert.equal(sum('i'), stretch.input.length);
      assert.equal(sum('o'), stretch.output.length);
      assert.equal(sum('h'), stretch.hiddenBytes);
      const seen = (kinds: readonly string[]) =>
        events.reduce((all, one) => {
          if (!kinds.includes(one.kind) || one.kind === 'resized') return all;
          return all + (one.kind === 'hidden' ? one.bytes : one.bytes.length);
        }, 0);
      assert.equal(stretch.inputBytes, seen(['typed', 'hidden']));
      assert.equal(stretch.outputBytes, seen(['shown']));
    }),
    { numRuns: 500 },
  );
});
