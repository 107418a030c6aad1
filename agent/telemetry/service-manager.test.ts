// SPDX-License-Identifier: Apache-2.0

/** What systemd is told by whole daemons, and that they are believed, is in deploy/systemd/notify.test.ts. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { serviceManager } from './service-manager.ts';

describe('the service manager', () => {
  const told: string[] = [];
  const notify = (address: string, state: string): boolean => {
    told.push(`${address} ${state}`);
    return true;
  };
  const before = { socket: process.env['NOTIFY_SOCKET'], watchdog: process.env['WATCHDOG_USEC'] };

  function ask(socket: string | undefined, watchdogUs: string | undefined): void {
    for (const [name, value] of [
      ['NOTIFY_SOCKET', socket],
      ['WATCHDOG_USEC', watchdogUs],
    ] as const) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }

  beforeEach(() => {
    told.length = 0;
    mock.timers.enable({ apis: ['setInterval'] });
  });
  afterEach(() => {
    mock.timers.reset();
    ask(before.socket, before.watchdog);
  });

  it('is told nothing when nobody asks', () => {
    for (const socket of [undefined, '']) {
      ask(socket, '1000000');
      const manager = serviceManager(notify);
      manager.ready();
      mock.timers.tick(10_000);
      manager.stopping();
    }
    assert.deepEqual(told, []);
  });

  it('hears of the life of the agent twice as often as it asks, until the agent stops', () => {
    ask('/run/notify', '1000000');
    const manager = serviceManager(notify);
    mock.timers.tick(5000);
    assert.equal(told.length, 0, 'not before the agent records');
    manager.ready();
    mock.timers.tick(1000);
    manager.stopping();
    mock.timers.tick(5000);
    assert.deepEqual(
      told.map((line) => line.replace('/run/notify ', '')),
      ['READY=1', 'WATCHDOG=1', 'WATCHDOG=1', 'STOPPING=1'],
    );
  });

  it('without a watchdog hears only the beginning and the end', () => {
    ask('/run/notify', undefined);
    const manager = serviceManager(notify);
    manager.ready();
    mock.timers.tick(60_000);
    manager.stopping();
    assert.equal(told.length, 2);
  });
});
