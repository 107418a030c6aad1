// SPDX-License-Identifier: Apache-2.0

/**
 * A real agent that records real programs for a test, and its record afterwards. The agent runs as operators run it
 * (`sworn agent`), programs become workloads as users make them so (`sworn run`). With `collector`, the record crosses a
 * real collector too and is read from ClickHouse; without, it is read from the agent's journal, which is quicker.
 *
 * Everything is in a folder of its own and gone after `stop`.
 */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hostChecks } from '../../../agent/doctor/host-checks.ts';
import type { AgentStatus } from '../../../agent/main.ts';
import { askAgent } from '../../../cli/agent-client.ts';
import { CollectorClient } from '../../../cli/collector-client.ts';
import { type Program, startProgram } from '../../../deploy/demo/program.ts';
import { readClickHouse } from './read-clickhouse.ts';
import { readJournal } from './read-journal.ts';
import type { RunRecord } from './record.ts';
import { type Finished, type RunningProgram, startWorkload, type WorkloadOptions } from './workload.ts';

export const root = join(import.meta.dirname, '../../..');
/** The Node that Sworn is tested with: workloads written for tests run in it. */
export const node = join(root, 'bin/node');
const sworn = join(root, 'bin/sworn');
/** Waiting ends when what is waited for is there; this only turns a hang into a failure with a message. */
const WAIT_MS_MAX = 120_000;

export interface RecordingOptions {
  /** A workload each; the first is the default of `run`. */
  readonly identities: readonly string[];
  /** The record goes through a collector, and is read from ClickHouse. */
  readonly collector?: boolean;
  /** Laid over the agent's configuration. */
  readonly config?: (folder: string) => object;
}

export interface Recording {
  readonly folder: string;
  /** Runs a command as a workload of `identity`, to its end. Errors: an Error with what it printed, unless `fails` is set. */
  run(identity: string, command: readonly string[], options?: WorkloadOptions): Promise<Finished>;
  /** As `run`, for what is to be talked to while it runs. */
  start(identity: string, command: readonly string[], options?: WorkloadOptions): RunningProgram;
  /** SQL over the collector's API. Only with `collector`. */
  readonly client: CollectorClient;
  readonly status: () => Promise<AgentStatus>;
  /** Files in which the daemons' logs are. */
  readonly logs: readonly string[];
  readonly journalFolder: string;
  /** Waits until every session has ended, ends the agent, and gives all that it wrote. */
  finish(): Promise<RunRecord>;
  stop(): Promise<void>;
}

/** Why this host cannot record, for `skip`; false when it can. */
export function whyNoRecording(): string | false {
  const failed = hostChecks().find(({ state }) => state === 'fail');
  return failed === undefined ? false : `this host cannot record: ${failed.name}: ${failed.found}. ${failed.next}`;
}

/** How much larger than usual loads are: SWORN_ORACLE_SCALE, 1 when it is not set. */
export function scaled(count: number): number {
  const scale = Number(process.env['SWORN_ORACLE_SCALE'] ?? '1');
  return Math.max(1, Math.round(count * (Number.isFinite(scale) && scale > 0 ? scale : 1)));
}

