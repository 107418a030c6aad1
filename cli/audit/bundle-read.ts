// SPDX-License-Identifier: Apache-2.0

/** A bundle, as a folder or a ZIP archive, held to account with nothing but its files. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { isFault, type Problem, ProblemList } from './audit-finding.ts';
import { BundleLogCheck, type BundleLogVerdict } from './bundle-check.ts';
import { type Membership, membershipOf, type SessionFacts } from './bundle-facts.ts';
import {
  type BundleFile,
  type BundleManifest,
  isBundleName,
  LINE_BYTES_MAX,
  MANIFEST,
  MANIFEST_BYTES_MAX,
  parseManifest,
} from './bundle-format.ts';
import type { Completeness } from './completeness.ts';
import type { KeyRing, RingKey, Trust } from './key-ring.ts';
import { ringOf } from './proof.ts';
import { inOrder } from './record-audit.ts';
import { ZipReader } from './zip-reader.ts';

export interface BundleReport {
  readonly ok: boolean;
  readonly manifest: BundleManifest;
  readonly integrity: {
    readonly ok: boolean;
    readonly agents: number;
    readonly activities: number;
    readonly checkpoints: number;
    readonly cosigned: number;
    readonly witnessed: number;
    readonly problems: readonly Problem[];
    readonly problems_left_out: number;
    readonly faults: number;
    readonly logs: readonly BundleLogVerdict[];
  };
  readonly membership: Membership;
  readonly completeness: Completeness;
  readonly keys: readonly RingKey[];
}

/** Files by name. */
interface BundleFiles {
  readonly names: readonly string[];
  open(name: string): Readable;
}

/** Whether a path is a bundle, rather than another file to verify. */
export function isBundle(path: string): boolean {
  try {
    if (statSync(path).isDirectory()) return true;
  } catch {
    return false;
  }
  return path.endsWith('.zip');
}

function filesOf(path: string): BundleFiles {
  if (!statSync(path).isDirectory()) {
    const zip = new ZipReader(path);
    const byName = new Map(zip.entries.map((entry) => [entry.name, entry]));
    return { names: zip.entries.map(({ name }) => name), open: (name) => zip.open(byName.get(name)!) };
  }
  return { names: readdirSync(path), open: (name) => createReadStream(join(path, name)) };
}

/**
 * Errors   RangeError for what is no bundle at all; those of the file system
 */
export async function readBundle(
  path: string,
  trusted: readonly { readonly line: string; readonly trust: Trust }[],
  onLines: (lines: number) => void = () => {},
): Promise<BundleReport> {
  if (!existsSync(path)) throw new RangeError('it is not there');
  const files = filesOf(path);
  const manifest = parseManifest(await textOf(files, MANIFEST));
  const problems = new ProblemList();
  const keys = ringOf({ proofs: [], keys: manifest.keys }, trusted);
  for (const line of keys.unreadable) problems.add('key_changed', line.split('+')[0] ?? '', 0, 0, 'A key is none.');
  checkNames(files, manifest, problems);
  const verdicts: BundleLogVerdict[] = [];
  const facts: SessionFacts[] = [];
  const counted = { lines: 0, onLines };
  for (const file of manifest.files) {
    if (!files.names.includes(file.name)) continue;
    const log = manifest.logs.find((one) => one.file === file.name);
    const check = log === undefined ? undefined : new BundleLogCheck(manifest, log, problems);
    await readFile(files, file, problems, check, counted);
    if (check === undefined) continue;
    verdicts.push(check.end(keys));
    facts.push(check.facts);
  }
  return reportOf(manifest, problems, verdicts, facts, keys);
}

function checkNames(files: BundleFiles, { files: listed, logs }: BundleManifest, problems: ProblemList): void {
  const known = new Set(listed.map(({ name }) => name));
  for (const { file, agent_id, first_seq, last_seq } of logs) {
    if (!known.has(file)) problems.add('removed', agent_id, first_seq, last_seq, `The manifest does not list ${file}.`);
  }
  for (const { name } of listed) {
    const log = logs.find((one) => one.file === name);
    if (!files.names.includes(name))
      problems.add('removed', log?.agent_id ?? '', log?.first_seq ?? 0, log?.last_seq ?? 0, `${name} is missing.`);
  }
  const seen = new Set<string>();
  for (const name of files.names) {
    const isKnown = name === MANIFEST || (isBundleName(name) && known.has(name));
    if (!isKnown) problems.add('inserted', '', 0, 0, `The manifest does not know the file ${JSON.stringify(name)}.`);
    else if (seen.has(name)) problems.add('inserted', '', 0, 0, `${name} is there twice.`);
    seen.add(name);
  }
}

