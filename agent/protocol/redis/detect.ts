// SPDX-License-Identifier: Apache-2.0

/**
 * Does a connection speak RESP? Libraries send a command as an array of bulk strings, and that is proof. An inline command is
 * a line as any other: it takes the server's reply, or the port, to know it.
 */
import { asBuffer } from '../bytes/byte-reader.ts';
import type { Opening } from '../decoder.ts';
import { startsCommand } from './command-start.ts';
import { CONTAINERS, KEY_POSITIONS } from './command-table.ts';

const PORT = 6379;
const LINE_BYTES_MAX = 1024;
const LATE_BYTES_MAX = 16 * 1024;
/** Commands without keys that people and monitors begin with. */
const OTHER_WORDS: ReadonlySet<string> = new Set(
  `ping auth hello select info monitor quit subscribe psubscribe role dbsize echo time keys scan flushall flushdb psync sync
  replconf multi exec publish command eval evalsha`.split(/\s+/),
);
/** What a server says before it is asked, and closes the connection. */
const REFUSAL = /^-(?:ERR max number of clients|DENIED Redis is running)/;

export function detect(opening: Opening): 'yes' | 'no' | 'not-yet' {
  return isFromItsBeginning(opening) ? detectStart(opening) : detectLate(opening);
}

/** Also when it was joined late: nothing may have been said before, and then the first bytes are a command. */
export function isFromItsBeginning(opening: Opening): boolean {
  return !opening.late || startsCommand(opening.client) === 'yes';
}

function detectStart({ client, server, serverPort }: Opening): 'yes' | 'no' | 'not-yet' {
  if (client.length === 0) {
    if (server.length === 0) return 'not-yet';
    const said = asBuffer(server).toString('latin1', 0, 40);
    if (REFUSAL.test(said)) return 'yes';
    return server[0] === 0x2d && said.length < 30 ? 'not-yet' : 'no';
  }
  if (client[0] === 0x2a) {
    const starts = startsCommand(client);
    return starts === 'maybe' ? 'not-yet' : starts;
  }
  return detectInline(asBuffer(client), asBuffer(server), serverPort);
}

function detectInline(client: Buffer, server: Buffer, serverPort: number): 'yes' | 'no' | 'not-yet' {
  const head = client.toString('latin1', 0, LINE_BYTES_MAX);
  const [, word, rest] = /^([a-zA-Z]{3,20})([\s\S]*)$/.exec(head) ?? [];
  if (word === undefined) return client.length < 3 && /^[a-zA-Z]*$/.test(head) ? 'not-yet' : 'no';
  if (rest === '') return client.length < LINE_BYTES_MAX && word.length < 20 ? 'not-yet' : 'no';
  if (!/^[ \r\n]/.test(rest ?? '') || !isCommandWord(word.toLowerCase())) return 'no';
  const feed = head.indexOf('\n');
  if (feed < 0) return client.length < LINE_BYTES_MAX ? 'not-yet' : 'no';
  // GET is a word of HTTP too.
  if (/ HTTP\/\d/.test(head.slice(0, feed))) return 'no';
  if (serverPort === PORT) return 'yes';
  return detectReply(server);
}

/** A first reply in RESP; `+OK` and `-ERR` are also how mail servers answer, but these speak first. */
function detectReply(server: Buffer): 'yes' | 'no' | 'not-yet' {
  const line = server.toString('latin1', 0, LINE_BYTES_MAX);
  if (line === '') return 'not-yet';
  const end = line.indexOf('\r\n');
  if (end < 0) return server.length < LINE_BYTES_MAX && /^[-+:$*%_#,(~>=!|]/.test(line) ? 'not-yet' : 'no';
  return /^(?:[-+].*|[:$*%~>=!|]-?\d+|_|#[tf]|,.+|\(.+)$/.test(line.slice(0, end)) ? 'yes' : 'no';
}

function detectLate({ client, server, serverPort }: Opening): 'yes' | 'no' | 'not-yet' {
  const bytes = asBuffer(client);
  for (let at = bytes.indexOf(0x2a); at >= 0; at = bytes.indexOf(0x2a, at + 1)) {
    const rest = bytes.subarray(at, at + 80);
    if (startsCommand(rest) !== 'yes') continue;
    const word = /^\*\d+\r\n\$\d+\r\n([\w.-]+)/.exec(rest.toString('latin1'))?.[1] ?? '';
    if (serverPort === PORT || isCommandWord(word.toLowerCase())) return 'yes';
  }
  return client.length > LATE_BYTES_MAX || server.length > LATE_BYTES_MAX ? 'no' : 'not-yet';
}

function isCommandWord(word: string): boolean {
  return KEY_POSITIONS.has(word) || CONTAINERS.has(word) || OTHER_WORDS.has(word);
}
