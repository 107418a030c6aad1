// SPDX-License-Identifier: Apache-2.0

/**
 * Processes of every kind that Linux knows, against what each of them says that it is: every exec once, with the bytes
 * of its arguments, its program, folder, cgroup and user; every process once, with its parent and its end; and nothing
 * of others, who do the same at the same time.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { trigger } from '../../../native/test/trigger.ts';
import { assertWhole } from '../recording/accounts.ts';
import type { RunRecord } from '../recording/record.ts';
import { type Recording, scaled, startRecording, whyNoRecording } from '../recording/recording.ts';
import { type RecordedLives, readRecordedProcesses } from './recorded-processes.ts';
import { readOracle, type ToldProcess, type ToldProcesses } from './told-processes.ts';

const IDENTITY = 'tree-agent';
const ROOT_EXIT_CODE = 17;
const FAULTS_SHOWN = 10;
/** Copies of the program, as native/test/triggers/tree/programs.c names them. Node takes names as bytes, too. */
const COPIES = [
  'tree',
  'with space',
  'größe',
  Buffer.from('byte \xff', 'latin1'),
  '.hidden',
  'a)b (c',
  'not-executable',
];
const FOLDERS = ['in', 'in here', Buffer.from([0xff, 0xfe]), 'line\nline', '東京', 'deep/er/still'];

const SCENARIOS = [
  `storm=${scaled(3000)}`,
  'arguments',
  'chain=100',
  'daemon=20',
  'again=200',
  'missing',
  'vfork',
  'threads',
  'race=50',
  'ends',
  'users',
  'sibling',
];

describe('processes of a workload', { skip: whyNoRecording() }, () => {
  let recording: Recording;
  let outside: ChildProcess | undefined;
  let record: RunRecord;
  let recorded: RecordedLives;
  let told: ToldProcesses;
  let outsiders: ToldProcesses;

  before(async () => {
    recording = await startRecording({ identities: [IDENTITY] });
    const { folder } = recording;
    chmodSync(folder, 0o755);
    const programs = join(folder, 'programs');
    layOut(programs);
    const environmentFor = (name: string): { ORACLE_LOG: string; ORACLE_PROGRAMS: string } => {
      const log = join(folder, `${name}.oracle`);
      writeFileSync(log, '');
      chmodSync(log, 0o666);
      return { ORACLE_LOG: log, ORACLE_PROGRAMS: programs };
    };

    const outsideEnvironment = environmentFor('outside');
    outside = spawn(join(programs, 'tree'), ['until'], { env: outsideEnvironment, stdio: 'inherit' });
    const outsideEnded = new Promise((resolve) => outside?.once('exit', resolve));
    const environment = environmentFor('inside');
    await recording.run(IDENTITY, [join(programs, 'tree'), ...SCENARIOS], { environment, fails: true });
    writeFileSync(join(programs, 'until'), '');
    assert.equal(await outsideEnded, ROOT_EXIT_CODE);

    told = readOracle(environment.ORACLE_LOG);
    outsiders = readOracle(outsideEnvironment.ORACLE_LOG);
    record = await recording.finish();
    const agentId = readFileSync(join(folder, 'agent/agent-id'), 'utf8').trim();
    recorded = await readRecordedProcesses(recording.journalFolder, agentId, hostname());
  });
  after(async () => {
    outside?.kill('SIGKILL');
    await recording?.stop();
  });

  /** The first one was made by the test, which also waits for it: `sworn run` became it. */
  const first = (): string => told.keys().next().value as string;

  test('every process is in the record, and nothing of others', (t) => {
    assert.deepEqual([...recorded.processes.keys()].sort(), [...told.keys()].sort());
    for (const name of outsiders.keys()) assert.ok(!recorded.processes.has(name), `${name} is no process of it`);
    assert.ok(outsiders.size > told.size / 10, 'there was a storm outside');
    assert.deepEqual(recorded.faults.slice(0, FAULTS_SHOWN), []);
    t.diagnostic(`${told.size} processes, ${outsiders.size} outside`);
  });

  test('all of it is of one session and one workload, and nothing is lost', () => {
    assert.deepEqual([...recorded.workloads], [IDENTITY]);
    assert.equal(recorded.sessions.size, 1);
    assert.equal(record.sessions.length, 2);
    assert.equal(record.connections.length, 0);
    assertWhole(record);
  });

  test('each exec once, in order, byte for byte', (t) => {
    compare((life) => life.execs);
    const execs = [...told.values()].reduce((sum, life) => sum + life.execs.length, 0);
    t.diagnostic(`${execs} execs`);
  });

  test('each process once, with the one that made it', () => {
    assert.deepEqual(recorded.processes.get(first())?.parents, []);
    compare((life) => life.parents);
  });

  test('each end once, as its parent was told', (t) => {
    assert.deepEqual(recorded.processes.get(first())?.exits, [{ code: ROOT_EXIT_CODE, signal: 0, core: false }]);
    compare((life) => life.exits, first());
    const cores = [...told.values()].flatMap((life) => life.exits).filter(({ core }) => core);
    // None where the limits of this host allow none.
    t.diagnostic(`${cores.length} left a core`);
  });

  /** Shows the first differences; all that differs would be thousands of lines. */
  function compare(of: (life: ToldProcess) => readonly unknown[], except = ''): void {
    const faults: unknown[] = [];
    for (const [name, life] of told) {
      if (name === except) continue;
      const found = recorded.processes.get(name);
      const [wanted, got] = [JSON.stringify(of(life)), JSON.stringify(found === undefined ? undefined : of(found))];
      if (wanted !== got) faults.push({ name, wanted: wanted.slice(0, 2000), got: got?.slice(0, 2000) });
    }
    assert.deepEqual(faults.slice(0, FAULTS_SHOWN), [], `${faults.length} of ${told.size} processes differ`);
  }
});

/** Everything that native/test/triggers/tree/programs.c names. */
function layOut(programs: string): void {
  const at = (name: string | Buffer): Buffer => Buffer.concat([Buffer.from(`${programs}/`), Buffer.from(name)]);
  mkdirSync(programs);
  for (const name of FOLDERS) mkdirSync(at(name), { recursive: true });
  for (const name of COPIES) {
    copyFileSync(trigger('tree'), at(name));
    chmodSync(at(name), name === 'not-executable' ? 0o644 : 0o755);
  }
  symlinkSync('with space', at('link'));
  const script = (name: string, text: string): void => writeFileSync(at(name), text, { mode: 0o755 });
  script('script', `#!${programs}/.hidden from a script\n`);
  script('script-of-nothing', '#!/no/such/interpreter\n');
  script('no-program', 'neither a program nor a script\n');
}
