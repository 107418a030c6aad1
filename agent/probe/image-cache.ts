// SPDX-License-Identifier: Apache-2.0

/**
 * What looks have found, on disk, so that an agent that starts again knows the files of the host at once, and a large
 * program that it has seen before, in whatever place. All of it is a hint: an answer counts for a file with the same device,
 * inode, size and times, or the same SHA-256 of its content; and each probe only where the file still has the instructions
 * that were there when it was looked at.
 *
 * Shape  a line with `format`, `finder` and the SHA-256 of the next line · a line with an array of entries
 */

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type ProbeKind, probeKind } from '../model/code-image.ts';
import type { Exercise } from './canary.ts';
import type { FileReader } from './file-reader.ts';
import type { Inspection } from './inspect-image.ts';

const FORMAT = 1;
/** A host has some 2,000 files, one with a desktop 10,000. Writing as many takes 10 ms; beyond, those not met for longest go. */
export const CACHE_ENTRIES_MAX = 8192;
const CACHE_BYTES_MAX = 32 * 1024 * 1024;
/** At the place of a probe: some instructions. */
const INSTRUCTION_BYTES = 16;

interface CachedProbe {
  readonly kind: ProbeKind;
  readonly fileOffset: number;
  /** Hex of what is there. */
  readonly code: string;
}

export interface CachedLook {
  /** As `identityText` has it. */
  readonly identity: string;
  readonly sizeBytes: number;
  /** Hex of the content's; '' where a look is cheaper than it. */
  readonly sha256: string;
  readonly buildId: string;
  readonly library: string;
  readonly probes: readonly CachedProbe[];
  readonly cut: boolean;
  readonly needed: readonly string[];
  readonly soname: string;
  readonly exercise: Exercise;
}

export type CacheState = 'none' | 'used' | 'outdated' | 'damaged';

export class ImageCache {
  readonly #file: string | undefined;
  readonly #finder: string;
  /** Identity → look; the one that was met last stands last. */
  readonly #looks = new Map<string, CachedLook>();
  readonly #bySize = new Map<number, Map<string, CachedLook>>();
  /** What the file was good for. */
  readonly state: CacheState;
  #isChanged = false;
  /** One at a time: they write to the same place. */
  #lastSave: Promise<void> = Promise.resolve();

  /** Without a file, it remembers as long as it lives. `finder`: answers of another one do not count. */
  constructor(file: string | undefined, finder = finderVersion()) {
    this.#file = file;
    this.#finder = finder;
    this.state = this.#load();
  }

  get size(): number {
    return this.#looks.size;
  }

  ofIdentity(identity: string): CachedLook | undefined {
    const look = this.#looks.get(identity);
    if (look !== undefined) this.#put(look);
    return look;
  }

