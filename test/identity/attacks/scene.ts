// SPDX-License-Identifier: Apache-2.0

/** What an attack has at hand: programs in workloads and outside of them, and what they say comes here. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RunningProgram, startWorkload } from '../../oracle/recording/workload.ts';
import { resourceOf, slugOf } from './attack.ts';
import { PYTHON, type Stage, type WorkloadName } from './stage.ts';

/** A line that a program of the attack said. */
export interface Said {
  readonly pid: number;
  /** In hexadecimal. */
  readonly received?: string;
  readonly failed?: string;
  readonly sentNs?: string;
  readonly fd?: number;
}

export interface Asked {
  readonly method?: string;
  readonly target?: string;
  readonly resource?: string;
  readonly host?: string;
  /** Written as they are. `{secret}` becomes what the program's own environment says. */
  readonly headers?: readonly string[];
  readonly secret?: string;
  readonly body?: string;
}

export interface Launch {
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** It is no attacker: what it holds is its own. */
  readonly isHonest?: boolean;
}

export interface Launched {
  readonly pid: number;
  /** Of `sworn run`, which becomes the program. */
  readonly program: RunningProgram;
  /** Its lines, when it has ended. */
  readonly ended: Promise<readonly Said[]>;
  /** Its first line. */
  first(): Promise<Said>;
}

const TOKEN = /eyJ[\w-]{10,}\.[\w-]{20,}\.[\w-]{20,}/g;

export const fingerprintsIn = (text: string): string[] =>
  [...new Set(text.match(TOKEN) ?? [])].map((token) => createHash('sha256').update(token).digest('hex'));

export const textOf = (said: Said): string => Buffer.from(said.received ?? '', 'hex').toString('latin1');

export class Scene {
  readonly stage: Stage;
  readonly name: string;
  readonly resource: string;
  /** Of attackers, and of honest programs. */
  readonly said: Said[] = [];
  readonly honest: Said[] = [];
  readonly pids = new Set<number>();
  readonly honestPids = new Set<number>();
  /** What was found worth telling, for the document. */
  readonly notes: string[] = [];
  readonly folder: string;
  readonly #running: Launched[] = [];
  #count = 0;

  constructor(stage: Stage, name: string) {
    this.stage = stage;
    this.name = name;
    this.resource = resourceOf(name);
    this.folder = join(stage.recording.folder, slugOf(name));
    mkdirSync(this.folder, { mode: 0o711 });
  }

  /** A path of this scene's own, at which nothing is yet. */
  path(name: string): string {
    return join(this.folder, name);
  }

  /** A right request of App Service, but for what is said. */
  request(asked: Asked = {}): string {
    const { method = 'GET', resource = this.resource, secret = '{secret}', headers = [], body = '' } = asked;
    const { target = `/msi/token?api-version=2019-08-01&resource=${encodeURIComponent(resource)}` } = asked;
    const { host = `127.0.0.1:${this.stage.port}` } = asked;
    const lines = [`${method} ${target} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...headers];
    if (secret !== '') lines.push(`X-IDENTITY-HEADER: ${secret}`);
    return `${lines.join('\r\n')}\r\n\r\n${body}`;
  }

  metadataRequest(headers: readonly string[] = ['Metadata: true']): string {
    const target = `/metadata/identity/oauth2/token?api-version=2018-02-01&resource=${encodeURIComponent(this.resource)}`;
    return this.request({ target, secret: '', headers, host: `127.0.0.1:${this.stage.metadataPort}` });
  }

  /** Of the token socket. */
  socketRequest(): string {
    const target = `/v1/token?resource=${encodeURIComponent(this.resource)}`;
    return this.request({ target, secret: '', host: 'localhost' });
  }

  python(program: string, ...args: string[]): string[] {
    return [PYTHON, join(this.stage.programs, `${program}.py`), ...args];
  }

  /** As a workload. */
  inWorkload(workload: WorkloadName, command: readonly string[], launch: Launch = {}): Launched {
    const about = this.#about(launch);
    return this.#launched(this.stage.recording.start(workload, withSecret(command, this.#filled()), about), launch);
  }

  /** As a process of the host that is no workload. */
  outside(command: readonly string[], launch: Launch = {}): Launched {
    const place = this.path(`outsider-${++this.#count}`);
    return this.#launched(startWorkload(withSecret(command, `${place}.filled`), place, this.#about(launch)), launch);
  }

  /** The secret of a new session of that workload, which stays until the scene ends. */
  async secretOf(workload: WorkloadName): Promise<string> {
    const show = ['sh', '-c', 'echo "{\\"pid\\":$$,\\"received\\":\\"$(printenv IDENTITY_HEADER)\\"}"; exec sleep 120'];
    const { received } = await this.inWorkload(workload, show, { isHonest: true, input: '' }).first();
    return received ?? '';
  }

  /** Lets those begin who wait for the file `go`. */
  go(): void {
    writeFileSync(this.path('go'), '');
  }

  note(text: string): void {
    this.notes.push(text);
  }

  /** Ends what still runs, by the pids that were started. */
  async end(): Promise<void> {
    for (const { program } of this.#running) await program.stop();
    for (const { ended } of this.#running) await ended.catch(() => []);
  }

  #filled(): string {
    return this.path(`request-${++this.#count}`);
  }

  #about({ environment = {}, input }: Launch): { environment: Record<string, string>; input: string; fails: boolean } {
    const own = { PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '1' };
    return { environment: { ...own, ...environment }, input: input ?? this.request(), fails: true };
  }

  #launched(program: RunningProgram, { isHonest = false }: Launch): Launched {
    const { pid = 0 } = program.child;
    (isHonest ? this.honestPids : this.pids).add(pid);
    const ended = program.finished.then(({ stdout, stderr }) => {
      const lines = linesOf(stdout);
      (isHonest ? this.honest : this.said).push(...lines);
      for (const line of lines) (isHonest ? this.honestPids : this.pids).add(line.pid);
      if (lines.length === 0 && stderr !== '') this.note(`it said: ${stderr.trim().slice(-300)}`);
      return lines;
    });
    const launched: Launched = {
      ...{ pid, program, ended },
      async first() {
        return linesOf(`${await program.firstLine()}\n`)[0] ?? { pid };
      },
    };
    this.#running.push(launched);
    return launched;
  }
}

function linesOf(stdout: string): Said[] {
  return stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Said] : []));
}

/** Its standard input, from the file `filled`, with the secret of its own environment. The shell becomes the program. */
function withSecret(command: readonly string[], filled: string): string[] {
  return ['sh', '-c', 'sed "s|{secret}|$IDENTITY_HEADER|" > "$0"; exec "$@" < "$0"', filled, ...command];
}
