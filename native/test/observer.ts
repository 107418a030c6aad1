// SPDX-License-Identifier: Apache-2.0

/**
 * The real kernel side, opened for a test: starts programs as workloads of their own and gathers what is told of them.
 * A program waits at a gate until it is watched, so that nothing of it is missed.
 */
import { randomBytes } from 'node:crypto';
import type { KernelEvent, ProcessKey, Scope } from '../../agent/model/kernel-event.ts';
import { EbpfSource, type EbpfSourceOptions } from '../../agent/source/ebpf/ebpf-source.ts';
import { type Ended, type GatedProgram, type HowToStart, startGated } from './gated-program.ts';
import { ObservedConnection } from './observed-connection.ts';

/** How long a test waits for what must come; nothing is asserted about how fast it does. */
const PATIENCE_MS = 60_000;
const SELECTION = 7;

export interface HowToRun extends HowToStart {
  /** Not watched: an outsider. */
  readonly outside?: boolean;
  /** Runs before it is watched; `Observer.watch` does that later. */
  readonly unwatched?: boolean;
  /** Called while it waits at the gate. */
  readonly beforeItRuns?: (pid: number) => void;
}

/** One event in the order in which all came; of bytes only the first, for a look. */
export interface InOrder {
  readonly type: KernelEvent['type'];
  readonly sessionKey: bigint | undefined;
  readonly firstByte?: number;
}

/** A program that was started, and what is told of its session. */
export class Run {
  readonly pid: number;
  readonly sessionKey: bigint;
  readonly ended: Promise<Ended>;
  readonly #observer: Observer;
  readonly #program: GatedProgram;

  constructor(observer: Observer, program: GatedProgram, sessionKey: bigint) {
    this.#observer = observer;
    this.#program = program;
    this.pid = program.pid;
    this.sessionKey = sessionKey;
    this.ended = program.ended;
  }

  get output(): string {
    return this.#program.output;
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
    this.#program.child.kill(signal);
  }

  /** Until the program has ended, which it is made to in the end, and all that it opened is told to be closed. */
  async finished(): Promise<Ended> {
    const patience = setTimeout(() => this.#program.stop(), PATIENCE_MS);
    const ended = await this.ended;
    clearTimeout(patience);
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
  readonly #order: InOrder[] = [];
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
    const { outside, unwatched, beforeItRuns, ...start } = how;
    const gated = startGated(program, args, start);
    const run = new Run(this, gated, randomBytes(8).readBigUInt64LE());
    if (outside !== true && unwatched !== true) this.watch(run);
    beforeItRuns?.(run.pid);
    gated.open();
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

  orderOf(sessionKey: bigint): InOrder[] {
    return this.#order.filter((one) => one.sessionKey === sessionKey);
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
      this.#order.push(this.#inOrder(event));
    }
    const wakes = this.#wakes;
    this.#wakes = [];
    for (const wake of wakes) wake();
  }

  #inOrder(event: KernelEvent): InOrder {
    const { type } = event;
    if (event.type !== 'bytes-moved') {
      return { type, sessionKey: 'scope' in event ? event.scope.sessionKey : undefined };
    }
    const scope = this.#connection(event.connectionKey).scope;
    return {
      type,
      sessionKey: scope?.sessionKey,
      ...(event.bytes.length > 0 && { firstByte: event.bytes[0] as number }),
    };
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
