// SPDX-License-Identifier: Apache-2.0

/**
 * Of which sides the first bytes may stand in the record, by the name of what nobody decodes. A login in a language that nobody
 * decodes cannot be found by the redactor (it is binary, or coded): where a language is known to begin with one, the client's side is
 * left out, and of one whose later bytes are coded, both.
 */
import type { Side } from '../decoder.ts';
import type { RecognisedName } from './recognise.ts';

const BOTH: readonly Side[] = ['client', 'server'];
/** The server greets; what the client answers is its login. */
const SERVER: readonly Side[] = ['server'];
const NONE: readonly Side[] = [];

const KEPT: Readonly<Partial<Record<RecognisedName, readonly Side[]>>> = {
  unknown: BOTH,
  bittorrent: BOTH,
  git: BOTH,
  modbus: BOTH,
  stun: SERVER,
  ftp: SERVER,
  imap: SERVER,
  nats: SERVER,
  pop3: SERVER,
  rsync: SERVER,
  smtp: SERVER,
};

export function keptHeads(name: string): readonly Side[] {
  return KEPT[name as RecognisedName] ?? NONE;
}
