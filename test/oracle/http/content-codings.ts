// SPDX-License-Identifier: Apache-2.0

/** The content codings that Node has, both ways. */
import {
  brotliCompressSync,
  brotliDecompressSync,
  constants,
  deflateSync,
  gunzipSync,
  gzipSync,
  inflateSync,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib';

interface ContentCoding {
  readonly encode: (content: Uint8Array) => Buffer;
  readonly decode: (carried: Uint8Array) => Buffer;
}

/** The usual quality takes seconds for 10 MiB. */
const QUICKLY = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } };

export const CONTENT_CODINGS: Readonly<Record<string, ContentCoding>> = {
  gzip: { encode: (content) => gzipSync(content), decode: (carried) => gunzipSync(carried) },
  deflate: { encode: (content) => deflateSync(content), decode: (carried) => inflateSync(carried) },
  br: { encode: (content) => brotliCompressSync(content, QUICKLY), decode: (carried) => brotliDecompressSync(carried) },
  zstd: { encode: (content) => zstdCompressSync(content), decode: (carried) => zstdDecompressSync(carried) },
};

export const CODING_NAMES = Object.keys(CONTENT_CODINGS);

/** `coding`: the value of Content-Encoding; '' for none. Errors: what zlib throws, of a body that is not whole too. */
export function contentOf(carried: Buffer, coding: string): Buffer {
  return CONTENT_CODINGS[coding]?.decode(carried) ?? carried;
}