  /** Files of this size whose content is known by its SHA-256. */
  ofSize(sizeBytes: number): CachedLook[] {
    return [...(this.#bySize.get(sizeBytes)?.values() ?? [])];
  }

  keep(look: CachedLook): void {
    this.#put(look);
    this.#isChanged = true;
    for (const oldest of this.#looks.values()) {
      if (this.#looks.size <= CACHE_ENTRIES_MAX) break;
      this.#drop(oldest);
    }
  }

  forget(look: CachedLook): void {
    this.#drop(look);
    this.#isChanged = true;
  }

  /** Errors: those of the file system; what was on disk before is then still there. */
  save(): Promise<void> {
    const saving = this.#lastSave.then(() => this.#write());
    this.#lastSave = saving.catch(() => undefined);
    return saving;
  }

  async #write(): Promise<void> {
    if (this.#file === undefined || !this.#isChanged) return;
    this.#isChanged = false;
    const entries = JSON.stringify([...this.#looks.values()]);
    const head = JSON.stringify({ format: FORMAT, finder: this.#finder, sha256: sha256(entries) });
    try {
      const handle = await open(`${this.#file}.new`, 'w', 0o600);
      try {
        await handle.writeFile(`${head}\n${entries}\n`);
        await handle.datasync();
      } finally {
        await handle.close();
      }
      await rename(`${this.#file}.new`, this.#file);
    } catch (error) {
      this.#isChanged = true;
      throw error;
    }
  }

  #put(look: CachedLook): void {
    this.#drop(look);
    this.#looks.set(look.identity, look);
    if (look.sha256 === '') return;
    const others = this.#bySize.get(look.sizeBytes) ?? new Map<string, CachedLook>();
    this.#bySize.set(look.sizeBytes, others.set(look.identity, look));
  }

  #drop({ identity, sizeBytes }: CachedLook): void {
    this.#looks.delete(identity);
    const others = this.#bySize.get(sizeBytes);
    others?.delete(identity);
    if (others?.size === 0) this.#bySize.delete(sizeBytes);
  }

  #load(): CacheState {
    if (this.#file === undefined) return 'none';
    try {
      if (statSync(this.#file).size > CACHE_BYTES_MAX) return 'damaged';
      const [head, entries] = readFileSync(this.#file, 'utf8').split('\n');
      const about: unknown = JSON.parse(head ?? '');
      if (!isObject(about) || about['format'] !== FORMAT || about['finder'] !== this.#finder) return 'outdated';
      if (entries === undefined || about['sha256'] !== sha256(entries)) return 'damaged';
      const looks: unknown = JSON.parse(entries);
      if (!Array.isArray(looks) || looks.length > CACHE_ENTRIES_MAX || !looks.every(isLook)) return 'damaged';
      for (const look of looks) this.#put(look);
      return 'used';
    } catch (error) {
      return (error as { code?: unknown }).code === 'ENOENT' ? 'none' : 'damaged';
    }
  }
}

export function lookOf(file: FileReader, identity: string, sha256: string, inspection: Inspection): CachedLook {
  const { image, cut, needed, soname, exercise } = inspection;
  const { buildId, library } = image;
  const probes = image.probes.map((probe) => ({ ...probe, code: codeAt(file, probe.fileOffset) }));
  return { identity, sizeBytes: file.sizeBytes, sha256, buildId, library, probes, cut, needed, soname, exercise };
}

/** What the look had found, for this file; undefined when the file has other instructions at a probe's place. */
export function inspectionOf(look: CachedLook, file: FileReader, path: string): Inspection | undefined {
  const isSame = ({ fileOffset, code }: CachedProbe): boolean => codeAt(file, fileOffset) === code;
  if (look.sizeBytes !== file.sizeBytes || !look.probes.every(isSame)) return undefined;
  const { buildId, library, cut, needed, soname, exercise } = look;
  const probes = look.probes.map(({ kind, fileOffset }) => ({ kind, fileOffset }));
  return { image: { path, buildId, library, probes }, cut, needed, soname, exercise, failures: [] };
}

function codeAt(file: FileReader, fileOffset: number): string {
  return file.read(fileOffset, INSTRUCTION_BYTES).toString('hex');
}

/** Of the code that looks: what an older one did not find may be found now. */
function finderVersion(): string {
  const hash = createHash('sha256');
  for (const folder of ['.', 'elf', 'go', 'library']) {
    const names = readdirSync(join(import.meta.dirname, folder)).filter((name) => /(?<!\.test)\.ts$/.test(name));
    for (const name of names.sort()) hash.update(readFileSync(join(import.meta.dirname, folder, name)));
  }
  return hash.digest('hex');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function isLook(value: unknown): value is CachedLook {
  if (!isObject(value)) return false;
  const { identity, sizeBytes, sha256: content, buildId, library, probes, cut, needed, soname, exercise } = value;
  return (
    [identity, content, buildId, library, soname].every((one) => typeof one === 'string') &&
    isOffset(sizeBytes) &&
    typeof cut === 'boolean' &&
    (exercise === 'load' || exercise === 'node' || exercise === 'none') &&
    Array.isArray(needed) &&
    needed.every((one) => typeof one === 'string') &&
    Array.isArray(probes) &&
    probes.every(isProbe)
  );
}

function isProbe(value: unknown): value is CachedProbe {
  if (!isObject(value)) return false;
  const { kind, fileOffset, code } = value;
  const isKind = typeof kind === 'string' && Object.hasOwn(probeKind, kind);
  return isKind && isOffset(fileOffset) && typeof code === 'string' && /^(?:[0-9a-f]{2}){1,16}$/.test(code);
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
