// SPDX-License-Identifier: Apache-2.0

/** When the next moment is shown: as long after the last as it was, faster, with long pauses cut; as keys want it. */

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

/** Beyond these, faster and slower are nothing that one sees. */
const SPEED_MAX = 1000;
const SPEED_MIN = 0.01;

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
  #options: PaceOptions;
  #lastNs: bigint | undefined;
  /** When the last moment should have been shown: what printing takes is not added to every pause. */
  #dueMs = 0;
  #isPaused = false;
  /** What comes next does not wait, also while it is paused. */
  #isStep = false;
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
    while (!this.isOver && !this.#isStep && (this.#isPaused || this.#dueMs > performance.now())) await this.#sleep();
    if (this.#isStep) this.#stepped();
    return !this.isOver;
  }

  /** Space pauses and goes on, `.` shows what comes next now, `+` and `-` double and halve the speed; q ends, so does Ctrl-C. */
  key(key: string): void {
    if (key === ' ') this.#togglePause();
    else if (key === '.') this.#isStep = true;
    else if (key === '+') this.#setSpeed(2);
    else if (key === '-') this.#setSpeed(0.5);
    else if (key === 'q' || key === 'Q') this.isOver = true;
    else if (key === '\u0003') {
      this.isOver = true;
      this.isInterrupted = true;
    }
    this.#wake?.();
  }

  #pausedAtMs = 0;

  #stepped(): void {
    this.#isStep = false;
    this.#dueMs = performance.now();
    this.#pausedAtMs = this.#dueMs;
  }

  /** From the next pause on. */
  #setSpeed(factor: number): void {
    const speed = Math.min(SPEED_MAX, Math.max(SPEED_MIN, this.#options.speed * factor));
    this.#options = { ...this.#options, speed };
  }

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
