// SPDX-License-Identifier: Apache-2.0

/**
 * Keeps probes on all programs and libraries of the host whose TLS can be read: what is there ahead of time, what workloads
 * map, what upgrades bring. What is known needs no hold; so files without TLS are made known too.
 */

import type { CodeImage, FileKey } from '../model/code-image.ts';
import type { FindingReport } from '../model/finding.ts';
import type { ImageMapped } from '../model/kernel-event.ts';
import type { ProbeAttacher } from '../model/probe-attacher.ts';
import { CanaryRound } from './canary-round.ts';
import { OpenFile } from './file-reader.ts';
import { HOST_FILES_MAX, type HostFolders, hostFiles, hostFolders } from './host-files.ts';
import type { ImageRecord } from './image-book.ts';
import { ImageCache } from './image-cache.ts';
import { kernelDevice, keyText, mappedFiles, runningPids } from './mapped-files.ts';
import { openMapped } from './mapped-image.ts';
import { emptyCounts, type ProbeCounts } from './probe-counts.ts';
import { ProbeFindings } from './probe-findings.ts';
import type { ProbeLog } from './probe-log.ts';
import { identityAt, isStill, ProbedImages } from './probed-images.ts';
import { Slices } from './slices.ts';

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
  /** Where looks are remembered when the agent ends. Left out: nowhere. */
  readonly cacheFile?: string;
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
  readonly #timing: ProbeTiming;
  readonly #folders: HostFolders | undefined;
  readonly #pids: () => readonly number[];
  readonly #findings: ProbeFindings;
  readonly #counts = emptyCounts();
  readonly #cache: ImageCache;
  readonly #images: ProbedImages;
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
    this.#timing = { ...TIMING, ...options.timing };
    this.#folders = options.folders;
    this.#pids = options.pids ?? runningPids;
    this.#findings = new ProbeFindings(options.onFinding, options.now, this.#counts);
    this.#cache = new ImageCache(options.cacheFile);
    if (this.#cache.state === 'damaged') this.#counts.cacheFailures++;
    this.#images = new ProbedImages({
      cache: this.#cache,
      attacher: options.attacher,
      findings: this.#findings,
      counts: this.#counts,
      now: options.now,
      log: options.log,
    });
    this.#canary = new CanaryRound(options.attacher, this.#findings, this.#counts, options.now);
  }

  /** Probes what is there: resolves when all is looked at, and goes on with rounds from then. */
  async start(): Promise<ScanReport> {
    this.#images.warmUp();
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
    await this.#images.close();
    await this.#saveCache();
  }

  counts(): ProbeCounts {
    return { ...this.#counts, waiting: this.#waiting.size };
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
        const record = await this.#images.look(found.file, event.path, event.file);
        if (!found.isExact) this.#trustPath(event, record);
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
    return (typeof file === 'string' ? this.#images.book.ofPath(file) : this.#images.book.ofKey(file))?.image;
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
    const records = itself ? mapped.map((one) => this.#images.book.ofKey(one.key)) : this.#images.book.neededBy(exe);
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

  async #saveCache(): Promise<void> {
    try {
      await this.#cache.save();
    } catch (error) {
      this.#counts.cacheFailures++;
      this.#log?.warn({ message: String(error) }, 'what is known of files could not be written');
    }
  }

  #prove(): Promise<void> {
    return this.#canary.run(this.#images.book.records(), () => this.#isStopped);
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
        const record = this.#images.book.ofKey(key);
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
    await this.#images.forgetGone(seen, mapped, this.#timing.goneKeptNs, slices);
    // Not only at the end: an agent may be killed.
    void this.#saveCache();
    const probes = this.#attacher.probes().length;
    return { files: this.#images.book.size, probes, durationMs: Math.round(performance.now() - startedMs) };
  }

  async #scanMapped(pid: number, key: FileKey, path: string): Promise<void> {
    try {
      const found = openMapped(pid, key, path, false);
      if (found !== undefined) await this.#images.look(found.file, path.replace(/ \(deleted\)$/, ''), key);
    } catch (error) {
      this.#findings.refused(path, keyText(key), error);
    }
  }

  /** The identity of the file at a path of the host; undefined when there is none, or it cannot be read. */
  async #scanHost(path: string): Promise<string | undefined> {
    try {
      const identity = identityAt(path);
      const known = this.#images.book.ofIdentity(identity);
      if (known !== undefined) {
        known.isAhead = true;
        return identity;
      }
      const file = new OpenFile(path);
      const key = { device: kernelDevice(file.identity.device), inode: file.identity.inode };
      const record = await this.#images.look(file, path, key);
      record.isAhead = true;
      return record.identity;
    } catch (error) {
      // Files come and go, and some are for nobody to read; what a workload maps of them is looked at then.
      this.#counts.unreadable++;
      this.#log?.info({ path, code: (error as { code?: unknown }).code }, 'a file could not be looked at');
      return undefined;
    }
  }

  #trustPath({ process, path, file }: ImageMapped, record: ImageRecord): void {
    this.#counts.inexact++;
    // On overlayfs /proc tells yet another device than the event: programs are described by that.
    const mapping = mappedFiles(process.pid).find((one) => one.path === path && one.key.inode === file.inode);
    if (mapping !== undefined) this.#images.book.nameAs(record, mapping.key);
    if (this.#toldOfDevices) return;
    this.#toldOfDevices = true;
    this.#log?.info({ path }, 'a file system has device numbers of its own: its files are taken by their paths');
  }
}
