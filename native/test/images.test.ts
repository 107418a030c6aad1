// SPDX-License-Identifier: Apache-2.0

/** Programs and libraries that nobody has looked at: they are told of, and the connections of their processes wait. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, copyFileSync, mkdirSync, statSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { FileKey } from '../../agent/model/code-image.ts';
import type { ImageMapped } from '../../agent/model/kernel-event.ts';
import { freePort } from '../../deploy/testing/free-ports.ts';
import { unless } from './bpf-host.ts';
import { Observer, type Run } from './observer.ts';
import { actsOf, assertExact, connectionOf, slotOf } from './slot-report.ts';
import { scratchFolder, trigger } from './trigger.ts';

/** As the kernel has it inside: stat(2) gives the minor in two parts. */
function fileKeyOf(path: string): FileKey {
  const { dev, ino } = statSync(path, { bigint: true });
  const major = (dev >> 8n) & 0xfffn;
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xfff00n);
  return { device: Number((major << 20n) | minor), inode: ino };
}

const libraryOf = (program: string, name: string): string => {
  const linked = execFileSync('ldd', [program], { encoding: 'utf8' });
  const path = new RegExp(`=> (\\S*${name}\\S*)`).exec(linked)?.[1];
  assert.ok(path !== undefined, `${program} is linked with ${name}`);
  return path;
};

describe('images', unless('bpf', 'gcc'), () => {
  const folder = join(scratchFolder(), 'libraries');
  const env = { ...(process.env as Record<string, string>), LD_LIBRARY_PATH: folder };
  let observer: Observer;
  let copy: string;

  before(async () => {
    mkdirSync(folder);
    const library = libraryOf('/usr/bin/openssl', 'libcrypto.so.3');
    copy = join(folder, basename(library));
    copyFileSync(library, copy);
    // Libraries of Debian are not executable files.
    chmodSync(copy, 0o644);
    observer = await Observer.open({ imageHoldMs: 0 });
  });
  after(async () => {
    await observer?.close();
  });

  const imagesOf = (run: Run, path: string): ImageMapped[] => run.of('image-mapped').filter((one) => one.path === path);

  test('a library under a new inode, and the program that maps it', async () => {
    const run = await observer.run('/usr/bin/openssl', ['version'], { env });
    const [library, ...others] = imagesOf(run, copy);
    assert.equal(others.length, 0);
    assert.deepEqual(library?.file, fileKeyOf(copy));
    assert.equal(library.isProgram, false);
    assert.equal(library.process.pid, run.pid);
    const [program] = imagesOf(run, '/usr/bin/openssl');
    assert.deepEqual(program?.file, fileKeyOf('/usr/bin/openssl'));
    assert.equal(program.isProgram, true);
    const order = run.events.map((event) => (event.type === 'image-mapped' ? event.path : event.type));
    const [executed, ended] = [order.lastIndexOf('process-executed'), order.indexOf('process-exited')];
    assert.ok(executed < order.indexOf('/usr/bin/openssl'));
    assert.ok(order.indexOf('/usr/bin/openssl') < order.indexOf(copy) && order.indexOf(copy) < ended);
  });

  test('one that is known is not told of, until the file is changed or made another', async () => {
    const openssl = (): Promise<Run> => observer.run('/usr/bin/openssl', ['version'], { env });
    observer.source.setImageKnown(fileKeyOf(copy), true);
    observer.source.setImageKnown(fileKeyOf('/usr/bin/openssl'), true);
    for (let i = 0; i < 2; i++) {
      const run = await openssl();
      assert.deepEqual([...imagesOf(run, copy), ...imagesOf(run, '/usr/bin/openssl')], []);
    }
    // In its place, as an installer that does not know better: what was known of it is not so any more.
    appendFileSync(copy, 'x');
    assert.equal(imagesOf(await openssl(), copy).length, 1);
    observer.source.setImageKnown(fileKeyOf(copy), true);
    assert.equal(imagesOf(await openssl(), copy).length, 0);
    observer.source.setImageKnown(fileKeyOf(copy), false);
    assert.equal(imagesOf(await openssl(), copy).length, 1);
  });

  test('one that was changed between the look and its first mapping is told of, one that was only asked about is not', async () => {
    const changedNs = (): bigint => statSync(copy, { bigint: true }).ctimeNs;
    observer.source.setImageKnown(fileKeyOf(copy), true, changedNs());
    changedNs();
    assert.equal(imagesOf(await observer.run('/usr/bin/openssl', ['version'], { env }), copy).length, 0);
    const lookedAtNs = changedNs();
    appendFileSync(copy, 'x');
    observer.source.setImageKnown(fileKeyOf(copy), true, lookedAtNs);
    assert.equal(imagesOf(await observer.run('/usr/bin/openssl', ['version'], { env }), copy).length, 1);
  });

  test('of an outsider nothing is told', async () => {
    const told = (): number => observer.events.filter(({ type }) => type === 'image-mapped').length;
    const before = told();
    const outside = observer.start('/usr/bin/openssl', ['version'], { env, outside: true });
    await outside.ended;
    const known = join(scratchFolder(), 'known');
    copyFileSync(trigger('act'), known);
    observer.source.setImageKnown(fileKeyOf(known), true);
    await observer.run(known, ['close 0']);
    assert.equal(told(), before);
    unlinkSync(known);
  });
});

