// SPDX-License-Identifier: Apache-2.0

/**
 * What the overhead bench runs on: a real PostgreSQL server with pgbench's tables, and the agent as it is in the field,
 * started and ended as often as needed. Its record goes to a collector that acknowledges and forgets, in a process of its
 * own: the agent does all of its work, and ClickHouse, which runs elsewhere in the field, takes no CPU from it here.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PostgresServer, SERVER_UID, startPostgres } from '../test/oracle/postgres/postgres-server.ts';
import { CpuGroup } from './cpu-group.ts';
import { busyUs, peakMib, processUs } from './machine.ts';
import { type Started, started } from './started.ts';

const root = join(import.meta.dirname, '..');
const node = process.execPath;
const sworn = join(root, 'bin/sworn');
const pgbench = join(root, '.setup/pgbench');
const LAST_CORE = String(availableParallelism() - 1);
const SCALE = 5;
/** Before each run, in its own way: what follows a pause is slower. An agent has its own code to compile first. */
const WARM_SECONDS = { recorded: 8, others: 1 } as const;

/**
 * `neighbour`: without Sworn, while a program that touches no memory computes on a core that the workload does not use.
 * `taps`: without Sworn, while probes at each SSL_read and SSL_write copy what passes.
 */
export type Mode = 'without' | 'floor' | 'recorded' | 'outsider' | 'neighbour' | 'taps';

/** How pgbench talks to its server. */
export interface Talk {
  readonly tls?: boolean;
  /** A connection for each transaction. */
  readonly connects?: boolean;
}

export interface Run extends Talk {
  readonly mode: Mode;
  readonly clients: number;
  readonly tps: number;
  readonly transactions: number;
  /** CPU of the whole machine while it ran, and of pgbench, the server and the agent. */
  readonly busyUs: number;
  readonly workloadUs: number;
  readonly serverUs: number;
  readonly agentUs: number;
  readonly agentMib: number;
  /** What found no room in the ring, and payloads that found none in the journal. */
  readonly lossBytes: number;
}

export class OverheadStage {
  readonly #folder: string;
  readonly #postgres: PostgresServer;
  readonly #sink: Started;
  #cores = `0-${availableParallelism() - 1}`;
  readonly #workload = new CpuGroup('workload');
  readonly #server = new CpuGroup('server');

  private constructor(folder: string, postgres: PostgresServer, sink: Started) {
    this.#server.take(postgres.pid);
    this.#folder = folder;
    this.#postgres = postgres;
    this.#sink = sink;
  }

  /** `tls`: the server grants it to who asks. */
  static async open({ tls = false } = {}): Promise<OverheadStage> {
    const folder = mkdtempSync(join(tmpdir(), 'sworn-bench-'));
    const quiet = {
      logging_collector: 'off',
      log_statement: 'none',
      log_connections: 'off',
      log_disconnections: 'off',
      log_destination: 'stderr',
    };
    const settings = { ...quiet, shared_buffers: '128MB', ...(tls && serverCertificate(folder)) };
    const postgres = await startPostgres({ settings });
    execFileSync(pgbench, ['-i', '-q', '-s', String(SCALE)], {
      env: { ...process.env, ...postgres.environment },
      stdio: 'ignore',
    });
    const sink = await started([node, join(import.meta.dirname, 'discarding-collector.ts'), folder]);
    return new OverheadStage(folder, postgres, sink);
  }

