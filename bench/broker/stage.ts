// SPDX-License-Identifier: Apache-2.0

/**
 * What the broker bench runs on: the agent as it is in the field, with its record going to a collector that forgets, a
 * stand-in for Entra and a floor in processes of their own, and a client in C that costs little beside them.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../agent/broker/clock.ts';
import { openCertificateCredential } from '../../agent/broker/entra/client-assertion.ts';
import { forItself } from '../../agent/broker/entra/grant.ts';
import { createHttpsFetch } from '../../agent/broker/entra/https-fetch.ts';
import { askForToken } from '../../agent/broker/entra/token-endpoint.ts';
import { silentLog } from '../../agent/broker/log.ts';
import { askAgent } from '../../cli/agent-client.ts';
import { processUs } from '../machine.ts';
import { type Started, started } from '../started.ts';

const root = join(import.meta.dirname, '../..');
const sworn = join(root, 'bin/sworn');
const TENANT = '11111111-2222-4333-8444-555555555555';
const CLIENT = '66666666-7777-4888-8999-000000000000';
export const RESOURCE = 'https://bench.example';
const NOT_ALLOWED = 'https://elsewhere.example';
const TIMEOUT_MS = 5000;

export interface Asking {
  readonly at: 'broker' | 'floor';
  readonly processes?: number;
  /** Of each process. */
  readonly connections?: number;
  /** On each connection; all of one process are at most 200: the broker refuses who asks more at once. */
  readonly requests: number;
  /** A connection for each request. */
  readonly isNew?: boolean;
  /** It asks for what no policy allows. */
  readonly isRefused?: boolean;
}

export interface Asked {
  readonly elapsedNs: number;
  /** Nanoseconds, by connection. */
  readonly answersNs: readonly number[];
}

export class BrokerStage {
  readonly #folder: string;
  readonly #programs: readonly Started[];
  readonly #agent: Started;
  readonly #entra: Started;
  readonly #ports: Readonly<Record<Asking['at'], number>>;

  private constructor(
    folder: string,
    programs: readonly Started[],
    agent: Started,
    entra: Started,
    ports: Readonly<Record<Asking['at'], number>>,
  ) {
    this.#folder = folder;
    this.#programs = programs;
    this.#agent = agent;
    this.#entra = entra;
    this.#ports = ports;
  }

