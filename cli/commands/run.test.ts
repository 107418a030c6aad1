// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import type { RunRecord } from '../../test/oracle/recording/record.ts';
import { type Recording, startRecording, whyNoRecording } from '../../test/oracle/recording/recording.ts';
import { type Ended, runProgram, runSworn, SWORN, startSworn } from '../testing/run-sworn.ts';

describe('sworn run', { skip: whyNoRecording() }, () => {
  let recording: Recording;
  let folder = '';
  const words = (...command: string[]): string[] => {
    const socket = join(recording.folder, 'run/agent.sock');
    return ['run', '--socket', socket, '--identity', 'invoice-agent', '--', ...command];
  };
  const run = (...command: string[]): Promise<Ended> => runSworn(words(...command));
  before(async () => {
    recording = await startRecording({ identities: ['invoice-agent'] });
    folder = mkdtempSync(join(tmpdir(), 'sworn-cli-'));
    chmodSync(folder, 0o755);
  });
  after(async () => {
    await recording.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('gives the command its words as they are, the environment, the folder and its standard streams', async () => {
    const odd = ['a b', '', '*', '--json', "'", '$HOME'];
    const script = 'cat; pwd; echo "$MARK"; echo err >&2; for word; do echo "[$word]"; done';
    const { code, out, err } = await runSworn(words('sh', '-c', script, 'sh', ...odd), {
      input: 'from outside\n',
      folder,
      environment: { MARK: 'kept' },
    });
    assert.deepEqual([code, err], [0, 'err\n']);
    assert.equal(out, `from outside\n${folder}\nkept\n${odd.map((word) => `[${word}]\n`).join('')}`);
  });

  it('ends as the command ends', async () => {
    for (const code of [0, 1, 7, 255]) assert.equal((await run('sh', '-c', `exit ${code}`)).code, code);
    assert.equal((await run('sh', '-c', 'kill -TERM $$')).signal, 'SIGTERM');
  });

  it('is the command itself afterwards, so that signals reach it', async () => {
    const { child, ended } = startSworn(
      words('sh', '-c', 'trap "echo told; exit 9" INT; echo $$; while :; do sleep 0.1; done'),
    );
    child.stderr.resume();
    const [first] = (await once(child.stdout, 'data')) as [Buffer];
    assert.equal(Number(first.toString()), child.pid);
    const rest = text(child.stdout);
    child.kill('SIGINT');
    assert.deepEqual(await ended, [9, null]);
    assert.equal(await rest, 'told\n');
  });

  it('leaves the command the signals that Node ignores', async () => {
    const { out } = await run('sh', '-c', 'grep SigIgn /proc/self/status');
    assert.match(out, /^SigIgn:\t0+$/m);
    assert.equal((await run('sh', '-c', 'yes | head -1')).out, 'y\n');
  });

  it('says which program there is not (127), and which cannot be executed (126)', async () => {
    const missing = await run('no-such-program');
    assert.equal(missing.code, 127);
    assert.match(missing.err, /there is no program 'no-such-program'\n.*PATH/);
    const file = join(folder, 'not-executable');
    writeFileSync(file, '#!/bin/sh\n');
    const refused = await run(file);
    assert.equal(refused.code, 126);
    assert.match(refused.err, /not executable\n.*chmod \+x/);
    const broken = join(folder, 'broken');
    writeFileSync(broken, '#!/no/such/interpreter\n');
    chmodSync(broken, 0o755);
    const unstarted = await run(broken);
    assert.equal(unstarted.code, 126);
    assert.match(unstarted.err, /cannot be executed/);
  });

  it('looks for it in PATH past folders that are not open to the one who asks', async () => {
    const closed = join(folder, 'closed');
    mkdirSync(join(closed, 'bin'), { recursive: true });
    chmodSync(closed, 0o700);
    chmodSync(recording.folder, 0o711);
    const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', SWORN];
    const environment = { PATH: `${join(closed, 'bin')}:${process.env['PATH']}` };
    const { err } = await runProgram('setpriv', [...nobody, ...words('true')], { environment });
    assert.match(err, /the agent says/);
  });

  it('runs a script without a first line through the shell, as a shell does', async () => {
    const script = join(folder, 'script');
    writeFileSync(script, 'echo "ran $1"\n');
    chmodSync(script, 0o755);
    assert.equal((await run(script, 'it')).out, 'ran it\n');
  });

  it('does not run the command when the agent refuses', async () => {
    const mark = join(folder, 'must-not-be');
    const socket = join(recording.folder, 'run/agent.sock');
    const unknown = await runSworn(['run', '--socket', socket, '--identity', 'nobody', '--', 'touch', mark]);
    assert.equal(unknown.code, 1);
    assert.match(unknown.err, /lets you run for 'nobody'\n.*workloads/);
    const reachable = ['--reuid=65534', '--regid=65534', '--clear-groups'];
    chmodSync(recording.folder, 0o711);
    const other = await runProgram('setpriv', [...reachable, SWORN, ...words('touch', mark)]);
    assert.equal(other.code, 1, other.err);
    assert.match(other.err, /lets you run for 'invoice-agent'/);
    assert.throws(() => readFileSync(mark), /ENOENT/);
  });

  it('does not run the command without an agent, and says what to do', async () => {
    const mark = join(folder, 'must-not-be');
    const socket = join(folder, 'none.sock');
    const { code, err } = await runSworn([
      'run',
      '--socket',
      socket,
      '--identity',
      'invoice-agent',
      '--',
      'touch',
      mark,
    ]);
    assert.equal(code, 2);
    assert.match(err, /no agent listens on .*none\.sock\n.*systemctl start sworn-agent/);
    assert.throws(() => readFileSync(mark), /ENOENT/);
  });

  it('records what it ran, each run as a session of its own', async () => {
    assert.equal((await run('sh', '-c', ': the-marked-one; exit 3')).code, 3);
    const record: RunRecord = await recording.finish();
    const lines = record.sessions.map(({ commandLine }) => commandLine);
    assert.equal(lines.filter((line) => line.includes('the-marked-one')).length > 0, true);
    assert.ok(!lines.some((line) => line.includes('must-not-be')), 'what did not run is not a session');
    const ids = new Set(record.sessions.filter(({ action }) => action === 'started').map(({ sessionId }) => sessionId));
    // The refused and the missing have none.
    assert.equal(ids.size, 11);
  });
});
