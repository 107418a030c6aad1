// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import fs, {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { type Ledgers, openLedgers } from './ledger-file.ts';
import { createHandClock } from './testing/hand-clock.ts';
import { keptLog } from './testing/staged-broker.ts';

const clock = createHandClock();
const FINGERPRINTS = ['a', 'b', 'c'].map((letter) => letter.repeat(64)) as [string, string, string];
const [A, B, C] = FINGERPRINTS;
const HOUR = 3_600_000;

let folder: string;
let path: string;
let lines: string[];
let counts: { obtainedDropped: number; ledgerUnwritten: number };
let opened: Ledgers[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sworn-ledger-'));
  path = join(folder, 'ledger');
  [lines, opened, counts] = [[], [], { obtainedDropped: 0, ledgerUnwritten: 0 }];
});
afterEach(() => {
  for (const ledgers of opened) ledgers.close();
  rmSync(folder, { recursive: true });
});

function open(bootId = 'boot', at = path): Ledgers {
  const ledgers = openLedgers({ clock, log: keptLog(lines), counts, file: { path: at, bootId } });
  opened.push(ledgers);
  return ledgers;
}

const holder = (sessionKey: bigint) => ({
  pid: 5,
  startNs: 12_345_678_901_234_567n,
  selectionName: 'orders',
  sessionKey,
  sessionId: `session ${sessionKey}`,
});
const issue = ({ issued }: Ledgers, fingerprint: string, sessionKey: bigint) =>
  issued.add(
    { fingerprint, expiresAtMs: clock.wallMs() + HOUR, verification: { state: 'unverifiable', reason: 'nonce' } },
    { holder: holder(sessionKey), identityName: 'orders-app', issuedAtNs: 7n },
  );
const obtain = ({ obtained }: Ledgers, fingerprint: string, sessionKey: bigint) =>
  obtained.add(
    { fingerprint, expiresAtMs: clock.wallMs() + HOUR },
    { holder: holder(sessionKey), from: 'h:1', atNs: 8n },
  );

describe('the file of the ledgers', () => {
  test('brings back what was there, exactly', () => {
    const before = open();
    issue(before, A, 2n ** 63n + 1n);
    issue(before, A, 2n);
    obtain(before, B, 3n);
    const after = open();
    assert.deepEqual(after.issued.find(A), { ...before.issued.find(A), claims: {} });
    assert.deepEqual(after.obtained.find(B), before.obtained.find(B));
    assert.deepEqual(lines, []);
  });

  test('has one line for each session that got a token, and nobody else may read it', () => {
    const ledgers = open();
    for (let times = 0; times < 5; times += 1) issue(ledgers, A, 1n);
    assert.equal(readFileSync(path, 'utf8').split('\n').length, 3, 'a head, a line, and the end of it');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder), ['ledger']);
  });

  test('is empty after a reboot, and says nothing of it', () => {
    issue(open(), A, 1n);
    assert.equal(open('another boot').issued.size, 0);
    assert.deepEqual(lines, []);
  });

  test('loses a line that was torn, and no other', () => {
    issue(open(), A, 1n);
    appendFileSync(path, '{"how":"issued","finger');
    const ledgers = open();
    assert.deepEqual([ledgers.issued.size, lines.length], [1, 1]);
    issue(ledgers, B, 1n);
    assert.equal(open().issued.size, 2, 'and what comes behind it is whole');
  });

  for (const [what, text] of [
    ['no JSON at all', 'hello\n'],
    ['of another version', '{"version":2,"boot_id":"boot"}\n'],
    ['broken within', '{"version":1,"boot_id":"boot"}\nnull\n'],
    ['without a holder', `{"version":1,"boot_id":"boot"}\n{"how":"issued","fingerprint":"${A}"}\n`],
    ['of bytes', '\0\xff\n'.repeat(100)],
  ] as const) {
    test(`is told and starts empty when it is ${what}`, () => {
      writeFileSync(path, text);
      const ledgers = open();
      assert.deepEqual([ledgers.issued.size, lines.length], [0, 1], lines.join());
      issue(ledgers, A, 1n);
      assert.equal(open().issued.size, 1);
    });
  }

  test('takes any text without throwing', () => {
    const line = JSON.stringify({
      how: 'obtained',
      fingerprint: A,
      expires_ms: 1,
      at_ns: '1',
      pid: 1,
      start_ns: '1',
      session_key: '1',
      from: 'x',
    });
    fc.assert(
      fc.property(fc.nat(line.length), fc.string({ unit: 'binary', maxLength: 5 }), (at, inserted) => {
        writeFileSync(path, `{"version":1,"boot_id":"boot"}\n${line.slice(0, at)}${inserted}${line.slice(at)}\n`);
        open().close();
      }),
      { numRuns: 50 },
    );
  });

  test('does not write through a link that was put in its place', () => {
    const target = join(folder, 'target');
    writeFileSync(target, 'precious');
    symlinkSync(target, `${path}.new`);
    issue(open(), A, 1n);
    assert.equal(readFileSync(target, 'utf8'), 'precious');
  });

  test('that cannot be written is told once and counted, and the ledgers go on; it is whole again afterwards', () => {
    const at = join(folder, 'missing', 'ledger');
    const ledgers = open('boot', at);
    issue(ledgers, A, 1n);
    issue(ledgers, B, 1n);
    assert.deepEqual([ledgers.issued.size, counts.ledgerUnwritten, lines.length], [2, 3, 1]);
    mkdirSync(join(folder, 'missing'));
    issue(ledgers, C, 1n);
    assert.equal(open('boot', at).issued.size, 3);
  });

  test('that can only be written in part stays as it was', (context) => {
    issue(open(), A, 1n);
    const before = readFileSync(path, 'utf8');
    const { writeSync } = fs;
    const full = context.mock.method(fs, 'writeSync', (to: number, text: string) => writeSync(to, text.slice(0, 9)));
    syncBuiltinESMExports();
    open();
    full.mock.restore();
    syncBuiltinESMExports();
    assert.equal(readFileSync(path, 'utf8'), before);
    assert.deepEqual([counts.ledgerUnwritten, lines.length], [1, 1]);
  });

  test('is written anew before it grows without bound', () => {
    const ledgers = open();
    // One session that obtains without end: a thousand stay, and the lines of the others go.
    for (let index = 0; index < 40_000; index += 1) obtain(ledgers, index.toString(16).padStart(64, '0'), 1n);
    assert.ok(statSync(path).size < 9 * 1024 * 1024, `${statSync(path).size}`);
    assert.equal(counts.obtainedDropped, 39_000, 'and what was dropped is counted');
    assert.equal(open().obtained.size, ledgers.obtained.size);
  });
});
