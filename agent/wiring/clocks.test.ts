// SPDX-License-Identifier: Apache-2.0

/** A whole agent whose clocks are set, and whose host slept, as far as it can see: what its record says. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startProgram } from '../../deploy/demo/program.ts';
import { sworn } from '../../proto/record.ts';
import { hostChecks } from '../doctor/host-checks.ts';
import { Journal } from '../journal/journal.ts';
import { readBack } from '../journal/reading-back.ts';

const cannot = hostChecks().find(({ state }) => state === 'fail');
const WAIT_MS_MAX = 60_000;
const HOUR = 3600;

describe('clocks that are set while the agent runs', { skip: cannot && `${cannot.name}: ${cannot.found}` }, () => {
  let folder = '';
  const at = (...path: string[]): string => join(folder, ...path);

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sworn-clocks-'));
    const source = join(import.meta.dirname, 'testing/set_clocks.c');
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', at('set_clocks.so'), source]);
    const config = {
      state_dir: at('state'),
      run_dir: at('run'),
      broker: { enabled: false },
      tls: { enabled: false },
      record: { heartbeat_seconds: 1 },
    };
    writeFileSync(at('agent.yaml'), JSON.stringify(config));
    set(0, 0);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Whole, whenever it is read. */
  function set(wallSeconds: number, bootSeconds: number): void {
    writeFileSync(at('clocks.new'), `${wallSeconds} ${bootSeconds}\n`);
    renameSync(at('clocks.new'), at('clocks'));
  }

  it('are rows of the recorder, with how far and for how long', async (t) => {
    const agent = startProgram({
      name: 'agent',
      command: [join(import.meta.dirname, '../../bin/sworn'), 'agent', '--config', at('agent.yaml')],
      environment: { LD_PRELOAD: at('set_clocks.so'), SWORN_TEST_CLOCKS: at('clocks') },
      logFile: at('agent.log'),
    });
    t.after(() => agent.stop());
    const said = (text: string) => agent.line((line) => line.includes(text), WAIT_MS_MAX);
    await said('the agent records');
    set(-HOUR, 0);
    // An hour, less or more by what lies between two readings.
    await said('"offset_ns":"-3');
    set(0, 0);
    await said('"offset_ns":"3');
    // Who slept is later by both clocks, and not by the third.
    set(2 * HOUR, 2 * HOUR);
    await said('the host slept');
    set(0, 0);
    await agent.stop();

    const agentId = readFileSync(at('state/agent-id'), 'utf8').trim();
    const journal = await Journal.open({ folder: at('state/journal'), agentId, host: hostname() });
    t.after(() => journal.close());
    const record = await readBack(journal);
    const { ACTION_CLOCK_JUMPED, ACTION_SUSPENDED } = sworn.v1.Recorder.Action;
    const hoursOf = (action: number, name: string) =>
      record
        .filter(({ recorder }) => recorder?.action === action)
        .map(({ recorder }) => Math.round(Number(recorder?.attributes?.[name]) / 1e9 / HOUR));
    assert.deepEqual(hoursOf(ACTION_CLOCK_JUMPED, 'offset_ns').slice(0, 2), [-1, 1]);
    assert.deepEqual(hoursOf(ACTION_SUSPENDED, 'length_ns'), [2]);
  });
});
