// SPDX-License-Identifier: Apache-2.0

/**
 * What a bundle is made of: a manifest, and for each log a file of lines that cover all of its tree, in order: an activity,
 * or the hash of a subtree that is not shown. docs/PROOFS.md is the format.
 *
 * Errors   RangeError for text that is none of it: it comes from outside. Nothing is proved by reading it.
 */
import { type ActivityProperties, LEAF_BYTES, type PayloadDigests, payloadDigests } from '../../proto/leaf.ts';
import { DETAILS } from '../../proto/leaf-fields.ts';
import { activityFromJson, activityToJson, base64Of, type JsonObject, objectOf } from './activity-json.ts';

export const BUNDLE_FORMAT = 'sworn-bundle/v1';
export const MANIFEST = 'manifest.json';
export const PAGE = 'index.html';

/** The manifest holds the checkpoints and what is known to be missing: kilobytes. */
export const MANIFEST_BYTES_MAX = 64 * 1024 * 1024;
/** An activity has tens of megabytes at most, and base64 makes a third more of it. */
export const LINE_BYTES_MAX = 256 * 1024 * 1024;
const LOGS_MAX = 1_000;

export interface BundleFile {
  readonly name: string;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface BundleLog {
  /** Which file has its lines. */
  readonly file: string;
  readonly agent_id: string;
  readonly tree_size: number;
  /** A signed note. */
  readonly checkpoint: string;
  /** How many are shown, the first and the last of them. */
  readonly activities: number;
  readonly first_seq: number;
  readonly last_seq: number;
}

export interface BundleManifest {
  readonly format: string;
  readonly session_id: string;
  readonly made: {
    readonly by: string;
    /** ISO 8601, by the clock of whoever made it. */
    readonly time: string;
    /** Payload stands as digests only. */
    readonly without_payload: boolean;
    /** What others did between is shown too, without payload. */
    readonly with_others: boolean;
  };
  readonly files: readonly BundleFile[];
  readonly logs: readonly BundleLog[];
  readonly keys: readonly { readonly line: string; readonly origin: string }[];
  /** As `sworn verify` has it: the word of the collector, when the bundle was made. */
  readonly completeness: JsonObject;
}

export interface ActivityLine {
  readonly seq: number;
  readonly host: string;
  readonly activity: ActivityProperties;
  /** Of payload that was erased, or that the bundle does not show. */
  readonly digests: PayloadDigests;
  /** Number of the tombstone in the collector's log; 0: not erased. */
  readonly erasureSeq: number;
  /** For reading along. */
  readonly leaf: Buffer;
}

/** All from the first to the last number, by the root of the complete subtree over them. */
export interface HashLine {
  readonly first: number;
  readonly last: number;
  readonly hash: Buffer;
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

export function formatActivityLine({ seq, host, activity, digests, erasureSeq, leaf }: ActivityLine): string {
  return JSON.stringify({
    seq,
    host,
    activity: activityToJson(activity),
    ...(digests.size === 0
      ? {}
      : { payload_digests: Object.fromEntries([...digests].map(([name, one]) => [name, base64(one)])) }),
    ...(erasureSeq === 0 ? {} : { erasure_seq: erasureSeq }),
    leaf: base64(leaf),
  });
}

export function formatHashLine({ first, last, hash }: HashLine): string {
  return JSON.stringify({ first, last, hash: base64(hash) });
}

const ACTIVITY_NAMES = new Set(['seq', 'host', 'activity', 'payload_digests', 'erasure_seq', 'leaf']);
const HASH_NAMES = new Set(['first', 'last', 'hash']);

export function parseLine(text: string): ActivityLine | HashLine {
  const json = objectOf(jsonOf(text), 'the line');
  const names = 'hash' in json ? HASH_NAMES : ACTIVITY_NAMES;
  const unknown = Object.keys(json).find((name) => !names.has(name));
  if (unknown !== undefined) throw new RangeError(`a line has no ${JSON.stringify(unknown)}`);
  if ('hash' in json)
    return { first: numberOf(json, 'first'), last: numberOf(json, 'last'), hash: hashOf(json['hash'], 'hash') };
  const digests = Object.entries(objectOf(json['payload_digests'] ?? {}, 'payload_digests'));
  return {
    seq: numberOf(json, 'seq'),
    host: textOf(json, 'host'),
    activity: activityFromJson(json['activity']),
    digests: new Map(digests.map(([name, digest]) => [name, hashOf(digest, 'a digest')])),
    erasureSeq: json['erasure_seq'] === undefined ? 0 : numberOf(json, 'erasure_seq'),
    leaf: hashOf(json['leaf'], 'leaf'),
  };
}

export function parseManifest(text: string): BundleManifest {
  const json = objectOf(jsonOf(text), 'the manifest');
  if (json['format'] !== BUNDLE_FORMAT) throw new RangeError(`it is no ${BUNDLE_FORMAT}`);
  const made = objectOf(json['made'], 'made');
  const manifest = {
    format: BUNDLE_FORMAT,
    session_id: textOf(json, 'session_id'),
    made: {
      by: textOf(made, 'by'),
      time: textOf(made, 'time'),
      without_payload: made['without_payload'] === true,
      with_others: made['with_others'] === true,
    },
    files: listOf(json, 'files').map((one) => {
      const { sha256 } = one;
      if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) throw new RangeError('sha256 is no digest');
      return { name: nameOf(one, 'name'), bytes: numberOf(one, 'bytes'), sha256 };
    }),
    logs: listOf(json, 'logs').map((one) => ({
      file: nameOf(one, 'file'),
      agent_id: textOf(one, 'agent_id'),
      tree_size: numberOf(one, 'tree_size'),
      checkpoint: textOf(one, 'checkpoint'),
      activities: numberOf(one, 'activities'),
      first_seq: numberOf(one, 'first_seq'),
      last_seq: numberOf(one, 'last_seq'),
    })),
    keys: listOf(json, 'keys').map((one) => ({ line: textOf(one, 'line'), origin: textOf(one, 'origin') })),
    completeness: objectOf(json['completeness'] ?? {}, 'completeness'),
  };
  const { files, logs } = manifest;
  if (logs.length === 0) throw new RangeError('it has no log');
  // One of two of a name would be checked, and the other shown.
  for (const names of [files.map((one) => one.name), logs.map((one) => one.file), logs.map((one) => one.agent_id)]) {
    if (new Set(names).size < names.length) throw new RangeError('it names a file or a log twice');
  }
  return manifest;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw error instanceof SyntaxError ? new RangeError('it is no JSON', { cause: error }) : error;
  }
}