export async function startRecording(options: RecordingOptions): Promise<Recording> {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-oracle-'));
  const programs: Program[] = [];
  const workloads = new Set<RunningProgram>();
  const stop = async (): Promise<void> => {
    for (const workload of workloads) await workload.stop();
    for (let program = programs.pop(); program !== undefined; program = programs.pop()) await program.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    return await start(folder, options, programs, workloads, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(
  folder: string,
  options: RecordingOptions,
  programs: Program[],
  workloads: Set<RunningProgram>,
  stop: () => Promise<void>,
): Promise<Recording> {
  const at = (...names: string[]): string => join(folder, ...names);
  mkdirSync(at('log'));
  const daemon = async (name: string, args: readonly string[], ready: string): Promise<[Program, string]> => {
    const program = startProgram({ name, command: [sworn, ...args], logFile: at('log', `${name}.log`) });
    programs.push(program);
    return [program, await program.line((line) => line.includes(ready), WAIT_MS_MAX)];
  };

  const agentId = `oracle-${randomUUID().slice(0, 8)}`;
  const collector = options.collector === true ? await startCollector(folder, agentId, daemon) : undefined;

  writeFileSync(
    at('agent.yaml'),
    JSON.stringify({
      state_dir: at('agent'),
      run_dir: at('run'),
      broker: { enabled: false },
      identities: options.identities.map((name) => ({ name, tenant: randomUUID(), client_id: randomUUID() })),
      workloads: options.identities.map((name) => ({ name, identity: name, select: [{ run: ['root'] }] })),
      ...(collector !== undefined && { collector: collector.target }),
      ...options.config?.(folder),
    }),
  );
  mkdirSync(at('agent'), { mode: 0o700 });
  writeFileSync(at('agent/agent-id'), `${agentId}\n`);
  const [agent] = await daemon('agent', ['agent', '--config', at('agent.yaml')], 'the agent records');

  const socket = at('run/agent.sock');
  const status = async (): Promise<AgentStatus> => (await askAgent(socket, 'GET', '/v1/status')) as AgentStatus;
  let started = 0;
  const startOne = (identity: string, command: readonly string[], about: WorkloadOptions = {}): RunningProgram => {
    const run = [sworn, 'run', '--socket', socket, '--identity', identity, '--', ...command];
    const workload = startWorkload(run, at(`workload-${++started}`), about);
    workloads.add(workload);
    return workload;
  };

  return {
    folder,
    logs: options.collector === true ? [at('log/agent.log'), at('log/collector.log')] : [at('log/agent.log')],
    journalFolder: at('agent/journal'),
    get client() {
      if (collector === undefined) throw new Error('this recording has no collector');
      return collector.client;
    },
    status,
    start: startOne,
    async run(identity, command, about = {}) {
      const workload = startOne(identity, command, about);
      const finished = await workload.finished;
      workloads.delete(workload);
      if ((finished.code === 0) === (about.fails === true)) {
        const { code, stdout, stderr } = finished;
        const tail = `${stdout.slice(-2000)}\n${stderr.slice(-2000)}`;
        throw new Error(`${command.join(' ').slice(0, 500)} ended with ${code}:\n${tail}`);
      }
      return finished;
    },
    async finish() {
      await untilQuiet(status);
      await agent.stop();
      if (collector === undefined) return readJournal(at('agent/journal'), agentId, hostname());
      await untilStored(collector.client, agentId);
      return readClickHouse(collector.client, agentId);
    },
    stop,
  };
}

type StartDaemon = (name: string, args: readonly string[], ready: string) => Promise<[Program, string]>;

async function startCollector(folder: string, agentId: string, daemon: StartDaemon) {
  const config = join(folder, 'collector.yaml');
  const listen = { listen: '127.0.0.1:0' };
  writeFileSync(config, JSON.stringify({ state_dir: join(folder, 'collector'), ingest: listen, api: listen }));
  const [, line] = await daemon('collector', ['collector', '--config', config], 'the collector is ready');
  const { ingest, api } = JSON.parse(line) as { ingest: string; api: string };
  const out = join(folder, 'certificate');
  execFileSync(sworn, ['collector', '--config', config, 'issue-certificate', '--agent', agentId, '--out', out], {
    stdio: 'ignore',
  });
  return {
    client: new CollectorClient({ url: api, tokenFile: join(folder, 'collector/api-token') }),
    target: {
      address: ingest.replace('127.0.0.1', 'localhost'),
      ca_file: join(out, 'collector-ca.pem'),
      certificate_file: join(out, 'agent.pem'),
      key_file: join(out, 'agent.key'),
    },
  };
}

/** Every session has ended, and nothing waits between the kernel and the agent. */
async function untilQuiet(status: () => Promise<AgentStatus>): Promise<void> {
  const until = Date.now() + WAIT_MS_MAX;
  for (;;) {
    const { sessions, source } = await status();
    if (sessions.length === 0 && source.ringWaitingBytes === 0) return;
    if (Date.now() > until) throw new Error(`sessions do not end: ${JSON.stringify(sessions)}`);
    await sleep(50);
  }
}

/** The agent's last line is that it stopped. */
async function untilStored(client: CollectorClient, agentId: string): Promise<void> {
  const until = Date.now() + WAIT_MS_MAX;
  const sql = `SELECT count() AS stopped FROM sworn.recorders WHERE agent_id = {agent:String} AND action = 'stopped'`;
  for (;;) {
    const [row] = await client.rows<{ stopped: string }>(sql, { agent: agentId });
    if (Number(row?.stopped) > 0) return;
    if (Date.now() > until) throw new Error('the record did not arrive in ClickHouse');
    await sleep(100);
  }
}

/** What a daemon has logged. */
export function logText(file: string): string {
  return readFileSync(file, 'utf8');
}
