// SPDX-License-Identifier: Apache-2.0

/** Nobody touched the record: an agent and a collector, as processes, were killed in the middle of their work and came again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TrustFiles } from '../../agent/delivery/grpc/trust.ts';
import { freePorts } from '../../deploy/testing/free-ports.ts';
import { Daemon } from '../faults/daemon.ts';
import { writeTrust } from '../faults/live-collector.ts';
import type { RecordStage } from './record.ts';

const ROOT = join(import.meta.dirname, '../..');
const LIVES = 4;
/** So many more are stored before the next one is killed. */
const STORED_BETWEEN = 60;

/** An agent from the journal on, that appends and delivers until it is killed or asked to end. */
class Delivering {
  readonly #folder: string;
  readonly #agentId: string;
  readonly #files: TrustFiles;
  #child: ChildProcess | undefined;
  #ended: Promise<string> = Promise.resolve('');
  #storedSeq = 0;
  #onStored: () => void = () => {};

  constructor(folder: string, agentId: string, files: TrustFiles) {
    this.#folder = join(folder, agentId, 'journal');
    this.#agentId = agentId;
    this.#files = files;
    mkdirSync(join(folder, agentId), { recursive: true, mode: 0o700 });
  }

  start(collector: string, seed: number): void {
    const options = { folder: this.#folder, agentId: this.#agentId, collector, files: this.#files, seed };
    const program = join(ROOT, 'test/faults/load/delivering-process.ts');
    const child = spawn(process.execPath, [program, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    let lastLine = '';
    createInterface({ input: child.stdout! }).on('line', (line) => {
      lastLine = line;
      if (!line.startsWith('{')) return;
      this.#storedSeq = Math.max(this.#storedSeq, (JSON.parse(line) as { stored: number }).stored);
      this.#onStored();
    });
    this.#ended = new Promise((resolve) => child.once('close', () => resolve(lastLine)));
  }

  /** Resolves when so many more are stored. Errors: an Error when it ends before that. */
  async storesMore(count: number): Promise<void> {
    const wanted = this.#storedSeq + count;
    const stored = new Promise<string>((resolve) => {
      this.#onStored = () => this.#storedSeq >= wanted && resolve('');
    });
    const lastLine = await Promise.race([stored, this.#ended]);
    if (lastLine !== '') throw new Error(`the agent ended: ${lastLine}`);
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  /** Delivers what is left. Errors: an Error when it ends otherwise. */
  async finish(): Promise<void> {
    this.#child!.stdin!.end('\n');
    const lastLine = await this.#ended;
    if (lastLine !== 'delivered') throw new Error(`the agent ended: ${lastLine}`);
  }
}

async function enrolled(stage: RecordStage, agentId: string): Promise<Delivering> {
  const files = writeTrust(
    join(stage.folder, `${agentId}.trust`),
    await stage.collector.issueAgentCertificate(agentId),
  );
  return new Delivering(stage.folder, agentId, files);
}

/** What `sworn verify` is to be asked then. */
export async function killAgents(stage: RecordStage): Promise<readonly string[]> {
  const agent = await enrolled(stage, 'killed');
  for (let life = 0; life < LIVES; life++) {
    agent.start(stage.address, life);
    await agent.storesMore(STORED_BETWEEN);
    if (life < LIVES - 1) await agent.kill();
  }
  await agent.finish();
  return ['--agent', 'killed'];
}

export async function killCollectors(stage: RecordStage): Promise<readonly string[]> {
  const agent = await enrolled(stage, 'kept');
  await stage.stopCollector();
  const [ingest, api] = await freePorts(2);
  const config = join(stage.folder, 'collector.yaml');
  const listen = { ingest: { listen: `127.0.0.1:${ingest}` }, api: { listen: `127.0.0.1:${api}` } };
  writeFileSync(config, JSON.stringify({ ...stage.settings, ...listen, state_dir: stage.stateDir }));
  const collector = new Daemon({
    name: 'collector',
    command: [join(ROOT, 'bin/node'), join(ROOT, 'collector/main.ts'), '--config', config],
    readyText: 'the collector is ready',
    logFile: join(stage.folder, 'collector.log'),
  });
  try {
    agent.start(`localhost:${ingest}`, 1);
    for (let life = 0; life < LIVES; life++) {
      await collector.start();
      await agent.storesMore(STORED_BETWEEN);
      if (life < LIVES - 1) await collector.kill();
    }
    await agent.finish();
    await collector.stop();
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${collector.lastWords}`);
  } finally {
    await agent.kill();
    await collector.kill();
    await stage.startCollector();
  }
  return [];
}
