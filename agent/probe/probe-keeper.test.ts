// SPDX-License-Identifier: Apache-2.0

/** What the keeper does with real files and processes; the kernel's place is taken by what records its wishes. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, copyFileSync, mkdtempSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { FileKey } from '../model/code-image.ts';
import type { FindingReport } from '../model/finding.ts';
import type { ImageMapped } from '../model/kernel-event.ts';
import { kernelDevice, keyText, mappedFiles } from './mapped-files.ts';
import { ProbeKeeper, type ProbeKeeperOptions } from './probe-keeper.ts';
import { hostLibcrypto, scratch } from './testing/real-files.ts';
import { RecordingAttacher } from './testing/recording-attacher.ts';

const libcrypto = hostLibcrypto();
const started: ChildProcess[] = [];

interface Stage {
  readonly keeper: ProbeKeeper;
  readonly attacher: RecordingAttacher;
  readonly findings: FindingReport[];
  readonly folder: string;
}

/** A keeper that looks ahead at one empty folder, and at what runs on this host. */
function stage(options: Partial<ProbeKeeperOptions> = {}): Stage {
  const folder = mkdtempSync(join(scratch(), 'stage-'));
  const attacher = new RecordingAttacher();
  const findings: FindingReport[] = [];
  let nowNs = 0;
  const keeper = new ProbeKeeper({
    attacher,
    onFinding: (finding) => findings.push(finding),
    now: () => ++nowNs,
    folders: { programs: [folder], libraries: [] },
    pids: () => [process.pid, ...started.map((child) => child.pid!)],
    ...options,
  });
  return { keeper, attacher, findings, folder };
}

function put(folder: string, from: string, name: string): string {
  const path = join(folder, name);
  copyFileSync(from, path);
  return path;
}

function keyOf(path: string): FileKey {
  const { dev, ino } = statSync(path, { bigint: true });
  return { device: kernelDevice(dev), inode: ino };
}

/** A process that has a library mapped until the tests are over. */
async function mapping(library: string): Promise<number> {
  const child = spawn('/bin/sleep', ['600'], { env: { LD_PRELOAD: library }, stdio: 'ignore' });
  started.push(child);
  await once(child, 'spawn');
  const key = keyText(keyOf(library));
  while (!mappedFiles(child.pid!).some((one) => keyText(one.key) === key))
    await new Promise((resolve) => setTimeout(resolve, 5));
  return child.pid!;
}

