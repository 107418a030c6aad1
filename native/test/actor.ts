// SPDX-License-Identifier: Apache-2.0

/**
 * A Python program that does one thing at a time, as it is told over a unix socket, and so can be stopped between any two
 * system calls. Its children, and the programs that it executes, come back as actors of their own.
 */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { HowToRun, Observer, Run } from './observer.ts';
import { scratchFolder } from './trigger.ts';

/** How long a test waits for an actor; nothing is asserted about how fast one comes. */
const PATIENCE_MS = 60_000;
const PYTHON = '/usr/bin/python3';

const PROGRAM = `
import array, ctypes, fcntl, json, os, signal, socket, struct, sys, time
path, known = sys.argv[1], globals()
def become(role):
    stage = socket.socket(socket.AF_UNIX)
    stage.connect(path)
    stage.sendall((json.dumps({"role": role, "pid": os.getpid()}) + "\\n").encode())
    for line in stage.makefile("r"):
        known["result"] = None
        try:
            exec(json.loads(line), known)
            answer = {"result": known["result"]}
        except OSError as error:
            answer = {"errno": error.errno}
        stage.sendall((json.dumps(answer) + "\\n").encode())
    os._exit(0)
def fork(role):
    if os.fork() == 0:
        become(role)
def execute(role, *keep):
    for fd in keep:
        os.set_inheritable(fd, True)
    os.execv(sys.executable, [sys.executable, "-c", open("/proc/self/cmdline", "rb").read().split(b"\\0")[2], path, role])
become(sys.argv[2])
`;

interface Answer {
  readonly result?: unknown;
  readonly errno?: number;
}

export class Actor {
  readonly pid: number;
  readonly #socket: Socket;
  readonly #lines: AsyncIterator<string>;

  constructor(pid: number, socket: Socket, lines: AsyncIterator<string>) {
    this.pid = pid;
    this.#socket = socket;
    this.#lines = lines;
  }

  /** Runs Python lines, and gives what they leave in `result`. Errors: an Error with the errno of a call that failed. */
  async do(...lines: string[]): Promise<unknown> {
    this.send(...lines);
    const answer = JSON.parse((await this.#lines.next()).value ?? '{}') as Answer;
    if (answer.errno !== undefined) throw Object.assign(new Error(`errno ${answer.errno}`), { errno: answer.errno });
    return answer.result;
  }

  /** As `do`, of what has no answer: it executes another program. */
  send(...lines: string[]): void {
    this.#socket.write(`${JSON.stringify(lines.join('\n'))}\n`);
  }
}

/** Where actors report. */
export class Stage {
  static #count = 0;
  readonly #path = join(scratchFolder(), `stage-${process.pid}-${Stage.#count++}`);
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #here = new Map<string, Actor>();
  #wakes: (() => void)[] = [];

  constructor() {
    this.#server = createServer((socket) => void this.#take(socket));
    // Actors may be anybody.
    this.#server.listen({ path: this.#path, writableAll: true });
  }

  async #take(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
    const { role, pid } = JSON.parse((await lines.next()).value ?? '{}') as { role: string; pid: number };
    this.#here.set(role, new Actor(pid, socket, lines));
    for (const wake of this.#wakes.splice(0)) wake();
  }

  /** The next actor that comes with this role. Errors: an Error when none does. */
  async actor(role: string): Promise<Actor> {
    for (;;) {
      const actor = this.#here.get(role);
      if (this.#here.delete(role) && actor !== undefined) return actor;
      const patience = AbortSignal.timeout(PATIENCE_MS);
      await new Promise<void>((resolve, reject) => {
        this.#wakes.push(resolve);
        patience.addEventListener('abort', () => reject(new Error(`nobody came as '${role}'`)));
      });
    }
  }

  /** A program of its own, watched as a workload unless `how` says otherwise. */
  async start(observer: Observer, role: string, how: HowToRun = {}): Promise<Actor & { readonly run: Run }> {
    const run = observer.start(PYTHON, ['-c', PROGRAM, this.#path, role], how);
    return Object.assign(await this.actor(role), { run });
  }

  /** All actors end. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