  /** `agentOptions`: for Node, such as --cpu-prof. */
  static async open(agentOptions = process.env['SWORN_BENCH_AGENT_OPTIONS'] ?? ''): Promise<BrokerStage> {
    const folder = mkdtempSync(join(tmpdir(), 'sworn-bench-'));
    const programs: Started[] = [];
    const start = async (...[command, ready]: Parameters<typeof started>): Promise<Started> => {
      const program = await started(command, ready);
      programs.unshift(program);
      return program;
    };
    try {
      execFileSync('gcc', ['-O2', '-D_GNU_SOURCE', '-o', join(folder, 'ask'), join(import.meta.dirname, 'ask.c')]);
      const node = (file: string, ...args: string[]) =>
        start([process.execPath, join(import.meta.dirname, file), ...args]);
      const sink = await node('../discarding-collector.ts', folder);
      const entra = await node('entra.ts', folder, TENANT, CLIENT, RESOURCE);
      writeFileSync(join(folder, 'agent.yaml'), agentConfig(folder, sink, entra));
      const run = [sworn, 'agent', '--config', join(folder, 'agent.yaml')];
      const command = agentOptions === '' ? run : ['env', `NODE_OPTIONS=${agentOptions}`, ...run];
      const agent = await start(command, 'the agent records');
      const [token] = await tokensFrom(folder, entra, 1);
      const floor = await node('floor.ts', String(token?.bytes ?? 0));
      const ports = { broker: agent.said['broker'] as number, floor: floor.said['port'] as number };
      return new BrokerStage(folder, programs, agent, entra, ports);
    } catch (error) {
      for (const program of programs) await program.stop();
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const program of this.#programs) await program.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** By a workload. Errors: an Error when an answer is not what it should be. */
  async ask(asking: Asking): Promise<Asked> {
    const { at, processes = 1, connections = 1, requests, isNew = false, isRefused = false } = asking;
    const resource = encodeURIComponent(isRefused ? NOT_ALLOWED : RESOURCE);
    const target = `/msi/token?api-version=2019-08-01&resource=${resource}`;
    const counts = [this.#ports[at], processes, connections, requests].map(String);
    const command = [join(this.#folder, 'ask'), ...counts, isNew ? 'new' : 'kept', target];
    const socket = join(this.#folder, 'run/agent.sock');
    const printed = await output([sworn, 'run', '--socket', socket, '--identity', 'bench', '--', ...command]);
    const { elapsedNs, answers } = JSON.parse(printed) as { elapsedNs: number; answers: [number, number][] };
    const expected = isRefused ? 403 : 200;
    const other = answers.find(([, status]) => status !== expected);
    if (other !== undefined) throw new Error(`${JSON.stringify(asking)} was answered with ${other[1]}`);
    return { elapsedNs, answersNs: answers.map(([ns]) => ns) };
  }

  /** The broker forgets tokens and keys, and reads its credentials anew. */
  async forget(): Promise<void> {
    await askAgent(join(this.#folder, 'run/agent.sock'), 'POST', '/v1/policies/reload', {});
  }

  /** From now on Entra answers 50 ms late. */
  makeEntraLate(): void {
    process.kill(this.#entra.pid, 'SIGUSR2');
  }

  /** How long Entra takes by itself: an assertion signed, asked on a kept connection, the answer read. Nanoseconds each. */
  async entraAloneNs(requests: number): Promise<number[]> {
    return (await tokensFrom(this.#folder, this.#entra, requests)).map(({ ns }) => ns);
  }

  /** CPU that the agent has used so far; asked when it has no more to do. */
  async agentUs(): Promise<number> {
    const { pid } = this.#agent;
    for (let before = -1, now = processUs(pid), i = 0; now - before > 20_000 && i < 100; i++) {
      before = now;
      await sleep(250);
      now = processUs(pid);
    }
    return processUs(pid);
  }
}

function agentConfig(folder: string, sink: Started, entra: Started): string {
  const at = (file: string): string => join(folder, file);
  const certificate = { key_file: at('app.key'), certificate_file: at('app.pem') };
  return JSON.stringify({
    ...{ state_dir: at('agent'), run_dir: at('run') },
    collector: {
      address: `localhost:${sink.said['port']}`,
      ca_file: at('ca.pem'),
      certificate_file: at('agent.pem'),
      key_file: at('agent.key'),
    },
    broker: { port: 0, authority: entra.said['authority'], authority_ca_file: at('entra-ca.pem') },
    identities: [{ name: 'bench', tenant: TENANT, client_id: CLIENT, certificate }],
    workloads: [{ name: 'bench', identity: 'bench', select: [{ run: ['root'] }], resources: [RESOURCE] }],
  });
}

async function tokensFrom(folder: string, entra: Started, count: number): Promise<{ ns: number; bytes: number }[]> {
  const files = { keyFile: join(folder, 'app.key'), certificateFile: join(folder, 'app.pem') };
  const credential = await openCertificateCredential({ kind: 'certificate', ...files }, 'bench');
  const ending = new AbortController();
  const fetch = createHttpsFetch({ ca: readFileSync(join(folder, 'entra-ca.pem'), 'utf8'), signal: ending.signal });
  const authority = entra.said['authority'] as string;
  const parts = { authority, fetch, clock: systemClock, log: silentLog, timeoutMs: TIMEOUT_MS };
  const question = {
    ...{ identity: 'bench', tenant: TENANT, clientId: CLIENT },
    fields: forItself({ resource: RESOURCE }),
    proof: (audience: string, nowMs: number) => credential.assertion(CLIENT, audience, nowMs),
  };
  const tokens: { ns: number; bytes: number }[] = [];
  for (let i = 0; i < count; i++) {
    const before = performance.now();
    const answer = await askForToken(question, parts);
    if (answer.kind !== 'token') throw new Error(`the stand-in refused: ${answer.reason}`);
    tokens.push({ ns: (performance.now() - before) * 1e6, bytes: answer.token.reveal().length });
  }
  ending.abort();
  return tokens;
}

function output([file, ...args]: string[]): Promise<string> {
  const child = spawn(file as string, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = [child.stdout, child.stderr].map(async (stream) => {
    let text = '';
    for await (const part of stream.setEncoding('utf8')) text += part;
    return text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', async (code) => {
      const [out = '', err = ''] = await Promise.all(texts);
      if (code === 0) resolve(out);
      else reject(new Error(`${args.slice(-7).join(' ')} ended with ${code}: ${err.slice(-1000)}`));
    });
  });
}
