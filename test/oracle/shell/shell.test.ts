// SPDX-License-Identifier: Apache-2.0

/**
 * Interactive bash, psql and Python in a terminal, against what the one who typed and looked has written down: byte for
 * byte, in order, and nothing of what the terminal did not show.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type PostgresServer, startPostgres } from '../postgres/postgres-server.ts';
import { type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';

const IDENTITY = 'shell-agent';
const SECRET = 'correct horse';

interface Step {
  /** What has to be shown first, one after the other. */
  readonly wait: readonly string[];
  readonly type: string;
  /** Typed when the terminal by itself shows it, or does not: then nobody does. */
  readonly echoes?: boolean;
  readonly size?: readonly [columns: number, rows: number];
}

interface Scene {
  readonly program: readonly string[];
  readonly steps: readonly Step[];
  readonly exe: RegExp;
}

const SCENES: Readonly<Record<string, Scene>> = {
  bash: {
    program: ['/usr/bin/bash', '--norc', '-i'],
    exe: /bash$/,
    steps: [
      { wait: ['$ '], type: 'echo Größe 東京\n' },
      { wait: ['$ '], type: 'seq 1 3000\n' },
      // A program that lets the terminal echo and edit.
      { wait: ['\n3000\r\n', '$ '], type: 'head -n 1\n' },
      { wait: ['head -n 1\r\n'], type: 'a plain line\n', echoes: true, size: [100, 30] },
      { wait: ['$ '], type: 'stty size\n' },
      { wait: ['30 100', '$ '], type: `read -s -p 'word? ' s\n` },
      { wait: [`word? ' s\r\n`, 'word? '], type: `${SECRET}\n`, echoes: false },
      { wait: ['$ '], type: 'exit 0\n' },
    ],
  },
  python: {
    program: ['/usr/bin/python3', '-q', '-i'],
    exe: /python3[.\d]*$/,
    steps: [
      { wait: ['>>> '], type: 'print(6 * 7)\n' },
      { wait: ['42\r\n>>> '], type: 'import getpass; word = getpass.getpass("word: ")\n' },
      { wait: ['\nword: '], type: `${SECRET}\n`, echoes: false },
      { wait: ['>>> '], type: 'exit()\n' },
    ],
  },
  psql: {
    program: ['psql', '-X', '-W', '-P', 'pager=off', '-v', 'PROMPT1=sql> '],
    exe: /psql$/,
    steps: [
      { wait: ['Password: '], type: `${SECRET}\n`, echoes: false },
      { wait: ['sql> '], type: `SELECT 'Größe' AS a, 1 + 1 AS two;\n` },
      { wait: ['sql> '], type: '\\q\n' },
    ],
  },
};

interface Stretch {
  readonly terminal_id: string;
  readonly kind: string;
  readonly name: string;
  readonly exe: string;
  readonly began: string;
  readonly input: string;
  readonly output: string;
  readonly timing: string;
  readonly columns: number;
  readonly rows: number;
  readonly hidden_bytes: string;
  readonly input_bytes: string;
}

interface Told {
  readonly shown: string;
  readonly typed: readonly (readonly [hex: string, shownBytes: number, silent: boolean])[];
}

