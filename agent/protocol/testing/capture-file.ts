// SPDX-License-Identifier: Apache-2.0

/**
 * Real bytes kept as a file that a person can read and a diff can show.
 *
 * Shape    JSON lines. The first is the note; each other is one step of a script:
 *          ["client", part, …] bytes, ["client gap", n], ["client end"]; likewise for the server
 *          part: a string, one byte a character (latin1), or [string, n], that string n times (long runs stay small)
 * Source   the bytes were recorded by a proxy between a real client and a real server; the note says which and how
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Side } from '../decoder.ts';
import { bytesOf, ends, misses, normalised, type Script, sends } from './script.ts';

export interface CaptureNote {
  /** Program and version that accepted the connection. */
  readonly server: string;
  /** Program and version that opened it. */
  readonly client: string;
  /** The command or script that made the traffic. */
  readonly command: string;
  /** YYYY-MM-DD. */
  readonly date: string;
  /** Anything else a reader should know. */
  readonly remark?: string;
}

export interface Capture {
  readonly note: CaptureNote;
  readonly script: Script;
}

/** A run of one repeated byte this long or longer is written as [byte, n]. */
const RUN_BYTES_MIN = 64;

/** Read a capture; a file that is not one is a mistake in the repository, and throws. */
export function readCapture(file: URL | string): Capture {
  const [first = '', ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n');
  const script = lines.map((line) => {
    const [what, ...parts] = JSON.parse(line) as [string, ...(string | [string, number])[]];
    const [from, kind] = what.split(' ') as [Side, string?];
    if (from !== 'client' && from !== 'server') throw new Error(`no such side in a capture: ${what}`);
    if (kind === 'end') return ends(from);
    if (kind === 'gap') return misses(from, Number(parts[0]));
    return sends(from, ...parts.map((part) => bytesOf(typeof part === 'string' ? part : part[0].repeat(part[1]))));
  });
  return { note: JSON.parse(first) as CaptureNote, script };
}

export function writeCapture(file: URL | string, capture: Capture): void {
  const lines = normalised(capture.script).map((step) => {
    if (step.kind === 'end') return JSON.stringify([`${step.from} end`]);
    if (step.kind === 'gap') return JSON.stringify([`${step.from} gap`, step.missingBytes]);
    return JSON.stringify([step.from, ...partsOf(Buffer.from(step.bytes).toString('latin1'))]);
  });
  writeFileSync(file, `${[JSON.stringify(capture.note), ...lines].join('\n')}\n`);
}

function partsOf(text: string): (string | [string, number])[] {
  const parts: (string | [string, number])[] = [];
  const runs = new RegExp(`([\\s\\S])\\1{${RUN_BYTES_MIN - 1},}`, 'g');
  let done = 0;
  for (const run of text.matchAll(runs)) {
    if (run.index > done) parts.push(text.slice(done, run.index));
    parts.push([run[1] ?? '', run[0].length]);
    done = run.index + run[0].length;
  }
  if (done < text.length) parts.push(text.slice(done));
  return parts;
}
