// SPDX-License-Identifier: Apache-2.0

/**
 * The addon under misuse: each wrong argument is an error that says which and why, and nothing that a program does with a
 * capture, in whatever order, brings its process down. Without rights, the error and `sworn doctor` say what is missing.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Addon, type Capture, type CaptureOptions, loadAddon } from '../../agent/source/ebpf/addon.ts';
import { unless } from './bpf-host.ts';

const root = join(import.meta.dirname, '../..');
const addonPath = join(root, 'native/build/Release/sworn.node');
/** Smallest that there is: these captures see nothing. */
const SMALL = { ringBytes: 65_536, passive: true } as const;
/** Above every pid that this kernel gives. */
const NO_PID = 2 ** 22 + 1;
const NOBODY = 65_534;
const CHILD_MS_MAX = 60_000;

type Wanted = { readonly name: string; readonly message: RegExp; readonly code?: string };
const range = (message: RegExp): Wanted => ({ name: 'RangeError', message });
const type = (message: RegExp): Wanted => ({ name: 'TypeError', message });
const errno = (code: string, message: RegExp): Wanted => ({ name: 'Error', code, message });

describe('the addon', unless('bpf'), () => {
  let addon: Addon;
  let capture: Capture;

  before(() => {
    addon = loadAddon();
    capture = new addon.Capture(SMALL);
  });
  after(() => capture?.close());

  const OPTIONS: readonly (readonly [unknown, Wanted])[] = [
    [1, type(/options must be an object/)],
    [null, type(/options must be an object/)],
    [{ ringBytes: '65536' }, type(/ringBytes must be a number/)],
    [{ ringBytes: 1 }, range(/ringBytes must be a whole number from 65536 to 1073741824/)],
    [{ ringBytes: 2 ** 31 }, range(/ringBytes/)],
    [{ ringBytes: Number.NaN }, range(/ringBytes/)],
    [{ ringBytes: 65_537 }, errno('EINVAL', /a power of two of bytes/)],
    [{ wakeBytes: 0 }, range(/wakeBytes must be a whole number from 1/)],
    [{ processesMax: -1 }, range(/processesMax must be a whole number from 1/)],
    [{ passive: 1 }, type(/passive must be a boolean/)],
    [{ cgroupPath: 1 }, type(/cgroupPath must be a string/)],
    [{ cgroupPath: '/no/such/cgroup' }, errno('ENOENT', /cannot open the cgroup \/no\/such\/cgroup/)],
    [{ cgroupPath: '/dev/null' }, errno('ENOTDIR', /cannot open the cgroup/)],
    [{ cgroupPath: '/tmp' }, errno('EBADF', /failed to attach to cgroup/)],
  ];
  for (const [options, wanted] of OPTIONS) {
    test(`options ${JSON.stringify(options)}: ${wanted.message.source}`, () => {
      assert.throws(() => new addon.Capture(options as CaptureOptions), wanted);
    });
  }

  const four = Buffer.alloc(4);
  const CALLS: readonly (readonly [keyof Capture, readonly unknown[], Wanted])[] = [
    ['start', [], type(/onBatch must be a function/)],
    ['start', [() => {}, '20'], type(/pollMs must be a number/)],
    ['start', [() => {}, 1001], range(/pollMs must be a whole number from 0 to 1000/)],
    ['select', [9, four, 1, 1], range(/kind is unknown/)],
    ['select', [1, 'four', 1, 1], type(/key must be a Uint8Array/)],
    ['select', [1, new Uint16Array(2), 1, 1], type(/key must have 4 bytes/)],
    ['select', [3, four, 1, 1], type(/key must have 256 bytes/)],
    ['select', [1, four, 0, 1], range(/selectionId 0 means none/)],
    ['select', [1, four, 1, 9], range(/sessionBy must be a whole number/)],
    ['unselect', [2, four], type(/key must have 8 bytes/)],
    ['watch', [1.5, 1, 1n], range(/pid must be a whole number/)],
    ['watch', [-1, 1, 1n], range(/pid/)],
    ['watch', [NO_PID, 1, 1], type(/sessionKey must be a bigint/)],
    ['watch', [NO_PID, 1, -1n], range(/sessionKey must fit 64 bits/)],
    ['watch', [NO_PID, 1, 2n ** 64n], range(/sessionKey must fit 64 bits/)],
    ['watch', [NO_PID, 1, 1n], errno('ESRCH', /the process could not be watched/)],
    ['await', [NO_PID, 1, 1n, 1], type(/startTicks must be a bigint/)],
    ['unwatch', [], type(/pid must be a number/)],
    ['scan', ['1'], type(/pid must be a number/)],
    ['setBrokerPorts', [[65_536]], range(/ports must be a whole number from 1 to 65535/)],
    ['setBrokerPorts', [1], type(/ports must be an array/)],
    ['setBrokerPorts', [[1, 2, 3, 4, 5]], errno('ENOSPC', /the ports of the broker could not be set/)],
    ['redirectImds', [1, [7]], errno('EOPNOTSUPP', /connects to IMDS could not be redirected/)],
    ['redirectImds', [1, [0]], range(/selectionIds must be a whole number from 1/)],
    ['processOf', ['1'], type(/pid must be a number/)],
    ['callerOf', [four], type(/key must have 40 bytes/)],
    ['skip', [1n, 0n, 0n, 0n], type(/receivedTo must be a bigint/)],
    ['unskip', [1], type(/connection must be a bigint/)],
    ['rows', [9], range(/table is unknown/)],
    ['attachProbe', ['1', '/bin/true', 64], type(/kind must be a number/)],
    ['attachProbe', [1, 7, 64], type(/path must be a string/)],
    ['attachProbe', [1, '/bin/true', -1], range(/fileOffset must be a whole number/)],
    ['attachProbe', [1, '/bin/true', 0.5], range(/fileOffset must be a whole number/)],
    ['attachProbe', [1, '/bin/true', '64'], type(/fileOffset must be a number/)],
    ['attachProbe', [99, '/bin/true', 64], errno('EINVAL', /the probe could not be placed in \/bin\/true/)],
    ['attachProbe', [1, 'true', 64], errno('EINVAL', /the probe could not be placed/)],
    ['attachProbe', [1, '/no/such/file', 64], errno('ENOENT', /the probe could not be placed/)],
    ['attachProbe', [1, '/proc/self', 64], errno('EINVAL', /the probe could not be placed/)],
    ['detachProbe', ['1'], type(/id must be a number/)],
    ['takeSecret', [1], type(/id must be a bigint/)],
    ['setCanary', [-1], range(/pid must be a whole number/)],
    ['setImageKnown', [1, 1, true], type(/inode must be a bigint/)],
    ['setImageKnown', [1, 1n, 1], type(/known must be a boolean/)],
    ['setImageKnown', [1, 1n, true, 1], type(/changedNs must be a bigint/)],
    ['settleImages', [1, 1], type(/untilNs must be a bigint/)],
    ['setHoldMs', [10_001], range(/holdMs must be a whole number from 0 to 10000/)],
    ['takeRow', [2, four], type(/key must have 32 bytes/)],
  ];
  for (const [method, given, wanted] of CALLS) {
    const shown = given.map((one) => (typeof one === 'bigint' ? `${one}n` : JSON.stringify(one))).join(', ');
    test(`${method}(${shown}): ${wanted.message.source}`, () => {
      assert.throws(() => (capture[method] as (...args: unknown[]) => unknown)(...given), wanted);
    });
  }

  test('what is not there is no error', () => {
    assert.equal(capture.unwatch(NO_PID), false);
    assert.equal(capture.takeRow(1, four), undefined);
    assert.equal(capture.callerOf(Buffer.alloc(40)), undefined);
    assert.equal(capture.processOf(NO_PID), undefined);
    capture.unselect(1, four);
    capture.unskip(1n);
    capture.scan(NO_PID);
    capture.detachProbe(4095);
    capture.detachProbe(2 ** 32 - 1);
    assert.equal(capture.takeSecret(2n ** 63n), undefined);
    capture.setImageKnown(1, 1n, false, 0n);
    capture.settleImages(NO_PID, 1n);
    assert.deepEqual(capture.probes(), []);
    assert.equal(capture.drain().length, 0);
  });

  test('a capture is started once, drained when it is stopped, and closed as often as one likes', () => {
    const one = new addon.Capture(SMALL);
    one.start(() => {}, 20);
    assert.throws(() => one.start(() => {}, 20), /started already/);
    assert.throws(() => one.drain(), /stop the capture before draining it/);
    one.stop();
    one.stop();
    assert.equal(one.drain().length, 0);
    one.start(() => {}, 20);
    one.close();
    one.close();
    for (const method of ['drain', 'counters', 'programs', 'ringUse', 'takeLateCloses'] as const) {
      assert.throws(() => one[method](), /this capture is closed/);
    }
    one.stop();
  });

  test('all programs load, and all but those that are run on demand are attached', () => {
    const programs = capture.programs();
    assert.deepEqual(
      programs
        .filter(({ attached }) => !attached)
        .map(({ name }) => name)
        .sort(),
      programsOnDemand().filter((name) => programs.some((program) => program.name === name)),
    );
    assert.ok(programs.filter(({ attached }) => attached).length >= 11);
  });

  test('the program that each mmap passes is attached when images are asked for, and for the floor', () => {
    const imagesOf = (one: Capture): boolean | undefined =>
      one.programs().find(({ name }) => name === 'image_mapped')?.attached;
    const one = new addon.Capture({ ...SMALL, passive: false });
    const floor = new addon.Capture({ ...SMALL, passive: true });
    try {
      const isThere = imagesOf(one) !== undefined;
      assert.deepEqual([imagesOf(one), imagesOf(floor)], isThere ? [false, true] : [undefined, undefined]);
      for (const holdMs of [0, 200]) one.setHoldMs(holdMs);
      assert.equal(imagesOf(one), isThere ? true : undefined);
    } finally {
      one.close();
      floor.close();
    }
  });

  test('probes have ids of their own, which are free again after them', () => {
    const one = new addon.Capture(SMALL);
    try {
      const place = (): number => one.attachProbe(1, process.execPath, 4096);
      const [first, second] = [place(), place()];
      assert.ok(first > 0 && second > first);
      const [listed] = one.probes();
      assert.deepEqual(listed, { id: first, kind: 1, runs: 0, hits: 0 });
      one.detachProbe(first);
      one.detachProbe(first);
      assert.deepEqual(
        one.probes().map(({ id }) => id),
        [second],
      );
      assert.equal(place(), first);
    } finally {
      one.close();
    }
  });

  /** Each runs in a process of its own, `Capture` and `options` in reach, and has to end by itself with code 0. */
  const LIVES: Readonly<Record<string, string>> = {
    'a capture that nobody holds is collected': `
      for (let i = 0; i < 3; i++) { new Capture(options); gc(); }`,
    'a capture that is started is not collected': `
      (() => new Capture(options).start(() => {}, 5))();
      let rounds = 0;
      const timer = setInterval(() => { gc(); if (++rounds === 20) process.exit(0); }, 5);`,
    'a process may end while it polls': `
      const capture = new Capture(options);
      capture.start(() => {}, 1);
      setTimeout(() => process.exit(0), 50);`,
    'a process that forgot to stop is kept alive, and its exit handler may close': `
      const capture = new Capture(options);
      capture.start(() => {}, 1);
      process.on('exit', () => capture.close());
      setTimeout(() => process.exit(0), 50);`,
    'a worker may end while it polls': `
      const { Worker } = require('node:worker_threads');
      const code = \`
        const { Capture } = require(\${JSON.stringify(path)});
        const capture = new Capture(\${JSON.stringify(options)});
        capture.start(() => {}, 1);
        require('node:worker_threads').parentPort.postMessage('');\`;
      const worker = new Worker(code, { eval: true });
      worker.once('message', () => worker.terminate());`,
    'a process that protects its memory is of nobody but root': `
      const { statSync } = require('node:fs');
      process.setegid(64321);
      process.seteuid(64321);
      require(path).protectMemory();
      process.exit(statSync('/proc/self/status').uid === 0 ? 0 : 1);`,
    'closing from within a batch': `
      const capture = new Capture({ ringBytes: 65536 });
      capture.start(() => capture.close(), 1);
      capture.watch(process.pid, 1, 1n);`,
    'what a handler throws is an error of the program': `
      process.once('uncaughtException', (error) => process.exit(error.message === 'by the handler' ? 0 : 1));
      const capture = new Capture({ ringBytes: 65536 });
      capture.start(() => { throw new Error('by the handler'); }, 1);
      capture.watch(process.pid, 1, 1n);`,
  };
  for (const [name, code] of Object.entries(LIVES)) {
    test(name, () => {
      const set = `const path = ${JSON.stringify(addonPath)};
        const { Capture } = require(path);
        const options = ${JSON.stringify(SMALL)};`;
      const { status, signal, stderr } = spawnSync(process.execPath, ['--expose-gc', '-e', set + code], {
        encoding: 'utf8',
        timeout: CHILD_MS_MAX,
      });
      assert.deepEqual({ status, signal }, { status: 0, signal: null }, stderr);
    });
  }
});