  async close(): Promise<void> {
    await this.#sink.stop();
    await this.#postgres.stop();
    this.#workload.remove();
    this.#server.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Workload and server run on the first so many cores from now on. */
  useCores(cores: number): void {
    this.#cores = `0-${cores - 1}`;
    execFileSync('taskset', ['-a', '-p', '-c', this.#cores, String(this.#postgres.pid)], { stdio: 'ignore' });
  }

  async run(mode: Mode, clients: number, seconds: number, talk: Talk = {}): Promise<Run> {
    const agent = await this.#startRecorder(mode);
    // An outsider is measured while somebody else is recorded: with no workload there would be nothing to pay for.
    const companion =
      mode === 'outsider' ? this.#startCompanion() : mode === 'neighbour' ? startNeighbour() : undefined;
    try {
      // An agent runs for weeks: what it does once, such as compiling its own code, is no part of a command's price.
      if (mode === 'recorded') {
        await this.#pgbench(mode, clients, WARM_SECONDS.recorded - WARM_SECONDS.others, talk);
      }
      if (agent !== undefined && mode !== 'floor') await this.#settled(agent.pid);
      await this.#pgbench(mode, clients, WARM_SECONDS.others, talk);
      const before = this.#spent(agent);
      const printed = await this.#pgbench(mode, clients, seconds, talk);
      // What was recorded is still worked on for a moment; that belongs to it.
      if (agent !== undefined && mode === 'recorded') await this.#settled(agent.pid);
      const after = this.#spent(agent);
      const tps = Number(/tps = ([\d.]+)/.exec(printed)?.[1]);
      const transactions = Number(/actually processed: (\d+)/.exec(printed)?.[1]);
      return {
        mode,
        clients,
        tps,
        transactions,
        busyUs: after.busy - before.busy,
        workloadUs: after.workload - before.workload,
        serverUs: after.server - before.server,
        agentUs: after.agent - before.agent,
        agentMib: agent === undefined ? 0 : peakMib(agent.pid),
        lossBytes: mode === 'recorded' ? this.#lossBytes() : 0,
        ...talk,
      };
    } finally {
      companion?.kill();
      await agent?.stop();
    }
  }

  #spent(agent: Started | undefined): Record<'busy' | 'workload' | 'server' | 'agent', number> {
    return {
      busy: busyUs(),
      workload: this.#workload.usedUs(),
      server: this.#server.usedUs(),
      agent: agent === undefined ? 0 : processUs(agent.pid),
    };
  }

  /** One recorded run of one client, with what the kernel says that each program took. */
  async runWithPrograms(seconds: number): Promise<{ transactions: number; programs: readonly ProgramTime[] }> {
    const agent = await this.#startAgent();
    try {
      const printed = await this.#pgbench('recorded', 1, seconds, {});
      const transactions = Number(/actually processed: (\d+)/.exec(printed)?.[1]);
      return { transactions, programs: this.#agentStatus().source.programs };
    } finally {
      await agent.stop();
    }
  }

  /** Idle CPU of the machine: what is there without any of this. */
  async idleUsPerSecond(seconds: number): Promise<number> {
    const before = busyUs();
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    return (busyUs() - before) / seconds;
  }

  #pgbench(mode: Mode, clients: number, seconds: number, { tls, connects }: Talk): Promise<string> {
    const args = ['-S', '-n', '-c', String(clients), '-j', '1', '-T', String(seconds), ...(connects ? ['-C'] : [])];
    const grouped = ['sh', '-c', 'echo $$ > "$0"; exec "$@"', this.#workload.procsPath, 'taskset', '-c', this.#cores];
    grouped.push(pgbench, ...args);
    const command = mode === 'recorded' ? [sworn, ...this.#runArgs(), ...grouped] : grouped;
    const [file, ...rest] = command as [string, ...string[]];
    const child = spawn(file, rest, {
      env: { ...process.env, ...this.#postgres.environment, PGSSLMODE: tls ? 'require' : 'disable' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (part: Buffer) => {
      out += part.toString('utf8');
    });
    child.stderr.on('data', (part: Buffer) => {
      err += part.toString('utf8');
    });
    return new Promise((resolve, reject) => {
      child.once('close', (code) => (code === 0 ? resolve(out) : reject(new Error(`pgbench failed: ${err}`))));
    });
  }

  #runArgs(): string[] {
    return ['run', '--socket', join(this.#folder, 'run/agent.sock'), '--identity', 'bench', '--'];
  }

  #startCompanion(): ChildProcess {
    // Not where the outsider runs, if there is room elsewhere: it would be paid for as time of its own.
    const [file, ...args] = ['taskset', '-c', LAST_CORE, sworn, ...this.#runArgs()];
    return spawn(file as string, [...args, 'sh', '-c', 'while :; do sleep 0.2; done'], { stdio: 'ignore' });
  }

  async #startRecorder(mode: Mode): Promise<Started | undefined> {
    if (mode === 'floor') return this.#startFloor();
    if (mode === 'taps') return started([tapsProgram, sslLibraryOf(pgbench), 'pgbench']);
    return mode === 'recorded' || mode === 'outsider' ? this.#startAgent() : undefined;
  }

  #startFloor(): Promise<Started> {
    return started([node, join(import.meta.dirname, 'empty-hooks.ts')]);
  }

  #startAgent(): Promise<Started> {
    const config = join(this.#folder, 'agent.yaml');
    writeFileSync(
      config,
      JSON.stringify({
        state_dir: join(this.#folder, 'agent'),
        run_dir: join(this.#folder, 'run'),
        collector: {
          address: `localhost:${this.#sink.said['port']}`,
          ca_file: join(this.#folder, 'ca.pem'),
          certificate_file: join(this.#folder, 'agent.pem'),
          key_file: join(this.#folder, 'agent.key'),
        },
        identities: [
          {
            name: 'bench',
            tenant: '11111111-2222-3333-4444-555555555555',
            client_id: '66666666-7777-8888-9999-000000000000',
          },
        ],
        workloads: [{ name: 'bench', identity: 'bench', select: [{ run: ['root'] }] }],
        broker: { enabled: false },
      }),
    );
    return started([sworn, 'agent', '--config', config], 'the agent records');
  }

  /** Until the agent has no more to do: its CPU time stands still. */
  async #settled(pid: number): Promise<void> {
    for (let before = -1, now = processUs(pid), i = 0; now - before > 20_000 && i < 100; i++) {
      before = now;
      await new Promise((resolve) => setTimeout(resolve, 250));
      now = processUs(pid);
    }
  }

  #lossBytes(): number {
    const { source, journal } = this.#agentStatus();
    const shed = Object.values(journal.losses).reduce((sum, { bytes }) => sum + bytes, 0);
    return (source.counters['bytesRingFull']?.bytes ?? 0) + shed;
  }

  #agentStatus(): AgentStatus {
    const args = ['status', '--json', '--socket', join(this.#folder, 'run/agent.sock'), '--token-file', '/dev/null'];
    return (JSON.parse(execFileSync(sworn, args, { encoding: 'utf8' })) as { agent: AgentStatus }).agent;
  }
}

const tapsProgram = join(import.meta.dirname, 'taps/out/ssl_taps');

/** The libssl that a program is linked with. */
function sslLibraryOf(program: string): string {
  const path = /libssl\.so[.\d]* => (\S+)/.exec(execFileSync('ldd', [program], { encoding: 'utf8' }))?.[1];
  if (path === undefined) throw new Error(`${program} is not linked with libssl`);
  return path;
}

/** Settings of a server that speaks TLS, with a certificate that it alone may read. */
function serverCertificate(folder: string): Record<string, string> {
  const files = { ssl_cert_file: join(folder, 'server.crt'), ssl_key_file: join(folder, 'server.key') };
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
  const names = ['-subj', '/CN=localhost', '-out', files.ssl_cert_file, '-keyout', files.ssl_key_file];
  execFileSync('openssl', [...request, ...names], { stdio: 'ignore' });
  for (const path of [folder, ...Object.values(files)]) chownSync(path, SERVER_UID, SERVER_UID);
  return { ssl: 'on', ...files };
}

function startNeighbour(): ChildProcess {
  return spawn('taskset', ['-c', LAST_CORE, node, '-e', 'for (;;);'], { stdio: 'ignore' });
}

interface ProgramTime {
  readonly name: string;
  readonly runs: number;
  readonly runNs: number;
}

interface AgentStatus {
  readonly journal: { readonly losses: Readonly<Record<string, { readonly bytes: number }>> };
  readonly source: {
    readonly counters: Readonly<Record<string, { readonly bytes: number }>>;
    readonly programs: readonly ProgramTime[];
  };
}
