// SPDX-License-Identifier: Apache-2.0

/**
 * The leaf of an activity: 32 bytes that bind all of it, and that stay provable after its payload was erased. Agent and
 * collector compute it here; docs/RECORD.md specifies it so that others can. The tables below are the specification's
 * field table: a test holds them against the .proto and against that page.
 *
 * Errors   RangeError for a number that is negative, not whole, or too large for its field: a mistake of the caller.
 * Keeps    nothing: results are copies. One set of scratch buffers per thread; nothing here is re-entrant or async.
 */
import { createHash } from 'node:crypto';
import { CanonicalWriter, type Halves, type Unsigned } from './canonical.ts';
import type { sworn } from './record.ts';

export type ActivityProperties = sworn.v1.Activity.$Properties;

export const CANONICAL_VERSION = 1;
export const LEAF_BYTES = 32;
export const SALT_BYTES = 16;
/** Where the two fields stand that an activity does not carry, because its stream or its row does. */
export const AGENT_ID_NUMBER = 60;
export const HOST_NUMBER = 61;

type Kind =
  | 'uint32'
  | 'uint64'
  /** Written also when it is zero; left out only when absent. */
  | 'optional-uint64'
  | 'fixed64'
  | 'bool'
  | 'text'
  | 'bytes'
  | 'texts'
  | 'map'
  | 'message';

export interface CanonicalField {
  readonly number: number;
  /** As in the generated code; `protoName` is that of the .proto and of the column. */
  readonly name: string;
  readonly protoName: string;
  readonly kind: Kind;
  /** May be erased later: only its salted digest goes into the leaf. */
  readonly payload: boolean;
  readonly fields: readonly CanonicalField[];
}

export interface CanonicalDetail {
  readonly number: number;
  readonly name: string;
  readonly fields: readonly CanonicalField[];
}

function field(number: number, protoName: string, kind: Kind, fields: readonly CanonicalField[] = []): CanonicalField {
  const name = protoName.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return { number, name, protoName, kind, payload: false, fields };
}

function payload(number: number, protoName: string, kind: Kind): CanonicalField {
  return { ...field(number, protoName, kind), payload: true };
}

/** The fields of an activity that come before its detail. `salt` and `leaf` are not part of what the leaf binds. */
export const HEAD_FIELDS: readonly CanonicalField[] = [
  field(1, 'seq', 'uint64'),
  field(2, 'time_ns', 'fixed64'),
  field(3, 'end_time_ns', 'fixed64'),
  field(4, 'session_id', 'text'),
  field(5, 'workload', 'text'),
  field(6, 'identity_id', 'text'),
  field(7, 'identity_name', 'text'),
  field(8, 'identity_state', 'uint32'),
  field(9, 'identity_source', 'uint32'),
  field(10, 'token_id', 'text'),
  field(11, 'pid', 'uint32'),
  field(12, 'process_id', 'text'),
  field(13, 'exe', 'text'),
  field(14, 'connection_id', 'text'),
];

const BYTE_ACCOUNT_FIELDS: readonly CanonicalField[] = [
  field(1, 'moved', 'uint64'),
  field(2, 'decoded', 'uint64'),
  field(3, 'not_understood', 'uint64'),
  field(4, 'unreadable', 'uint64'),
  field(5, 'cut', 'uint64'),
  field(6, 'lost', 'uint64'),
];