async function end(pid: number): Promise<void> {
  const child = started.find((one) => one.pid === pid)!;
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

function mapped(pid: number, path: string, file = keyOf(path), isProgram = false): ImageMapped {
  const process = { pid, startNs: 0n };
  const scope = { selectionId: 1, sessionKey: 1n };
  return { type: 'image-mapped', atNs: 0, process, scope, file, path, isProgram };
}

after(async () => {
  for (const child of started) await end(child.pid!);
});

describe('the keeper', { skip: libcrypto === undefined && 'no libcrypto.so.3 on this host' }, () => {
  test('probes what is there, and makes known what has no TLS', async () => {
    const { keeper, attacher, folder } = stage();
    const library = put(folder, libcrypto!, 'libcrypto.so.3');
    const plain = put(folder, '/bin/true', 'plain');
    await keeper.start();
    assert.equal(attacher.on(library).length, 1);
    assert.equal(attacher.on(library)[0]?.inode, keyOf(library).inode);
    assert.ok(attacher.known.has(keyText(keyOf(library))));
    assert.ok(attacher.known.has(keyText(keyOf(plain))));
    // This Node runs, so it is probed as well: its TLS, and the ciphers that it makes for SSH.
    assert.equal(attacher.on(realpathSync(process.execPath)).length, 2);
    assert.match(keeper.imageOf(library)?.library ?? '', /^openssl 3/);
    assert.deepEqual([keeper.imageOf(library)?.isProbed, keeper.imageOf(plain)?.isProbed], [true, false]);
    assert.ok(keeper.imageOf(plain)?.lookedAtNs !== undefined);
    assert.equal(keeper.imageOf(keyOf(plain))?.library, '');
    await keeper.stop();
    assert.equal(attacher.placed.size, 0);
  });

  test('a library that is mapped is probed and known before its process is let go', async () => {
    const { keeper, attacher, folder } = stage();
    const library = put(folder, libcrypto!, 'libother.so');
    const pid = await mapping(library);
    await keeper.imageMapped(mapped(pid, library));
    assert.deepEqual(attacher.calls, [`attach ${library}`, `known ${keyText(keyOf(library))}`, `settle ${pid}`]);
    // Again: nothing is placed twice.
    await keeper.imageMapped(mapped(pid, library));
    assert.equal(attacher.on(library).length, 1);
    await keeper.stop();
  });

  test('of two images of a process it waits for both', async () => {
    const { keeper, attacher, folder } = stage();
    const library = put(folder, libcrypto!, 'libboth.so');
    const pid = await mapping(library);
    const program = realpathSync('/bin/sleep');
    const both = [mapped(pid, library), mapped(pid, program, keyOf(program), true)];
    await Promise.all(both.map((event) => keeper.imageMapped(event)));
    assert.deepEqual(
      attacher.calls.filter((call) => call.startsWith('settle')),
      [`settle ${pid}`],
    );
    assert.equal(attacher.calls.at(-1), `settle ${pid}`);
    await keeper.stop();
  });

  test('a file whose path leads elsewhere by now is found by its mapping', async () => {
    const { keeper, attacher, folder } = stage();
    const library = put(folder, libcrypto!, 'libgone.so');
    const key = keyOf(library);
    const pid = await mapping(library);
    rmSync(library);
    put(folder, '/bin/true', 'libgone.so');
    await keeper.imageMapped(mapped(pid, library, key));
    assert.deepEqual(
      [...attacher.placed.values()].map((probe) => probe.inode),
      [key.inode],
    );
    await keeper.stop();
  });

  test('where device numbers cannot be compared, the path is believed', async () => {
    const { keeper, attacher, folder } = stage();
    const library = put(folder, libcrypto!, 'liboverlay.so');
    const pid = await mapping(library);
    const key = { device: 0xfff00001, inode: keyOf(library).inode };
    await keeper.imageMapped(mapped(pid, library, key));
    assert.equal(attacher.on(library).length, 1);
    assert.ok(attacher.known.has(keyText(key)));
    assert.equal(keeper.counts().inexact, 1);
    // It is described by what /proc says of it, which is none of the event's device either.
    const images = keeper.describeProgram(pid, realpathSync('/bin/sleep'));
    assert.ok(images.some(({ path }) => path === library));
    await keeper.stop();
  });

  test('a process that ended at once has its file looked at for the next one', async () => {
    const { keeper, attacher, folder } = stage();
    const library = put(folder, libcrypto!, 'libquick.so');
    const other = put(folder, libcrypto!, 'libother.so');
    const pid = await mapping(library);
    await end(pid);
    // Its path leads to another file by now: that is not what was mapped.
    await keeper.imageMapped(mapped(pid, other, keyOf(library)));
    assert.deepEqual([attacher.calls, keeper.counts().gone], [[`settle ${pid}`], 1]);
    await keeper.imageMapped(mapped(pid, library));
    assert.equal(attacher.on(library).length, 1);
    assert.ok(attacher.known.has(keyText(keyOf(library))));
    await keeper.stop();
  });

  test('a process that is gone with its file is let go and counted', async () => {
    const { keeper, attacher, folder, findings } = stage();
    const library = put(folder, libcrypto!, 'liblate.so');
    const event = mapped(await mapping(library), library);
    const { pid } = event.process;
    await end(pid);
    rmSync(library);
    await keeper.imageMapped(event);
    assert.deepEqual(attacher.calls, [`settle ${pid}`]);
    assert.equal(keeper.counts().gone, 1);
    assert.deepEqual(findings, []);
    await keeper.stop();
  });

  test('a replaced file keeps its probe while it is mapped, and loses it afterwards', async () => {
    const { keeper, attacher, folder } = stage({ timing: { goneKeptNs: 0 } });
    const library = put(folder, libcrypto!, 'libcrypto.so.3');
    await keeper.start();
    const [old] = attacher.on(library);
    const pid = await mapping(library);
    const oldKey = keyText(keyOf(library));
    renameSync(put(folder, libcrypto!, 'libcrypto.so.3.new'), library);
    await keeper.round();
    assert.ok(attacher.placed.has(old!.id), 'the old file is still in use');
    assert.equal(attacher.on(library).length, 2);
    await end(pid);
    await keeper.round();
    assert.ok(!attacher.placed.has(old!.id));
    assert.ok(!attacher.known.has(oldKey));
    assert.deepEqual(
      attacher.on(library).map((probe) => probe.inode),
      [keyOf(library).inode],
    );
    await keeper.stop();
  });

  test('a file that is written in place loses its probe before it gets another', async () => {
    const { keeper, attacher, folder } = stage();
    const library = put(folder, libcrypto!, 'libwritten.so');
    const pid = await mapping(library);
    await keeper.imageMapped(mapped(pid, library));
    await end(pid);
    put(folder, libcrypto!, 'libwritten.so');
    const again = await mapping(library);
    attacher.calls.length = 0;
    await keeper.imageMapped(mapped(again, library));
    const changes = attacher.calls.filter((call) => /^(?:attach|detach)/.test(call));
    assert.deepEqual(changes, [`detach ${library}`, `attach ${library}`]);
    await keeper.stop();
  });

  test('a file that is written while it is looked at gets no probe', async () => {
    const { keeper, attacher, findings, folder } = stage();
    const library = put(folder, libcrypto!, 'libbusy.so');
    const pid = await mapping(library);
    const looked = keeper.imageMapped(mapped(pid, library));
    appendFileSync(library, 'more');
    await looked;
    assert.deepEqual(attacher.on(library), []);
    assert.deepEqual(
      findings.map(({ kind, attributes }) => [kind, attributes['errno']]),
      [['probe_refused', 'ESTALE']],
    );
    assert.ok(!attacher.known.has(keyText(keyOf(library))));
    await keeper.stop();
  });

  test('a refused probe is told of once, and its file is known all the same', async () => {
    const { keeper, attacher, findings, folder } = stage();
    attacher.refusal = 'EACCES';
    const library = put(folder, libcrypto!, 'librefused.so');
    const pid = await mapping(library);
    for (let times = 0; times < 2; times++) await keeper.imageMapped(mapped(pid, library));
    const told = findings.map(({ kind, subject, attributes }) => [kind, subject, attributes['errno']]);
    assert.deepEqual(told, [['probe_refused', library, 'EACCES']]);
    assert.equal(keeper.imageOf(library)?.isProbed, false);
    assert.ok(attacher.known.has(keyText(keyOf(library))));
    assert.equal(attacher.calls.at(-1), `settle ${pid}`);
    await keeper.stop();
  });

  test('a program is described with the libraries that it has, and with those that it needs when it is gone', async () => {
    const programs = mkdtempSync(join(scratch(), 'programs-'));
    const { keeper, folder } = stage({ folders: { programs: [programs], libraries: [dirname(libcrypto!)] } });
    const openssl = put(programs, '/usr/bin/openssl', 'openssl');
    await keeper.start();
    const library = put(folder, libcrypto!, 'libmine.so');
    const pid = await mapping(library);
    await keeper.imageMapped(mapped(pid, library));
    const sleep = realpathSync('/bin/sleep');
    assert.deepEqual(
      keeper.describeProgram(pid, sleep).map(({ path }) => path),
      [sleep, library],
    );
    await end(pid);
    const strange = keeper.describeProgram(pid, '/nowhere');
    assert.deepEqual([strange[0]?.path, strange[0]?.lookedAtNs], ['/nowhere', undefined]);
    const gone = keeper.describeProgram(pid, openssl).map(({ path }) => path);
    assert.deepEqual(gone, [openssl, libcrypto]);
    await keeper.stop();
  });

  test('a hostile number of files: findings are bounded and counted', async () => {
    const { keeper, attacher, findings } = stage();
    attacher.refusal = 'ENOSPC';
    const many = mkdtempSync(join(scratch(), 'many-'));
    // Small files that look like the library: its tables, and as many as it takes.
    for (let index = 0; index < 300; index++) put(many, libcrypto!, `lib${index}`);
    const pid = await mapping(put(many, libcrypto!, 'libone.so'));
    for (let index = 0; index < 300; index++) await keeper.imageMapped(mapped(pid, join(many, `lib${index}`)));
    assert.equal(findings.length, 256);
    assert.equal(keeper.counts().untold, 44);
    rmSync(many, { recursive: true });
    await keeper.stop();
  });
});

describe('canaries', { skip: libcrypto === undefined && 'no libcrypto.so.3 on this host' }, () => {
  test('exercise the libraries of the host and its Node; what sees them is proved', async () => {
    const { keeper, attacher, findings } = stage();
    await mapping(libcrypto!);
    await keeper.start();
    await keeper.round();
    assert.ok(attacher.calls.some((call) => call.startsWith('canary') && call.endsWith(`${libcrypto} `)));
    assert.ok(keeper.counts().proved > 0);
    assert.deepEqual(
      findings.filter(({ kind }) => kind === 'probe_silent'),
      [],
    );
    await keeper.stop();
  });

  test('a silent probe is placed again, and a finding says so', async () => {
    const { keeper, attacher, findings } = stage();
    await mapping(libcrypto!);
    attacher.seesCanary = false;
    await keeper.start();
    await keeper.round();
    const placed = attacher.calls.filter((call) => call === `attach ${libcrypto}`).length;
    // One canary at the start and one in the round.
    assert.equal(placed, 3);
    assert.equal(attacher.on(libcrypto!).length, 1);
    const finding = findings.find(({ kind, subject }) => kind === 'probe_silent' && subject === libcrypto);
    assert.deepEqual([finding?.attributes['reason'], finding?.attributes['works_again']], ['silent', 'false']);
    await keeper.stop();
  });

  test('a link that is gone is placed again', async () => {
    const { keeper, attacher, findings } = stage();
    await mapping(libcrypto!);
    await keeper.start();
    await keeper.round();
    attacher.placed.delete(attacher.on(libcrypto!)[0]!.id);
    await keeper.round();
    assert.equal(attacher.on(libcrypto!).length, 1);
    const finding = findings.find(({ kind, subject }) => kind === 'probe_silent' && subject === libcrypto);
    assert.deepEqual([finding?.attributes['reason'], finding?.attributes['works_again']], ['link_gone', 'true']);
    await keeper.stop();
  });

  test('never run what somebody else could have written', async () => {
    const { keeper, attacher, folder } = stage();
    const library = put(folder, libcrypto!, 'libcrypto.so.3');
    await keeper.start();
    await keeper.round();
    assert.equal(attacher.on(library).length, 1);
    assert.deepEqual(
      attacher.calls.filter((call) => call.startsWith('canary') && call.includes(library)),
      [],
    );
    assert.ok(keeper.counts().linked > 0);
    await keeper.stop();
  });
});
