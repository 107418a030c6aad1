// SPDX-License-Identifier: Apache-2.0

/**
 * The messages of the frontend/backend protocol 3.0 and 3.2: their tags, and what a header may say.
 *
 * Shape    tag u8 · length i32 BE (counts itself, not the tag) · body; the first message of a client has no tag
 * Source   PostgreSQL manual, "Message Formats"
 */
import type { Side } from '../decoder.ts';

export const Frontend = {
  bind: 0x42,
  close: 0x43,
  copyData: 0x64,
  copyDone: 0x63,
  copyFail: 0x66,
  describe: 0x44,
  execute: 0x45,
  flush: 0x48,
  functionCall: 0x46,
  parse: 0x50,
  /** PasswordMessage, SASLInitialResponse, SASLResponse, GSSResponse: which one, the server's last request tells. */
  password: 0x70,
  query: 0x51,
  sync: 0x53,
  terminate: 0x58,
} as const;

export const Backend = {
  authentication: 0x52,
  backendKeyData: 0x4b,
  bindComplete: 0x32,
  closeComplete: 0x33,
  commandComplete: 0x43,
  copyBothResponse: 0x57,
  copyData: 0x64,
  copyDone: 0x63,
  copyInResponse: 0x47,
  copyOutResponse: 0x48,
  dataRow: 0x44,
  emptyQueryResponse: 0x49,
  errorResponse: 0x45,
  functionCallResponse: 0x56,
  negotiateProtocolVersion: 0x76,
  noData: 0x6e,
  noticeResponse: 0x4e,
  notificationResponse: 0x41,
  parameterDescription: 0x74,
  parameterStatus: 0x53,
  parseComplete: 0x31,
  portalSuspended: 0x73,
  readyForQuery: 0x5a,
  rowDescription: 0x54,
} as const;

/** Codes that stand where a StartupMessage has its version. */
export const Startup = {
  cancelRequest: 80_877_102,
  sslRequest: 80_877_103,
  gssEncRequest: 80_877_104,
} as const;

/** 1 GiB: the server itself takes and sends no longer message. */
export const MESSAGE_LENGTH_MAX = 0x4000_0000;
/** The server's own bound on the packet that begins a connection. */
export const STARTUP_LENGTH_MAX = 10_000;
/** The most columns that a result of the server can have. */
export const COLUMNS_MAX = 1664;
/** 3.2 gave the cancel key a length; the manual bounds it so. */
export const CANCEL_KEY_BYTES_MAX = 256;

/** Tag → the one length it may have, or minus the least; 0: no such tag. */
const LENGTHS: Readonly<Record<Side, Int16Array>> = { client: new Int16Array(256), server: new Int16Array(256) };

const F = Frontend;
const B = Backend;
for (const [side, tag, length] of [
  ['client', F.bind, -12],
  ['client', F.close, -6],
  ['client', F.copyData, -4],
  ['client', F.copyDone, 4],
  ['client', F.copyFail, -5],
  ['client', F.describe, -6],
  ['client', F.execute, -9],
  ['client', F.flush, 4],
  ['client', F.functionCall, -14],
  ['client', F.parse, -8],
  ['client', F.password, -4],
  ['client', F.query, -5],
  ['client', F.sync, 4],
  ['client', F.terminate, 4],
  ['server', B.authentication, -8],
  ['server', B.backendKeyData, -8],
  ['server', B.bindComplete, 4],
  ['server', B.closeComplete, 4],
  ['server', B.commandComplete, -5],
  ['server', B.copyBothResponse, -7],
  ['server', B.copyData, -4],
  ['server', B.copyDone, 4],
  ['server', B.copyInResponse, -7],
  ['server', B.copyOutResponse, -7],
  ['server', B.dataRow, -6],
  ['server', B.emptyQueryResponse, 4],
  ['server', B.errorResponse, -5],
  ['server', B.functionCallResponse, -8],
  ['server', B.negotiateProtocolVersion, -12],
  ['server', B.noData, 4],
  ['server', B.noticeResponse, -5],
  ['server', B.notificationResponse, -10],
  ['server', B.parameterDescription, -6],
  ['server', B.parameterStatus, -6],
  ['server', B.parseComplete, 4],
  ['server', B.portalSuspended, 4],
  ['server', B.readyForQuery, 5],
  ['server', B.rowDescription, -6],
] as const) {
  LENGTHS[side][tag] = length;
}

/** Can a message of `from` have this header? */
export function isHeader(from: Side, tag: number, length: number): boolean {
  const allowed = LENGTHS[from][tag] as number;
  if (allowed > 0) return length === allowed;
  return allowed < 0 && length >= -allowed && length <= MESSAGE_LENGTH_MAX;
}