/** Exactly one of these is present in an activity, and it is written even when all its fields are left out. */
export const DETAILS: readonly CanonicalDetail[] = [
  {
    number: 20,
    name: 'command',
    fields: [
      field(1, 'protocol', 'text'),
      field(2, 'operation', 'text'),
      field(3, 'target', 'text'),
      payload(4, 'resource', 'text'),
      payload(5, 'statement', 'text'),
      payload(6, 'statement_shape', 'text'),
      payload(7, 'parameters', 'text'),
      payload(8, 'request', 'bytes'),
      payload(9, 'response', 'bytes'),
      field(10, 'status', 'uint32'),
      field(11, 'error_code', 'text'),
      payload(12, 'error_message', 'text'),
      field(13, 'rows', 'optional-uint64'),
      field(14, 'request_bytes', 'uint64'),
      field(15, 'response_bytes', 'uint64'),
      field(16, 'truncated', 'bool'),
      field(17, 'request_payload_bytes', 'uint64'),
      field(18, 'response_payload_bytes', 'uint64'),
      payload(19, 'request_sha256', 'bytes'),
      payload(20, 'response_sha256', 'bytes'),
      field(21, 'tls', 'text'),
      field(22, 'role', 'uint32'),
      payload(23, 'attributes', 'map'),
      field(24, 'duration_ns', 'uint64'),
    ],
  },
  {
    number: 21,
    name: 'process',
    fields: [
      field(1, 'action', 'uint32'),
      field(2, 'parent_pid', 'uint32'),
      field(3, 'parent_process_id', 'text'),
      payload(4, 'argv', 'texts'),
      field(5, 'argv_bytes', 'uint32'),
      field(6, 'truncated', 'bool'),
      payload(7, 'cwd', 'text'),
      field(8, 'uid', 'uint32'),
      field(9, 'gid', 'uint32'),
      field(10, 'login_uid', 'uint32'),
      field(11, 'cgroup', 'text'),
      field(12, 'container_id', 'text'),
      field(13, 'exit_code', 'uint32'),
      field(14, 'signal', 'uint32'),
      field(15, 'core_dumped', 'bool'),
    ],
  },
  {
    number: 22,
    name: 'connection',
    fields: [
      field(1, 'action', 'uint32'),
      field(2, 'transport', 'text'),
      field(3, 'protocol', 'text'),
      field(4, 'role', 'uint32'),
      field(5, 'local_address', 'text'),
      field(6, 'local_port', 'uint32'),
      field(7, 'remote_address', 'text'),
      field(8, 'remote_port', 'uint32'),
      field(9, 'joined_late', 'bool'),
      field(10, 'error', 'text'),
      field(11, 'sent', 'message', BYTE_ACCOUNT_FIELDS),
      field(12, 'received', 'message', BYTE_ACCOUNT_FIELDS),
      field(13, 'tls', 'text'),
      field(14, 'server_name', 'text'),
      payload(15, 'attributes', 'map'),
    ],
  },
  {
    number: 23,
    name: 'token',
    fields: [
      field(1, 'action', 'uint32'),
      field(2, 'fingerprint', 'text'),
      field(3, 'audience', 'text'),
      field(4, 'tenant_id', 'text'),
      payload(5, 'claims', 'text'),
      field(6, 'issued_at_ns', 'fixed64'),
      field(7, 'expires_at_ns', 'fixed64'),
      field(8, 'reason', 'text'),
      field(9, 'interface', 'text'),
    ],
  },
  {
    number: 24,
    name: 'loss',
    fields: [
      field(1, 'where', 'text'),
      field(2, 'reason', 'text'),
      field(3, 'events', 'uint64'),
      field(4, 'bytes', 'uint64'),
      field(5, 'direction', 'text'),
      field(6, 'message', 'text'),
    ],
  },
  {
    number: 25,
    name: 'session',
    fields: [
      field(1, 'action', 'uint32'),
      field(2, 'selected_by', 'text'),
      payload(3, 'command_line', 'text'),
      field(4, 'processes', 'uint64'),
      field(5, 'commands', 'uint64'),
      field(6, 'losses', 'uint64'),
      field(7, 'exit_code', 'uint32'),
      field(8, 'signal', 'uint32'),
    ],
  },
  {
    number: 26,
    name: 'recorder',
    fields: [
      field(1, 'action', 'uint32'),
      field(2, 'version', 'text'),
      field(3, 'kernel', 'text'),
      field(4, 'boot_id', 'text'),
      field(5, 'attributes', 'map'),
    ],
  },
  {
    number: 27,
    name: 'alert',
    fields: [
      field(1, 'alert_id', 'text'),
      field(2, 'rule_id', 'text'),
      field(3, 'rule_title', 'text'),
      field(4, 'level', 'text'),
      field(5, 'matched_agent_id', 'text'),
      field(6, 'matched_seq', 'uint64'),
      payload(7, 'summary', 'text'),
    ],
  },
];

/** Payload digests by "detail.field" in the .proto's names, such as "command.statement". */
export type PayloadDigests = ReadonlyMap<string, Uint8Array>;

/**
 * The leaf of an activity: SHA-256(0x00 || canonical encoding), RFC 6962's leaf hash.
 *
 * Erased   a payload field that is empty in `activity` but has a digest in `kept` stands with that digest. So the leaf
 *          still comes out after payload and salt were erased. A field that is there counts, whatever `kept` says.
 */
export function leafOf(
  activity: ActivityProperties,
  agentId: string,
  host: string,
  kept: PayloadDigests = NONE_KEPT,
): Buffer {
  const leaf = Buffer.allocUnsafeSlow(LEAF_BYTES);
  leafInto(leaf, 0, activity, agentId, host, kept);
  return leaf;
}

/**
 * As `leafOf`, written into `target` at `at`: for the agent's hot path, where nothing is allocated for it.
 * False when a text held a lone surrogate: it is not the same text once encoded, so neither is the leaf.
 */
