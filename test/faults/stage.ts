// SPDX-License-Identifier: Apache-2.0

/**
 * Everything that a fault is tried on, for real and in one folder: a collector and an agent as daemons of their own, a
 * PostgreSQL server, a service for HTTP and plain bytes, and workloads started by `sworn run`.
 */
import { execFile, execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { AgentStatus } from '../../agent/main.ts';
import { askAgent } from '../../cli/agent-client.ts';
import { CollectorClient } from '../../cli/collector-client.ts';
import { type Program, startProgram } from '../../deploy/demo/program.ts';
import { freePorts } from '../../deploy/testing/free-ports.ts';
import { type PostgresServer, startPostgres } from '../oracle/postgres/postgres-server.ts';
import { Daemon, tailOf } from './daemon.ts';

const root = join(import.meta.dirname, '../..');
const node = join(root, 'bin/node');
const sworn = join(root, 'bin/sworn');
const run = promisify(execFile);
const OUTPUT_BYTES_MAX = 64 << 20;
const START_MS_MAX = 60_000;
const IDENTITY = 'load-agent';
/** The agent gathers for a second what it writes then. */
const SWEEPS_MS = 1500;
export const WORKLOAD = 'load';

export interface ServicePlaces {
  readonly httpPort: number;
  readonly bytesPort: number;
  readonly bytesPort6: number;
  readonly bytesSocket: string;
}

export interface StageOptions {
  /** Of the agent's configuration. */
  readonly capture?: Readonly<Record<string, number>>;
  /** The server writes down each statement that it executes. */
  readonly logStatements?: boolean;
}

export class Stage {
  readonly folder: string;
  readonly agentId: string;
  readonly collector: Daemon;
  readonly agent: Daemon;
  readonly postgres: PostgresServer;
  readonly service: ServicePlaces;
  readonly agentSocket: string;
  readonly client: CollectorClient;
  readonly #collectorPlaces: { readonly url: string; readonly tokenFile: string };
  readonly #teardown: (() => Promise<void> | void)[];
  readonly #said = new Map<Program, () => string>();

  constructor(
    folder: string,
    agentId: string,
    apiPort: number,
    servers: { readonly postgres: PostgresServer; readonly service: ServicePlaces },
    teardown: (() => Promise<void> | void)[],
  ) {
    this.folder = folder;
    this.agentId = agentId;
    this.postgres = servers.postgres;
    this.service = servers.service;
    this.#teardown = teardown;
    this.agentSocket = join(folder, 'run/agent.sock');
    this.#collectorPlaces = { url: `http://127.0.0.1:${apiPort}`, tokenFile: join(folder, 'collector/api-token') };
    this.client = new CollectorClient(this.#collectorPlaces);
    this.collector = new Daemon({
      name: 'collector',
      command: [sworn, 'collector', '--config', join(folder, 'collector.yaml')],
      readyText: 'the collector is ready',
      logFile: join(folder, 'collector.log'),
    });
    this.agent = new Daemon({
      name: 'agent',
      command: [sworn, 'agent', '--config', join(folder, 'agent.yaml')],
      readyText: 'the agent records',
      logFile: join(folder, 'agent.log'),
    });
  }

  /** Ends everything that was started and removes the folder. */
  stop(): Promise<void> {
    return runAll(this.#teardown);
  }

  /** Starts a program of `load/` as a recorded workload of its own session. It is told where the servers are. */
  startWorkload(file: string, args: readonly string[]): Program {
    const name = `workload-${this.#said.size + 1}`;
    const path = join(import.meta.dirname, 'load', file);
    const command = file.endsWith('.py') ? ['/usr/bin/python3', path] : [process.execPath, path];
    const program = startProgram({
      name,
      command: [sworn, 'run', '--socket', this.agentSocket, '--identity', IDENTITY, '--', ...command, ...args],
      environment: {
        ...this.postgres.environment,
        FAULTS_POSTGRES_SOCKET: this.postgres.socketFolder,
        FAULTS_SERVICE: JSON.stringify(this.service),
      },
      logFile: join(this.folder, `${name}.log`),
    });
    this.#said.set(program, () => tailOf(join(this.folder, `${name}.log`)));
    this.#teardown.push(() => program.stop());
    return program;
  }

  /** Resolves when the program has ended well. Errors: an Error with what it said last. */
  async finished(workload: Program): Promise<void> {
    const code = await workload.ended;
    if (code !== 0) throw new Error(`the workload ended with ${code}:\n${this.#said.get(workload)?.()}`);
  }

  async agentStatus(): Promise<AgentStatus> {
    return (await askAgent(this.agentSocket, 'GET', '/v1/status')) as AgentStatus;
  }

  rows<T>(sql: string): Promise<T[]> {
    return this.client.rows<T>(sql);
  }

  /** `sworn …` asks the collector; what it printed, whatever its exit code was. */
  async sworn(args: readonly string[]): Promise<string> {
    const { url, tokenFile } = this.#collectorPlaces;
    const asked = run(sworn, [...args, '--url', url, '--token-file', tokenFile], { maxBuffer: OUTPUT_BYTES_MAX });
    return (await asked.catch((error: { stdout: string }) => error)).stdout;
  }

  /** Resolves when every session has ended and the whole record is in ClickHouse. Errors: an Error with what is left. */
  async settled(withinMs: number): Promise<void> {
    const since = { last: -1, atMs: 0 };
    await until(withinMs, async () => {
      const { sessions, connections, journal, delivery } = await this.agentStatus();
      const { last_seq: last } = journal as { last_seq: number };
      const { stored_seq: stored } = (delivery ?? {}) as { stored_seq: number };
      const open = await this.rows<{ session_id: string }>('SELECT session_id FROM sworn.sessions WHERE NOT ended');
      if (since.last !== last) Object.assign(since, { last, atMs: Date.now() });
      const isQuiet = Date.now() - since.atMs > SWEEPS_MS;
      if (sessions.length === 0 && stored === last && open.length === 0 && isQuiet) return undefined;
      const alive = sessions.map(({ id, processes }) => `${id} with ${processes} processes`).join(', ');
      return `${last - stored} of ${last} activities on their way, ${connections} connections, sessions: ${alive}; not ended in ClickHouse: ${open.map(({ session_id: id }) => id).join(', ')}`;
    });
  }

  /** What the daemons have said; for a failure. */
  lastWords(): string {
    return [this.agent, this.collector].map((one) => `${one.options.name}:\n${one.lastWords}`).join('\n');
  }
}

/** Collector and agent run when this resolves. */
export async function setStage(options: StageOptions = {}): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-faults-'));
  const teardown: (() => Promise<void> | void)[] = [() => rmSync(folder, { recursive: true, force: true })];
  try {
    return await build(folder, options, teardown);
  } catch (error) {
    await runAll(teardown);
    throw error;
  }
}

async function build(folder: string, options: StageOptions, teardown: (() => Promise<void> | void)[]): Promise<Stage> {
  const at = (name: string): string => join(folder, name);
  const postgres = await startPostgres({
    listen: ['127.0.0.1', '::1'],
    settings: {
      max_connections: '200',
      log_statement: options.logStatements === true ? 'all' : 'none',
      log_min_duration_statement: '-1',
      log_parameter_max_length: '0',
    },
  });
  teardown.push(() => postgres.stop());
  const service = startProgram({
    name: 'service',
    command: [node, join(import.meta.dirname, 'load/service.ts'), at('bytes.sock')],
    logFile: at('service.log'),
  });
  teardown.push(() => service.stop());
  const places = JSON.parse(await service.line((line) => line.startsWith('{'), START_MS_MAX)) as ServicePlaces;

  const [ingest, api, broker] = (await freePorts(3)) as [number, number, number];
  const agentId = `faults-${randomUUID().slice(0, 8)}`;
  const collectorConfig = {
    state_dir: at('collector'),
    ingest: { listen: `127.0.0.1:${ingest}` },
    api: { listen: `127.0.0.1:${api}` },
  };
  writeFileSync(at('collector.yaml'), JSON.stringify(collectorConfig));
  mkdirSync(at('certificate'));
  const issue = ['issue-certificate', '--agent', agentId, '--out', at('certificate')];
  execFileSync(sworn, ['collector', '--config', at('collector.yaml'), ...issue], { stdio: 'ignore' });
  const agentConfig = {
    state_dir: at('agent'),
    run_dir: at('run'),
    collector: {
      address: `localhost:${ingest}`,
      ca_file: at('certificate/collector-ca.pem'),
      certificate_file: at('certificate/agent.pem'),
      key_file: at('certificate/agent.key'),
    },
    identities: [{ name: IDENTITY, tenant: randomUUID(), client_id: randomUUID() }],
    workloads: [{ name: WORKLOAD, identity: IDENTITY, select: [{ run: ['root'] }] }],
    broker: { port: broker },
    capture: options.capture ?? {},
  };
  writeFileSync(at('agent.yaml'), JSON.stringify(agentConfig));
  const stage = new Stage(folder, agentId, api, { postgres, service: places }, teardown);
  teardown.push(
    () => stage.collector.kill(),
    () => stage.agent.kill(),
  );
  await stage.collector.start();
  await stage.agent.start();
  return stage;
}

/** Last first, each whatever the others do. Errors: the first of theirs. */
async function runAll(steps: (() => Promise<void> | void)[]): Promise<void> {
  const errors: unknown[] = [];
  for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
    try {
      await step();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

/** Waits until `look` finds nothing left to wait for. Errors: an Error with what it found last when the time is over. */
export async function until(withinMs: number, look: () => Promise<string | undefined>): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const left = await look();
    if (left === undefined) return;
    if (Date.now() > deadline) throw new Error(`after ${withinMs / 1000} s: ${left}`);
    await sleep(100);
  }
}
