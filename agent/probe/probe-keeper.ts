// SPDX-License-Identifier: Apache-2.0

/**
 * Keeps probes on all programs and libraries of the host whose TLS can be read: what is there ahead of time, what workloads
 * map, what upgrades bring. What is known needs no hold; so files without TLS are made known too.
 */

import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { CodeImage, FileKey } from '../model/code-image.ts';
import type { FindingReport } from '../model/finding.ts';
import type { ImageMapped } from '../model/kernel-event.ts';
import type { ProbeAttacher } from '../model/probe-attacher.ts';
import { CanaryRound } from './canary-round.ts';
import { OpenFile } from './file-reader.ts';
import { HOST_FILES_MAX, type HostFolders, hostFiles, hostFolders } from './host-files.ts';
import { IMAGES_MAX, ImageBook, type ImageRecord, identityText, seemsSameContent } from './image-book.ts';
import { inspecting } from './inspect-image.ts';
import { kernelDevice, keyText, mappedFiles, runningPids } from './mapped-files.ts';
import { openMapped } from './mapped-image.ts';
import { emptyCounts, type ProbeCounts } from './probe-counts.ts';
import { ProbeFindings } from './probe-findings.ts';
import { Slices } from './slices.ts';

export interface ProbeLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface ProbeTiming {
  /** Between two looks at the host with a canary after each. */
  readonly roundMs: number;
  /** How long a probe stays on a file that is replaced and mapped by nobody. */
  readonly goneKeptNs: number;
}

const TIMING: ProbeTiming = { roundMs: 600_000, goneKeptNs: 900e9 };

export interface ProbeKeeperOptions {
  readonly attacher: ProbeAttacher;
  readonly log?: ProbeLog;
  readonly onFinding: (finding: FindingReport) => void;
  /** The clock of the source's events, nanoseconds. */
  readonly now: () => number;
  readonly timing?: Partial<ProbeTiming>;
  /** Left out: those of this host. */
  readonly folders?: HostFolders;
  /** Whose mappings are looked at ahead of time. Left out: all processes'. */
  readonly pids?: () => readonly number[];
}

export interface ScanReport {
  readonly files: number;
  readonly probes: number;
  readonly durationMs: number;
}

export class ProbeKeeper {
  readonly #attacher: ProbeAttacher;
  readonly #log: ProbeLog | undefined;
  readonly #now: () => number;
  readonly #timing: ProbeTiming;
  readonly #folders: HostFolders | undefined;
  readonly #pids: () => readonly number[];
  readonly #findings: ProbeFindings;
  readonly #counts = emptyCounts();
  readonly #book = new ImageBook();
  /** Identity → a look that is under way. */
  readonly #looks = new Map<string, Promise<ImageRecord>>();
  /** Pid → images of it that are looked at now: it may go on when the last is done. */
  readonly #waiting = new Map<number, number>();
  readonly #canary: CanaryRound;
  #timer: NodeJS.Timeout | undefined;
  /** The end of the last round that was asked for: one at a time, for there is one canary. */
  #lastRound: Promise<void> = Promise.resolve();
  #isStopped = false;
  #toldOfDevices = false;

  constructor(options: ProbeKeeperOptions) {
    this.#attacher = options.attacher;
    this.#log = options.log;
    this.#now = options.now;
    this.#timing = { ...TIMING, ...options.timing };
    this.#folders = options.folders;
    this.#pids = options.pids ?? runningPids;
    this.#findings = new ProbeFindings(options.onFinding, options.now, this.#counts);
    this.#canary = new CanaryRound(options.attacher, this.#findings, this.#counts, options.now);
  }

