// SPDX-License-Identifier: Apache-2.0

/**
 * An agent from the journal on, as a process: it appends samples to the journal in its folder, and delivers it, until it is
 * killed, or until it reads a line: then it appends no more, delivers what is left, and ends.
 *
 * Prints {"durable", "stored"} again and again, and "delivered" in the end. What stands at number n of its journal is the
 * sample n, or a loss of the journal's.
 */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { GrpcSink } from '../../../agent/delivery/grpc/grpc-sink.ts';
import type { TrustFiles } from '../../../agent/delivery/grpc/trust.ts';
import { realDisk } from '../../../agent/journal/disk.ts';
import { Journal } from '../../../agent/journal/journal.ts';
import { sampleCommand } from '../../../agent/journal/sample-activities.ts';
import { Seal } from '../../../agent/seal/seal.ts';
import { ownSealKey } from '../../../agent/seal/seal-key.ts';
import { SealStateFile } from '../../../agent/seal/seal-state.ts';
import { Random } from '../random.ts';

export interface DeliveringOptions {
  readonly folder: string;
  readonly agentId: string;
  /** host:port */
  readonly collector: string;
  readonly files: TrustFiles;
  readonly seed: number;
}

const BURST_MAX = 30;
const PAUSE_MS_MAX = 12;
/** The last checkpoint comes back signed. */
const COSIGN_MS_MAX = 5000;

const { folder, agentId, collector, files, seed } = JSON.parse(process.argv[2] ?? '') as DeliveringOptions;
const random = new Random(seed);
const file = await SealStateFile.open(realDisk, join(folder, '../seal.state'), agentId);
const journal = await Journal.open({
  folder,
  agentId,
  usedSeq: file.found.kind === 'found' ? file.found.state.tree.size : 0,
  host: 'host-1',
  flushDelayMs: 2,
  groupBytesMax: 50_000,
  segmentBytesMax: 300_000,
  diskFreeBytesMin: 0,
});
const privateKey = await ownSealKey(join(folder, '../seal.key'));
const seal = new Seal({ agentId, privateKey, file, journal, checkpointMs: 100 });
const sink = new GrpcSink(journal, {
  ...files,
  collector,
  version: '0.0.0',
  bootId: 'boot-1',
  kernel: 'kernel',
  batchBytesMax: 20_000,
  batchAgeMs: 5,
  // A dead connection is noticed soon, so that an iteration takes seconds.
  keepaliveMs: 400,
  keepaliveTimeoutMs: 400,
  answerTimeoutMs: 1500,
  storedTimeoutMs: 3000,
  backoffFirstMs: 20,
  backoffMostMs: 200,
  refusedRetryMs: 500,
  catchUpShare: 1,
  seal,
});

const say = (line: string): void => void writeSync(1, `${line}\n`);
const tell = (): void => say(JSON.stringify({ durable: journal.durableSeq, stored: sink.state.storedSeq }));
let isAsked = false;
createInterface({ input: process.stdin }).once('line', () => {
  isAsked = true;
});
sink.start();
say('started');
while (!isAsked) {
  for (let left = random.between(1, BURST_MAX); left > 0; left--) {
    journal.append(sampleCommand(journal.state.lastSeq + 1));
  }
  await sleep(random.between(0, PAUSE_MS_MAX));
  tell();
}
await journal.flush();
let toldSeq = 0;
while (sink.state.storedSeq < journal.state.lastSeq) {
  await sleep(10);
  const { phase, error, storedSeq } = sink.state;
  if (phase === 'refused') say(`refused: ${error?.message}`);
  if (storedSeq > toldSeq) tell();
  toldSeq = storedSeq;
}
tell();
await sink.stop(COSIGN_MS_MAX);
await seal.close();
await journal.close();
say('delivered');
process.exit(0);
