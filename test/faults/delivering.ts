// SPDX-License-Identifier: Apache-2.0

/** A delivering process as a scenario sees it: what it has promised, over all its lives, and its end. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { TrustFiles } from '../../agent/delivery/grpc/trust.ts';
import type { Fault } from './fault.ts';
import { filesIn, JournalLeaves } from './journal-leaves.ts';
import type { RecordRow } from './record-check.ts';
import type { SplitNetwork } from './split-network.ts';
import { verifyAgrees } from './verify.ts';

/** Longer than a collector takes to start again on a host with much else to do. */
const SILENCE_MS_MAX = 60_000;

export class Delivering {
  readonly agentId: string;
  readonly #network: SplitNetwork;
  readonly #files: TrustFiles;
  readonly #leaves: JournalLeaves;
  readonly #said: string[] = [];
  /** Something more was stored. */
  #onStored: () => void = () => {};
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  durableSeq = 0;
  storedSeq = 0;

  private constructor(network: SplitNetwork, agentId: string, files: TrustFiles) {
    this.#network = network;
    this.agentId = agentId;
    this.#files = files;
    this.#leaves = new JournalLeaves(filesIn(network.journalFolder(agentId)));
  }

  static async enrol(network: SplitNetwork, agentId: string): Promise<Delivering> {
    return new Delivering(network, agentId, await network.enrol(agentId));
  }

  /** Resolves when it has begun. Errors: an Error when it ends before that. */
  start(seed: number): Promise<void> {
    const child = this.#network.startDelivering({ agentId: this.agentId, files: this.#files, seed });
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once('close', () => resolve()));
    return new Promise((resolve, reject) => {
      createInterface({ input: child.stdout! }).on('line', (line) => {
        if (line === 'started') resolve();
        else if (line.startsWith('{')) this.#hear(line);
        else this.#say(line);
      });
      void this.#ended.then(() => reject(new Error(`the delivering process ended: ${this.#said.join('; ')}`)));
    });
  }

  #say(line: string): void {
    this.#said.push(line);
    if (this.#said.length > 10) this.#said.shift();
  }

  #hear(line: string): void {
    const { durable, stored } = JSON.parse(line) as { durable: number; stored: number };
    this.durableSeq = Math.max(this.durableSeq, durable);
    if (stored > this.storedSeq) this.#onStored();
    this.storedSeq = Math.max(this.storedSeq, stored);
  }

  /** What its journal holds then is remembered. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#ended;
    this.#leaves.read();
  }

  /** Everything is delivered. Errors: an Error with what it said last, when for a minute nothing more is stored. */
  async finish(): Promise<void> {
    this.#child!.stdin!.end('\n');
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), SILENCE_MS_MAX);
    this.#onStored = () => timer.refresh();
    await this.#ended;
    clearTimeout(timer);
    this.#leaves.read();
    if (this.#said.at(-1) !== 'delivered') {
      const said = [...this.#said, this.#network.collector.lastWords].join('\n');
      throw new Error(`not delivered: ${this.storedSeq} of ${this.durableSeq} stored\n${said}`);
    }
  }

  /** What is in the store, by the samples and by `sworn verify`. */
  async judge(say: (text: string) => void): Promise<Fault[]> {
    const faults = this.check(await this.#network.record(this.agentId));
    const { agentId } = this;
    return [...faults, ...(await verifyAgrees((args) => this.#network.sworn(args), { agentId, say }))];
  }

  /** Number n is sample n, or a loss: once, without a hole, up to what was promised. */
  check(rows: readonly RecordRow[]): Fault[] {
    const faults: Fault[] = [];
    const promised = Math.max(this.durableSeq, this.storedSeq);
    let last = 0;
    for (const { seq: text, kind, parameters, leaf } of rows) {
      const seq = Number(text);
      if (seq === last) faults.push({ kind: 'doubled', text: `${this.agentId}: ${seq} is there twice` });
      else if (seq !== last + 1) faults.push({ kind: 'lost', text: `${this.agentId}: after ${last} comes ${seq}` });
      last = seq;
      if (kind !== 'loss' && parameters !== `["${seq}","open"]`) {
        faults.push({ kind: 'lost', text: `${this.agentId}: at ${seq} is ${kind} ${parameters}` });
      }
      const known = this.#leaves.leaves.get(seq);
      if (known !== undefined && known !== leaf) {
        faults.push({ kind: 'lost', text: `${this.agentId}: ${seq} is another activity than in the journal` });
      }
    }
    if (last < promised)
      faults.push({ kind: 'lost', text: `${this.agentId}: ${promised} was promised, ${last} is there` });
    return faults;
  }
}
