// SPDX-License-Identifier: Apache-2.0

/**
 * Agents here, a collector there, and between them a link that can be broken: two network namespaces of their own, so that
 * nothing of the host's network is touched. The collector is a process, with its engine in another.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { TrustFiles } from '../../agent/delivery/grpc/trust.ts';
import { LocalTrust } from '../../collector/trust/certificates.ts';
import { Daemon } from './daemon.ts';
import { writeTrust } from './live-collector.ts';
import type { DeliveringOptions } from './load/delivering-process.ts';
import { type RecordRow, recordSql } from './record-check.ts';

const root = join(import.meta.dirname, '../..');
const node = join(root, 'bin/node');
const PYTHON = '/usr/bin/python3';
const FAR_ADDRESS = '10.99.0.2';
const INGEST_PORT = 7443;
const API_PORT = 7480;
const OUTPUT_BYTES_MAX = 256 << 20;

const run = promisify(execFile);

/** What is wrong with the link; nothing when nothing is named. Shares are from 0 to 1. See packet-link.py. */
export interface LinkState {
  readonly cut?: boolean;
  readonly one_way?: 'near' | 'far';
  readonly down?: boolean;
  readonly delay_ms?: number;
  readonly jitter_ms?: number;
  readonly loss?: number;
  readonly duplicate?: number;
  readonly reorder?: number;
  readonly seed?: number;
}

/** What this host lacks; undefined when it has all. */
export function missingForNetwork(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  if (!existsSync('/dev/net/tun')) return 'there is no /dev/net/tun';
  return [PYTHON, '/usr/bin/nsenter'].find((path) => !existsSync(path))?.concat(' is missing');
}

export class SplitNetwork {
  readonly folder = mkdtempSync(join(tmpdir(), 'sworn-network-'));
  readonly collector: Daemon;
  readonly #link: ChildProcess;
  #isOver = false;
  readonly #near: string;
  readonly #far: string;
  readonly #answers: PromiseWithResolvers<void>[] = [];

  private constructor(link: ChildProcess, lines: AsyncIterator<string>, near: string, far: string) {
    this.#link = link;
    // It may end while something is written to it.
    link.stdin!.on('error', () => {});
    this.#near = near;
    this.#far = far;
    void this.#readAnswers(lines);
    writeFileSync(
      join(this.folder, 'collector.yaml'),
      JSON.stringify({
        state_dir: join(this.folder, 'collector'),
        ingest: { listen: `${FAR_ADDRESS}:${INGEST_PORT}`, insert_interval_ms: 5 },
        api: { listen: `127.0.0.1:${API_PORT}` },
      }),
    );
    this.collector = new Daemon({
      name: 'collector',
      // nsenter becomes the command: what is killed is the collector.
      command: this.#inside(far, [
        node,
        join(root, 'collector/main.ts'),
        '--config',
        join(this.folder, 'collector.yaml'),
      ]),
      readyText: 'the collector is ready',
      logFile: join(this.folder, 'collector.log'),
    });
  }

  static async start(): Promise<SplitNetwork> {
    const link = spawn(PYTHON, [join(import.meta.dirname, 'load/packet-link.py')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: link.stdout! })[Symbol.asyncIterator]();
    const first = await lines.next();
    if (first.done === true) throw new Error('the link could not be made');
    const { near, far } = JSON.parse(first.value) as { near: string; far: string };
    const network = new SplitNetwork(link, lines, near, far);
    try {
      await network.collector.start();
    } catch (error) {
      await network.stop();
      throw error;
    }
    return network;
  }

  async #readAnswers(lines: AsyncIterator<string>): Promise<void> {
    while ((await lines.next()).done !== true) this.#answers.shift()?.resolve();
    this.#isOver = true;
    for (const { reject } of this.#answers.splice(0)) reject(new Error('the link has ended'));
  }

  #inside(namespace: string, command: readonly string[]): string[] {
    return ['/usr/bin/nsenter', `--net=${namespace}`, '--', ...command];
  }

  /** Resolves when the link is so. */
  set(state: LinkState): Promise<void> {
    if (this.#isOver) return Promise.reject(new Error('the link has ended'));
    const answer = Promise.withResolvers<void>();
    this.#answers.push(answer);
    this.#link.stdin!.write(`${JSON.stringify(state)}\n`);
    return answer.promise;
  }

  async enrol(agentId: string): Promise<TrustFiles> {
    const trust = new LocalTrust(join(this.folder, 'collector/trust'));
    const certificate = await trust.issueAgentCertificate(agentId, { now: new Date() });
    return writeTrust(join(this.folder, 'agents', agentId), certificate);
  }

  journalFolder(agentId: string): string {
    const folder = join(this.folder, 'hosts', agentId, 'journal');
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** load/delivering-process.ts, on the near side. */
  startDelivering(options: Omit<DeliveringOptions, 'collector' | 'folder'>): ChildProcess {
    const { agentId } = options;
    const whole: DeliveringOptions = {
      ...options,
      folder: this.journalFolder(agentId),
      collector: `${FAR_ADDRESS}:${INGEST_PORT}`,
    };
    const script = join(import.meta.dirname, 'load/delivering-process.ts');
    const [file, ...args] = this.#inside(this.#near, [process.execPath, script, JSON.stringify(whole)]) as [string];
    return spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  }

  /** The engine of the collector: its only child. Undefined when it has none at the moment. */
  get enginePid(): number | undefined {
    const { pid } = this.collector;
    if (pid === undefined) return undefined;
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid) return Number(name);
      } catch {
        // It has gone meanwhile.
      }
    }
    return undefined;
  }

  async record(agentId: string): Promise<RecordRow[]> {
    const { stdout } = await this.#ask(join(import.meta.dirname, 'load/ask-collector.ts'), [
      `http://127.0.0.1:${API_PORT}`,
      join(this.folder, 'collector/api-token'),
      recordSql(agentId),
    ]);
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as RecordRow);
  }

  /** `sworn …` beside the collector. */
  async sworn(args: readonly string[]): Promise<string> {
    const places = ['--url', `http://127.0.0.1:${API_PORT}`, '--token-file', join(this.folder, 'collector/api-token')];
    const asked = this.#ask(join(root, 'cli/main.ts'), [...args, ...places]);
    // What it found wrong is in what it printed.
    return (await asked.catch((error: { stdout: string }) => error)).stdout;
  }

  #ask(script: string, args: readonly string[]): Promise<{ stdout: string }> {
    const [file, ...rest] = this.#inside(this.#far, [process.execPath, script, ...args]) as [string];
    return run(file, rest, { maxBuffer: OUTPUT_BYTES_MAX });
  }

  async stop(): Promise<void> {
    await this.collector.kill();
    this.#link.kill();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}
