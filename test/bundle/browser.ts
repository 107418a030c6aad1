// SPDX-License-Identifier: Apache-2.0

/** A Chromium without a screen, told what to do over its own protocol (Chrome DevTools Protocol, 1.3). */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fromDebian } from '../runtimes/toolbox.ts';

interface Answer {
  readonly id?: number;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

const LOOK_EVERY_MS = 50;
const WAIT_MS_MAX = 120_000;

export class Browser {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #last = 0;

  private constructor(process: ChildProcess, profile: string, socket: WebSocket) {
    this.#process = process;
    this.#profile = profile;
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const answer = JSON.parse(String(data)) as Answer;
      if (answer.id !== undefined) this.#waiting.get(answer.id)?.(answer);
    });
  }

  /** Errors: ToolMissing where there is none and none can be installed. */
  static async start(): Promise<Browser> {
    const program = fromDebian('chromium', 'chromium');
    const profile = mkdtempSync(join(tmpdir(), 'sworn-browser-'));
    // Root has no sandbox of its own to give; what is opened is ours.
    const words = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--remote-debugging-port=0'];
    const child = spawn(program, [...words, `--user-data-dir=${profile}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, HOME: profile },
    });
    for await (const line of createInterface({ input: child.stderr })) {
      const [, address] = /DevTools listening on (ws:\S+)/.exec(line) ?? [];
      if (address === undefined) continue;
      child.stderr.resume();
      const socket = new WebSocket(address);
      await once(socket, 'open');
      return new Browser(child, profile, socket);
    }
    rmSync(profile, { recursive: true, force: true });
    throw new Error('chromium ended before it listened');
  }

  async send(method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> {
    const id = ++this.#last;
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    this.#socket.send(JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) }));
    const { result, error } = await answered;
    this.#waiting.delete(id);
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result ?? {};
  }

  /** `before`: a script that runs ahead of the page's, as a browser that lacks something would be. */
  async open(address: string, before = ''): Promise<BrowserPage> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new BrowserPage(this, String(targetId), String(sessionId));
    await page.send('Page.enable');
    if (before !== '') await page.send('Page.addScriptToEvaluateOnNewDocument', { source: before });
    await page.send('Page.navigate', { url: address });
    return page;
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
    this.#socket.close();
    // Its other processes end with it, and may still write for a moment.
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

export class BrowserPage {
  readonly #browser: Browser;
  readonly #targetId: string;
  readonly #sessionId: string;

  constructor(browser: Browser, targetId: string, sessionId: string) {
    this.#browser = browser;
    this.#targetId = targetId;
    this.#sessionId = sessionId;
  }

  send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    return this.#browser.send(method, params, this.#sessionId);
  }

  /** What an expression of the page comes to, as JSON has it. */
  async ask<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = (await this.send('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    })) as { result: { value: T }; exceptionDetails?: { text: string } };
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${exceptionDetails.text}`);
    return result.value;
  }

  /** The page's own word for how it ended. */
  async state(): Promise<string> {
    const untilMs = Date.now() + WAIT_MS_MAX;
    while (Date.now() < untilMs) {
      const state = await this.ask<string | null>("document.querySelector('main')?.dataset.state ?? null");
      if (state !== null && state !== 'checking') return state;
      await sleep(LOOK_EVERY_MS);
    }
    return 'checking';
  }

  async picture(file: string): Promise<void> {
    const { data } = await this.send('Page.captureScreenshot', { captureBeyondViewport: false });
    writeFileSync(file, Buffer.from(String(data), 'base64'));
  }

  async close(): Promise<void> {
    await this.#browser.send('Target.closeTarget', { targetId: this.#targetId });
  }
}
