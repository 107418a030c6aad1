// SPDX-License-Identifier: Apache-2.0
/*
 * The script of a bundle's page. It takes nothing but the page itself, asks nobody, and does what docs/PROOFS.md says: leaves
 * out of the activities, the root out of leaves and hashes, signatures over the root. Then it shows what was proved.
 *
 * Whatever was recorded may be hostile: it becomes text of the page, never markup.
 */
// biome-ignore lint/suspicious/noRedundantUseStrict: a page's script is no module
'use strict';

/* ---- What an activity is made of: docs/RECORD.md, "Canonical encoding" ---- */

function fieldsOf(table) {
  return table.split(', ').map((entry) => {
    const [number, name, kind, payload] = entry.split(' ');
    const protoName = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return { number: Number(number), name, protoName, kind, payload: payload === 'payload' };
  });
}

const HEAD = fieldsOf(
  '1 seq uint64, 2 timeNs fixed64, 3 endTimeNs fixed64, 4 sessionId text, 5 workload text, ' +
    '6 identityId text, 7 identityName text, 8 identityState uint32, 9 identitySource uint32, ' +
    '10 tokenId text, 11 pid uint32, 12 processId text, 13 exe text, 14 connectionId text, ' +
    '15 identityTenant text, 16 identityBlueprint text, 17 onBehalfOfId text, 18 onBehalfOfName text, ' +
    '19 tokenAudience text, 30 tokenScopes text, 31 tokenFingerprint text, 32 identityKind text',
);
const ACCOUNT = fieldsOf(
  '1 moved uint64, 2 decoded uint64, 3 notUnderstood uint64, 4 unreadable uint64, 5 cut uint64, ' + '6 lost uint64',
);
const DETAILS = {
  command: {
    number: 20,
    fields: fieldsOf(
      '1 protocol text, 2 operation text, 3 target text, 4 resource text payload, 5 statement text payload, ' +
        '6 statementShape text payload, 7 parameters text payload, 8 request bytes payload, ' +
        '9 response bytes payload, 10 status uint32, 11 errorCode text, 12 errorMessage text payload, ' +
        '13 rows optional-uint64, 14 requestBytes uint64, 15 responseBytes uint64, 16 truncated bool, ' +
        '17 requestPayloadBytes uint64, 18 responsePayloadBytes uint64, 19 requestSha256 bytes payload, ' +
        '20 responseSha256 bytes payload, 21 tls text, 22 role uint32, 23 attributes map payload, ' +
        '24 durationNs uint64',
    ),
  },
  process: {
    number: 21,
    fields: fieldsOf(
      '1 action uint32, 2 parentPid uint32, 3 parentProcessId text, 4 argv texts payload, ' +
        '5 argvBytes uint32, 6 truncated bool, 7 cwd text payload, 8 uid uint32, 9 gid uint32, ' +
        '10 loginUid uint32, 11 cgroup text, 12 containerId text, 13 exitCode uint32, 14 signal uint32, ' +
        '15 coreDumped bool',
    ),
  },
  connection: {
    number: 22,
    fields: fieldsOf(
      '1 action uint32, 2 transport text, 3 protocol text, 4 role uint32, 5 localAddress text, ' +
        '6 localPort uint32, 7 remoteAddress text, 8 remotePort uint32, 9 joinedLate bool, 10 error text, ' +
        '11 sent message, 12 received message, 13 tls text, 14 serverName text, 15 attributes map payload',
    ),
  },
  token: {
    number: 23,
    fields: fieldsOf(
      '1 action uint32, 2 fingerprint text, 3 audience text, 4 tenantId text, 5 claims text payload, ' +
        '6 issuedAtNs fixed64, 7 expiresAtNs fixed64, 8 reason text, 9 interface text, 10 suspicious bool, ' +
        '11 holderSessionId text, 12 holderProcessId text, 13 count uint64, 14 kind text, 15 policy text, ' +
        '16 exeSha256 text',
    ),
  },
  loss: {
    number: 24,
    fields: fieldsOf('1 where text, 2 reason text, 3 events uint64, 4 bytes uint64, 5 direction text, 6 message text'),
  },
  session: {
    number: 25,
    fields: fieldsOf(
      '1 action uint32, 2 selectedBy text, 3 commandLine text payload, 4 processes uint64, ' +
        '5 commands uint64, 6 losses uint64, 7 exitCode uint32, 8 signal uint32',
    ),
  },
  recorder: {
    number: 26,
    fields: fieldsOf('1 action uint32, 2 version text, 3 kernel text, 4 bootId text, 5 attributes map'),
  },
  alert: {
    number: 27,
    fields: fieldsOf(
      '1 alertId text, 2 ruleId text, 3 ruleTitle text, 4 level text, 5 matchedAgentId text, ' +
        '6 matchedSeq uint64, 7 summary text payload',
    ),
  },
  finding: {
    number: 28,
    fields: fieldsOf(
      '1 kind text, 2 subject text, 3 message text payload, 4 events uint64, 5 bytes uint64, ' +
        '6 attributes map payload',
    ),
  },
  erasure: {
    number: 29,
    fields: fieldsOf(
      '1 action uint32, 2 identity text, 3 predicate text, 4 reason text, 5 requestedBy text, ' +
        '6 activities uint64, 7 agents map, 8 digest bytes, 9 tombstoneSeq uint64',
    ),
  },
  terminal: {
    number: 33,
    fields: fieldsOf(
      '1 terminalId text, 2 kind text, 3 name text, 4 input bytes payload, 5 output bytes payload, ' +
        '6 timing text payload, 7 columns uint32, 8 rows uint32, 9 inputBytes uint64, 10 outputBytes uint64, ' +
        '11 cutBytes uint64, 12 hiddenBytes uint64',
    ),
  },
};
const AGENT_ID_NUMBER = 60;
const HOST_NUMBER = 61;
const CANONICAL_VERSION = 1;

/* Refused for what it is, and told; anything else that is thrown is a mistake of this script. */
class Refusal extends Error {}

/* ---- SHA-256 (FIPS 180-4). WebCrypto has it too, but one hash at a time and never at once: a tree has many. ---- */

