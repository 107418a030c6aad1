// SPDX-License-Identifier: Apache-2.0

/** Whole agents and what they sign: with a real collector, and over a journal that somebody changed while none ran. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRecording, whyNoRecording } from '../../test/oracle/recording/recording.ts';
import { readAgentConfig } from '../config/read-config.ts';
import { Journal } from '../journal/journal.ts';
import { readBack } from '../journal/reading-back.ts';
import { startAgent } from '../main.ts';
import type { SealStatus } from '../seal/seal.ts';
import { ownSealKey } from '../seal/seal-key.ts';
import { createLog } from '../telemetry/log.ts';

const WAIT_MS_MAX = 60_000;

describe('what an agent signs', { skip: whyNoRecording() }, () => {
  it('is cosigned by a real collector, up to its last line', async (t) => {
    const recording = await startRecording({
      identities: ['invoice-agent'],
      collector: true,
      config: () => ({ seal: { checkpoint_seconds: 1 } }),
    });
    t.after(() => recording.stop());
    await recording.run('invoice-agent', ['true']);
    const { agent_id: agentId } = await recording.status();
    const sealOf = async (): Promise<SealStatus> => (await recording.status()).seal as SealStatus;
    let seal = await sealOf();
    for (const end = Date.now() + WAIT_MS_MAX; seal.cosigned === null; seal = await sealOf()) {
      assert.ok(Date.now() < end, JSON.stringify(await recording.status()));
      await sleep(100);
    }
    assert.equal(seal.trouble, null);
    assert.match(seal.collector_key, /^sworn\/collector-/);
    await recording.finish();
    // The agent has stopped: all that it wrote is in a checkpoint.
    const [row] = await recording.client.rows<{ stored: string; signed: string }>(
      `SELECT (SELECT count() FROM activities WHERE agent_id = '${agentId}') AS stored,
              (SELECT max(size) FROM checkpoints WHERE agent_id = '${agentId}' AND verdict = 'cosigned') AS signed`,
    );
    assert.ok(Number(row?.stored) > 0);
    assert.equal(Number(row?.signed), Number(row?.stored));
  });

  class Host {
    readonly folder = mkdtempSync(join(tmpdir(), 'sworn-sealed-'));
    readonly state = join(this.folder, 'state');
    readonly journalFolder = join(this.state, 'journal');

    /** An agent runs until it has written its first lines, and stops. */
    async runOnce(): Promise<SealStatus> {
      const config = {
        state_dir: this.state,
        run_dir: join(this.folder, 'run'),
        broker: { enabled: false },
        tls: { enabled: false },
      };
      const agent = await startAgent({
        config: readAgentConfig(JSON.stringify(config), 'x'),
        version: '0',
        log: createLog('fatal'),
      });
      const status = agent.status().seal as SealStatus;
      await agent.stop();
      return status;
    }

    /** Kinds of findings in the record, with the attributes that matter here. */
    async findings(): Promise<string[]> {
      const agentId = readFileSync(join(this.state, 'agent-id'), 'utf8').trim();
      const journal = await Journal.open({ folder: this.journalFolder, agentId, host: hostname() });
      try {
        const record = await readBack(journal);
        const kinds = record.flatMap(({ finding }) => (finding?.kind ? [finding.kind] : []));
        return kinds.filter((kind) => /^(journal|seal)_/.test(kind));
      } finally {
        await journal.close();
      }
    }
  }

  function hostFor(t: TestContext): Host {
    const host = new Host();
    t.after(() => rmSync(host.folder, { recursive: true }));
    return host;
  }

  it('says nothing of a journal that nobody touched', async (t) => {
    const host = hostFor(t);
    for (let start = 0; start < 3; start += 1) assert.equal((await host.runOnce()).trouble, null);
    assert.deepEqual(await host.findings(), []);
    for (const file of ['seal.key', 'seal.state', 'journal.mark']) {
      assert.equal(statSync(join(host.state, file)).mode & 0o777, 0o600, file);
    }
  });

  it('finds that the end of the journal was taken away', async (t) => {
    const host = hostFor(t);
    await host.runOnce();
    cpSync(host.journalFolder, join(host.folder, 'before'), { recursive: true });
    await host.runOnce();
    rmSync(host.journalFolder, { recursive: true });
    cpSync(join(host.folder, 'before'), host.journalFolder, { recursive: true });
    await host.runOnce();
    assert.deepEqual(await host.findings(), ['journal_cut']);
    // Told once.
    await host.runOnce();
    assert.deepEqual(await host.findings(), ['journal_cut']);
  });

  it('finds that the journal was written anew, by one who has no key', async (t) => {
    const [host, forger] = [hostFor(t), hostFor(t)];
    await host.runOnce();
    await forger.runOnce();
    const agentId = readFileSync(join(host.state, 'agent-id'), 'utf8');
    // The same agent id, other entries: as good as a forger can make it.
    rmSync(forger.state, { recursive: true });
    cpSync(host.state, forger.state, { recursive: true });
    rmSync(forger.journalFolder, { recursive: true });
    for (const file of ['seal.state', 'journal.mark']) rmSync(join(forger.state, file));
    await forger.runOnce();
    assert.equal(readFileSync(join(forger.state, 'agent-id'), 'utf8'), agentId);
    rmSync(host.journalFolder, { recursive: true });
    cpSync(forger.journalFolder, host.journalFolder, { recursive: true });
    await host.runOnce();
    const found = await host.findings();
    assert.ok(found.length === 1 && /^journal_(rewritten|cut)$/.test(found[0]!), JSON.stringify(found));
  });

  it('finds a mark that another key signed', async (t) => {
    const host = hostFor(t);
    await host.runOnce();
    rmSync(join(host.state, 'seal.key'));
    await ownSealKey(join(host.state, 'seal.key'));
    await host.runOnce();
    assert.deepEqual((await host.findings()).sort(), ['journal_mark_unproven', 'seal_key_changed']);
  });

  it('finds a mark that was removed, or put back to an earlier one', async (t) => {
    const host = hostFor(t);
    await host.runOnce();
    const mark = join(host.state, 'journal.mark');
    cpSync(mark, join(host.folder, 'earlier.mark'));
    await host.runOnce();
    rmSync(mark);
    await host.runOnce();
    assert.deepEqual(await host.findings(), ['journal_mark_unproven']);
    cpSync(join(host.folder, 'earlier.mark'), mark);
    await host.runOnce();
    assert.deepEqual(await host.findings(), ['journal_mark_unproven', 'journal_mark_unproven']);
    // Told once: what follows is marked anew.
    await host.runOnce();
    assert.equal((await host.findings()).length, 2);
  });

  it('says nothing of an agent whose record is older than its seal', async (t) => {
    const host = hostFor(t);
    await host.runOnce();
    for (const file of ['seal.key', 'seal.state', 'journal.mark']) rmSync(join(host.state, file));
    await host.runOnce();
    assert.deepEqual(await host.findings(), []);
  });

  it('records without a seal when its key cannot be used, and says so', async (t) => {
    const host = hostFor(t);
    await host.runOnce();
    writeFileSync(join(host.state, 'seal.key'), 'nothing');
    const { trouble } = await host.runOnce();
    assert.equal(trouble as string, 'seal_unusable');
    assert.deepEqual(await host.findings(), ['seal_unusable']);
    assert.ok(readdirSync(host.journalFolder).length > 0);
  });
});
