// SPDX-License-Identifier: Apache-2.0

/** When the next moment is shown: as long after the last as it was, faster, with long pauses cut; paused or ended by keys. */

export interface PaceOptions {
  /** 2: twice as fast. */
  readonly speed: number;
  /** Seconds of the recording that a pause may last. */
  readonly idleMax: number;
  /** All at once. */
  readonly isImmediate: boolean;
}

/** Node's own bound on a timer. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** How long to wait from one moment to the next, milliseconds. */
export function waitMs(fromNs: bigint, toNs: bigint, { speed, idleMax, isImmediate }: PaceOptions): number {
  if (isImmediate || toNs <= fromNs) return 0;
  const seconds = Math.min(Number(toNs - fromNs) / 1e9, idleMax);
  return Math.min(TIMER_MS_MAX, (seconds * 1000) / speed);
}

export class Pace {
  /** Whoever watches has seen enough. */
  isOver = false;
  /** It was ended as a program is, and not as a film. */
  isInterrupted = false;
  readonly #options: PaceOptions;
  #lastNs: bigint | undefined;
  /** When the last moment should have been shown: what printing takes is not added to every pause. */
  #dueMs = 0;
  #isPaused = false;
  #wake: (() => void) | undefined;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** Until it is time for what happened at `atNs`. False: it is over. */
  async until(atNs: bigint): Promise<boolean> {
    const nowMs = performance.now();
    if (this.#lastNs === undefined) this.#dueMs = nowMs;
    else this.#dueMs = Math.max(this.#dueMs, nowMs - LATE_MS_MAX) + waitMs(this.#lastNs, atNs, this.#options);
    if (this.#lastNs === undefined || atNs > this.#lastNs) this.#lastNs = atNs;
    while (!this.isOver && (this.#isPaused || this.#dueMs > performance.now())) await this.#sleep();
    return !this.isOver;
  }

  /** Space pauses and goes on, q ends, so does Ctrl-C. */
  key(key: string): void {
    if (key === ' ') this.#togglePause();
    else if (key === 'q' || key === 'Q') this.isOver = true;
    else if (key === '\u0003') {
      this.isOver = true;
      this.isInterrupted = true;
    }
    this.#wake?.();
  }

  #pausedAtMs = 0;

  #togglePause(): void {
    this.#isPaused = !this.#isPaused;
    if (this.#isPaused) this.#pausedAtMs = performance.now();
    else this.#dueMs += performance.now() - this.#pausedAtMs;
  }

  async #sleep(): Promise<void> {
    const ms = this.#dueMs - performance.now();
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      // While it is paused only a key goes on; the timer keeps the program from ending meanwhile.
      timer = setTimeout(resolve, this.#isPaused ? TIMER_MS_MAX : Math.max(0, ms));
    });
    clearTimeout(timer);
    this.#wake = undefined;
  }
}

/** Who is later than this does not catch up: a slow collector would be followed by a rush. */
const LATE_MS_MAX = 100;

/** Keys of a terminal, one by one, until the returned function is called. Nothing when the input is none. */
export function listenToKeys(pace: Pace, input: NodeJS.ReadStream = process.stdin): () => void {
  if (input.isTTY !== true) return () => {};
  const take = (bytes: Buffer): void => {
    for (const key of bytes.toString('latin1')) pace.key(key);
  };
  input.setRawMode(true);
  input.on('data', take);
  input.resume();
  return () => {
    input.off('data', take);
    input.setRawMode(false);
    input.pause();
  };
}
