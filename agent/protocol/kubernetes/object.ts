// SPDX-License-Identifier: Apache-2.0

/**
 * An object of the API out of a body, in any of its encodings, as far as it is looked at.
 *
 * Errors   never throws; undefined when the body is none, was cut, or is too long to be parsed
 */
import { isUtf8 } from 'node:buffer';
import { parseDocument } from 'yaml';
import { YAML_BYTES_MAX } from './bounds.ts';
import { PROTOBUF_MAGIC, plainOf, readEnvelope } from './envelope.ts';

export type Plain = Readonly<Record<string, unknown>>;
export type Encoding = 'json' | 'yaml' | 'protobuf' | 'cbor' | '';

/** Twice what kube-apiserver takes (3 MiB); parsing 4 MiB takes some 20 ms. */
const JSON_BYTES_MAX = 6 * 1024 * 1024;
/** RFC 8949, section 3.4.6: the tag by which CBOR says that it is CBOR; Kubernetes always writes it. */
const CBOR_TAG = Buffer.from([0xd9, 0xd9, 0xf7]);

export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

export function encodingOf(given: Uint8Array, contentType: string): Encoding {
  const bytes = bufferOf(given);
  if (bytes.length === 0) return '';
  if (startsWith(bytes, CBOR_TAG)) return 'cbor';
  // A watch has a length before each envelope.
  if (startsWith(bytes, PROTOBUF_MAGIC) || contentType.includes('kubernetes.protobuf')) return 'protobuf';
  if (isJsonText(bytes)) return 'json';
  return contentType.includes('yaml') ? 'yaml' : '';
}

const startsWith = (bytes: Buffer, start: Buffer): boolean => bytes.subarray(0, start.length).equals(start);

/** Begins as an object or an array does. */
export function isJsonText(bytes: Buffer): boolean {
  const first = bytes.subarray(0, 64).toString('latin1').trimStart()[0];
  return first === '{' || first === '[';
}

/** The value in a body that was kept whole; of YAML and JSON also an array, which a JSON Patch is. */
export function valueIn(given: Uint8Array, encoding: Encoding): unknown {
  const bytes = bufferOf(given);
  if (encoding === 'protobuf') {
    const envelope = readEnvelope(bytes);
    return envelope === undefined ? undefined : plainOf(envelope);
  }
  if (encoding === 'json' && bytes.length <= JSON_BYTES_MAX) return parsed(() => JSON.parse(bytes.toString('utf8')));
  if ((encoding === 'yaml' || encoding === 'json') && bytes.length <= YAML_BYTES_MAX && isUtf8(bytes)) {
    return parsed(() => parseDocument(bytes.toString('utf8'), { logLevel: 'silent' }).toJS({ maxAliasCount: 0 }));
  }
  return undefined;
}

function parsed(parse: () => unknown): unknown {
  try {
    return parse();
  } catch {
    return undefined;
  }
}

export function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What stands at `names`, one inside of the other. */
export function at(value: unknown, ...names: readonly string[]): unknown {
  let here = value;
  for (const name of names) here = isPlain(here) && Object.hasOwn(here, name) ? here[name] : undefined;
  return here;
}

/** Names and words of the API are short; a longer text is shown by its head. */
const TEXT_MAX = 1024;

export function textAt(value: unknown, ...names: readonly string[]): string {
  const found = at(value, ...names);
  return typeof found === 'string' ? found.slice(0, TEXT_MAX) : '';
}
