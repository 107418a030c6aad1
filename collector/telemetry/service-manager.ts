// SPDX-License-Identifier: Apache-2.0

/**
 * What systemd wants to hear of a service of Type=notify (sd_notify(3)). Silent when nobody asks.
 *
 * Node cannot send to a unix datagram socket, so by default `systemd-notify` does it; the unit then needs
 * NotifyAccess=all. Whoever has a better way hands in `notify`.
 */
import { execFile } from 'node:child_process';
import type { Log } from './log.ts';

export interface ServiceManager {
  ready(): void;
  stopping(): void;
}

export type Notify = (state: string) => void;

/** Starting a program for each sign of life is dear enough not to do it more often than needed. */
const SIGNS_PER_WATCHDOG = 2;

function bySystemdNotify(log: Log): Notify {
  return (state) => {
    execFile('systemd-notify', [`--pid=${process.pid}`, state], { timeout: 5_000 }, (error) => {
      if (error !== null) log.warn({ state, detail: error.message }, 'systemd-notify failed');
    });
  };
}

export function serviceManager(log: Log, notify: Notify = bySystemdNotify(log)): ServiceManager {
  if ((process.env['NOTIFY_SOCKET'] ?? '') === '') return { ready() {}, stopping() {} };
  const watchdogMs = Number(process.env['WATCHDOG_USEC'] ?? 0) / 1000;
  let timer: NodeJS.Timeout | undefined;
  return {
    ready() {
      notify('READY=1');
      if (watchdogMs > 0) timer = setInterval(() => notify('WATCHDOG=1'), watchdogMs / SIGNS_PER_WATCHDOG);
      timer?.unref();
    },
    stopping() {
      clearInterval(timer);
      notify('STOPPING=1');
    },
  };
}