  /** Probes what is there: resolves when all is looked at, and goes on with rounds from then. */
  async start(): Promise<ScanReport> {
    const scan = this.#scan();
    this.#lastRound = scan.then(
      () => undefined,
      () => undefined,
    );
    const report = await scan;
    this.#log?.info({ ...report, ...this.#counts }, 'programs and libraries were looked at');
    void this.#inTurn(() => this.#prove()).then(() => this.#schedule());
    return report;
  }

  /** Takes all probes away. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#lastRound;
    await Promise.allSettled(this.#looks.values());
    for (const record of this.#book.records()) this.#detach(record);
  }

  counts(): ProbeCounts {
    return { ...this.#counts };
  }

  /** Looks at what a workload has mapped, probes it, and lets the workload's process go on. Never rejects. */
  async imageMapped(event: ImageMapped): Promise<void> {
    const { pid } = event.process;
    this.#counts.mapped++;
    this.#waiting.set(pid, (this.#waiting.get(pid) ?? 0) + 1);
    try {
      const found = openMapped(pid, event.file, event.path, event.isProgram);
      if (found === undefined) this.#counts.gone++;
      else {
        if (!found.isExact) this.#trustPath(event.path);
        await this.#look(found.file, event.path, event.file);
      }
    } catch (error) {
      this.#findings.refused(event.path, keyText(event.file), error);
    } finally {
      const left = this.#waiting.get(pid)! - 1;
      if (left > 0) this.#waiting.set(pid, left);
      else {
        this.#waiting.delete(pid);
        if (!this.#isStopped) this.#attacher.settle(pid);
      }
    }
  }

  imageOf(file: string | FileKey): CodeImage | undefined {
    return (typeof file === 'string' ? this.#book.ofPath(file) : this.#book.ofKey(file))?.image;
  }

  /**
   * A program and the libraries with TLS that it has: by its mappings while it lives, else by what it needs at its start
   * (libraries that it opened later are then not among them).
   */
  describeProgram(pid: number, exe: string): CodeImage[] {
    const mapped = mappedFiles(pid);
    const itself = mapped.find((one) => one.path === exe);
    const known = (itself && this.imageOf(itself.key)) ?? this.imageOf(exe);
    const program = known ?? { path: exe, buildId: '', library: '', probes: [] };
    const records = itself ? mapped.map((one) => this.#book.ofKey(one.key)) : this.#book.neededBy(exe);
    const images = records.flatMap((record) =>
      record === undefined || record.image.library === '' ? [] : record.image,
    );
    return [program, ...new Set(images.filter((image) => image !== program))];
  }

  /** One round at once: new files, files that are gone, and the canary. */
  round(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#scan();
      await this.#prove();
    });
  }

  #schedule(): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => void this.round().then(() => this.#schedule()), this.#timing.roundMs);
    this.#timer.unref();
  }

  /** When the rounds before are over. A round that fails is counted, and the next one tries again. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#lastRound = this.#lastRound.then(work).catch((error: unknown) => {
      this.#counts.failedRounds++;
      this.#log?.warn({ message: String(error) }, 'a round over the probes failed');
    });
    return this.#lastRound;
  }

  #prove(): Promise<void> {
    return this.#canary.run(this.#book.records(), () => this.#isStopped);
  }

  async #scan(): Promise<ScanReport> {
    const startedMs = performance.now();
    const slices = new Slices();
    const seen = new Set<string>();
    const mapped = new Set<string>();
    let files = 0;
    // What runs now comes first.
    for (const pid of this.#pids()) {
      for (const { key, path } of mappedFiles(pid)) {
        const text = keyText(key);
        if (mapped.has(text) || this.#isStopped) continue;
        mapped.add(text);
        const record = this.#book.ofKey(key);
        if (record === undefined || !isStill(record)) await this.#scanMapped(pid, key, path);
        await slices.breathe();
      }
      await slices.breathe();
    }
    for (const paths of hostFiles(this.#folders ?? hostFolders())) {
      for (const path of paths) {
        if (this.#isStopped) break;
        if (++files > HOST_FILES_MAX) this.#counts.notScanned++;
        if (files > HOST_FILES_MAX) continue;
        const identity = await this.#scanHost(path);
        if (identity !== undefined) seen.add(identity);
        await slices.breathe();
      }
    }
    await this.#forgetGone(seen, mapped, slices);
    const probes = this.#attacher.probes().length;
    return { files: this.#book.size, probes, durationMs: Math.round(performance.now() - startedMs) };
  }

  async #scanMapped(pid: number, key: FileKey, path: string): Promise<void> {
    try {
      const found = openMapped(pid, key, path, false);
      if (found !== undefined) await this.#look(found.file, path.replace(/ \(deleted\)$/, ''), key);
    } catch (error) {
      this.#findings.refused(path, keyText(key), error);
    }
  }

  /** The identity of the file at a path of the host; undefined when there is none, or it cannot be read. */
  async #scanHost(path: string): Promise<string | undefined> {
    try {
      const identity = identityAt(path);
      const known = this.#book.ofIdentity(identity);
      if (known !== undefined) {
        known.isAhead = true;
        return identity;
      }
      const file = new OpenFile(path);
      const key = { device: kernelDevice(file.identity.device), inode: file.identity.inode };
      const record = await this.#look(file, path, key);
      record.isAhead = true;
      return record.identity;
    } catch (error) {
      // Files come and go, and some are for nobody to read; what a workload maps of them is looked at then.
      this.#counts.unreadable++;
      this.#log?.info({ path, code: (error as { code?: unknown }).code }, 'a file could not be looked at');
      return undefined;
    }
  }

  /** Takes over `file`. One look at a time for each file. */
  async #look(file: OpenFile, path: string, key: FileKey): Promise<ImageRecord> {
    const identity = identityText(file.identity);
    try {
      const before = this.#book.ofKey(key);
      const isChanged = before !== undefined && before.identity !== identity;
      // Written in place: the kernel would go on to put the old file's instruction where the probe was.
      if (isChanged && !seemsSameContent(before.identity, identity)) this.#forget(before);
      let record = this.#book.ofIdentity(identity);
      if (record === undefined) {
        const look = this.#looks.get(identity) ?? this.#inspect(file, path, identity, isChanged ? before : undefined);
        this.#looks.set(identity, look);
        record = await look;
      }
      record.goneSinceNs = undefined;
      this.#makeKnown(record, key);
      return record;
    } finally {
      this.#looks.delete(identity);
      file.close();
    }
  }

  /** `before`: what was known of this inode until now. */
  async #inspect(
    file: OpenFile,
    path: string,
    identity: string,
    before: ImageRecord | undefined,
  ): Promise<ImageRecord> {
    const { image, cut, needed, soname, exercise, failures } = await new Slices().run(inspecting(file, path));
    this.#counts.inspected++;
    if (cut) this.#findings.cut(image);
    for (const failure of failures) {
      this.#counts.failedSearches++;
      this.#log?.warn({ path, message: String(failure) }, 'a search for a TLS library failed');
    }
    const record: ImageRecord = {
      image,
      identity,
      needed,
      soname: soname === '' ? basename(path) : soname,
      isOnHost: leadsTo(path, identity),
      exercise,
      attachments: [],
      keys: new Map(),
      isAhead: false,
      goneSinceNs: undefined,
    };
    if (before !== undefined) {
      // A file that was only renamed or unlinked keeps its probes, without a moment in between.
      if (isDeepStrictEqual(before.image.probes, image.probes))
        record.attachments.push(...before.attachments.splice(0));
      this.#forget(before);
    }
    for (const [point, { kind, fileOffset }] of image.probes.entries()) {
      if (record.attachments.some((one) => one.point === point)) continue;
      try {
        // By the descriptor: what was looked at is what gets the probe.
        const id = this.#attacher.attach(kind, file.exactPath, fileOffset);
        record.attachments.push({ id, point, provedNs: this.#now() });
        this.#counts.attached++;
      } catch (error) {
        this.#findings.refused(path, identity, error, image);
      }
    }
    if (this.#book.size >= IMAGES_MAX) this.#makeRoom();
    this.#book.add(record);
    return record;
  }

  #makeKnown(record: ImageRecord, key: FileKey): void {
    this.#book.nameAs(record, key);
    try {
      this.#attacher.setImageKnown(key, true);
    } catch {
      // Its table is full: the file is told of each time, and found here.
      this.#counts.notKnown++;
    }
  }

  async #forgetGone(seen: ReadonlySet<string>, mapped: ReadonlySet<string>, slices: Slices): Promise<void> {
    for (const record of this.#book.records()) {
      const isMapped = [...record.keys.keys()].some((text) => mapped.has(text));
      if (isMapped || seen.has(record.identity) || isStill(record)) record.goneSinceNs = undefined;
      else {
        record.goneSinceNs ??= this.#now();
        const isOver = this.#now() - record.goneSinceNs >= this.#timing.goneKeptNs;
        if (record.attachments.length === 0 || isOver) this.#forget(record);
      }
      await slices.breathe();
    }
  }

  #makeRoom(): void {
    for (const record of this.#book.records()) {
      if (record.attachments.length > 0) continue;
      this.#counts.forgotten++;
      this.#forget(record);
      return;
    }
  }

  #forget(record: ImageRecord): void {
    this.#detach(record);
    for (const key of record.keys.values()) this.#attacher.setImageKnown(key, false);
    this.#book.remove(record);
  }

  #detach(record: ImageRecord): void {
    for (const { id } of record.attachments.splice(0)) {
      this.#attacher.detach(id);
      this.#counts.detached++;
    }
  }

  #trustPath(path: string): void {
    this.#counts.inexact++;
    if (this.#toldOfDevices) return;
    this.#toldOfDevices = true;
    this.#log?.info({ path }, 'a file system has device numbers of its own: its files are taken by their paths');
  }
}

/** Whether its path still leads to it. */
function isStill(record: ImageRecord): boolean {
  return leadsTo(record.image.path, record.identity);
}

function leadsTo(path: string, identity: string): boolean {
  try {
    return identityAt(path) === identity;
  } catch {
    return false;
  }
}

function identityAt(path: string): string {
  const { dev, ino, ctimeNs, mtimeNs, size } = statSync(path, { bigint: true });
  return identityText({ device: dev, inode: ino, changedNs: ctimeNs, modifiedNs: mtimeNs, sizeBytes: size });
}
