// SPDX-License-Identifier: Apache-2.0

/**
 * A collector and an agent as an operator starts them: two programs, their files in one folder, on free ports. For tests
 * of how they are installed and run; what they record is tested elsewhere.
 */
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Program, startProgram } from '../demo/program.ts';
import { freePorts } from './free-ports.ts';

/** Only a daemon that hangs takes longer, also on a host that is ten times overcommitted. */
const START_MS = 240_000;
const DELIVERED_MS = 60_000;

export type Config = Readonly<Record<string, unknown>>;

export interface DaemonPairOptions {
  /** The program that is tested. */
  readonly sworn: string;
  readonly folder: string;
  /** Words before the command of a daemon: a sandbox, another user. */
  readonly before?: (who: 'agent' | 'collector') => readonly string[];
  readonly environment?: (who: 'agent' | 'collector') => Readonly<Record<string, string>>;
  /** Changes a configuration before it is written. */
  readonly change?: (who: 'agent' | 'collector', made: Config) => Config;
}

export interface Answer {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export class DaemonPair {
  readonly #options: DaemonPairOptions;
  readonly #programs: Program[] = [];
  #apiPort = 0;
  #ingestPort = 0;
  #brokerPort = 0;
  #tokenFile = '';
  #socket = '';

  constructor(options: DaemonPairOptions) {
    this.#options = options;
  }

  path(...names: string[]): string {
    return join(this.#options.folder, ...names);
  }

  get socket(): string {
    return this.#socket;
  }

  /** For commands that ask: where the collector is, and the token for it. */
  get environment(): Record<string, string> {
    return {
      SWORN_URL: `http://127.0.0.1:${this.#apiPort}`,
      SWORN_TOKEN_FILE: this.#tokenFile,
    };
  }

  /** Writes both configurations. */
  async configure(): Promise<void> {
    [this.#apiPort, this.#ingestPort, this.#brokerPort] = (await freePorts(3)) as [number, number, number];
    mkdirSync(this.path('log'), { recursive: true });
    const collector = this.#write('collector', {
      state_dir: this.path('collector'),
      ingest: { listen: `127.0.0.1:${this.#ingestPort}`, insert_interval_ms: 5 },
      api: { listen: `127.0.0.1:${this.#apiPort}` },
    });
    const agent = this.#write('agent', {
      state_dir: this.path('agent'),
      run_dir: this.path('run'),
      collector: {
        address: `localhost:${this.#ingestPort}`,
        ca_file: this.path('certificate/collector-ca.pem'),
        certificate_file: this.path('certificate/agent.pem'),
        key_file: this.path('certificate/agent.key'),
      },
      identities: [
        {
          name: 'invoice-agent',
          tenant: '11111111-2222-3333-4444-555555555555',
          client_id: '66666666-7777-8888-9999-000000000000',
        },
      ],
      workloads: [{ name: 'invoices', identity: 'invoice-agent', select: [{ run: ['root'] }] }],
      broker: { port: this.#brokerPort },
    });
    this.#tokenFile = join(String(collector['state_dir']), 'api-token');
    this.#socket = join(String(agent['run_dir']), 'agent.sock');
  }

  #write(who: 'agent' | 'collector', made: Config): Config {
    const config = this.#options.change?.(who, made) ?? made;
    writeFileSync(this.path(`${who}.yaml`), JSON.stringify(config));
    chmodSync(this.path(`${who}.yaml`), 0o644);
    return config;
  }

  async startCollector(): Promise<Program> {
    const collector = this.#start('collector', 'collector');
    await collector.line((line) => line.includes('the collector is ready'), START_MS);
    return collector;
  }

  /** As an operator does it on the collector's host. */
  issueCertificate(agentId: string): void {
    const config = ['--config', this.path('collector.yaml')];
    const out = ['--agent', agentId, '--out', this.path('certificate')];
    execFileSync(this.#options.sworn, ['collector', ...config, 'issue-certificate', ...out], { stdio: 'ignore' });
  }

  async startAgent(): Promise<Program> {
    const agent = this.#start('agent', 'agent');
    await agent.line((line) => line.includes('the agent records'), START_MS);
    return agent;
  }

  #start(who: 'agent' | 'collector', name: string): Program {
    const { sworn, before, environment } = this.#options;
    const program = startProgram({
      name,
      command: [...(before?.(who) ?? []), sworn, who, '--config', this.path(`${who}.yaml`)],
      environment: environment?.(who) ?? {},
      logFile: this.path('log', `${name}.log`),
    });
    this.#programs.push(program);
    return program;
  }

  /** `sworn …` with the places of this pair. */
  async sworn(...words: string[]): Promise<Answer> {
    try {
      const env = { ...process.env, ...this.environment };
      const { stdout, stderr } = await promisify(execFile)(this.#options.sworn, words, { env });
      return { code: 0, out: stdout, err: stderr };
    } catch (error) {
      const { code, stdout = '', stderr = '' } = error as { code?: unknown; stdout?: string; stderr?: string };
      if (typeof code !== 'number') throw error;
      return { code, out: stdout, err: stderr };
    }
  }

  async rows<Row>(sql: string): Promise<Row[]> {
    const { code, out, err } = await this.sworn('query', '--json', sql);
    if (code !== 0) throw new Error(err);
    return out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Row);
  }

  /** Resolves when a session has ended and all of it is stored: its last line is its end. */
  async sessionsEnded(count: number): Promise<void> {
    const until = Date.now() + DELIVERED_MS;
    for (;;) {
      const [row] = await this.rows<{ n: number }>('SELECT toUInt32(countIf(ended)) AS n FROM sworn.sessions');
      if ((row?.n ?? 0) >= count) return;
      if (Date.now() > until) throw new Error('the record did not arrive in time');
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  async stop(): Promise<void> {
    for (let program = this.#programs.pop(); program !== undefined; program = this.#programs.pop()) {
      await program.stop();
    }
  }
}