const ROUND = Int32Array.of(
  0x428a2f98,
  0x71374491,
  0xb5c0fbcf,
  0xe9b5dba5,
  0x3956c25b,
  0x59f111f1,
  0x923f82a4,
  0xab1c5ed5,
  0xd807aa98,
  0x12835b01,
  0x243185be,
  0x550c7dc3,
  0x72be5d74,
  0x80deb1fe,
  0x9bdc06a7,
  0xc19bf174,
  0xe49b69c1,
  0xefbe4786,
  0x0fc19dc6,
  0x240ca1cc,
  0x2de92c6f,
  0x4a7484aa,
  0x5cb0a9dc,
  0x76f988da,
  0x983e5152,
  0xa831c66d,
  0xb00327c8,
  0xbf597fc7,
  0xc6e00bf3,
  0xd5a79147,
  0x06ca6351,
  0x14292967,
  0x27b70a85,
  0x2e1b2138,
  0x4d2c6dfc,
  0x53380d13,
  0x650a7354,
  0x766a0abb,
  0x81c2c92e,
  0x92722c85,
  0xa2bfe8a1,
  0xa81a664b,
  0xc24b8b70,
  0xc76c51a3,
  0xd192e819,
  0xd6990624,
  0xf40e3585,
  0x106aa070,
  0x19a4c116,
  0x1e376c08,
  0x2748774c,
  0x34b0bcb5,
  0x391c0cb3,
  0x4ed8aa4a,
  0x5b9cca4f,
  0x682e6ff3,
  0x748f82ee,
  0x78a5636f,
  0x84c87814,
  0x8cc70208,
  0x90befffa,
  0xa4506ceb,
  0xbef9a3f7,
  0xc67178f2,
);
const START = Int32Array.of(
  0x6a09e667,
  0xbb67ae85,
  0x3c6ef372,
  0xa54ff53a,
  0x510e527f,
  0x9b05688c,
  0x1f83d9ab,
  0x5be0cd19,
);
const schedule = new Int32Array(64);

function sha256(bytes, length = bytes.length) {
  const state = START.slice();
  const whole = length - (length % 64);
  for (let at = 0; at < whole; at += 64) compress(state, bytes, at);
  const rest = length - whole;
  const tail = new Uint8Array(rest < 56 ? 64 : 128);
  tail.set(bytes.subarray(whole, length));
  tail[rest] = 0x80;
  const view = new DataView(tail.buffer);
  view.setUint32(tail.length - 8, Math.floor(length / 2 ** 29));
  view.setUint32(tail.length - 4, (length * 8) >>> 0);
  for (let at = 0; at < tail.length; at += 64) compress(state, tail, at);
  const digest = new Uint8Array(32);
  const out = new DataView(digest.buffer);
  for (let word = 0; word < 8; word++) out.setInt32(word * 4, state[word]);
  return digest;
}

