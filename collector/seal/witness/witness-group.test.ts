// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { SIZE_CONTENT_TYPE } from '../../../proto/log/add-checkpoint.ts';
import { openNote, parseVerifier } from '../../../proto/log/note.ts';
import { type RunningWitness, startWitness } from '../../../witness/main.ts';
import { TestLog } from '../../../witness/testing/test-log.ts';
import { readWitnessConfig } from '../../../witness/witness-config.ts';
import { createCollectorMetrics } from '../../telemetry/collector-metrics.ts';
import { createLog } from '../../telemetry/log.ts';
import { WitnessGroup, witnessesOf } from './witness-group.ts';

const log = createLog('silent');

describe('witnesses of the collector', () => {
  let folder: string;
  const logs = Array.from({ length: 12 }, (_, i) => new TestLog(`sworn/web-${i}`).grow(3));
  let next = 0;
  const witnesses: RunningWitness[] = [];
  let metrics: ReturnType<typeof createCollectorMetrics>;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sworn-witness-'));
    for (const name of ['one', 'two']) witnesses.push(await start(name));
  });
  after(async () => {
    for (const witness of witnesses) await witness.stop();
    rmSync(folder, { recursive: true });
  });

  function start(name: string, listen = '127.0.0.1:0'): Promise<RunningWitness> {
    const config = { name, listen, state_dir: join(folder, name), logs: logs.map(({ keyLine }) => keyLine) };
    return startWitness(readWitnessConfig(JSON.stringify(config), 'test'), () => {});
  }

  function groupOf(
    t: TestContext,
    members: readonly { url: string; keyLine: string }[],
    { required = 0, timeoutMs = 5000, now = (): number => 0 } = {},
  ): WitnessGroup {
    metrics = createCollectorMetrics();
    const addresses = members.map(({ url, keyLine }, i) => ({ name: `w${i}`, url, key: keyLine }));
    const group = new WitnessGroup({ witnesses: addresses, required, metrics, log, timeoutMs, now });
    t.after(() => group.close());
    return group;
  }

  const show = async (group: WitnessGroup, shown: TestLog, oldSize = 0): Promise<string[]> => {
    const signatures = await group.cosign(shown.origin, shown.note, oldSize, async (from) => shown.proofFrom(from));
    const note = { text: shown.text, signatures };
    return openNote(note, group.verifiers).map(({ verifier }) => verifier.name);
  };
  const outcomes = (outcome: string, witness = 'w0'): number => metrics.witnessRequests.value({ witness, outcome });

  /** A server that is no witness of ours. */
  async function pretend(t: TestContext, answer: RequestListener): Promise<{ url: string; keyLine: string }> {
    const server: Server = createServer(answer);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    return { url: `http://127.0.0.1:${port}/prefix`, keyLine: (witnesses[0] as RunningWitness).keyLine };
  }

  it('cosign all, as the log grows, also when nobody remembers how far they are', async (t) => {
    const shown = logs[next++] as TestLog;
    const group = groupOf(t, witnesses);
    for (const size of [3, 3, 4, 300, 1025]) {
      assert.deepEqual((await show(group, shown.grow(size))).sort(), ['one', 'two']);
    }
    const anew = groupOf(t, witnesses);
    assert.equal((await show(anew, shown.grow(1200))).length, 2);
    assert.equal((await show(anew, shown.grow(1300), 7)).length, 2);
    assert.equal(outcomes('cosigned'), 2);
    assert.equal(metrics.witnessesLacking.value(), 0);
  });

  it('that are away hold up nothing, are left alone for a while, and are asked again', async (t) => {
    const shown = logs[next++] as TestLog;
    let at = 0;
    const late = await start('late');
    const { port } = new URL(late.url);
    await late.stop();
    const group = groupOf(t, [late, witnesses[0] as RunningWitness], { required: 2, now: () => at });
    assert.deepEqual(await show(group, shown), ['one']);
    assert.deepEqual([outcomes('unreachable'), metrics.witnessesLacking.value()], [1, 1]);
    assert.deepEqual(await show(group, shown.grow(5)), ['one']);
    assert.equal(outcomes('skipped'), 1);
    const back = await start('late', `127.0.0.1:${port}`);
    t.after(() => back.stop());
    at += 120_000;
    assert.equal((await show(group, shown.grow(9))).length, 2);
    assert.deepEqual([outcomes('cosigned'), metrics.witnessesLacking.value()], [1, 2]);
  });

  it('that never answer, or never end, are not waited for', async (t) => {
    const shown = logs[next++] as TestLog;
    const silent = await pretend(t, () => {});
    const endless = await pretend(t, (_request, response) => {
      response.writeHead(200);
      const more = (): void => {
        while (response.writable && response.write('\u2014 w AAAA\n'.repeat(1000)));
        response.once('drain', more);
      };
      more();
    });
    const group = groupOf(t, [silent, endless], { timeoutMs: 300 });
    assert.deepEqual(await show(group, shown), []);
    assert.deepEqual([outcomes('unreachable', 'w0'), outcomes('unreachable', 'w1')], [1, 1]);
  });

  it('that answer anything else than their signature are told apart', async (t) => {
    const shown = logs[next++] as TestLog;
    const line = (text: string): string => `${text}\n`;
    const { keyLine } = witnesses[1] as RunningWitness;
    const answers: readonly [status: number, type: string, body: string, outcome: string][] = [
      [200, 'text/plain', '', 'bad_answer'],
      [200, 'text/plain', `\u2014 one ${Buffer.alloc(76).toString('base64')}\n`, 'bad_answer'],
      [200, 'text/plain', `\u2014 ${keyLine.split('+')[0]} AAAAAAAA\n`, 'bad_answer'],
      [409, SIZE_CONTENT_TYPE, line('99'), 'ahead'],
      [409, SIZE_CONTENT_TYPE, line('1e1'), 'bad_answer'],
      [409, SIZE_CONTENT_TYPE, line('2'), 'bad_answer'],
      [409, 'text/plain', '', 'other_root'],
      [404, 'text/plain', '', 'unknown_log'],
      [403, 'text/plain', '', 'not_signed'],
      [422, 'text/plain', '', 'not_grown'],
      [429, 'text/plain', '', 'busy'],
      [302, 'text/plain', '', 'bad_answer'],
      [500, 'text/plain', '', 'unreachable'],
    ];
    for (const [status, type, body, outcome] of answers) {
      const other = await pretend(t, (request, response) => {
        assert.equal(request.url, '/prefix/add-checkpoint');
        response.writeHead(status, { 'content-type': type, location: (witnesses[0] as RunningWitness).url }).end(body);
      });
      assert.deepEqual(await show(groupOf(t, [other]), shown), []);
      assert.equal(outcomes(outcome), 1, `${status} ${body}: ${outcome}`);
    }
  });

  it('see a fork and a log that went back', async (t) => {
    const shown = logs[next++] as TestLog;
    const back = shown.fork('', 3);
    const fork = shown.fork('other', 6);
    const group = groupOf(t, witnesses);
    assert.equal((await show(group, shown.grow(6))).length, 2);
    assert.deepEqual(await show(group, back), []);
    assert.equal(outcomes('ahead'), 1);
    assert.deepEqual(await show(group, fork), []);
    assert.equal(outcomes('other_root'), 1);
    assert.deepEqual(await show(group, fork.grow(9, 'other')), []);
    assert.equal(outcomes('not_grown'), 1);
    const noProof = group.cosign(shown.origin, shown.grow(12).note, 6, () => Promise.reject(new RangeError('missing')));
    assert.deepEqual(await noProof, []);
    assert.equal(outcomes('no_proof'), 1);
    assert.deepEqual(await group.cosign('x', 'no note', 0, async () => []), []);
  });

  it('are refused when their keys are none', () => {
    const seal = (key: string) => ({ witnesses: [{ name: 'a', url: 'http://x', key }], witnesses_required: 0 });
    metrics = createCollectorMetrics();
    assert.throws(() => witnessesOf(seal('x'), { metrics, log }), /seal\.witnesses: a: key: This is no key line/);
    assert.throws(() => witnessesOf(seal((logs[0] as TestLog).keyLine), { metrics, log }), /key of a log/);
    assert.equal(witnessesOf({ witnesses: [], witnesses_required: 0 }, { metrics, log }), undefined);
    assert.equal(parseVerifier((witnesses[0] as RunningWitness).keyLine).kind, 'cosignature');
  });
});
