// SPDX-License-Identifier: Apache-2.0

/** Numbers of the protocol. Source: MySQL manual, "Capabilities Flags" and "Command Phase"; MariaDB documentation. */

export const Capability = {
  mysql: 1,
  connectWithDb: 1 << 3,
  compress: 1 << 5,
  protocol41: 1 << 9,
  ssl: 1 << 11,
  secureConnection: 1 << 15,
  multiStatements: 1 << 16,
  pluginAuth: 1 << 19,
  connectAttributes: 1 << 20,
  lengthEncodedAuth: 1 << 21,
  sessionTrack: 1 << 23,
  zstd: 1 << 26,
  deprecateEof: 1 << 24,
  queryAttributes: 1 << 27,
} as const;

export const Command = {
  quit: 0x01,
  initDb: 0x02,
  query: 0x03,
  fieldList: 0x04,
  statistics: 0x09,
  processInfo: 0x0a,
  processKill: 0x0c,
  changeUser: 0x11,
  binlogDump: 0x12,
  tableDump: 0x13,
  registerReplica: 0x15,
  prepare: 0x16,
  execute: 0x17,
  longData: 0x18,
  close: 0x19,
  fetch: 0x1c,
  binlogDumpGtid: 0x1e,
  bulkExecute: 0xfa,
} as const;

export const COMMAND_NAMES: ReadonlyMap<number, string> = new Map([
  [0x01, 'QUIT'],
  [0x02, 'USE'],
  [0x03, 'QUERY'],
  [0x04, 'FIELD LIST'],
  [0x05, 'CREATE DATABASE'],
  [0x06, 'DROP DATABASE'],
  [0x07, 'REFRESH'],
  [0x08, 'SHUTDOWN'],
  [0x09, 'STATISTICS'],
  [0x0a, 'PROCESS INFO'],
  [0x0c, 'KILL'],
  [0x0d, 'DEBUG'],
  [0x0e, 'PING'],
  [0x11, 'CHANGE USER'],
  [0x12, 'BINLOG DUMP'],
  [0x13, 'TABLE DUMP'],
  [0x15, 'REGISTER REPLICA'],
  [0x16, 'PREPARE'],
  [0x17, 'EXECUTE'],
  [0x18, 'LONG DATA'],
  [0x19, 'CLOSE'],
  [0x1a, 'RESET STATEMENT'],
  [0x1b, 'SET OPTION'],
  [0x1c, 'FETCH'],
  [0x1e, 'BINLOG DUMP GTID'],
  [0x1f, 'RESET CONNECTION'],
  [0xfa, 'EXECUTE'],
]);

export const Marker = { ok: 0x00, moreData: 0x01, infile: 0xfb, eof: 0xfe, error: 0xff } as const;

export const ServerStatus = {
  inTransaction: 0x1,
  moreResults: 0x8,
  cursorExists: 0x40,
  sessionChanged: 0x4000,
} as const;