function compress(state, bytes, start) {
  for (let t = 0; t < 16; t++) {
    const at = start + t * 4;
    schedule[t] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
  }
  for (let t = 16; t < 64; t++) {
    const [x, y] = [schedule[t - 15], schedule[t - 2]];
    const small0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const small1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    schedule[t] = (schedule[t - 16] + small0 + schedule[t - 7] + small1) | 0;
  }
  let a = state[0];
  let b = state[1];
  let c = state[2];
  let d = state[3];
  let e = state[4];
  let f = state[5];
  let g = state[6];
  let h = state[7];
  for (let t = 0; t < 64; t++) {
    const big1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const first = (h + big1 + ((e & f) ^ (~e & g)) + ROUND[t] + schedule[t]) | 0;
    const big0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const second = (big0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
}

/* ---- Bytes ---- */

const utf8 = new TextEncoder();

function isSame(a, b) {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

function hexOf(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function bytesOfBase64(text, name) {
  let latin1;
  try {
    latin1 = typeof text === 'string' ? atob(text) : undefined;
  } catch {
    latin1 = undefined;
  }
  // Only the one way to write it.
  if (latin1 === undefined || btoa(latin1) !== text) throw new Refusal(`${name} is no base64`);
  const bytes = new Uint8Array(latin1.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = latin1.charCodeAt(at);
  return bytes;
}

function hashOf(text, name) {
  const bytes = bytesOfBase64(text, name);
  if (bytes.length !== 32) throw new Refusal(`${name} does not have 32 bytes`);
  return bytes;
}

/* Bytes one behind the other, in a buffer that grows. */
class Writer {
  constructor() {
    this.bytes = new Uint8Array(4096);
    this.at = 0;
  }

  reserve(count) {
    if (this.at + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.at + count, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.at));
    this.bytes = larger;
  }

  raw(bytes) {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  uvarint(given) {
    let value = BigInt(given);
    this.reserve(10);
    while (value > 127n) {
      this.bytes[this.at++] = Number(value & 127n) | 128;
      value >>= 7n;
    }
    this.bytes[this.at++] = Number(value);
  }

  withLength(bytes) {
    this.uvarint(bytes.length);
    this.raw(bytes);
  }

  taken() {
    return this.bytes.subarray(0, this.at);
  }
}

/* ---- The leaf of an activity ---- */

function objectOf(value, name) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Refusal(`${name} is no object`);
  return value;
}

function isText(value) {
  return typeof value === 'string' && value.isWellFormed();
}

function refuseUnknown(object, known) {
  const unknown = Object.keys(object).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Refusal(`an activity has no field ${JSON.stringify(unknown)}`);
}

function compareBytes(a, b) {
  for (let at = 0; at < Math.min(a.length, b.length); at++) if (a[at] !== b[at]) return a[at] - b[at];
  return a.length - b.length;
}

/* The bytes of a value; undefined when it is left out. Refuses what its kind does not have. */
function valueBytes({ kind, name }, value) {
  const is = (right) => {
    if (!right) throw new Refusal(`${name} is not what its kind says`);
  };
  if (value === undefined) return undefined;
  const writer = new Writer();
  switch (kind) {
    case 'text':
      is(isText(value));
      return value === '' ? undefined : utf8.encode(value);
    case 'bool':
      is(typeof value === 'boolean');
      return value ? Uint8Array.of(1) : undefined;
    case 'uint32':
      is(Number.isInteger(value) && value >= 0 && value <= 0xffffffff);
      if (value === 0) return undefined;
      writer.uvarint(value);
      return writer.taken();
    case 'uint64':
    case 'optional-uint64':
    case 'fixed64': {
      is(typeof value === 'string' && /^(0|[1-9]\d{0,19})$/.test(value) && BigInt(value) < 1n << 64n);
      const wide = BigInt(value);
      if (wide === 0n && kind !== 'optional-uint64') return undefined;
      if (kind !== 'fixed64') {
        writer.uvarint(wide);
        return writer.taken();
      }
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setBigUint64(0, wide, true);
      return bytes;
    }
    case 'bytes': {
      const bytes = bytesOfBase64(value, name);
      return bytes.length === 0 ? undefined : bytes;
    }
    case 'texts':
      is(Array.isArray(value) && value.every(isText));
      for (const one of value) writer.withLength(utf8.encode(one));
      return value.length === 0 ? undefined : writer.taken();
    case 'map': {
      const entries = Object.entries(objectOf(value, name));
      is(entries.every((entry) => entry.every(isText)));
      const sorted = entries.map((entry) => entry.map((one) => utf8.encode(one)));
      sorted.sort(([a], [b]) => compareBytes(a, b));
      for (const one of sorted.flat()) writer.withLength(one);
      return entries.length === 0 ? undefined : writer.taken();
    }
    case 'message': {
      const object = objectOf(value, name);
      refuseUnknown(
        object,
        ACCOUNT.map((field) => field.name),
      );
      for (const field of ACCOUNT) writeField(writer, field, object[field.name]);
      return writer.at === 0 ? undefined : writer.taken();
    }
    default:
      throw new Error(`no such kind: ${kind}`);
  }
}

function writeField(writer, field, value) {
  const bytes = valueBytes(field, value);
  if (bytes === undefined) return;
  writer.uvarint(field.number);
  writer.withLength(bytes);
}

/* The activity of a line: its detail by name, and its fields, all of them known. */
function detailOf(activity) {
  const names = Object.keys(DETAILS).filter((name) => activity[name] !== undefined);
  if (names.length !== 1) throw new Refusal('an activity has exactly one detail');
  return names[0];
}

/* SHA-256(0x00 || canonical encoding). */
function leafOf(activity, agentId, host, digests) {
  objectOf(activity, 'the activity');
  const name = detailOf(activity);
  const { number, fields } = DETAILS[name];
  refuseUnknown(activity, [...HEAD.map((field) => field.name), name, 'salt']);
  const detail = objectOf(activity[name], name);
  refuseUnknown(
    detail,
    fields.map((field) => field.name),
  );
  const salt = activity.salt === undefined ? new Uint8Array(0) : bytesOfBase64(activity.salt, 'salt');
  const canonical = new Writer();
  canonical.raw(Uint8Array.of(0, CANONICAL_VERSION));
  for (const field of HEAD.filter((one) => one.number < number)) writeField(canonical, field, activity[field.name]);
  const inner = new Writer();
  for (const field of fields) {
    if (!field.payload) {
      writeField(inner, field, detail[field.name]);
      continue;
    }
    const digest = payloadDigest(number, field, salt, detail[field.name]) ?? digests.get(`${name}.${field.protoName}`);
    if (digest === undefined) continue;
    inner.uvarint(field.number);
    inner.withLength(digest);
  }
  canonical.uvarint(number);
  canonical.withLength(inner.taken());
  for (const field of HEAD.filter((one) => one.number > number)) writeField(canonical, field, activity[field.name]);
  writeField(canonical, { number: AGENT_ID_NUMBER, kind: 'text', name: 'agent_id' }, agentId);
  writeField(canonical, { number: HOST_NUMBER, kind: 'text', name: 'host' }, host);
  return sha256(canonical.bytes, canonical.at);
}

function payloadDigest(detailNumber, field, salt, value) {
  const bytes = valueBytes(field, value);
  if (bytes === undefined) return undefined;
  const writer = new Writer();
  writer.raw(salt);
  writer.uvarint(detailNumber);
  writer.uvarint(field.number);
  writer.raw(bytes);
  return sha256(writer.bytes, writer.at);
}

/* ---- The tree (RFC 9162, 2.1) ---- */

const pair = new Uint8Array(65).fill(1);

function nodeHash(left, right) {
  pair.set(left, 1);
  pair.set(right, 33);
  return sha256(pair);
}

class Tree {
  constructor() {
    this.size = 0;
    this.subtrees = [];
  }

  /* `size` has to be a multiple of 2^level. */
  append(level, hash) {
    let node = hash;
    for (let rest = this.size / 2 ** level; rest % 2 === 1; rest = (rest - 1) / 2) {
      node = nodeHash(this.subtrees.pop(), node);
    }
    this.subtrees.push(node);
    this.size += 2 ** level;
  }

  root() {
    if (this.size === 0) return sha256(new Uint8Array(0));
    return this.subtrees.reduceRight((right, left) => nodeHash(left, right));
  }
}

/* ---- Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature) ---- */

const ED25519 = 1;
const COSIGNATURE = 4;
const NAME = /^[^\s+]+$/u;

function parseKey(line) {
  const [, name, keyId, base64] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/u.exec(line.trim()) ?? [];
  if (name === undefined) throw new Refusal('This is no key line: <name>+<key id>+<base64>.');
  const bytes = bytesOfBase64(base64, 'the key');
  const type = bytes[0];
  if ((type !== ED25519 && type !== COSIGNATURE) || bytes.length !== 33) {
    throw new Refusal(`The key of ${name} is of no known kind.`);
  }
  const key = makeKey(name, type, bytes.subarray(1));
  if (key.keyId !== keyId) throw new Refusal(`The key id of ${name} does not belong to its key.`);
  return key;
}

function makeKey(name, type, raw) {
  const bytes = utf8.encode(`${name}\n`);
  const writer = new Writer();
  writer.raw(bytes);
  writer.raw(Uint8Array.of(type));
  writer.raw(raw);
  const keyId = hexOf(sha256(writer.bytes, writer.at).subarray(0, 4));
  const line = `${name}+${keyId}+${btoa(String.fromCharCode(type, ...raw))}`;
  return { name, type, raw, keyId, line };
}

/* Keys that were given stand above those of the bundle: of a name that such a key has, no other counts. */
function keyRing(given, claims) {
  const keys = [];
  const add = (key, known) => {
    const origin = claims.find((claim) => claim.line === key.line)?.origin ?? '';
    if (!keys.some((one) => one.line === key.line)) keys.push({ ...key, known, origin });
  };
  for (const line of given) {
    const key = parseKey(line);
    add(key, true);
    if (key.type === COSIGNATURE) add(makeKey(key.name, ED25519, key.raw), true);
  }
  const settled = keys.map(({ name, type }) => `${name} ${type}`);
  const unreadable = [];
  for (const { line } of claims) {
    if (line === '' || keys.some((one) => one.line === line)) continue;
    try {
      const key = parseKey(line);
      if (!settled.includes(`${key.name} ${key.type}`)) add(key, false);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      unreadable.push(line);
    }
  }
  const collectors = claims.filter(({ origin }) => origin === 'own').map(({ line }) => line.split('+')[0]);
  return { keys, unreadable, collectors };
}

function parseNote(note) {
  const split = note.lastIndexOf('\n\n');
  if (split < 0) throw new Refusal('The note has no empty line before its signatures.');
  const [text, rest] = [note.slice(0, split + 1), note.slice(split + 2)];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a note must not hold them
  if (!text.isWellFormed() || /[\x00-\x09\x0b-\x1f]/.test(text))
    throw new Refusal('The note holds control characters.');
  if (!rest.endsWith('\n')) throw new Refusal('The note has no signature, or its last line does not end.');
  const lines = rest.slice(0, -1).split('\n');
  if (lines.length > 100) throw new Refusal('The note has more than 100 signatures.');
  const signatures = lines.map((line) => {
    const [, name, base64] = /^\u2014 (\S+) ([A-Za-z0-9+/]+={0,2})$/u.exec(line) ?? [];
    if (name === undefined || !NAME.test(name)) throw new Refusal('A line below the text of the note is no signature.');
    const bytes = bytesOfBase64(base64, 'a signature');
    if (bytes.length <= 4) throw new Refusal('A line below the text of the note is no signature.');
    return { name, keyId: hexOf(bytes.subarray(0, 4)), bytes: bytes.subarray(4) };
  });
  return { text, signatures };
}

function parseCheckpoint(text) {
  const [origin, size, root, ...rest] = text.split('\n');
  if (rest.pop() !== '' || origin === '' || rest.includes('')) throw new Refusal('It is no checkpoint.');
  if (!/^(0|[1-9]\d*)$/.test(size) || !Number.isSafeInteger(Number(size))) {
    throw new Refusal('The second line of the checkpoint is no size.');
  }
  return { origin, size: Number(size), root: hashOf(root, 'the root') };
}

/* Ed25519 of the browser; `undefined` where it has none. */
async function isSignedBy(key, message, signature) {
  const subtle = globalThis.crypto?.subtle;
  if (subtle === undefined) return undefined;
  let imported;
  try {
    imported = await subtle.importKey('raw', key.raw, { name: 'Ed25519' }, false, ['verify']);
  } catch (error) {
    if (error.name === 'NotSupportedError') return undefined;
    return false;
  }
  return subtle.verify({ name: 'Ed25519' }, imported, signature, message);
}

async function isGood(text, bytes, key) {
  if (key.type === ED25519) return bytes.length === 64 ? isSignedBy(key, utf8.encode(text), bytes) : false;
  if (bytes.length !== 72) return false;
  const time = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
  if (time > BigInt(Number.MAX_SAFE_INTEGER)) return false;
  return isSignedBy(key, utf8.encode(`cosignature/v1\ntime ${time}\n${text}`), bytes.subarray(8));
}

/* Who has signed a note for the log of an agent, or what is wrong with it. */
async function judgeNote(note, agentId, ring) {
  const name = `sworn/${agentId}`;
  const signers = [];
  const faulty = (fault, message) => ({ fault, message, cosigned: false, witnesses: 0, unchecked: false });
  for (const { name: signer, keyId, bytes } of note.signatures) {
    const key = ring.keys.find((one) => one.name === signer && one.keyId === keyId);
    if (key === undefined) continue;
    if (signers.includes(key)) return faulty('bad_signature', `${signer} has signed the note twice.`);
    const good = await isGood(note.text, bytes, key);
    if (good === undefined) return { cosigned: false, witnesses: 0, unchecked: true };
    if (!good) return faulty('bad_signature', `The signature of ${signer} is wrong.`);
    signers.push(key);
  }
  if (!signers.some((key) => key.type === ED25519 && key.name === name)) {
    const claimed = note.signatures.some((signature) => signature.name === name);
    const known = ring.keys.some((key) => key.type === ED25519 && key.name === name);
    if (!claimed) return faulty('bad_signature', `${name} has not signed it.`);
    const message = `It is signed as ${name} by a key that is not the one known.`;
    return faulty(known ? 'key_changed' : 'bad_signature', message);
  }
  const asksForKnown = ring.keys.some((key) => key.known && (key.type === COSIGNATURE || key.name === name));
  if (asksForKnown && !signers.some((key) => key.known)) {
    return faulty('bad_signature', 'None of the keys that you know has signed it.');
  }
  const cosigners = signers.filter((key) => key.type === COSIGNATURE);
  const cosigned = cosigners.some((key) => ring.collectors.includes(key.name));
  const witnesses = cosigners.filter((key) => !ring.collectors.includes(key.name)).length;
  return { cosigned, witnesses, unchecked: false };
}

/* ---- A log of the bundle, line by line ---- */

const ACTIVITY_NAMES = ['seq', 'host', 'activity', 'payload_digests', 'erasure_seq', 'leaf'];
const HASH_NAMES = ['first', 'last', 'hash'];

function numberOf(json, name) {
  const value = json[name];
  if (!Number.isSafeInteger(value) || value < 0) throw new Refusal(`${name} is no number`);
  return value;
}

function parseLine(text, agentId) {
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Refusal('it is no JSON');
  }
  objectOf(json, 'the line');
  const names = 'hash' in json ? HASH_NAMES : ACTIVITY_NAMES;
  const unknown = Object.keys(json).find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Refusal(`a line has no ${JSON.stringify(unknown)}`);
  if ('hash' in json) {
    return { first: numberOf(json, 'first'), last: numberOf(json, 'last'), hash: hashOf(json.hash, 'hash') };
  }
  const digests = new Map();
  for (const [name, digest] of Object.entries(objectOf(json.payload_digests ?? {}, 'payload_digests'))) {
    digests.set(name, hashOf(digest, 'a digest'));
  }
  if (!isText(json.host)) throw new Refusal('host is no text');
  return {
    seq: numberOf(json, 'seq'),
    host: json.host,
    activity: json.activity,
    digests,
    erasureSeq: json.erasure_seq === undefined ? 0 : numberOf(json, 'erasure_seq'),
    leaf: hashOf(json.leaf, 'leaf'),
    computed: leafOf(json.activity, agentId, json.host, digests),
  };
}

/* Leaves that are remembered, to tell a line that stands there twice from another of its number. */
const LEAVES_MAX = 100_000;
/* Holes that wait for lines that come late. */
const GAPS_MAX = 1_000;

class LogCheck {
  constructor(manifest, log, report) {
    this.manifest = manifest;
    this.log = log;
    this.hasFault = false;
    this.report = (kind, first, last, message) => {
      this.hasFault = true;
      report(kind, log.agent_id, first, last, message);
    };
    this.inform = (kind, first, last, message) => report(kind, log.agent_id, first, last, message);
    this.tree = new Tree();
    this.next = 1;
    this.lines = 0;
    this.activities = 0;
    this.hidden = 0;
    this.erased = new Map();
    this.withoutPayload = 0;
    this.isBroken = false;
    this.gaps = [];
    this.leaves = new Map();
    this.misplaced = new Map();
    this.hasStart = false;
    this.hasEnd = false;
    this.commands = 0;
    this.commandsCounted = 0;
  }

  /* What the line shows; undefined when it is a hash, or nothing that can be read. */
  line(text) {
    this.lines++;
    let line;
    try {
      line = parseLine(text, this.log.agent_id);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.report('altered', this.next, this.next, `Line ${this.lines} cannot be read: ${error.message}.`);
      this.isBroken = true;
      this.next++;
      return undefined;
    }
    if (line.hash === undefined) return this.activity(line);
    this.hash(line);
    return undefined;
  }

  hash({ first, last, hash }) {
    const level = Math.log2(last - first + 1);
    const fits = Number.isInteger(level) && (first - 1) % 2 ** level === 0;
    if (fits && last < this.next && this.fillsGap(first, last)) {
      this.report('swapped', first, last, 'The hash stands behind where it belongs.');
      return;
    }
    if (!fits || first < this.next || last > this.log.tree_size) {
      this.report('inserted', first, last, 'A hash stands where no subtree does, or where something stands already.');
      this.isBroken = true;
      return;
    }
    this.skipTo(first);
    const { first_seq, last_seq } = this.log;
    this.hidden += Math.max(0, Math.min(last, last_seq) - Math.max(first, first_seq) + 1);
    if (!this.isBroken) this.tree.append(level, hash);
    this.next = last + 1;
  }

  skipTo(seq) {
    if (seq === this.next) return;
    this.isBroken = true;
    if (this.gaps.length < GAPS_MAX) this.gaps.push([this.next, seq - 1]);
    else this.report('removed', this.next, seq - 1, 'There is no line of it.');
  }

  activity(line) {
    const { seq, leaf } = line;
    this.activities++;
    if (seq < this.next || seq > this.log.tree_size) {
      this.isBroken = true;
      const before = this.leaves.get(seq);
      if (this.fillsGap(seq, seq)) this.report('swapped', seq, seq, 'Its line stands behind where it belongs.');
      else if (before !== undefined && isSame(before, leaf))
        this.report('replayed', seq, seq, 'It is there a second time.');
      else {
        const isTwice = seq < this.next;
        const message = isTwice ? 'There is another line of this number.' : 'The log that was signed ends before it.';
        this.report('inserted', seq, seq, message);
      }
      this.judge(line);
      return line;
    }
    this.skipTo(seq);
    if (this.leaves.size < LEAVES_MAX) this.leaves.set(seq, leaf);
    this.judge(line);
    if (!this.isBroken) this.tree.append(0, leaf);
    this.next = seq + 1;
    return line;
  }

  fillsGap(from, to) {
    const at = this.gaps.findIndex(([first, last]) => first <= from && to <= last);
    if (at < 0) return false;
    const [first, last] = this.gaps[at];
    const rest = [
      [first, from - 1],
      [to + 1, last],
    ];
    this.gaps.splice(at, 1, ...rest.filter(([start, end]) => start <= end));
    return true;
  }

  judge(line) {
    const { seq, activity, digests, leaf, computed, erasureSeq } = line;
    const { session_id: session, made } = this.manifest;
    const own = Number(activity.seq ?? 0);
    const sessionId = activity.sessionId ?? '';
    line.problem = '';
    if (own !== seq) {
      this.misplaced.set(seq, own);
      this.hasFault = true;
      line.problem = 'misplaced';
    } else if (!isSame(computed, leaf)) {
      this.report('altered', seq, seq, 'What stands there does not have the leaf that stands beside it.');
      line.problem = 'altered';
    } else if (!made.with_others && sessionId !== '' && sessionId !== session) {
      this.report('replayed', seq, seq, 'It is of another session.');
      line.problem = 'replayed';
    }
    if (erasureSeq > 0) {
      const before = this.erased.get(erasureSeq) ?? { first: seq, last: seq, count: 0 };
      this.erased.set(erasureSeq, { ...before, last: seq, count: before.count + 1 });
    } else if (digests.size > 0) this.withoutPayload++;
    this.count(activity, sessionId === session);
  }

  count({ command, session }, isOfSession) {
    if (!isOfSession) return;
    if (command !== undefined && !this.hasEnd) this.commands++;
    if (session?.action === 1) this.hasStart = true;
    if (session?.action === 2) {
      this.hasEnd = true;
      this.commandsCounted = Number(session.commands ?? 0);
    }
  }

  async end(ring) {
    const { tree_size, activities, first_seq, last_seq } = this.log;
    if (this.next <= tree_size) {
      const message = `The log was signed up to ${tree_size}, and the lines end at ${this.next - 1}.`;
      this.report('cut_tail', this.next, tree_size, message);
      this.isBroken = true;
    }
    for (const [first, last] of this.gaps) this.report('removed', first, last, 'There is no line of it.');
    for (const [place, own] of this.misplaced) {
      if (this.misplaced.get(own) === place) this.report('swapped', place, place, `Activity ${own} stands there.`);
      else this.report('replayed', place, place, `Activity ${own} stands there, which belongs elsewhere.`);
    }
    if (this.activities !== activities && !this.hasFault) {
      const message = `The manifest counts ${activities} activities, and there are ${this.activities}.`;
      this.report(this.activities < activities ? 'removed' : 'inserted', first_seq, last_seq, message);
    }
    for (const [tombstone, { first, last, count }] of this.erased) {
      const message = `The payload of ${count} was erased (tombstone ${tombstone} of the collector); their leaves come out of the digests.`;
      this.inform('erased', first, last, message);
    }
    return this.signed(ring);
  }

  async signed(ring) {
    const { agent_id, tree_size, checkpoint: note, first_seq, last_seq } = this.log;
    const nobody = { cosigned: false, witnesses: 0, unchecked: false };
    let parsed;
    let checkpoint;
    try {
      parsed = parseNote(note);
      checkpoint = parseCheckpoint(parsed.text);
      if (checkpoint.origin !== `sworn/${agent_id}`) throw new Refusal(`It is of the log ${checkpoint.origin}.`);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const message = `The checkpoint is not one of this log. ${error.message}`;
      this.report('bad_signature', tree_size, tree_size, message);
      return nobody;
    }
    const { fault, message, ...signers } = await judgeNote(parsed, agent_id, ring);
    if (fault !== undefined) {
      this.report(fault, tree_size, tree_size, `The checkpoint does not bear the signature it should. ${message}`);
      return nobody;
    }
    if (checkpoint.size !== tree_size) {
      this.report('wrong_root', tree_size, tree_size, 'The checkpoint is of another size than the manifest says.');
    } else if (!this.isBroken && !this.hasFault && !isSame(this.tree.root(), checkpoint.root)) {
      const text =
        'Activities or hashes and their leaves were changed together: the tree has another root than was signed.';
      this.report('rewritten', first_seq, last_seq, text);
    }
    return signers;
  }
}

/* ---- All of it ---- */

const INFORMATION = ['not_sealed_yet', 'erased'];
const PROBLEMS_MAX = 10000;
const PAUSE_EVERY_MS = 50;

/*
 * Two verdicts and what they stand on. `logs`: the lines of each log. `given`: key lines that a person knows. `onLine` gets
 * each activity that can be read, with what is wrong with it.
 */
async function checkBundle(manifest, logs, given, onLine, onProgress) {
  const problems = [];
  let leftOut = 0;
  const report = (kind, agent_id, first_seq, last_seq, message) => {
    const last = problems.at(-1);
    if (
      last?.kind === kind &&
      last.agent_id === agent_id &&
      last.message === message &&
      last.last_seq + 1 === first_seq &&
      first_seq > 0
    ) {
      last.last_seq = last_seq;
    } else if (problems.length >= PROBLEMS_MAX) leftOut++;
    else problems.push({ kind, agent_id, first_seq, last_seq, message });
  };
  const ring = keyRing(given, manifest.keys);
  for (const line of ring.unreadable) report('key_changed', line.split('+')[0], 0, 0, 'A key is none.');
  const verdicts = [];
  let pausedMs = Date.now();
  for (const [at, log] of manifest.logs.entries()) {
    const check = new LogCheck(manifest, log, report);
    const text = logs[at] ?? '';
    for (let from = 0; from < text.length; ) {
      const end = text.indexOf('\n', from);
      const to = end < 0 ? text.length : end;
      const line = check.line(text.slice(from, to));
      if (line !== undefined) onLine(line, log);
      from = to + 1;
      if (Date.now() - pausedMs > PAUSE_EVERY_MS) {
        onProgress(from / text.length, at);
        await new Promise((resolve) => setTimeout(resolve));
        pausedMs = Date.now();
      }
    }
    const signers = await check.end(ring);
    verdicts.push({ log, check, ...signers });
  }
  const faults = problems.filter(({ kind }) => !INFORMATION.includes(kind)).length + leftOut;
  const agents = verdicts.filter(({ log }) => !ring.collectors.includes(`sworn/${log.agent_id}`));
  return {
    ok: faults === 0,
    unchecked: verdicts.some(({ unchecked }) => unchecked),
    problems,
    faults,
    verdicts,
    membership: membershipOf(agents),
    keys: ring.keys,
  };
}

function membershipOf(agents) {
  const hasStart = agents.some(({ check }) => check.hasStart);
  const hasEnd = agents.some(({ check }) => check.hasEnd);
  const commands = agents.reduce((sum, { check }) => sum + check.commands, 0);
  const counted = agents.reduce((sum, { check }) => sum + check.commandsCounted, 0);
  // What the page alone leaves to the files beside it is not hidden from the one who has them.
  const hidden = agents.reduce((sum, { check, log }) => sum + check.hidden - (log.page?.left_out ?? 0), 0);
  const leftOut = agents.reduce((sum, { log }) => sum + (log.page?.left_out ?? 0), 0);
  const said = { commands, counted, hidden, leftOut };
  if (leftOut > 0) {
    const message = `${leftOut} activities stand only in the files beside this page: whether all of the session is there, sworn verify says.`;
    return { ...said, ok: false, message };
  }
  if (!hasStart || !hasEnd) {
    const what = hasStart ? 'end' : hasEnd ? 'start' : 'start and end';
    return { ...said, ok: false, message: `The ${what} of the session is not here: more may belong to it.` };
  }
  if (commands !== counted) {
    const message = `The end of the session counts ${counted} commands, and ${commands} are here.`;
    return { ...said, ok: false, message };
  }
  if (hidden === 0) return { ...said, ok: true, message: 'Nothing between its start and its end is left out.' };
  const message = `All ${counted} commands that its end counts are here. ${hidden} activities between are not shown: hashes stand for them, and that they are of others is the word of whoever made the bundle.`;
  return { ...said, ok: true, message };
}

/* ---- What a person sees ---- */

const WORDS = {
  identityState: ['', 'none', 'policy', 'verified', 'unverifiable', 'invalid'],
  identitySource: ['', 'none', 'policy', 'broker', 'wire'],
  'command.status': ['', 'ok', 'error', 'unknown'],
  'command.role': ['', 'client', 'server'],
  'connection.role': ['', 'client', 'server'],
  'process.action': ['', 'fork', 'exec', 'exit', 'joined'],
  'connection.action': ['', 'opened', 'closed', 'failed'],
  'token.action': ['', 'issued', 'refused', 'observed'],
  'session.action': ['', 'started', 'ended'],
  'recorder.action': ['', 'started', 'stopped', 'heartbeat', 'clock_jumped', 'suspended'],
  'erasure.action': ['', 'payload_erased', 'rows_dropped', 'completed'],
};
const ROWS_AT_ONCE = 300;
const TEXT_SHOWN_MAX = 20000;

/* What would act on the page, or make text read in another order, as its number. */
function visible(text) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const hidden = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
  return text.replace(hidden, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  for (const child of children) made.append(typeof child === 'string' ? visible(child) : child);
  return made;
}

function timeText(timeNs) {
  const ms = Number(BigInt(timeNs ?? 0) / 1000000n);
  return ms > 0 && ms < 8.64e15 ? new Date(ms).toISOString().replace('T', ' ').replace('Z', '') : '';
}

/* Bytes that were sent: as text where they are some. */
function bytesText(base64) {
  const bytes = bytesOfBase64(base64, 'bytes');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return hexOf(bytes.subarray(0, TEXT_SHOWN_MAX / 2));
  }
}

function fieldText(path, { kind }, value) {
  const word = WORDS[path]?.[value];
  if (word !== undefined) return word;
  if (kind === 'bytes')
    return path.endsWith('Sha256') || path === 'erasure.digest' ? hexOf(bytesOfBase64(value, path)) : bytesText(value);
  if (kind === 'fixed64') return timeText(value);
  if (kind === 'texts') return value.map((one) => JSON.stringify(one)).join(' ');
  if (kind === 'map' || kind === 'message') return JSON.stringify(value, undefined, 1);
  return String(value);
}

function shortened(text) {
  if (text.length <= TEXT_SHOWN_MAX) return text;
  return `${text.slice(0, TEXT_SHOWN_MAX)} … and ${text.length - TEXT_SHOWN_MAX} more characters, in the files beside this page`;
}

/* One line for each kind of activity. */
function summaryOf(kind, activity) {
  const detail = activity[kind];
  const action = WORDS[`${kind}.action`]?.[detail.action ?? 0] ?? '';
  const words = {
    command: () => [
      detail.protocol,
      detail.statement || `${detail.operation ?? ''} ${detail.resource ?? ''}`,
      detail.target,
      WORDS['command.status'][detail.status ?? 0],
      detail.errorCode,
    ],
    process: () => [action, (detail.argv ?? []).join(' ') || activity.exe],
    connection: () => [
      action,
      detail.protocol,
      detail.serverName,
      `${detail.remoteAddress ?? ''}:${detail.remotePort ?? 0}`,
    ],
    token: () => [action, detail.audience, detail.reason],
    loss: () => [detail.where, detail.reason, detail.message],
    session: () => [action, detail.commandLine],
    recorder: () => [action, detail.version],
    alert: () => [detail.level, detail.ruleTitle, detail.summary],
    finding: () => [detail.kind, detail.message],
    erasure: () => [action, detail.reason, detail.requestedBy],
    terminal: () => [detail.kind, detail.name, bytesText(detail.output ?? '')],
  };
  const text = words[kind]()
    .filter((one) => one !== undefined && one !== '')
    .join('  ');
  return text.length > 400 ? `${text.slice(0, 400)} …` : text;
}

/* An activity that was read, kept as it stands in the page: the line, and where in it. */
class Shown {
  constructor({ seq, host, activity, digests, erasureSeq, problem }, log) {
    this.seq = seq;
    this.host = host;
    this.activity = activity;
    this.digests = digests;
    this.erasureSeq = erasureSeq;
    this.problem = problem;
    this.agentId = log.agent_id;
    this.kind = detailOf(activity);
  }

  get summary() {
    return summaryOf(this.kind, this.activity);
  }

  has(word) {
    this.text ??= `${this.seq} ${this.summary} ${JSON.stringify(this.activity)}`.toLowerCase();
    return this.text.includes(word);
  }

  row() {
    const time = timeText(this.activity.timeNs);
    const marks = [
      this.problem,
      this.erasureSeq > 0 ? 'payload erased' : this.digests.size > 0 ? 'payload not shown' : '',
    ];
    const summary = element(
      'summary',
      '',
      element('span', 'time', time),
      element('span', `kind ${this.kind}`, this.kind),
      element('span', 'what', this.summary),
    );
    for (const mark of marks)
      if (mark !== '') summary.append(element('span', mark === this.problem ? 'mark bad' : 'mark', mark));
    const row = element('details', 'activity', summary);
    row.addEventListener('toggle', () => {
      if (row.open && row.childElementCount === 1) row.append(this.table());
    });
    return row;
  }

  table() {
    const table = element('table', 'fields');
    const add = (name, text, payload) =>
      table.append(
        element('tr', '', element('th', '', name), element('td', payload ? 'payload' : '', shortened(text))),
      );
    add('agent:seq', `${this.agentId}:${this.seq}`, false);
    add('host', this.host, false);
    const { fields } = DETAILS[this.kind];
    for (const field of fields) {
      const value = this.activity[this.kind][field.name];
      if (value !== undefined)
        add(field.protoName, fieldText(`${this.kind}.${field.name}`, field, value), field.payload);
    }
    for (const field of HEAD) {
      const value = this.activity[field.name];
      if (value !== undefined && field.name !== 'seq') add(field.protoName, fieldText(field.name, field, value), false);
    }
    for (const [name, digest] of this.digests) add(`digest of ${name}`, hexOf(digest), false);
    return table;
  }
}

function card(title, ...children) {
  return element('section', 'card', element('h2', '', title), ...children);
}

function count(number, one, many) {
  return `${number} ${number === 1 ? one : many}`;
}

function verdictCard({ ok, unchecked, problems, faults, verdicts }, manifest) {
  const shown = verdicts.reduce((sum, { check }) => sum + check.activities, 0);
  const word = !ok ? 'DOES NOT HOLD' : unchecked ? 'leaves and roots agree; signatures were NOT checked' : 'holds';
  const made = card('Integrity', element('p', `verdict ${!ok ? 'bad' : unchecked ? 'unsure' : 'good'}`, word));
  if (unchecked) {
    made.append(
      element(
        'p',
        'unsure',
        'This browser has no Ed25519 (WebCrypto): who signed the checkpoints was not checked. Take a newer browser, or: sworn verify',
      ),
    );
  }
  made.append(
    element('p', '', `${count(shown, 'activity', 'activities')} shown, and their leaves computed from their fields.`),
  );
  for (const { log, check, cosigned, witnesses } of verdicts) {
    const signed = `${cosigned ? ', cosigned by the collector' : ''}${witnesses > 0 ? ` and by ${count(witnesses, 'witness', 'witnesses')}` : ''}`;
    const text = `${log.agent_id}: ${check.activities} shown of the ${log.tree_size} that were signed${signed}`;
    made.append(element('p', 'log', text));
    const { payload_left_out = 0, left_out = 0 } = log.page ?? {};
    if (payload_left_out + left_out > 0) {
      const left = `Too much for a page: ${count(left_out, 'activity', 'activities')}, and the payload of ${payload_left_out} others, stand only in ${log.file}.`;
      made.append(element('p', 'unsure', left));
    }
  }
  for (const problem of problems.slice(0, ROWS_AT_ONCE)) {
    const { kind, agent_id, first_seq, last_seq, message } = problem;
    const range = first_seq === last_seq ? `${first_seq}` : `${first_seq}-${last_seq}`;
    const isFault = !INFORMATION.includes(kind);
    made.append(element('p', isFault ? 'problem bad' : 'problem', `${kind}  ${agent_id}:${range}  ${message}`));
  }
  if (faults > ROWS_AT_ONCE) made.append(element('p', 'bad', `${faults} faults in all`));
  if (manifest.made.without_payload) {
    made.append(element('p', '', 'Made without payload: digests stand for it, and the leaves come out of them.'));
  }
  return made;
}

function membershipCard({ ok, message }) {
  return card(
    'Is all of the session here?',
    element('p', `verdict ${ok ? 'good' : 'unsure'}`, ok ? 'as far as its log can say, yes' : 'not shown'),
    element('p', '', message),
  );
}

function completenessCard({ losses = [], gaps = [], is_cut: isCut = false }) {
  const made = card(
    'Completeness',
    element(
      'p',
      `verdict ${losses.length + gaps.length === 0 ? 'good' : 'unsure'}`,
      losses.length + gaps.length === 0 ? 'nothing was known to be missing' : 'not all was recorded',
    ),
    element('p', 'quiet', 'As the collector said when the bundle was made.'),
  );
  for (const { agent_id, place, reason, losses: n, events, bytes } of losses.slice(0, ROWS_AT_ONCE)) {
    made.append(
      element('p', '', `${agent_id}  ${place}/${reason}: ${n} losses of ${events} events and ${bytes} bytes`),
    );
  }
  for (const { agent_id, from, to, message } of gaps.slice(0, ROWS_AT_ONCE)) {
    made.append(element('p', '', `${agent_id}  ${from === to ? from : `${from} to ${to}`}: ${message}`));
  }
  const more = Math.max(0, losses.length - ROWS_AT_ONCE) + Math.max(0, gaps.length - ROWS_AT_ONCE);
  if (more > 0) made.append(element('p', 'quiet', `… and ${more} more, in manifest.json`));
  if (isCut) made.append(element('p', 'quiet', 'There were more than could be listed.'));
  return made;
}

function keysCard(keys, manifest, onKeys, given) {
  const made = card('Keys');
  for (const { line, known } of keys) {
    made.append(
      element(
        'p',
        'key',
        line,
        element('span', known ? 'mark' : 'mark unsure', known ? 'known' : 'from the bundle itself'),
      ),
    );
  }
  made.append(
    element(
      'p',
      '',
      'Keys of the bundle are the word of whoever made it. Paste those that you know from elsewhere, one a line; with them it is checked again.',
    ),
  );
  const input = element('textarea', 'keys');
  input.value = given;
  const button = element('button', '', 'Check again');
  const wrong = element('p', 'bad');
  button.addEventListener('click', () => {
    const lines = input.value.split('\n').map((line) => line.trim());
    const filled = lines.filter((line) => line !== '' && !line.startsWith('#'));
    try {
      keyRing(filled, manifest.keys);
    } catch (error) {
      wrong.textContent = visible(error.message);
      return;
    }
    onKeys(filled);
  });
  made.append(input, button, wrong);
  return made;
}

/* All activities, by kind and by words, some hundred at a time. */
function activitiesCard(shown) {
  const list = element('div', 'list');
  const search = element('input', 'search');
  search.type = 'search';
  search.placeholder = 'Search in everything';
  const kinds = element('div', 'kinds');
  const counter = element('p', 'quiet');
  const more = element('button', 'more', 'Show more');
  const off = new Set();
  let found = shown;
  let at = 0;
  const grow = () => {
    for (const one of found.slice(at, at + ROWS_AT_ONCE)) list.append(one.row());
    at = Math.min(found.length, at + ROWS_AT_ONCE);
    more.hidden = at === found.length;
    counter.textContent = `${found.length} of ${shown.length} activities`;
  };
  const again = () => {
    const word = search.value.toLowerCase();
    found = shown.filter((one) => !off.has(one.kind) && (word === '' || one.has(word)));
    list.replaceChildren();
    at = 0;
    grow();
  };
  for (const kind of Object.keys(DETAILS)) {
    const number = shown.filter((one) => one.kind === kind).length;
    if (number === 0) continue;
    const button = element('button', `kind ${kind}`, `${kind} ${number}`);
    button.setAttribute('aria-pressed', 'true');
    button.addEventListener('click', () => {
      if (!off.delete(kind)) off.add(kind);
      button.setAttribute('aria-pressed', String(!off.has(kind)));
      again();
    });
    kinds.append(button);
  }
  search.addEventListener('input', again);
  more.addEventListener('click', grow);
  grow();
  return card('Activities', kinds, search, counter, list, more);
}

function byTime(a, b) {
  const [x, y] = [BigInt(a.activity.timeNs ?? 0), BigInt(b.activity.timeNs ?? 0)];
  return x < y ? -1 : x > y ? 1 : a.seq - b.seq;
}

async function showPage(given) {
  const manifest = JSON.parse(document.getElementById('manifest').textContent);
  // A line feed stands in front of the first line.
  const logs = Array.from(document.querySelectorAll('script.log'), (script) => script.textContent.slice(1));
  const main = document.querySelector('main') ?? document.body.appendChild(document.createElement('main'));
  main.dataset.state = 'checking';
  document.title = `Sworn: session ${visible(manifest.session_id)}`;
  const progress = element('p', 'quiet', 'Checking …');
  const { by, time } = manifest.made;
  main.replaceChildren(
    element('h1', '', `Session ${manifest.session_id}`),
    element('p', 'quiet', `Made by ${by}, ${time}. This page asks nobody: it checks what it holds by itself.`),
    progress,
  );
  const shown = [];
  const report = await checkBundle(
    manifest,
    logs,
    given,
    (line, log) => shown.push(new Shown(line, log)),
    (share, at) => {
      progress.textContent = `Checking log ${at + 1} of ${logs.length}: ${Math.floor(share * 100)} %`;
    },
  );
  progress.remove();
  main.append(
    verdictCard(report, manifest),
    membershipCard(report.membership),
    completenessCard(manifest.completeness),
    keysCard(report.keys, manifest, (lines) => void showOrSay(lines), given.join('\n')),
    activitiesCard(shown.sort(byTime)),
  );
  main.dataset.state = report.ok ? (report.unchecked ? 'unchecked' : 'good') : 'bad';
  main.dataset.problems = JSON.stringify(report.problems);
}

async function showOrSay(given) {
  try {
    await showPage(given);
  } catch (error) {
    const text = `This page cannot be read: it was changed, or made by something else. ${error.message}`;
    const main = element('main', '', element('p', 'verdict bad', text));
    main.dataset.state = 'broken';
    document.body.replaceChildren(main, ...document.querySelectorAll('script'));
  }
}

if (typeof document !== 'undefined') void showOrSay([]);
