// SPDX-License-Identifier: Apache-2.0

/** Both sides of tlog-witness against the libraries of the public witness network. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { WitnessGroup } from '../../../collector/seal/witness/witness-group.ts';
import { createCollectorMetrics } from '../../../collector/telemetry/collector-metrics.ts';
import { createLog } from '../../../collector/telemetry/log.ts';
import { openNote, parseNote, parseVerifier } from '../../../proto/log/note.ts';
import { startWitness } from '../../../witness/main.ts';
import { TestLog } from '../../../witness/testing/test-log.ts';
import { readWitnessConfig } from '../../../witness/witness-config.ts';
import { buildGoProgram, type GoProgram, whyNoGo } from './go-program.ts';

describe('witnesses and the public witness network', { skip: whyNoGo() }, () => {
  let go: GoProgram;
  let folder: string;
  before(() => {
    go = buildGoProgram('witness');
    folder = mkdtempSync(join(tmpdir(), 'sworn-witness-'));
  });
  after(() => {
    go.remove();
    rmSync(folder, { recursive: true });
  });

  it('ours cosigns for a Tessera log, also one that was started again', async (t) => {
    const key = JSON.parse(execFileSync(go.path, ['key', 'tessera.example.net/log'], { encoding: 'utf8' })) as {
      secret: string;
      public: string;
    };
    const config = { name: 'witness.example.net', listen: '127.0.0.1:0', state_dir: folder, logs: [key.public] };
    const refused: unknown[] = [];
    const witness = await startWitness(readWitnessConfig(JSON.stringify(config), 'test'), (level, _message, detail) => {
      if (level !== 'info') refused.push(detail);
    });
    t.after(() => witness.stop());
    const log = join(folder, 'tessera');
    for (const rounds of [4, 3]) {
      const child = spawn(go.path, ['log', log, witness.url, witness.keyLine, String(rounds)]);
      t.after(() => child.kill('SIGKILL'));
      child.stdin.end(`${key.secret}\n`);
      const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
      assert.equal(code, 0, err);
      const lines = out.trimEnd().split('\n');
      assert.equal(lines.length, rounds);
      for (const line of lines) assert.equal((JSON.parse(line) as { name: string }).name, 'witness.example.net');
    }
    // The same note, as our side reads it.
    const note = parseNote(readFileSync(join(log, 'checkpoint')));
    assert.equal(openNote(note, [parseVerifier(key.public), parseVerifier(witness.keyLine)]).length, 2);
    assert.deepEqual(refused, []);
  });

  it('theirs cosigns for our collector, and refuses what ours refuses', async (t) => {
    const log = new TestLog('sworn/web-1').grow(1);
    const stranger = new TestLog('sworn/web-2').grow(1);
    const child = spawn(go.path, ['serve', 'other.example.net', log.keyLine], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => child.kill('SIGKILL'));
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const { url, key } = JSON.parse(line) as { url: string; key: string };
    const metrics = createCollectorMetrics();
    const witnesses = [{ name: 'other', url, key }];
    const group = new WitnessGroup({ witnesses, required: 1, metrics, log: createLog('silent') });
    t.after(() => group.close());
    const show = async (of: TestLog, oldSize = 0): Promise<number> => {
      const signatures = await group.cosign(of.origin, of.note, oldSize, async (from) => of.proofFrom(from));
      return openNote({ text: of.text, signatures }, [parseVerifier(key)]).length;
    };
    const fork = log.fork('other', 3);
    for (const size of [1, 1, 2, 255, 256, 257, 1000, 4099])
      assert.equal(await show(log.grow(size)), 1, `size ${size}`);
    assert.equal(await show(log.grow(5000), 17), 1, 'also when it takes the witness to be elsewhere');
    assert.deepEqual([await show(fork), await show(stranger)], [0, 0]);
    assert.equal(await show(fork.grow(5000, 'other')), 0);
    assert.equal(await show(fork.grow(6000, 'other'), 5000), 0);
    const outcomes = ['cosigned', 'ahead', 'unknown_log', 'other_root', 'not_grown'];
    assert.deepEqual(
      outcomes.map((outcome) => metrics.witnessRequests.value({ witness: 'other', outcome })),
      [9, 1, 1, 1, 1],
    );
  });
});
