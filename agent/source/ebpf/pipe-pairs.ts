// SPDX-License-Identifier: Apache-2.0

/**
 * Which two pipes are one conversation: those that are standard input and output of a program, when one and the same other
 * process has their other ends. A program in the middle of a shell's pipeline has two pipes as well, whose other ends are its
 * neighbours': that is told by the neighbours' own standard input and output.
 */
import type { ProcessKey } from '../../model/kernel-event.ts';
import type { StandardPipes, StreamId } from './stream-record.ts';

export interface PipePair {
  readonly stdin: StreamId;
  readonly stdout: StreamId;
  readonly child: ProcessKey;
  readonly parent: ProcessKey;
  /** They belong to a pipeline after all. */
  isBroken: boolean;
}

/** Pairs and standard pipes that are remembered; the oldest go. More programs with pipes run at once on no host that we know. */
const REMEMBERED_MAX = 16_384;

export class PipePairs {
  readonly #pairs = new Map<StreamId, PipePair>();
  /** Who has a pipe as its standard output, or input: the first. */
  readonly #writers = new Map<StreamId, number>();
  readonly #readers = new Map<StreamId, number>();

  note({ stdin, stdout, process, parent }: StandardPipes): void {
    if (stdin !== 0) {
      const pair = this.#pairs.get(stdin);
      if (pair?.stdout === stdin) pair.isBroken = true;
      remember(this.#readers, stdin, process.pid);
    }
    if (stdout !== 0) {
      const pair = this.#pairs.get(stdout);
      if (pair?.stdin === stdout) pair.isBroken = true;
      remember(this.#writers, stdout, process.pid);
    }
    if (stdin === 0 || stdout === 0 || stdin === stdout) return;
    if (this.#pairs.has(stdin) || this.#pairs.has(stdout)) return;
    const isBroken = this.#writers.has(stdin) || this.#readers.has(stdout);
    const pair = { stdin, stdout, child: process, parent, isBroken };
    remember(this.#pairs, stdin, pair);
    remember(this.#pairs, stdout, pair);
  }

  pairOf(pipe: StreamId): PipePair | undefined {
    const pair = this.#pairs.get(pipe);
    return pair === undefined || pair.isBroken ? undefined : pair;
  }

  /** The number may be another pipe's from now on. */
  forget(pipe: StreamId): void {
    this.#pairs.delete(pipe);
    this.#writers.delete(pipe);
    this.#readers.delete(pipe);
  }
}

function remember<V>(map: Map<StreamId, V>, pipe: StreamId, value: V): void {
  if (map.has(pipe)) return;
  map.set(pipe, value);
  if (map.size > REMEMBERED_MAX) map.delete(map.keys().next().value as StreamId);
}
