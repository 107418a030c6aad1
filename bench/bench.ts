// SPDX-License-Identifier: Apache-2.0

export interface BenchOptions {
  /** Few rounds: whether it works, not what it measures. */
  readonly quick: boolean;
  /** Progress, for a person. */
  readonly say: (what: string) => void;
}

export interface BenchResult {
  /** The figures that machines read; the last line with --json. */
  readonly summary: Readonly<Record<string, unknown>>;
  /** Every measurement that the summary was made of. */
  readonly raw: unknown;
}

export interface Bench {
  readonly question: string;
  run(options: BenchOptions): Promise<BenchResult>;
  /** The summary as a person reads it. */
  table(result: BenchResult): string;
}