describe('without rights', unless('bpf'), () => {
  const asNobody = { uid: NOBODY, gid: NOBODY, encoding: 'utf8', timeout: CHILD_MS_MAX, cwd: '/' } as const;

  test('the error names what the kernel refused', () => {
    const code = `const { Capture } = require(${JSON.stringify(addonPath)});
      try { new Capture(); } catch (error) { console.log(JSON.stringify({ code: error.code, message: error.message })); }`;
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', code], asNobody);
    const told = JSON.parse(stdout || `{"message":${JSON.stringify(stderr)}}`) as { code: string; message: string };
    assert.equal(told.code, 'EPERM');
    assert.match(told.message, /^the BPF programs could not be loaded: Operation not permitted\n/);
  });

  test('sworn doctor says which rights are missing, and what to do', () => {
    const { status, stdout, stderr } = spawnSync(join(root, 'bin/sworn'), ['doctor', '--json'], asNobody);
    assert.equal(status, 2, stderr);
    const { usable, checks } = JSON.parse(stdout) as {
      usable: boolean;
      checks: { name: string; state: string; found: string; next: string }[];
    };
    assert.equal(usable, false);
    const [rights] = checks.filter(({ state }) => state === 'fail');
    assert.equal(rights?.name, 'rights');
    assert.match(rights?.found ?? '', /CAP_NET_ADMIN, CAP_SYS_PTRACE, CAP_PERFMON, CAP_BPF/);
    assert.match(rights?.next ?? '', /root|sworn-agent\.service/);
  });
});

/** Iterators, and what is attached to probes: by their sections. */
function programsOnDemand(): string[] {
  const sources = globSync(join(import.meta.dirname, '../bpf/*.bpf.c')).map((path) => readFileSync(path, 'utf8'));
  const heads = sources.flatMap((text) => [...text.matchAll(/^SEC\("(?:iter|uprobe)[^"]*"\)\nint (\w+)\(/gm)]);
  return heads.map(([, name]) => name as string).sort();
}
