// SPDX-License-Identifier: Apache-2.0

/** A daemon under test: started, killed, stopped and paused by the pid that was started, and started again. */
import { existsSync, readFileSync } from 'node:fs';
import { type Program, startProgram } from '../../deploy/demo/program.ts';

/** Only a daemon that hangs takes longer, also on a host that is ten times overcommitted. */
const READY_MS_MAX = 240_000;
const LINES_SHOWN = 30;

export interface DaemonOptions {
  readonly name: string;
  readonly command: readonly string[];
  /** In the line that it prints when it does its work. */
  readonly readyText: string;
  /** Everything that it prints, of all its lives. */
  readonly logFile: string;
}

export class Daemon {
  readonly options: DaemonOptions;
  /** How many times it was started. */
  starts = 0;
  #program: Program | undefined;

  constructor(options: DaemonOptions) {
    this.options = options;
  }

  /** For a failure. */
  get lastWords(): string {
    return tailOf(this.options.logFile);
  }

  get pid(): number | undefined {
    return this.#program?.child.pid;
  }

  /**
   * Resolves when it does its work; false when it was killed before that.
   *
   * Errors   an Error with its last lines when it ended by itself, or is not ready in time
   */
  async start(): Promise<boolean> {
    const { name, command, readyText, logFile } = this.options;
    const program = startProgram({ name, command, logFile });
    this.#program = program;
    this.starts++;
    try {
      await program.line((line) => line.includes(readyText), READY_MS_MAX);
      return true;
    } catch (error) {
      if (program.child.signalCode === 'SIGKILL') return false;
      throw error;
    }
  }

  /** Resolves when it is gone. */
  async kill(): Promise<void> {
    const program = this.#program;
    if (program === undefined) return;
    program.child.kill('SIGKILL');
    await program.ended;
    this.#program = undefined;
  }

  /** As an operator does it: SIGTERM, and the time that it takes. Errors: an Error when it ends otherwise than well. */
  async stop(): Promise<void> {
    const program = this.#program;
    if (program === undefined) return;
    await program.stop();
    this.#program = undefined;
    const code = await program.ended;
    if (code !== 0) throw new Error(`${this.options.name} ended with exit code ${code} when it was asked to stop`);
  }

  pause(): void {
    this.#program?.child.kill('SIGSTOP');
  }

  resume(): void {
    this.#program?.child.kill('SIGCONT');
  }
}

/** The last lines of a log, for a failure. */
export function tailOf(logFile: string): string {
  return existsSync(logFile) ? readFileSync(logFile, 'utf8').split('\n').slice(-LINES_SHOWN).join('\n') : '';
}
