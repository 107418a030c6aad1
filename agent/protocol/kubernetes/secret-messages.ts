// SPDX-License-Identifier: Apache-2.0

/**
 * Values of Secrets in protobuf: each is overwritten in its place, so that the message stays one.
 *
 * Shape    Secret { 1: metadata { 12: annotations }, 2: data, 4: stringData }; SecretList { 2: items }; a map is entries { 1: key,
 *          2: value }. TokenRequest { 3: status { 1: token } }, TokenReview { 2: spec { 1: token } }; other kinds have none
 * Errors   never throws; undefined when the message is not all there, or none: the caller then keeps nothing of it
 * Source   generated.proto of k8s.io/api/core/v1 and authentication/v1
 */
import { PROTOBUF_MAGIC, readEnvelope, watchFrames } from './envelope.ts';
import { eachIn, type ProtobufMessage, readProtobuf } from './protobuf.ts';

const STAR = 0x2a;
const ANNOTATIONS = 12;
/** Errors of kube-apiserver may quote the body that it could not read. */
export const QUOTES = /error found in #\d|\.\.\.\|/;

/** Kinds that carry no values of secrets. */
const HARMLESS = new Set(['DeleteOptions', 'PartialObjectMetadata', 'WatchEvent']);

export function blankSecretValues(given: Buffer): { bytes: Buffer; isChanged: boolean } | undefined {
  const bytes = Buffer.from(given);
  const objects = bytes.subarray(0, 4).equals(PROTOBUF_MAGIC)
    ? [bytes]
    : watchFrames(bytes).map(({ object }) => object);
  if (objects.length === 0 || objects.some((object) => !blankObject(object))) return undefined;
  if (objects[0] !== bytes && watchBytes(bytes) !== bytes.length) return undefined;
  return { bytes, isChanged: !bytes.equals(given) };
}

/** How many bytes are whole frames. */
function watchBytes(bytes: Buffer): number {
  let at = 0;
  while (at + 4 <= bytes.length && bytes.readUInt32BE(at) <= bytes.length - at - 4) at += 4 + bytes.readUInt32BE(at);
  return at;
}

function blankObject(bytes: Buffer): boolean {
  const envelope = readEnvelope(bytes);
  if (envelope === undefined || !envelope.isWhole) return false;
  const { kind, object } = envelope;
  if (HARMLESS.has(kind)) return blankMetadata(object);
  if (kind === 'Status') return blankQuotes(object);
  if (kind === 'Secret') return blankSecret(object);
  if (kind === 'SecretList') return eachIn(object, 2).every((item) => blankSecret(readProtobuf(item)));
  if (kind === 'TokenRequest') return blankTokens(object, 3);
  if (kind === 'TokenReview') return blankTokens(object, 2);
  return false;
}

function blankSecret(secret: ProtobufMessage): boolean {
  return secret.isWhole && blankMetadata(secret) && blankMap(secret, 2) && blankMap(secret, 4);
}

function blankQuotes(status: ProtobufMessage): boolean {
  for (const text of eachIn(status, 3)) if (QUOTES.test(text.toString('latin1'))) text.fill(STAR);
  return true;
}

/** What was applied last is kept in an annotation; the others go with it. */
function blankMetadata(object: ProtobufMessage): boolean {
  return eachIn(object, 1).every((metadata) => blankMap(readProtobuf(metadata), ANNOTATIONS));
}

function blankMap(message: ProtobufMessage, number: number): boolean {
  return message.isWhole && eachIn(message, number).every((entry) => blankField(readProtobuf(entry), 2));
}

function blankTokens(object: ProtobufMessage, number: number): boolean {
  return eachIn(object, number).every((part) => blankField(readProtobuf(part), 1));
}

function blankField(message: ProtobufMessage, number: number): boolean {
  for (const value of eachIn(message, number)) value.fill(STAR);
  return message.isWhole;
}
