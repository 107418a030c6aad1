// SPDX-License-Identifier: Apache-2.0

/** One look at a program or library: which TLS it has, and where its secrets pass. */

import type { CodeImage, ProbeKind } from '../model/code-image.ts';
import type { Exercise } from './canary.ts';
import { ElfFile, segmentType } from './elf/elf-file.ts';
import { readBuildIds } from './elf/notes.ts';
import { exportedSymbol, importsAny } from './elf/symbols.ts';
import { BudgetReader, type FileReader } from './file-reader.ts';
import { families } from './library/families.ts';
import type { Answer, LibraryFamily, Search, Sighting } from './library/library-family.ts';
import { hasTlsLabels, textsAround } from './library/read-only-text.ts';

/** All that is read of one file: several passes over it, so that a small file costs little whatever its tables say. */
export function readBytesMax(sizeBytes: number): number {
  return Math.min(64 * MIB + 8 * sizeBytes, 2048 * MIB);
}

const MIB = 1024 * 1024;

/** Library functions that bring bytes to a network. What has none of them, and libraries that bring them, speaks no TLS. */
const NETWORK_FUNCTIONS = ['connect', 'accept', 'send', 'sendto', 'sendmsg', 'recv', 'recvmsg'];

const ALL_MARKS = families.flatMap((family) => family.marks ?? []);

export interface Inspection {
  readonly image: CodeImage;
  /** The file wanted more reading than is allowed: it may have TLS that was not found. */
  readonly cut: boolean;
  /** DT_NEEDED. */
  readonly needed: readonly string[];
  /** DT_SONAME. */
  readonly soname: string;
  /** What was thrown by searches of single families; what the others found stands. */
  readonly failures: readonly unknown[];
  /** How its probes can be made to see something. */
  readonly exercise: Exercise;
}

/**
 * Looks at a file in pieces of work of at most some milliseconds.
 *
 * Errors  throws what `file.read` throws; never for what is in the file
 */
export function* inspecting(
  file: FileReader,
  path: string,
  among: readonly LibraryFamily[] = families,
): Search<Inspection> {
  const reader = new BudgetReader(file, readBytesMax(file.sizeBytes));
  const elf = ElfFile.read(reader);
  if (elf === undefined) {
    const image = { path, buildId: '', library: '', probes: [] };
    return { image, cut: reader.isSpent, needed: [], soname: '', exercise: 'none', failures: [] };
  }
  const failures: unknown[] = [];
  const ids = readBuildIds(elf);
  const sightings = yield* bySymbol(elf, among, failures);
  const isDone = sightings.some((one) => one.probes.length > 0);
  if (!isDone && (yield* mayHoldTls(elf))) sightings.push(...(yield* byText(elf, among, sightings, failures)));
  const image = {
    path,
    buildId: ids.gnu || ids.go,
    library: sightings.flatMap(({ library }) => library || []).join(', '),
    probes: sightings.flatMap((one) => one.probes),
  };
  return {
    image,
    cut: reader.isSpent,
    needed: elf.needed,
    soname: elf.soname,
    exercise: exerciseOf(elf, image),
    failures,
  };
}

/** As `inspecting`, at once; throws what a family's search has thrown. */
export function inspectImage(file: FileReader, path = ''): CodeImage {
  const search = inspecting(file, path);
  let step = search.next();
  while (!step.done) step = search.next();
  if (step.value.failures.length > 0) throw step.value.failures[0];
  return step.value.image;
}

function* bySymbol(elf: ElfFile, among: readonly LibraryFamily[], failures: unknown[]): Search<Sighting[]> {
  const sightings: Sighting[] = [];
  for (const family of among) {
    const sighting = yield* search(() => family.bySymbol?.(elf), failures);
    if (sighting !== undefined) sightings.push(sighting);
  }
  return sightings;
}

/** What those families find that have found nothing yet. */
function* byText(
  elf: ElfFile,
  among: readonly LibraryFamily[],
  seen: readonly Sighting[],
  failures: unknown[],
): Search<Sighting[]> {
  const texts = yield* textsAround(elf, ALL_MARKS);
  const sightings: Sighting[] = [];
  for (const family of among) {
    if (seen.some((one) => one.library.split(' ')[0] === family.name)) continue;
    const sighting = yield* search(() => family.byText?.(elf, texts), failures);
    if (sighting !== undefined) sightings.push(sighting);
  }
  return sightings;
}

/** An error in one family's search is a mistake of ours: it must not hide what the others find. */
function* search(ask: () => Answer, failures: unknown[]): Search<Sighting | undefined> {
  try {
    const answer = ask();
    return answer !== undefined && Symbol.iterator in answer ? yield* answer : answer;
  } catch (error) {
    // What the file system says is no mistake of a family.
    if (typeof (error as { syscall?: unknown }).syscall === 'string') throw error;
    failures.push(error);
    return undefined;
  }
}

function* mayHoldTls(elf: ElfFile): Search<boolean> {
  if (families.some((family) => family.isLikely?.(elf))) return true;
  // A program that brings all with it may hold anything; another one asks the C library for the network.
  if (elf.needed.length > 0 && !(yield* importsAny(elf, NETWORK_FUNCTIONS))) return false;
  return yield* hasTlsLabels(elf);
}

/** What the canary calls of a library to have its probe hit. */
const EXERCISED_BY: Readonly<Partial<Record<ProbeKind, string>>> = {
  'openssl-kdf': 'EVP_KDF_derive',
  'openssl-1.1-input': 'EVP_PKEY_CTX_ctrl',
  'gnutls-hkdf': 'gnutls_hkdf_expand',
  'gnutls-prf': '_gnutls_prf_raw',
  'node-cipher': 'napi_module_register',
};

function exerciseOf(elf: ElfFile, { probes }: CodeImage): Exercise {
  const isExported = (name: string | undefined): boolean =>
    name !== undefined && exportedSymbol(elf, name) !== undefined;
  if (probes.length === 0 || !probes.every(({ kind }) => isExported(EXERCISED_BY[kind]))) return 'none';
  const isProgram = elf.segments.some((segment) => segment.type === segmentType.interpreter);
  if (!isProgram) return 'load';
  // What exports Node's interface for addons runs a script that is given to it.
  return exportedSymbol(elf, 'napi_module_register') === undefined ? 'none' : 'node';
}
