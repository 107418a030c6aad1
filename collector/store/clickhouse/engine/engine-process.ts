// SPDX-License-Identifier: Apache-2.0

/**
 * Keeps the engine process running: starts it, starts it again when it ends, stops it. While it is away requests to its
 * socket fail at once, and callers wait and retry as they do for a server.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { CollectorError } from '../../../model/error.ts';
import type { Log } from '../../../telemetry/log.ts';
import type { EngineStart } from './engine-main.ts';

/** Linux takes socket paths up to 107 bytes. */
const SOCKET_PATH_BYTES_MAX = 107;
/** One for each query of a person, the insert, the store's own questions; threads beyond the work cost nothing. */
const ENGINE_THREADS = 24;
/** Loading many parts takes its time. */
const READY_MS_MAX = 600_000;
/** An engine whose parent was killed ends within milliseconds, unless it is in the middle of a long system call. */
const LOCK_WAIT_MS = 15_000;
const RESTART_DELAY_MS_MIN = 100;
const RESTART_DELAY_MS_MAX = 10_000;
const STOP_MS_MAX = 15_000;
/** An engine that lived this long was sound: the next restart does not wait. */
const SOUND_MS = 60_000;
const LINE_CHARACTERS_MAX = 500;

export interface EngineProcessOptions {
  readonly dataFolder: string;
  readonly memoryBytesMax: number;
  readonly log: Log;
  /** Called each time a running engine has ended without being asked to. */
  readonly onCrash?: () => void;
}

export class EngineProcess {
  readonly socketPath: string;
  readonly #options: EngineProcessOptions;
  readonly #temporaryFolder: string | undefined;
  #child: ChildProcess | undefined;
  #stopping = false;
  #restartDelayMs = RESTART_DELAY_MS_MIN;
  #restartTimer: NodeJS.Timeout | undefined;

  constructor(options: EngineProcessOptions) {
    this.#options = options;
    mkdirSync(options.dataFolder, { recursive: true, mode: 0o700 });
    const beside = join(options.dataFolder, 'engine.sock');
    if (Buffer.byteLength(beside) <= SOCKET_PATH_BYTES_MAX) {
      this.socketPath = beside;
    } else {
      this.#temporaryFolder = mkdtempSync(join(tmpdir(), 'sworn-engine-'));
      this.socketPath = join(this.#temporaryFolder, 'engine.sock');
    }
  }

  /** Where batches lie while the engine reads them. */
  get incomingFolder(): string {
    return join(this.#options.dataFolder, 'incoming');
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /**
   * Errors   CollectorError `engine_failed` when the first start fails; later failures are retried for ever
   */
  async start(): Promise<void> {
    // Batches that an earlier process left; they were not acknowledged, their agents send them again.
    rmSync(this.incomingFolder, { recursive: true, force: true });
    mkdirSync(this.incomingFolder, { mode: 0o700 });
    await this.#spawn();
  }

  #spawn(): Promise<void> {
    const start: EngineStart = {
      dataFolder: this.#options.dataFolder,
      socketPath: this.socketPath,
      memoryBytesMax: this.#options.memoryBytesMax,
      lockWaitMs: LOCK_WAIT_MS,
    };
    const child = spawn(process.execPath, [join(import.meta.dirname, 'engine-main.ts'), JSON.stringify(start)], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Nothing of this process's environment: it may hold secrets, and the engine can show its own.
      env: { PATH: process.env['PATH'] ?? '', TZ: 'UTC', UV_THREADPOOL_SIZE: String(ENGINE_THREADS) },
    });
    this.#child = child;
    const startedAt = Date.now();
    const lastWords = this.#watchOutput(child);
    return new Promise((resolve, reject) => {
      let ready = false;
      const timer = setTimeout(() => child.kill('SIGKILL'), READY_MS_MAX);
      child.once('message', () => {
        ready = true;
        clearTimeout(timer);
        resolve();
      });
      child.once('error', (error) => {
        clearTimeout(timer);
        reject(new CollectorError('engine_failed', `the engine did not start: ${error.message}`, { cause: error }));
      });
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        if (this.#child === child) this.#child = undefined;
        const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
        reject(new CollectorError('engine_failed', `the engine ended ${how}: ${lastWords() || 'it said nothing'}`));
        if (this.#stopping || !ready) return;
        this.#options.log.error({ code, signal, lastWords: lastWords() }, 'the engine ended; starting it again');
        this.#options.onCrash?.();
        if (Date.now() - startedAt > SOUND_MS) this.#restartDelayMs = RESTART_DELAY_MS_MIN;
        this.#restart();
      });
    });
  }

  #restart(): void {
    if (this.#stopping) return;
    const delay = this.#restartDelayMs;
    this.#restartDelayMs = Math.min(delay * 2, RESTART_DELAY_MS_MAX);
    this.#restartTimer = setTimeout(() => {
      this.#spawn().catch((error: unknown) => {
        if (this.#stopping) return;
        this.#options.log.error({ err: error }, 'the engine did not start; trying again');
        this.#restart();
      });
    }, delay);
  }

  /** Log what it prints, bounded, and keep the last lines for an error message. */
  #watchOutput(child: ChildProcess): () => string {
    const last: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      const lines = createInterface({ input: stream as Readable });
      lines.on('line', (line) => {
        const cut = line.slice(0, LINE_CHARACTERS_MAX);
        last.push(cut);
        if (last.length > 5) last.shift();
        this.#options.log.debug({ line: cut }, 'engine output');
      });
      lines.on('error', () => {});
    }
    return () => last.join(' | ');
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restartTimer);
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      if (child.connected) child.send('stop');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
      await exited;
      clearTimeout(timer);
    }
    if (this.#temporaryFolder !== undefined) rmSync(this.#temporaryFolder, { recursive: true, force: true });
  }
}
