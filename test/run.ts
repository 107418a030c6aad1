// SPDX-License-Identifier: Apache-2.0

/**
 * `npm test`: the checks that need no run (types, lint, tidy), then every test file, and a count at the end.
 *
 *   npm test                    everything
 *   npm test -- flow journal    only test files whose path has one of these words, and no checks
 *   npm test -- --verbose       each test with its time
 *
 * A test that cannot run on this host is skipped with its reason and counted; skips are listed at the end.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { inspect, parseArgs, styleText } from 'node:util';
import { inLanes } from './lanes.ts';

const root = join(import.meta.dirname, '..');
const { values: options, positionals: words } = parseArgs({
  allowPositionals: true,
  options: { verbose: { type: 'boolean' } },
});

/** One file may take this long; the longest, crashes and their recovery, take about two minutes when the host is busy. */
const FILE_MS_MAX = 600_000 * Number(process.env['SWORN_TEST_FUZZ_TIMES'] ?? 1);

/** What a file printed last: why it did not load stands there. */
const printed = new Map<string, string>();
const PRINTED_KEPT_MAX = 8192;

/** Of every file; what is long is told at the end, as the whole has to stay below half an hour. */
const durations: { readonly file: string; readonly seconds: number }[] = [];
const LONGEST_TOLD = 8;

interface Totals {
  passed: number;
  failed: number;
  readonly skips: { readonly name: string; readonly reason: string }[];
}

/** One more than there are processors, as files wait about half of their time; more than four would only take memory. */
const LANES = Math.min(4, availableParallelism() + 1);

/** Hundreds of processes of tests load the same modules: to read and compile these is more than half of what a short one does. */
process.env['NODE_COMPILE_CACHE'] ??= join(root, '.setup/compile-cache');

const started = performance.now();
const totals: Totals = { passed: 0, failed: 0, skips: [] };
const files = globSync('{agent,cli,collector,deploy,native,proto,test,bench,witness}/**/*.test.ts', {
  cwd: root,
}).sort();
const chosen = words.length === 0 ? files : files.filter((file) => words.some((word) => file.includes(word)));
if (chosen.length === 0) {
  console.error(`no test file has ${words.map((word) => `'${word}'`).join(' or ')} in its path`);
  process.exit(2);
}
if (words.length === 0) runChecks();
await inLanes(chosen, LANES, runFile);
finish();

function runChecks(): void {
  const bin = (name: string): string => join(root, 'node_modules/.bin', name);
  check('types', bin('tsc'), ['--noEmit']);
  check('lint and format', bin('biome'), ['check', '--error-on-warnings', '.']);
  check('tidy', process.execPath, [join(root, 'test/tidy.ts')]);
}

function check(name: string, file: string, args: readonly string[]): void {
  const before = performance.now();
  const { status, stdout, stderr } = spawnSync(file, args, { cwd: root, encoding: 'utf8' });
  report(status === 0, name, before);
  if (status === 0) totals.passed++;
  else {
    totals.failed++;
    console.log(`${stdout}${stderr}`.trimEnd());
  }
}

async function runFile(path: string): Promise<void> {
  const stream = run({ files: [join(root, path)], cwd: root, concurrency: 1, timeout: FILE_MS_MAX });
  for await (const event of stream) {
    const data = event.data as unknown as TestData;
    const file = data.file === undefined ? '' : relative(root, data.file);
    switch (event.type) {
      case 'test:pass':
      case 'test:fail':
        countOne(event.type === 'test:pass', data, file);
        break;
      case 'test:summary':
        if (file !== '') reportFile(file, data as unknown as Summary);
        break;
      case 'test:stderr':
      case 'test:stdout': {
        const { message } = data as unknown as { message: string };
        printed.set(file, ((printed.get(file) ?? '') + message).slice(-PRINTED_KEPT_MAX));
        if (options.verbose) process.stdout.write(message);
        break;
      }
    }
  }
}

interface TestData {
  readonly name: string;
  readonly file?: string;
  readonly nesting: number;
  readonly skip?: string | boolean;
  readonly todo?: string | boolean;
  readonly details: {
    readonly type?: string;
    readonly duration_ms: number;
    readonly error?: Error & { cause?: unknown };
  };
}

interface Summary {
  readonly success: boolean;
  readonly duration_ms: number;
  readonly counts: { readonly tests: number };
}

function reportFile(file: string, { success, duration_ms: durationMs, counts }: Summary): void {
  durations.push({ file, seconds: durationMs / 1000 });
  report(success, `${file}  ${counts.tests} tests`, performance.now() - durationMs);
}

function countOne(passed: boolean, data: TestData, file: string): void {
  if (data.details.type === 'suite') return;
  if (data.skip !== undefined && data.skip !== false) {
    totals.skips.push({ name: `${file}: ${data.name}`, reason: typeof data.skip === 'string' ? data.skip : '' });
    return;
  }
  // A file that passes is told by its summary; one that fails to load has no test of its own that could say so.
  if (isFileItself(data, file) && passed) return;
  if (passed) totals.passed++;
  else fail(data, file);
  if (options.verbose)
    console.log(`    ${passed ? 'ok  ' : 'FAIL'} ${data.name} (${data.details.duration_ms.toFixed(0)} ms)`);
}

function isFileItself(data: TestData, file: string): boolean {
  return (
    data.nesting === 0 &&
    file !== '' &&
    (data.name === file || join(root, file) === data.name || data.name.endsWith(`/${file}`))
  );
}

function fail(data: TestData, file: string): void {
  totals.failed++;
  const error = data.details.error;
  console.log(`${styleText('red', 'FAIL')} ${file}: ${data.name}`);
  console.log(inspect(error?.cause ?? error, { depth: 4 }).replace(/^/gm, '     '));
  if (isFileItself(data, file)) console.log((printed.get(file) ?? '').replace(/^/gm, '     '));
}

function report(passed: boolean, name: string, sinceMs: number): void {
  const seconds = ((performance.now() - sinceMs) / 1000).toFixed(1);
  console.log(`${passed ? styleText('green', 'ok  ') : styleText('red', 'FAIL')} ${name}  ${seconds} s`);
}

function finish(): void {
  for (const { name, reason } of totals.skips)
    console.log(`${styleText('yellow', 'skip')} ${name}: ${reason || 'no reason given'}`);
  const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).stdout.trim();
  const kernel = execFileSync('uname', ['-r'], { encoding: 'utf8' }).trim();
  const minutes = ((performance.now() - started) / 60_000).toFixed(1);
  console.log(
    `\n${files.length === chosen.length ? 'all' : chosen.length} test files, ${minutes} min, Linux ${kernel}, commit ${commit || 'unknown'}`,
  );
  if (durations.length > LONGEST_TOLD) {
    const longest = durations.toSorted((one, other) => other.seconds - one.seconds).slice(0, LONGEST_TOLD);
    console.log(`longest: ${longest.map(({ file, seconds }) => `${file} ${seconds.toFixed(0)} s`).join(', ')}`);
  }
  console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skips.length} skipped`);
  process.exitCode = totals.failed === 0 ? 0 : 1;
}
