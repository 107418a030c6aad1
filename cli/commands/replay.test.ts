// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  activityOf,
  HOSTILE,
  QUIET,
  type RecordedCollector,
  startRecordedCollector,
} from '../testing/recorded-collector.ts';
import { assertTame, type Ended, onTerminal, runProgram, runSworn } from '../testing/run-sworn.ts';

const SHELL = '01a20491-0000-7000-8000-000000000003';
const MIXED = '01a20492-0000-7000-8000-000000000004';
const MANY = '01a20493-0000-7000-8000-000000000005';
const ESC = '\u001b';
const SCREEN = `$ ls\r\n${ESC}[31mred${ESC}[0m é\r\n${ESC}]52;c;bHMK\u0007${ESC}[6n${ESC}]0;owned\u0007$ `;

describe('sworn replay', () => {
  let recorded: RecordedCollector;
  const folder = mkdtempSync(join(tmpdir(), 'sworn-replay-'));
  const replay = (...words: string[]): Promise<Ended> =>
    runSworn(['replay', ...words], { environment: recorded.environment });

  before(async () => {
    recorded = await startRecordedCollector();
    const output = Buffer.from(SCREEN);
    const stretch = (id: string, cutBytes = 0) => ({
      terminal: {
        ...{ terminalId: id, kind: 'terminal', name: 'pts/3', columns: 80, rows: 24, cutBytes },
        input: Buffer.from('ls\r'),
        output,
        timing: JSON.stringify([
          [0, 'o', 2],
          [100_000, 'i', 3],
          [200_000, 'o', output.length - 2],
          [250_000, 'h', 6],
          [300_000, 'r', '100x30'],
        ]),
        ...{ inputBytes: 3, outputBytes: output.length, hiddenBytes: 6 },
      },
    });
    await recorded.deliver([
      activityOf(SHELL, 5000, 300, stretch('shell-1')),
      activityOf(SHELL, 9000, 300, stretch('shell-1', 12)),
      activityOf(MIXED, 20_000, 300, stretch('mixed-1')),
      activityOf(MIXED, 20_100, 300, {
        terminal: { ...stretch('mixed-2').terminal, name: '/dev/pts/3' },
      }),
      ...Array.from({ length: 450 }, (_, i) =>
        activityOf(MANY, 30_000 + i, 0, { command: { protocol: 'dns', operation: 'A', statement: `A n${i}.example` } }),
      ),
    ]);
  });
  after(async () => {
    await recorded.stop();
    rmSync(folder, { recursive: true });
  });

  it('tells all that was done, in order, with losses and alerts', async () => {
    const { code, out, err } = await replay(QUIET, '--no-wait');
    assert.deepEqual([code, err], [0, '']);
    const words = [
      'started',
      'exec',
      'GET /invoices',
      'INSERT',
      'SELECT',
      'DELETE',
      'ALERT',
      'LOSS',
      'FINDING',
      'exit',
      'ended',
    ];
    const places = words.map((word) => out.indexOf(word));
    assert.ok(
      places.every((place, i) => place >= 0 && (i === 0 || place > (places[i - 1] as number))),
      `${places}\n${out}`,
    );
    assert.doesNotMatch(out, /opened/);
  });

  it('takes a place in it, kinds, and pages', async () => {
    const part = await replay(QUIET, '--no-wait', '--from', '0.06', '--to', '0.075', '--kind', 'command');
    assert.deepEqual(part.out.match(/INSERT|SELECT|DELETE|GET/g), ['INSERT', 'SELECT']);
    const many = await replay(MANY, '--no-wait');
    const said = many.out
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ').at(-1));
    assert.deepEqual(
      said,
      Array.from({ length: 450 }, (_, i) => `n${i}.example`),
    );
  });

  it('waits as long as it took, faster or with pauses cut, and not at all when it is asked', async () => {
    const { code, out } = await replay(SHELL, '--speed', '1000', '--skip-idle', '0.01');
    assert.equal(code, 0);
    assert.match(out, /red/);
  });

  it('plays a terminal that is alone as it looked, but for what acts beyond its screen', async () => {
    const { code, out, err } = await replay(SHELL, '--no-wait');
    assert.equal(code, 0);
    const once = `$ ls\r\n${ESC}[31mred${ESC}[0m é\r\n$ `;
    assert.equal(out, once + once);
    assert.match(err, /LOSS: 12 bytes/);
    assert.match(err, /6 sequences .* left out/);
    assert.match(err, /12 bytes were typed while/);
    const shown = await onTerminal(['replay', SHELL, '--no-wait'], 100, { environment: recorded.environment });
    assert.doesNotMatch(shown.out, /\]52|owned|\[6n/);
  });

  it('frames terminals among others as text that acts on nothing', async () => {
    const { out } = await replay(MIXED, '--no-wait');
    assert.match(out, /│ \$ ls\n {2}│ red é\n {2}│ \$/);
    assertTame(out);
    assertTame((await replay(HOSTILE, '--no-wait')).out);
  });

  it('chooses a terminal by its id, the beginning of it or its name, and says which there are', async () => {
    assert.match((await replay(MIXED, '--no-wait', '--terminal', 'mixed-2')).out, /\[31mred/);
    const several = await replay(MIXED, '--no-wait', '--terminal', 'pts/3');
    assert.equal(several.code, 2);
    assert.match(several.err, /Name one with --terminal: pts\/3 \(mixed-1\), \/dev\/pts\/3 \(mixed-2\)/);
    assert.match((await replay(MIXED, '--no-wait', '--terminal', '/dev/pts/3')).out, /\[31mred/);
    assert.equal((await replay(QUIET, '--terminal', 'pts/9')).code, 2);
    assert.equal((await replay(QUIET, '--speed', '0')).code, 2);
    assert.equal((await replay('nothing')).code, 2);
  });

  it('gives items to programs: of terminals every moment, with its bytes', async () => {
    const items = (await replay(SHELL, '--json')).out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      items.slice(0, 5).map(({ event }) => event),
      ['shown', 'typed', 'shown', 'hidden', 'resized'],
    );
    assert.equal(Buffer.from(String(items[2]?.['base64']), 'base64').toString(), SCREEN.slice(2));
    assert.equal(items[0]?.['at'], 0);
    const [command] = (await replay(MANY, '--json')).out.split('\n');
    const { kind, protocol, statement } = JSON.parse(command ?? '') as Record<string, unknown>;
    assert.deepEqual([kind, protocol, statement], ['command', 'dns', 'A n0.example']);
  });

  it('writes an asciicast that asciinema reads', async (t) => {
    const file = join(folder, 'shell.cast');
    const { code, err } = await replay(SHELL, '--asciicast', file);
    assert.equal(code, 0);
    assert.match(err, /LOSS: 12 bytes/);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const [header = '', ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n');
    const { version, width, height, timestamp, env } = JSON.parse(header) as Record<string, unknown>;
    assert.deepEqual([version, width, height, timestamp], [2, 80, 24, Date.parse('2026-01-31T08:00:05Z') / 1000]);
    assert.deepEqual(env, { TERM: 'xterm-256color', SHELL: '/usr/bin/node' });
    const events = lines.map((line) => JSON.parse(line) as [number, string, string]);
    let last = 0;
    for (const [at, what, text] of events) {
      assert.ok(at >= last && ['o', 'i', 'r'].includes(what) && text !== '');
      last = at;
    }
    assert.deepEqual(
      events.slice(0, 4).map(([at, what]) => [at, what]),
      [
        [0, 'o'],
        [0.1, 'i'],
        [0.2, 'o'],
        [0.3, 'r'],
      ],
    );
    if (!existsSync('/usr/bin/asciinema')) return t.skip('asciinema is not here');
    const environment = { LC_ALL: 'C.UTF-8', ASCIINEMA_CONFIG_HOME: folder };
    // It wants a terminal of its own.
    const played = await runProgram('script', ['-qec', `asciinema cat ${file}`, '/dev/null'], { environment });
    assert.equal(played.code, 0, played.err);
    assert.match(played.out, /red/);
  });
});
