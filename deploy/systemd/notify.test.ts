// SPDX-License-Identifier: Apache-2.0

/** Type=notify and WatchdogSec=: what each daemon tells systemd, in which order, and that it is the main process. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { hostChecks } from '../../agent/doctor/host-checks.ts';
import type { Program } from '../demo/program.ts';
import { DaemonPair } from '../testing/daemon-pair.ts';
import { type NotifySocket, openNotifySocket } from '../testing/notify-socket.ts';

const sworn = join(import.meta.dirname, '../../bin/sworn');
const missing = hostChecks().find(({ state }) => state === 'fail');
const WATCHDOG_US = 200_000;

describe('systemd is told', () => {
  let folder = '';
  let pair: DaemonPair;
  const sockets: NotifySocket[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sworn-notify-'));
    // One of each kind of name: systemd may give either.
    sockets.push(await openNotifySocket(join(folder, 'notify')), await openNotifySocket(`@sworn-test-${process.pid}`));
    const environment = (who: 'agent' | 'collector') => ({
      NOTIFY_SOCKET: sockets[who === 'agent' ? 1 : 0]?.path ?? '',
      WATCHDOG_USEC: String(WATCHDOG_US),
    });
    pair = new DaemonPair({ sworn, folder, environment });
    await pair.configure();
  });
  after(async () => {
    await pair?.stop();
    for (const socket of sockets) await socket.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('by the collector', async () => check(sockets[0] as NotifySocket, await pair.startCollector()));

  it('by the agent', { skip: missing && `${missing.name}: ${missing.found}` }, async () => {
    await pair.startCollector();
    pair.issueCertificate('notify-test');
    await check(sockets[1] as NotifySocket, await pair.startAgent());
  });
});

async function check(socket: NotifySocket, daemon: Program): Promise<void> {
  await socket.seen('WATCHDOG=1', 3);
  await daemon.stop();
  assert.equal(await daemon.ended, 0);
  await socket.seen('STOPPING=1');
  const states = socket.messages.map(({ state }) => state);
  assert.equal(states[0], 'READY=1');
  assert.equal(states.at(-1), 'STOPPING=1');
  assert.deepEqual(new Set(states.slice(1, -1)), new Set(['WATCHDOG=1']));
  // NotifyAccess=main: messages of other processes are not heard.
  assert.deepEqual(new Set(socket.messages.map(({ pid }) => pid)), new Set([daemon.child.pid]));
}
