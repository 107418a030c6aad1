// SPDX-License-Identifier: Apache-2.0

/**
 * The real kernel side, opened for a test: starts programs as workloads of their own and gathers what is told of them.
 * A program waits at a gate until it is watched, so that nothing of it is missed.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { KernelEvent, ProcessKey, Scope } from '../../agent/model/kernel-event.ts';
import { EbpfSource, type EbpfSourceOptions } from '../../agent/source/ebpf/ebpf-source.ts';
import { ObservedConnection } from './observed-connection.ts';
import { scratchFolder, trigger } from './trigger.ts';

/** How long a test waits for what must come; nothing is asserted about how fast it does. */
const PATIENCE_MS = 60_000;
const SELECTION = 7;

export interface HowToRun {
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly env?: Record<string, string>;
  /** Not watched: an outsider. */
  readonly outside?: boolean;
  /** Runs before it is watched; `Observer.watch` does that later. */
  readonly unwatched?: boolean;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program that was started, and what is told of its session. */
export class Run {
  readonly pid: number;
  readonly sessionKey: bigint;
  readonly ended: Promise<Ended>;
  readonly #observer: Observer;
  readonly #child: ChildProcess;
  readonly #outputPath: string;

  constructor(observer: Observer, child: ChildProcess, outputPath: string, sessionKey: bigint) {
    this.#observer = observer;
    this.#child = child;
    this.#outputPath = outputPath;
    this.pid = child.pid as number;
    this.sessionKey = sessionKey;
    this.ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  }

  get output(): string {
    return readFileSync(this.#outputPath, 'utf8');
  }

  /** Each line of its output, as JSON. */
  get lines(): Record<string, unknown>[] {
    const lines = this.output.split('\n').filter((line) => line.startsWith('{'));
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  get events(): KernelEvent[] {
    return this.#observer.eventsOf(this.sessionKey);
  }

  of<T extends KernelEvent['type']>(type: T): Extract<KernelEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<KernelEvent, { type: T }> => event.type === type);
  }

  get connections(): ObservedConnection[] {
    return this.#observer.connectionsOf(this.sessionKey);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Until the program has ended and all that it opened is told to be closed. */
  async finished(): Promise<Ended> {
    const ended = await this.ended;
    await this.#observer.until(
      () => `the end of session ${this.sessionKey}: ${this.#unfinished().join(', ')}`,
      () => this.#unfinished().length === 0,
    );
    return ended;
  }

  #unfinished(): string[] {
    const alive = new Map<number, string>();
    let seen = 0;
    for (const event of this.events) {
      if (event.type === 'process-exited') alive.delete(event.process.pid);
      else if (
        event.type === 'process-forked' ||
        event.type === 'process-joined' ||
        event.type === 'process-executed'
      ) {
        seen++;
        alive.set(event.process.pid, `process ${event.process.pid}`);
      }
    }
    if (seen === 0) return ['its first process'];
    const open = this.connections.filter(({ closed, opened }) => closed === undefined && opened?.transport !== 'udp');
    return [...alive.values(), ...open.map(({ key }) => `connection ${key}`)];
  }
}

export class Observer {
  readonly source: EbpfSource;
  readonly events: KernelEvent[] = [];
  readonly #connections = new Map<number, ObservedConnection>();
  #wakes: (() => void)[] = [];

  private constructor(options: EbpfSourceOptions) {
    this.source = new EbpfSource(options);
  }

  static async open(options: Partial<EbpfSourceOptions> = {}): Promise<Observer> {
    const observer = new Observer({ selections: [], ...options });
    await observer.source.start((events) => observer.#take(events));
    return observer;
  }

  async close(): Promise<void> {
    await this.source.stop();
  }

  /** Starts a program; it runs on when it is watched. */
  start(program: string, args: readonly (string | Buffer)[], how: HowToRun = {}): Run {
    const name = randomBytes(6).toString('hex');
    const fifo = join(scratchFolder(), `${name}.gate`);
    const outputPath = join(scratchFolder(), `${name}.out`);
    execFileSync('mkfifo', ['-m', '0666', fifo]);
    const gate = openSync(fifo, constants.O_RDWR);
    const output = openSync(outputPath, 'a');
    const child = spawn(trigger('gate'), [fifo, program, ...(args as string[])], {
      stdio: ['ignore', output, 'inherit'],
      ...(how.cwd === undefined ? {} : { cwd: how.cwd }),
      ...(how.uid === undefined ? {} : { uid: how.uid }),
      ...(how.gid === undefined ? {} : { gid: how.gid }),
      ...(how.env === undefined ? {} : { env: how.env }),
    });
    const run = new Run(this, child, outputPath, randomBytes(8).readBigUInt64LE());
    if (how.outside !== true && how.unwatched !== true) this.watch(run);
    writeSync(gate, 'x');
    void run.ended.then(() => {
      closeSync(gate);
      closeSync(output);
    });
    return run;
  }

  watch(run: Run): void {
    const process: ProcessKey = { pid: run.pid, startNs: 0n };
    const scope: Scope = { selectionId: SELECTION, sessionKey: run.sessionKey };
    this.source.watch(process, scope);
  }

  /** Starts a program and waits until all is told of it. */
  async run(program: string, args: readonly (string | Buffer)[], how: HowToRun = {}): Promise<Run> {
    const run = this.start(program, args, how);
    await run.finished();
    return run;
  }

  eventsOf(sessionKey: bigint): KernelEvent[] {
    return this.events.filter((event) => 'scope' in event && event.scope.sessionKey === sessionKey);
  }

  connectionsOf(sessionKey: bigint): ObservedConnection[] {
    return [...this.#connections.values()].filter((connection) => connection.scope?.sessionKey === sessionKey);
  }

  get connections(): ObservedConnection[] {
    return [...this.#connections.values()];
  }

  /** Waits until it holds. Errors: an Error that says what did not come. */
  async until(what: string | (() => string), holds: () => boolean): Promise<void> {
    const end = Date.now() + PATIENCE_MS;
    while (!holds()) {
      if (Date.now() > end) throw new Error(`did not come: ${typeof what === 'string' ? what : what()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 100);
        this.#wakes.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #take(events: readonly KernelEvent[]): void {
    for (const event of events) {
      this.#keep(event);
      if ('connectionKey' in event) this.#connection(event.connectionKey).take(event);
    }
    const wakes = this.#wakes;
    this.#wakes = [];
    for (const wake of wakes) wake();
  }

  /** Bytes are kept by their connection, as streams, and not a second time. */
  #keep(event: KernelEvent): void {
    if (event.type !== 'bytes-moved') this.events.push(event);
  }

  #connection(key: number): ObservedConnection {
    let connection = this.#connections.get(key);
    if (connection === undefined) {
      connection = new ObservedConnection(key);
      this.#connections.set(key, connection);
    }
    return connection;
  }
}
