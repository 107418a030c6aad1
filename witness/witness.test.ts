// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { formatAddCheckpoint } from '../proto/log/add-checkpoint.ts';
import { createVerifier, formatNote, openNote, signText } from '../proto/log/note.ts';
import { LogStates, stateFileName } from './log-states.ts';
import { TestLog } from './testing/test-log.ts';
import { type Verdict, Witness } from './witness.ts';
import { WitnessError } from './witness-error.ts';

const NAME = 'witness.example.net';
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const verifier = createVerifier(NAME, publicKey, 'cosignature');

describe('a witness', () => {
  let folder: string;
  let log: TestLog;
  let witness: Witness;
  const begin = (): Witness =>
    new Witness({
      ...{ name: NAME, privateKey, states: new LogStates(folder), now: () => 1_700_000_000_999 },
      logs: [{ origin: log.origin, verifiers: [log.verifier] }],
    });
  const ask = (of: TestLog, oldSize: number, proof = of.proofFrom(oldSize)): Promise<Verdict> =>
    witness.add(formatAddCheckpoint({ oldSize, proof, note: of.note }));
  const kindOf = async (verdict: Promise<Verdict>): Promise<string> => (await verdict).kind;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sworn-witness-'));
  });
  beforeEach(() => {
    log = new TestLog(`sworn/agent-${Math.random()}`).grow(5);
    witness = begin();
  });
  after(() => rmSync(folder, { recursive: true }));

  it('cosigns what has only grown, with the time', async () => {
    for (const [oldSize, size] of [
      [0, 5],
      [5, 5],
      [5, 8],
      [8, 300],
    ] as const) {
      log.grow(size);
      const verdict = await ask(log, oldSize);
      assert.ok(verdict.kind === 'cosigned', JSON.stringify(verdict));
      const signed = { text: log.text, signatures: [...log.signed.signatures, verdict.signature] };
      assert.deepEqual(
        openNote(signed, [log.verifier, verifier]).map(({ timeS }) => timeS),
        [undefined, 1_700_000_000],
      );
    }
  });

  it('says where it is when the log takes it to be elsewhere', async () => {
    assert.equal((await ask(log, 0)).kind, 'cosigned');
    assert.deepEqual(await ask(log.grow(9), 0), { kind: 'stale', size: 5 });
    assert.deepEqual(await ask(log, 7), { kind: 'stale', size: 5 });
    const shorter = new TestLog(log.origin, { privateKey: log.privateKey, publicKey: log.verifier.publicKey }).grow(3);
    assert.deepEqual(await ask(shorter, 3), { kind: 'stale', size: 5 });
    assert.deepEqual(await ask(shorter, 0), { kind: 'stale', size: 5 }, 'and does not go back');
  });

  it('never signs another root for a size, nor what does not follow', async () => {
    const fork = log.fork('other', 9);
    assert.equal((await ask(log.grow(9), 0)).kind, 'cosigned');
    assert.equal(await kindOf(ask(fork, 9, [])), 'other_root');
    fork.grow(12, 'other');
    assert.equal(await kindOf(ask(fork, 9)), 'not_grown');
    assert.equal(await kindOf(ask(log.grow(12), 9, [])), 'not_grown');
    assert.equal(await kindOf(ask(log, 9, [...log.proofFrom(9), Buffer.alloc(32)])), 'not_grown');
    assert.equal(await kindOf(ask(log, 9)), 'cosigned');
  });

  it('signs nothing for whom it does not know', async () => {
    assert.equal(await kindOf(ask(new TestLog('sworn/stranger').grow(2), 0)), 'unknown_log');
    assert.equal(await kindOf(ask(new TestLog(log.origin).grow(2), 0)), 'not_signed', 'another key of the same name');
    const broken = formatNote({
      text: log.text,
      signatures: [signText(`${log.origin}\n`, log.origin, log.privateKey)],
    });
    const request = formatAddCheckpoint({ oldSize: 0, proof: [], note: broken });
    assert.equal(await kindOf(witness.add(request)), 'not_signed');
    for (const text of ['', 'old 0\n\n', 'x', 'old 0\n\na\nb\nc\n\n\u2014 a AAAAAAAA\n'])
      assert.equal(await kindOf(witness.add(text)), 'malformed');
    assert.equal(await kindOf(ask(log, 6, [])), 'malformed', 'an old size beyond the new one');
    const empty = new TestLog(log.origin, { privateKey: log.privateKey, publicKey: log.verifier.publicKey });
    assert.equal(await kindOf(ask(empty, 0)), 'cosigned', 'the empty log is one');
  });

  it('does what comes at once one after the other', async () => {
    const branches = ['a', 'b', 'c', 'd'].map((branch) => log.fork(branch, 20));
    await ask(log, 0);
    const verdicts = await Promise.all(branches.map((branch) => ask(branch, 5)));
    assert.deepEqual(verdicts.map(({ kind }) => kind).sort(), ['cosigned', 'stale', 'stale', 'stale']);
    const many = await Promise.all(Array.from({ length: 100 }, () => ask(log, 5)));
    assert.ok(many.some(({ kind }) => kind === 'busy'));
    assert.equal((await ask(log, 5)).kind, 'stale', 'and answers again afterwards');
  });

  it('knows what it signed after it was started again', async () => {
    await ask(log, 0);
    const fork = log.fork('other', 9);
    witness = begin();
    assert.deepEqual(await ask(fork, 0), { kind: 'stale', size: 5 });
    assert.equal((await ask(log.grow(9), 5)).kind, 'cosigned');
    witness = begin();
    assert.equal((await ask(fork, 9, [])).kind, 'other_root');
  });

  it('signs nothing for a log whose state cannot be read', async () => {
    await ask(log, 0);
    const path = join(folder, stateFileName(log.origin));
    const whole = readFileSync(path);
    for (const damaged of ['', whole.subarray(0, 20), String(whole).replace('\n5\n', '\n5x\n')]) {
      writeFileSync(path, damaged);
      witness = begin();
      await assert.rejects(ask(log, 5), WitnessError);
      await assert.rejects(ask(log, 0), WitnessError);
    }
    writeFileSync(path, whole);
    assert.equal((await ask(log, 5)).kind, 'cosigned');
  });
});