export function leafInto(
  target: Buffer,
  at: number,
  activity: ActivityProperties,
  agentId: string,
  host: string,
  kept: PayloadDigests = NONE_KEPT,
): boolean {
  writeCanonical(activity, agentId, host, kept);
  target.write(canonical.sha256(), at, 'latin1');
  return canonical.wellFormed && payloadBytes.wellFormed;
}

/** The canonical encoding without the 0x00 that makes it a leaf: for tests, vectors and other implementations. */
export function canonicalBytes(
  activity: ActivityProperties,
  agentId: string,
  host: string,
  kept: PayloadDigests = NONE_KEPT,
): Buffer {
  writeCanonical(activity, agentId, host, kept);
  return Buffer.from(canonical.bytes.subarray(1, canonical.at));
}

/** The digest of each payload field that is not empty: what to keep when the payload is erased. */
export function payloadDigests(activity: ActivityProperties): PayloadDigests {
  const detail = detailOf(activity);
  const digests = new Map<string, Uint8Array>();
  payloadBytes.reset();
  setSalt(activity.salt);
  const message = messageOf(activity, detail.name)!;
  for (const payloadField of detail.fields) {
    if (!payloadField.payload) continue;
    const digest = digestOf(payloadField, message[payloadField.name], detail.number);
    if (digest !== '') digests.set(`${detail.name}.${payloadField.protoName}`, Buffer.from(digest, 'latin1'));
  }
  return digests;
}

const NONE_KEPT: PayloadDigests = new Map();
const NO_SALT = new Uint8Array(0);

/** 0x00 || canonical encoding. */
const canonical = new CanonicalWriter();
/** salt || uvarint(detail) || uvarint(field) || value. */
const payloadBytes = new CanonicalWriter();

/** Above this a value is hashed from where it lies; below, one hash call over a copy costs less than two updates. */
const COPIED_BYTES_MAX = 64 * 1024;

type Message = Readonly<Record<string, unknown>>;

function writeCanonical(activity: ActivityProperties, agentId: string, host: string, kept: PayloadDigests): void {
  const detail = detailOf(activity);
  canonical.reset();
  payloadBytes.reset();
  setSalt(activity.salt);
  canonical.uvarint(0x00);
  canonical.uvarint(CANONICAL_VERSION);
  writeFields(HEAD_FIELDS, activity as Message);
  // Two bytes of number, and nearly always two of length.
  canonical.uvarint(detail.number);
  const start = canonical.open(2);
  writeDetail(detail, messageOf(activity, detail.name)!, kept);
  canonical.close(start, 2);
  writeText(AGENT_ID_NUMBER, agentId);
  writeText(HOST_NUMBER, host);
}

function detailOf(activity: ActivityProperties): CanonicalDetail {
  let found: CanonicalDetail | undefined;
  for (const detail of DETAILS) {
    if (messageOf(activity, detail.name) === undefined) continue;
    if (found !== undefined) throw new RangeError(`an activity has both ${found.name} and ${detail.name}`);
    found = detail;
  }
  if (found === undefined) throw new RangeError('an activity has no detail that this version knows');
  return found;
}

function messageOf(activity: ActivityProperties, name: string): Message | undefined {
  return ((activity as Message)[name] ?? undefined) as Message | undefined;
}

function setSalt(salt: Uint8Array | null | undefined): void {
  payloadBytes.raw(salt ?? NO_SALT);
}

function writeDetail(detail: CanonicalDetail, message: Message, kept: PayloadDigests): void {
  for (const one of detail.fields) {
    const value = message[one.name];
    if (!one.payload) {
      writeField(one, value);
      continue;
    }
    let digest = digestOf(one, value, detail.number);
    if (digest === '' && kept.size > 0) digest = keptDigest(kept, `${detail.name}.${one.protoName}`);
    if (digest === '') continue;
    canonical.uvarint(one.number);
    canonical.uvarint(LEAF_BYTES);
    canonical.latin1(digest);
  }
}

function keptDigest(kept: PayloadDigests, name: string): string {
  const digest = kept.get(name);
  if (digest === undefined) return '';
  if (digest.length !== LEAF_BYTES) throw new RangeError(`the kept digest of ${name} has ${digest.length} bytes`);
  return Buffer.from(digest.buffer, digest.byteOffset, digest.length).toString('latin1');
}

