// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatCheckpoint, parseCheckpoint } from './checkpoint.ts';
import {
  createVerifier,
  formatNote,
  formatVerifier,
  NoteError,
  openNote,
  parseNote,
  parseVerifier,
  signText,
} from './note.ts';

const key = generateKeyPairSync('ed25519');
const witness = generateKeyPairSync('ed25519');
const verifier = createVerifier('sworn.example/host-1', key.publicKey);
const witnessVerifier = createVerifier('witness.example', witness.publicKey, 'cosignature');

const TEXT = 'sworn.example/host-1\n3\nqINS1GRFhWHwdkUeqLEoP4yEMkTBBzxBkGwGQlVlVcs=\n';
const signed = () => ({
  text: TEXT,
  signatures: [
    signText(TEXT, verifier.name, key.privateKey),
    signText(TEXT, 'witness.example', witness.privateKey, 1700000000),
  ],
});

describe('a signed note', () => {
  it('is opened with the key line and the note that the specification of the format shows', () => {
    const known = parseVerifier('PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW');
    const text =
      "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const note = `${text}\n\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n`;
    const [good] = openNote(parseNote(note), [known]);
    assert.equal(good?.verifier.name, 'PeterNeumann');
    assert.throws(() => openNote(parseNote(note.replace('your problem is', 'your problem was')), [known]), NoteError);
  });

  it('says who of those that are known has signed it, and when a witness did', () => {
    const note = parseNote(formatNote(signed()));
    assert.equal(note.text, TEXT);
    const good = openNote(note, [verifier, witnessVerifier]);
    assert.deepEqual(
      good.map(({ verifier: { name }, timeS }) => [name, timeS]),
      [
        ['sworn.example/host-1', undefined],
        ['witness.example', 1700000000],
      ],
    );
    assert.deepEqual(openNote(note, []), [], 'strangers prove nothing');
  });

  it('keeps its verifiers as lines', () => {
    for (const one of [verifier, witnessVerifier])
      assert.equal(formatVerifier(parseVerifier(formatVerifier(one))), formatVerifier(one));
    assert.throws(() => parseVerifier('x+00000000+AAAA'), NoteError);
    assert.throws(() => parseVerifier(formatVerifier(verifier).replace(/\+[0-9a-f]{8}\+/, '+00000000+')), /key id/);
    assert.throws(() => createVerifier('a b', key.publicKey), NoteError);
    assert.throws(() => createVerifier('a+b', key.publicKey), NoteError);
  });

  it('is not trusted when a known signature is wrong or there twice, under another kind, or by another time', () => {
    const { signatures } = signed();
    const [first, second] = signatures as [(typeof signatures)[0], (typeof signatures)[0]];
    const open = (list: typeof signatures, text = TEXT) =>
      openNote({ text, signatures: list }, [verifier, witnessVerifier]);
    assert.throws(() => open([first], TEXT.replace('3', '4')), NoteError);
    assert.throws(() => open([first, first]), /twice/);
    assert.throws(() => open([{ ...first, bytes: second.bytes }]), NoteError);
    const later = Buffer.from(second.bytes);
    later.writeBigUInt64BE(1700000001n);
    assert.throws(() => open([{ ...second, bytes: later }]), NoteError);
    assert.throws(() => open([{ ...first, keyId: witnessVerifier.keyId, name: witnessVerifier.name }]), NoteError);
  });

  it('with anything else in it is refused with the cause', () => {
    const good = formatNote(signed());
    for (const bad of [
      '',
      'text\n',
      `${TEXT}\n`,
      good.slice(0, -1),
      good.replace('\u2014', '-'),
      good.replace('3\n', '3\t\n'),
      `${good}\u2014 a b\n`,
      Buffer.from([0xff, 0x0a, 0x0a]),
    ]) {
      assert.throws(() => parseNote(bad), NoteError);
    }
    assert.throws(() => signText('no end', 'a', key.privateKey), NoteError);
    assert.throws(() => signText('bell\u0007\n', 'a', key.privateKey), NoteError);
  });

  it('made of any bytes is parsed or refused, and comes back as it was', () => {
    const good = Buffer.from(formatNote(signed()));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 8 }), fc.nat(good.length), fc.nat(8), (bytes, at, cut) => {
        const note = Buffer.concat([good.subarray(0, at), bytes, good.subarray(at + cut)]);
        try {
          assert.deepEqual(Buffer.from(formatNote(parseNote(note))), note);
        } catch (error) {
          assert.ok(error instanceof NoteError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a checkpoint', () => {
  const checkpoint = {
    origin: 'sworn.example/host-1',
    size: 3,
    root: Buffer.alloc(32, 7),
    extensions: ['time 1700000000'],
  };

  it('comes back as it was', () => {
    assert.deepEqual(parseCheckpoint(formatCheckpoint(checkpoint)), checkpoint);
    assert.deepEqual(parseCheckpoint(TEXT).extensions, []);
  });

  it('is refused with a line that would read back as another', () => {
    assert.throws(() => formatCheckpoint({ ...checkpoint, origin: 'a\n9' }), NoteError);
    assert.throws(() => formatCheckpoint({ ...checkpoint, extensions: [''] }), NoteError);
    assert.throws(() => formatCheckpoint({ ...checkpoint, size: 1.5 }), NoteError);
    assert.throws(() => formatCheckpoint({ ...checkpoint, root: Buffer.alloc(31) }), NoteError);
    for (const bad of [
      '',
      'a\n',
      'a\n1\n',
      'a\n01\nAA==\n',
      TEXT.slice(0, -1),
      TEXT.replace('\n3\n', '\n03\n'),
      TEXT.replace('=', ''),
      `${TEXT}\n`,
    ]) {
      assert.throws(() => parseCheckpoint(bad), NoteError, JSON.stringify(bad));
    }
  });
});