async function textOf(files: BundleFiles, name: string): Promise<string> {
  if (!files.names.includes(name)) throw new RangeError(`it has no ${name}`);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of files.open(name)) {
    bytes += (chunk as Buffer).length;
    if (bytes > MANIFEST_BYTES_MAX) throw new RangeError(`its ${name} is too large`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Reads a file to its end, or to where it is longer than the manifest says. */
async function readFile(
  files: BundleFiles,
  file: BundleFile,
  problems: ProblemList,
  check: BundleLogCheck | undefined,
  counted: { lines: number; onLines: (lines: number) => void },
): Promise<void> {
  const hash = createHash('sha256');
  const line = (text: string): void => {
    check?.line(text);
    counted.lines++;
    if (counted.lines % 1_000 === 0) counted.onLines(counted.lines);
  };
  const bytes = await readLines(files.open(file.name), file.bytes, hash, check === undefined ? undefined : line);
  if (bytes === file.bytes && hash.digest('hex') === file.sha256) return;
  problems.add('altered', '', 0, 0, `${file.name} is not the file that the manifest names.`);
}

/** How many bytes there were; NaN where it could not be read to its end. */
async function readLines(
  source: Readable,
  bytesMax: number,
  hash: Hash,
  onLine: ((text: string) => void) | undefined,
): Promise<number> {
  let bytes = 0;
  let [kept, keptBytes]: [Buffer[], number] = [[], 0];
  const take = (part: Buffer): void => {
    kept.push(part);
    keptBytes += part.length;
    if (keptBytes > LINE_BYTES_MAX) throw new RangeError('a line is too long');
  };
  try {
    for await (const given of source) {
      let chunk = given as Buffer;
      bytes += chunk.length;
      hash.update(chunk);
      // More than it says may be any number of bytes that a small archive unpacks to.
      const isOver = bytes > bytesMax + LINE_BYTES_MAX;
      if (isOver) throw new RangeError('it is longer than the manifest says');
      if (onLine === undefined) continue;
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10)) {
        take(chunk.subarray(0, end));
        onLine(Buffer.concat(kept).toString('utf8'));
        [kept, keptBytes] = [[], 0];
        chunk = chunk.subarray(end + 1);
      }
      take(chunk);
    }
    if (onLine !== undefined && keptBytes > 0) onLine(Buffer.concat(kept).toString('utf8'));
    return bytes;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!(error instanceof RangeError) && !code?.startsWith('Z_')) throw error;
    source.destroy();
    return Number.NaN;
  }
}

function reportOf(
  manifest: BundleManifest,
  problems: ProblemList,
  logs: readonly BundleLogVerdict[],
  facts: readonly SessionFacts[],
  keys: KeyRing,
): BundleReport {
  const losses = facts.flatMap((one) => [...one.losses.values()]);
  const gaps = facts.flatMap((one) => one.gaps);
  const agents = logs.filter(({ agent_id }) => !keys.isCollector(agent_id));
  const sum = (of: (log: BundleLogVerdict) => number): number => logs.reduce((all, log) => all + of(log), 0);
  return {
    ok: problems.ok,
    manifest,
    integrity: {
      ok: problems.ok,
      agents: logs.length,
      activities: sum(({ activities }) => activities),
      checkpoints: logs.length,
      cosigned: sum(({ cosigned }) => Number(cosigned)),
      witnessed: sum(({ witnesses }) => Number(witnesses > 0)),
      problems: inOrder(problems.problems),
      problems_left_out: problems.leftOut,
      faults: problems.problems.filter(isFault).length + problems.leftOut,
      logs,
    },
    membership: membershipOf(
      facts,
      agents.reduce((all, { hidden }) => all + hidden, 0),
    ),
    completeness: {
      ok: losses.length === 0 && gaps.length === 0,
      losses,
      gaps,
      is_cut: facts.some(({ isCut }) => isCut),
    },
    keys: keys.keys,
  };
}
