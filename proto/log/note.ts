// SPDX-License-Identifier: Apache-2.0

/**
 * Signed notes: a text with the signatures of those who stand behind it, in lines that people can read and many tools know.
 *
 * Source   C2SP signed-note v1.0.0: Ed25519 signatures (type 0x01); C2SP tlog-cosignature v1: a witness's signature with
 *          its time (type 0x04)
 */
import { createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';

/** What a note may weigh, and how many sign it: bounds for what comes from outside. */
const NOTE_BYTES_MAX = 1024 * 1024;
const SIGNATURES_MAX = 100;

const ED25519 = 0x01;
const COSIGNATURE = 0x04;
const KEY_BYTES = 32;
const KEY_ID_BYTES = 4;
const SIGNATURE_BYTES = 64;
const TIME_BYTES = 8;
/** The beginning of a public Ed25519 key in DER (RFC 8410). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** Whose signature: a name and a public key, as `<name>+<key id>+<base64>` in files. */
export interface NoteVerifier {
  readonly name: string;
  /** The first four bytes of a digest over name, type and key: which of several keys of a name. */
  readonly keyId: string;
  readonly kind: 'ed25519' | 'cosignature';
  readonly publicKey: KeyObject;
}

export interface NoteSignature {
  readonly name: string;
  /** Eight hexadecimal digits. */
  readonly keyId: string;
  /** What stands behind the key id. */
  readonly bytes: Buffer;
}

export interface SignedNote {
  /** Ends with a line feed. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** What `openNote` found out of a signature that is good. */
export interface GoodSignature {
  readonly verifier: NoteVerifier;
  /** Seconds since 1970, when the witness signed; undefined where the kind of signature has none. */
  readonly timeS: number | undefined;
}

export class NoteError extends Error {
  override readonly name = 'NoteError';
}

/** A name holds no white space and no plus sign, in any script. */
const isName = (name: string): boolean => name !== '' && name.isWellFormed() && !/[\s+]/u.test(name);

// biome-ignore lint/suspicious/noControlCharactersInRegex: a note must not hold them
const FORBIDDEN = /[\x00-\x09\x0b-\x1f]/;
const isText = (text: string): boolean => text.endsWith('\n') && text.isWellFormed() && !FORBIDDEN.test(text);

function rawKeyOf(publicKey: KeyObject): Buffer {
  if (publicKey.asymmetricKeyType !== 'ed25519') throw new NoteError('The key is not an Ed25519 key.');
  return publicKey.export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length);
}

function keyIdOf(name: string, type: number, rawKey: Uint8Array): Buffer {
  const bytes = Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(type), rawKey]);
  return hash('sha256', bytes, 'buffer').subarray(0, KEY_ID_BYTES);
}

const typeOf = (kind: NoteVerifier['kind']): number => (kind === 'ed25519' ? ED25519 : COSIGNATURE);

/** Errors: NoteError for a name with white space or a plus sign, or another kind of key. */
export function createVerifier(
  name: string,
  publicKey: KeyObject,
  kind: NoteVerifier['kind'] = 'ed25519',
): NoteVerifier {
  if (!isName(name)) throw new NoteError('The name of a key has no white space and no plus sign.');
  const keyId = keyIdOf(name, typeOf(kind), rawKeyOf(publicKey)).toString('hex');
  return { name, keyId, kind, publicKey };
}

/** `<name>+<key id>+<base64 of type and key>`: one line, for files and for people to hand on. */
export function formatVerifier({ name, keyId, kind, publicKey }: NoteVerifier): string {
  return `${name}+${keyId}+${Buffer.concat([Buffer.of(typeOf(kind)), rawKeyOf(publicKey)]).toString('base64')}`;
}

/** Errors: NoteError when it is none, or its key id is not that of its key. */
export function parseVerifier(line: string): NoteVerifier {
  const match = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/u.exec(line.trim());
  const [, name, keyId, base64] = match ?? [];
  if (name === undefined || base64 === undefined) throw new NoteError('This is no key line: <name>+<key id>+<base64>.');
  const bytes = Buffer.from(base64, 'base64');
  const kind = bytes[0] === ED25519 ? 'ed25519' : bytes[0] === COSIGNATURE ? 'cosignature' : undefined;
  if (kind === undefined || bytes.length !== 1 + KEY_BYTES)
    throw new NoteError(`The key of ${name} is of no known kind.`);
  const der = Buffer.concat([SPKI_PREFIX, bytes.subarray(1)]);
  const verifier = createVerifier(name, createPublicKey({ key: der, format: 'der', type: 'spki' }), kind);
  if (verifier.keyId !== keyId) throw new NoteError(`The key id of ${name} does not belong to its key.`);
  return verifier;
}