function listOf(json: JsonObject, name: string): JsonObject[] {
  const list = json[name];
  if (!Array.isArray(list) || list.length > LOGS_MAX) throw new RangeError(`${name} is no list, or too long`);
  return list.map((one) => objectOf(one, `one of ${name}`));
}

function numberOf(json: JsonObject, name: string): number {
  const value = json[name];
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new RangeError(`${name} is no number`);
  return value as number;
}

function textOf(json: JsonObject, name: string): string {
  const value = json[name];
  if (typeof value !== 'string' || !value.isWellFormed()) throw new RangeError(`${name} is no text`);
  return value;
}

/** A file beside the manifest, and none elsewhere. */
function nameOf(json: JsonObject, name: string): string {
  const value = json[name];
  if (typeof value !== 'string' || !isBundleName(value)) throw new RangeError(`${name} is no name of a file`);
  return value;
}

export const isBundleName = (name: string): boolean => /^[a-z0-9][a-z0-9.-]{0,63}$/.test(name);

function hashOf(value: unknown, name: string): Buffer {
  const bytes = base64Of(value, name);
  if (bytes.length !== LEAF_BYTES) throw new RangeError(`${name} does not have ${LEAF_BYTES} bytes`);
  return bytes;
}

/** The same line with digests in place of payload and salt: its leaf is the same. */
export function withoutPayload(line: ActivityLine): ActivityLine {
  const { activity, digests } = line;
  const { salt, ...rest } = activity as Record<string, unknown>;
  const shown: Record<string, unknown> = rest;
  for (const { name, fields } of DETAILS) {
    if (shown[name] == null) continue;
    const payload = new Set(fields.filter((field) => field.payload).map((field) => field.name));
    const detail = Object.entries(shown[name] as object).filter(([field]) => !payload.has(field));
    shown[name] = Object.fromEntries(detail);
  }
  return {
    ...line,
    activity: shown as ActivityProperties,
    digests: new Map([...digests, ...payloadDigests(activity)]),
  };
}