describe('interactive programs in a terminal', { skip: whyNoRecording() }, () => {
  let server: PostgresServer;
  let recording: Recording;
  const told = new Map<string, Told>();
  const stretches = new Map<string, Stretch[]>();
  let record = '';

  before(async () => {
    server = await startPostgres();
    const config = () => ({ capture: { streams: 'terminals_and_pipes' } });
    recording = await startRecording({ identities: [IDENTITY], collector: true, config });
    const drive = join(import.meta.dirname, 'drive.py');
    const environment = { ...server.environment, TERM: 'xterm', PS1: '$ ', PYTHON_BASIC_REPL: '1' };
    const scenes = Object.entries(SCENES).map(async ([name, { program, steps }]) => {
      const log = join(recording.folder, `${name}.told`);
      const command = ['/usr/bin/python3', drive, log, JSON.stringify(steps), ...program];
      await recording.run(IDENTITY, command, { environment });
      told.set(name, JSON.parse(readFileSync(log, 'utf8')) as Told);
    });
    await Promise.all(scenes);
    const { losses } = await recording.finish();
    assert.deepEqual(
      losses.map(({ place, reason, bytes }) => `${place} ${reason} ${bytes}`),
      [],
    );
    const all = await recording.client.rows<Stretch>(
      `SELECT terminal_id, kind, name, exe, toUnixTimestamp64Nano(time) AS began, hex(input) AS input, hex(output) AS output,
         timing, columns, rows, hidden_bytes, input_bytes FROM sworn.terminals ORDER BY agent_id, seq`,
      {},
    );
    record = JSON.stringify(all);
    for (const [name, { exe }] of Object.entries(SCENES)) {
      const first = all.find((stretch) => exe.test(stretch.exe));
      stretches.set(
        name,
        all.filter(({ terminal_id }) => terminal_id === first?.terminal_id),
      );
    }
  });

  after(async () => {
    await recording?.stop();
    await server?.stop();
  });

  for (const name of Object.keys(SCENES)) {
    test(`${name}: what was shown and typed is recorded byte for byte`, () => {
      const { shown, typed } = told.get(name) as Told;
      const mine = stretches.get(name) as Stretch[];
      const output = Buffer.concat(mine.map((one) => Buffer.from(one.output, 'hex')));
      assert.equal(output.toString(), Buffer.from(shown, 'hex').toString());
      const input = Buffer.concat(mine.map((one) => Buffer.from(one.input, 'hex'))).toString();
      const expected = typed.map(([hex, , silent]) => (silent ? '\n' : Buffer.from(hex, 'hex').toString()));
      assert.equal(input, expected.join(''));
      assert.deepEqual(
        mine.map(({ kind, name: device }) => [kind, device.startsWith('/dev/pts/')]),
        mine.map(() => ['terminal', true]),
      );
    });

    test(`${name}: what was typed while nothing was shown is counted, and is nowhere`, () => {
      const { typed } = told.get(name) as Told;
      const silent = typed.filter(([, , isSilent]) => isSilent);
      const hidden = (stretches.get(name) as Stretch[]).reduce(
        (sum, { hidden_bytes }) => sum + Number(hidden_bytes),
        0,
      );
      assert.equal(hidden, silent.length * SECRET.length);
      assert.ok(!record.includes(Buffer.from(SECRET).toString('hex').toUpperCase()));
    });

    test(`${name}: it is in order, and times only go on`, () => {
      const { typed } = told.get(name) as Told;
      // How much had been shown when each byte was typed.
      const shownBy: number[] = [];
      let shown = 0;
      let lastNs = 0n;
      for (const { began, timing } of stretches.get(name) as Stretch[]) {
        for (const [micros, what, much] of JSON.parse(timing) as [number, string, number | string][]) {
          const atNs = BigInt(began) + BigInt(micros) * 1000n;
          // Times are rounded to microseconds.
          assert.ok(atNs >= lastNs - 1000n);
          lastNs = atNs;
          if (what === 'o') shown += Number(much);
          if (what === 'i' || what === 'h') shownBy.push(...Array<number>(Number(much)).fill(shown));
        }
      }
      let at = 0;
      for (const [hex, shownBytes] of typed) {
        assert.ok(
          (shownBy[at] as number) >= shownBytes,
          `${Buffer.from(hex, 'hex')}: ${shownBy[at]}, not ${shownBytes}`,
        );
        at += hex.length / 2;
      }
      assert.equal(shownBy.length, at);
    });
  }

  test('a new size is told', () => {
    const sizes = (stretches.get('bash') as Stretch[]).flatMap(({ columns, rows, timing }) => [
      `${columns}x${rows}`,
      ...(JSON.parse(timing) as [number, string, string][])
        .filter(([, what]) => what === 'r')
        .map(([, , size]) => size),
    ]);
    assert.deepEqual([...new Set(sizes)], ['80x24', '100x30']);
  });
});