/** The digest of one payload value, one character a byte; '' when the value is the default and so left out. */
function digestOf(one: CanonicalField, value: unknown, detailNumber: number): string {
  if (isLeftOut(one.kind, value)) return '';
  const saltEnd = payloadBytes.at;
  payloadBytes.uvarint(detailNumber);
  payloadBytes.uvarint(one.number);
  let digest: string;
  if ((one.kind === 'text' || one.kind === 'bytes') && (value as string | Uint8Array).length > COPIED_BYTES_MAX) {
    if (typeof value === 'string' && !value.isWellFormed()) payloadBytes.wellFormed = false;
    const head = payloadBytes.bytes.subarray(0, payloadBytes.at);
    digest = createHash('sha256')
      .update(head)
      .update(value as string | Uint8Array)
      .digest('latin1');
  } else {
    writeValue(payloadBytes, one.kind, value);
    digest = payloadBytes.sha256();
  }
  payloadBytes.at = saltEnd;
  return digest;
}

function writeFields(fields: readonly CanonicalField[], message: Message): void {
  for (const one of fields) writeField(one, message[one.name]);
}

function writeField(one: CanonicalField, value: unknown): void {
  if (isLeftOut(one.kind, value)) return;
  switch (one.kind) {
    case 'text':
      canonical.uvarint(one.number);
      canonical.lengthAndText(value as string);
      return;
    case 'message': {
      const before = canonical.at;
      canonical.uvarint(one.number);
      const start = canonical.open(1);
      writeFields(one.fields, value as Message);
      // All its fields were left out, which a row cannot tell from its absence.
      if (canonical.at === start) canonical.at = before;
      else canonical.close(start, 1);
      return;
    }
    default: {
      canonical.uvarint(one.number);
      const guess = one.kind === 'map' || one.kind === 'texts' || one.kind === 'bytes' ? 2 : 1;
      const start = canonical.open(guess);
      writeValue(canonical, one.kind, value);
      canonical.close(start, guess);
    }
  }
}

function writeText(number: number, value: string): void {
  if (value === '') return;
  canonical.uvarint(number);
  canonical.lengthAndText(value);
}

function isLeftOut(kind: Kind, value: unknown): boolean {
  if (value === undefined || value === null) return true;
  switch (kind) {
    case 'text':
      return value === '';
    case 'uint32':
      return value === 0;
    case 'uint64':
    case 'fixed64':
      return value === 0 || value === 0n || (typeof value === 'object' && isZero(value as Halves));
    case 'bool':
      return value === false;
    case 'bytes':
    case 'texts':
      return (value as ArrayLike<unknown>).length === 0;
    case 'map':
      // Without the list of keys that Object.keys would make.
      for (const _ in value as object) return false;
      return true;
    case 'optional-uint64':
    case 'message':
      return false;
  }
}

function isZero(value: Halves): boolean {
  return value.low === 0 && value.high === 0;
}

function writeValue(writer: CanonicalWriter, kind: Kind, value: unknown): void {
  switch (kind) {
    case 'text':
      writer.text(value as string);
      return;
    case 'bytes':
      writer.raw(value as Uint8Array);
      return;
    case 'uint32':
      writer.uvarint(wholeNumber(value as number, 0xffffffff));
      return;
    case 'uint64':
    case 'optional-uint64':
      writeUnsigned(writer, value as Unsigned);
      return;
    case 'fixed64':
      writeFixed64(writer, value as Unsigned);
      return;
    case 'bool':
      writer.uvarint(1);
      return;
    case 'texts':
      writer.texts(value as readonly string[]);
      return;
    case 'map':
      writer.map(value as Readonly<Record<string, string>>);
      return;
    case 'message':
      throw new RangeError('a message is written field by field');
  }
}

function writeUnsigned(writer: CanonicalWriter, value: Unsigned): void {
  if (typeof value === 'number') writer.uvarint(wholeNumber(value, Number.MAX_SAFE_INTEGER));
  else if (typeof value === 'bigint') writer.wideUvarint(wholeBigint(value));
  else if (value.high === 0) writer.uvarint(value.low >>> 0);
  else writer.wideUvarint((BigInt(value.high >>> 0) << 32n) | BigInt(value.low >>> 0));
}

function writeFixed64(writer: CanonicalWriter, value: Unsigned): void {
  if (typeof value === 'object') {
    writer.fixed64(value.low, value.high);
    return;
  }
  const wide = typeof value === 'bigint' ? wholeBigint(value) : BigInt(wholeNumber(value, Number.MAX_SAFE_INTEGER));
  writer.fixed64(Number(wide & 0xffffffffn), Number(wide >> 32n));
}

function wholeNumber(value: number, max: number): number {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new RangeError(`${value} is not a whole number from 0 to ${max}`);
  }
  return value;
}

function wholeBigint(value: bigint): bigint {
  if (BigInt.asUintN(64, value) !== value) throw new RangeError(`${value} does not fit 64 bits without a sign`);
  return value;
}