describe('the hold', unless('bpf', 'gcc'), () => {
  const CONNECTED = [
    'socket 0 tcp4',
    'bind 0 127.0.0.1 0',
    'listen 0',
    'socket 1 tcp4',
    'connect 1 127.0.0.1 =0',
    'accept 0 2',
  ];
  const MOVED = ['move 1 2 70001 write read', 'move 2 1 30001 write read', 'close 1', 'close 2'];
  const observers: Observer[] = [];
  const runs: Run[] = [];

  after(async () => {
    for (const observer of observers) await observer.close();
    // What a failed test has left waiting.
    for (const run of runs) run.kill('SIGKILL');
  });

  async function holding(imageHoldMs: number): Promise<Observer> {
    const observer = await Observer.open({ imageHoldMs });
    observers.push(observer);
    return observer;
  }

  const counted = (observer: Observer, name: 'held' | 'holdExpired'): number =>
    observer.source.health.counters[name]?.events ?? 0;

  /** How long the connections behind the slots of an `act` were held, µs. */
  const heldUs = (run: Run, ...slots: number[]): (number | undefined)[] =>
    slots.map((slot) => connectionOf(run, slotOf(run, slot)).closed?.heldUs);

  /** That they are all that was held, and for how long together. */
  function assertHeldInAll(observer: Observer, run: Run): void {
    const held = run.connections.map(({ closed }) => closed?.heldUs ?? 0).filter((us) => us > 0);
    const { events, bytes } = observer.source.health.counters['heldTime'] ?? { events: 0, bytes: 0 };
    assert.deepEqual({ events, us: bytes }, { events: held.length, us: held.reduce((sum, us) => sum + us, 0) });
  }

  async function settled(observer: Observer, run: Run): Promise<void> {
    await observer.until('its image', () => run.of('image-mapped').length > 0);
    observer.source.settle(run.pid);
  }

  function assertWhole(run: Run): void {
    for (const slot of [1, 2]) assertExact(connectionOf(run, slotOf(run, slot)), slotOf(run, slot));
  }

  test('what begins a connection waits until the images are settled, and each byte is there once', async () => {
    const observer = await holding(10_000);
    const run = observer.start(trigger('act'), [...CONNECTED, ...MOVED]);
    runs.push(run);
    await observer.until('a held segment', () => counted(observer, 'held') > 0);
    assert.equal(run.connections.filter(({ sent }) => sent.bytes > 0).length, 0);
    await settled(observer, run);
    assert.equal((await run.finished()).code, 0);
    assertWhole(run);
    const [client = 0, server] = heldUs(run, 1, 2);
    assert.ok(client > 0);
    assert.equal(server, 0);
    assertHeldInAll(observer, run);
    assert.equal(counted(observer, 'holdExpired'), 0);
  });

  test('without images that are to be settled nothing waits', async () => {
    const observer = await holding(10_000);
    const gate = observer.start(trigger('act'), ['sleep 0']);
    await gate.finished();
    for (const { file } of gate.of('image-mapped')) observer.source.setImageKnown(file, true);
    const run = await observer.run(trigger('act'), [...CONNECTED, ...MOVED]);
    assert.deepEqual(run.of('image-mapped'), []);
    assertWhole(run);
    assert.equal(counted(observer, 'held'), 0);
    assert.deepEqual(heldUs(run, 1, 2), [0, 0]);
    assertHeldInAll(observer, run);
  });

  test('a hold that is over is told, and the connection goes on', async () => {
    const observer = await holding(50);
    const run = await observer.run(trigger('act'), [...CONNECTED, ...MOVED]);
    assertWhole(run);
    assert.ok(counted(observer, 'holdExpired') > 0);
    assertHeldInAll(observer, run);
    await observer.until('the loss', () =>
      observer.events.some(
        (event) => event.type === 'missed' && event.where === 'tls' && event.reason === 'hold_expired',
      ),
    );
  });

  test('of a server it is what the client says first that waits', async () => {
    const observer = await holding(10_000);
    const port = await freePort();
    const run = observer.start(trigger('act'), [
      'socket 0 tcp4',
      `bind 0 127.0.0.1 ${port}`,
      'listen 0',
      'accept 0 2',
      'receive 2 300 read',
      'send 2 500 write',
      'close 2',
    ]);
    runs.push(run);
    await observer.until('its image', () => run.of('image-mapped').length > 0);
    await observer.until('a listening server', () => actsOf(run).some(({ act }) => act.startsWith('listen')));
    const askedNs = process.hrtime.bigint();
    let answeredNs = askedNs;
    const client = connect(port, '127.0.0.1');
    client.on('error', () => {});
    client.write(Buffer.alloc(300, 7));
    let answer = 0;
    client.on('data', (bytes) => {
      if (answer === 0) answeredNs = process.hrtime.bigint();
      answer += bytes.length;
    });
    await observer.until('a held segment', () => counted(observer, 'held') > 0);
    assert.equal(run.connections.filter(({ received }) => received.bytes > 0).length, 0);
    observer.source.settle(run.pid);
    assert.equal((await run.finished()).code, 0);
    client.destroy();
    const connection = connectionOf(run, slotOf(run, 2));
    connection.settle();
    assert.deepEqual([connection.received.bytes, connection.sent.bytes, answer], [300, 500, 500]);
    assert.deepEqual([connection.received.gaps, connection.sent.gaps], [[], []]);
    const [held = 0] = heldUs(run, 2);
    assert.ok(held > 0 && held * 1000 <= Number(answeredNs - askedNs), `${held} of ${answeredNs - askedNs} ns`);
    assertHeldInAll(observer, run);
  });

  test('one that ends while it waits was held to its end', async () => {
    const observer = await holding(10_000);
    const run = observer.start(trigger('act'), [...CONNECTED, 'send 1 500 write', 'linger 1 0', 'close 1']);
    runs.push(run);
    await run.finished();
    const client = run.connections.find(({ opened }) => opened?.role === 'client');
    assert.deepEqual([client?.sent.bytes, (client?.closed?.heldUs ?? 0) > 0], [0, true]);
    assertHeldInAll(observer, run);
  });

  test('an outsider does not wait', async () => {
    const observer = await holding(10_000);
    const outside = observer.start(trigger('act'), [...CONNECTED, ...MOVED], { outside: true });
    assert.equal((await outside.ended).code, 0);
    assert.equal(counted(observer, 'held'), 0);
  });
});
