// SPDX-License-Identifier: Apache-2.0

/**
 * Takes content codings off a kept body. Bodies come compressed from strangers, so the output is bounded before it is
 * made: a few bytes of Brotli can stand for gigabytes.
 *
 * The contract of a decoder is synchronous, and Node's synchronous zlib gives all of the output or an error. So when all
 * is too much, or broken, the longest prefix of the input that decodes within twice the bound is looked for by doubling
 * and then halving: the work is a small multiple of the bound, whatever the input.
 *
 * Source   RFC 9110, section 8.4.1; RFC 9112, section 7.2 (transfer codings of the same names); RFC 8878 (zstd)
 */
import {
  brotliDecompressSync,
  constants,
  gunzipSync,
  type InputType,
  inflateRawSync,
  inflateSync,
  zstdDecompressSync,
} from 'node:zlib';

export type Decoded =
  /** `bytes` is all of the content. */
  | { readonly kind: 'whole'; readonly bytes: Buffer }
  /** `bytes` is the head of the content: input or output was cut, or the input breaks off or is damaged further on. */
  | { readonly kind: 'head'; readonly bytes: Buffer }
  /** Nothing can be made of it; the body stays as it was carried. */
  | { readonly kind: 'no'; readonly reason: 'unsupported-coding' | 'too-many-codings' | 'malformed' };

/** More than one is already rare; each costs a decompression. */
const CODINGS_MAX = 3;
const FIRST_PREFIX_BYTES = 1024;
/** Halvings between the longest prefix that decoded and the shortest that did not. */
const HALVINGS = 5;

type Decompress = (input: InputType, options: { finishFlush: number; maxOutputLength: number }) => Buffer;

interface Coding {
  readonly decompress: Decompress;
  /** Ends the input without asking for the format's own end: what there is comes out. */
  readonly flush: number;
  readonly finish: number;
}

const ZLIB = { flush: constants.Z_SYNC_FLUSH, finish: constants.Z_FINISH };
const GZIP: Coding = { ...ZLIB, decompress: gunzipSync };
const CODINGS: Readonly<Record<string, Coding>> = {
  gzip: GZIP,
  'x-gzip': GZIP,
  deflate: { ...ZLIB, decompress: inflateEither },
  br: {
    decompress: brotliDecompressSync,
    flush: constants.BROTLI_OPERATION_FLUSH,
    finish: constants.BROTLI_OPERATION_FINISH,
  },
  zstd: { decompress: zstdDecompressSync, flush: constants.ZSTD_e_flush, finish: constants.ZSTD_e_end },
};

/**
 * Decode `body`, to which `codings` were applied in their order (lower case).
 *
 * `complete` says that `body` is all that was sent; `bytesMax` bounds the output. Never throws.
 */
export function decodeContent(body: Buffer, codings: readonly string[], complete: boolean, bytesMax: number): Decoded {
  if (codings.length > CODINGS_MAX) return { kind: 'no', reason: 'too-many-codings' };
  let bytes = body;
  let whole = complete;
  for (const name of codings.toReversed()) {
    const coding = Object.hasOwn(CODINGS, name) ? CODINGS[name] : undefined;
    if (coding === undefined) return { kind: 'no', reason: 'unsupported-coding' };
    const decoded = decodeOne(coding, bytes, whole, bytesMax);
    if (decoded.kind === 'no') return decoded;
    bytes = decoded.bytes;
    whole = decoded.kind === 'whole';
  }
  return { kind: whole ? 'whole' : 'head', bytes };
}

function decodeOne(coding: Coding, body: Buffer, complete: boolean, bytesMax: number): Decoded {
  const all = attempt(coding, body, complete ? coding.finish : coding.flush, bytesMax);
  if (all !== undefined) return { kind: complete ? 'whole' : 'head', bytes: all };
  const head = longestPrefix(coding, body, bytesMax);
  if (head === undefined || head.length === 0) return { kind: 'no', reason: 'malformed' };
  return { kind: 'head', bytes: head.length > bytesMax ? Buffer.from(head.subarray(0, bytesMax)) : head };
}

/** The output of the longest prefix found; stops at once when it has `bytesMax` bytes. */
function longestPrefix(coding: Coding, body: Buffer, bytesMax: number): Buffer | undefined {
  let best: Buffer | undefined;
  let good = 0;
  let bad = body.length + 1;
  const tries = (length: number): boolean => {
    const output = attempt(coding, body.subarray(0, length), coding.flush, 2 * bytesMax);
    if (output === undefined) {
      bad = length;
      return false;
    }
    good = length;
    best = output;
    return output.length >= bytesMax;
  };
  for (let length = Math.min(FIRST_PREFIX_BYTES, body.length); length < bad; ) {
    if (tries(length)) return best;
    if (good === body.length) return best;
    if (good < length) break;
    length = Math.min(2 * length, body.length);
  }
  for (let i = 0; i < HALVINGS && bad - good > 1; i++) {
    if (tries(good + Math.floor((bad - good) / 2))) return best;
  }
  return best;
}

function attempt(coding: Coding, input: Buffer, finishFlush: number, bytesMax: number): Buffer | undefined {
  try {
    return coding.decompress(input, { finishFlush, maxOutputLength: Math.max(1, bytesMax) });
  } catch {
    return undefined;
  }
}

/** "deflate" means the zlib format; some servers send the bare deflate stream (RFC 9110, section 8.4.1.2, note). */
function inflateEither(input: InputType, options: { finishFlush: number; maxOutputLength: number }): Buffer {
  try {
    return inflateSync(input, options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'Z_DATA_ERROR') throw error;
    return inflateRawSync(input, options);
  }
}