/** What a witness signs: the time, and the text. */
function cosigned(text: string, timeS: number): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${timeS}\n${text}`);
}

/**
 * Sign `text` as `name`.
 *
 * timeS    makes it a witness's signature, which says when it was made: seconds since 1970
 * Errors   NoteError for a text that no note may have
 */
export function signText(text: string, name: string, privateKey: KeyObject, timeS?: number): NoteSignature {
  if (!isText(text)) throw new NoteError('The text of a note is lines of Unicode without control characters.');
  const kind = timeS === undefined ? 'ed25519' : 'cosignature';
  const { keyId } = createVerifier(name, createPublicKey(privateKey), kind);
  if (timeS === undefined) return { name, keyId, bytes: sign(null, Buffer.from(text), privateKey) };
  const time = Buffer.alloc(TIME_BYTES);
  time.writeBigUInt64BE(BigInt(timeS));
  return { name, keyId, bytes: Buffer.concat([time, sign(null, cosigned(text, timeS), privateKey)]) };
}

export function formatNote({ text, signatures }: SignedNote): string {
  const lines = signatures.map(({ name, keyId, bytes }) => {
    const base64 = Buffer.concat([Buffer.from(keyId, 'hex'), bytes]).toString('base64');
    return `\u2014 ${name} ${base64}\n`;
  });
  return `${text}\n${lines.join('')}`;
}

/** Errors: NoteError, with what is wrong with it. No signature is looked at: see `openNote`. */
export function parseNote(bytes: Uint8Array | string): SignedNote {
  if (bytes.length > NOTE_BYTES_MAX) throw new NoteError('The note is too large.');
  let note: string;
  try {
    note = typeof bytes === 'string' ? bytes : new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new NoteError('The note is not UTF-8.');
  }
  // The last empty line parts text and signatures: a text may have empty lines.
  const split = note.lastIndexOf('\n\n');
  if (split < 0) throw new NoteError('The note has no empty line before its signatures.');
  const [text, rest] = [note.slice(0, split + 1), note.slice(split + 2)];
  if (!isText(text)) throw new NoteError('The note holds control characters, or characters that are none.');
  if (!rest.endsWith('\n')) throw new NoteError('The note has no signature, or its last line does not end.');
  const lines = rest.slice(0, -1).split('\n');
  if (lines.length > SIGNATURES_MAX) throw new NoteError(`The note has more than ${SIGNATURES_MAX} signatures.`);
  return { text, signatures: lines.map(parseSignature) };
}

function parseSignature(line: string): NoteSignature {
  const [, name, base64] = /^\u2014 (\S+) ([A-Za-z0-9+/]+={0,2})$/u.exec(line) ?? [];
  const bytes = Buffer.from(base64 ?? '', 'base64');
  if (name === undefined || !isName(name) || bytes.length <= KEY_ID_BYTES || bytes.toString('base64') !== base64) {
    throw new NoteError('A line below the text of the note is no signature.');
  }
  return { name, keyId: bytes.toString('hex', 0, KEY_ID_BYTES), bytes: bytes.subarray(KEY_ID_BYTES) };
}

function isGood(text: string, { bytes }: NoteSignature, verifier: NoteVerifier): GoodSignature | undefined {
  if (verifier.kind === 'ed25519') {
    if (bytes.length !== SIGNATURE_BYTES || !verify(null, Buffer.from(text), verifier.publicKey, bytes))
      return undefined;
    return { verifier, timeS: undefined };
  }
  if (bytes.length !== TIME_BYTES + SIGNATURE_BYTES) return undefined;
  const timeS = Number(bytes.readBigUInt64BE());
  if (!Number.isSafeInteger(timeS)) return undefined;
  const isRight = verify(null, cosigned(text, timeS), verifier.publicKey, bytes.subarray(TIME_BYTES));
  return isRight ? { verifier, timeS } : undefined;
}

/**
 * Which of `verifiers` have signed the note. Signatures of others are nobody's business here, and are passed over.
 *
 * Errors   NoteError for a signature under a known key that is wrong, or given twice: such a note is not trusted at all
 */
export function openNote(note: SignedNote, verifiers: readonly NoteVerifier[]): GoodSignature[] {
  const good: GoodSignature[] = [];
  for (const signature of note.signatures) {
    const verifier = verifiers.find(({ name, keyId }) => name === signature.name && keyId === signature.keyId);
    if (verifier === undefined) continue;
    if (good.some((one) => one.verifier === verifier))
      throw new NoteError(`${verifier.name} has signed the note twice.`);
    const found = isGood(note.text, signature, verifier);
    if (found === undefined) throw new NoteError(`The signature of ${verifier.name} is wrong.`);
    good.push(found);
  }
  return good;
}
