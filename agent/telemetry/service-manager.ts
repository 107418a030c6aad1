// SPDX-License-Identifier: Apache-2.0

/** What systemd wants to hear of a service of Type=notify (sd_notify(3)). Silent when nobody asks. */

export interface ServiceManager {
  ready(): void;
  stopping(): void;
}

/** Tells the watchdog twice as often as it asks, and from the main thread: an agent that hangs is not told alive. */
export function serviceManager(notify: (address: string, state: string) => boolean): ServiceManager {
  const address = process.env['NOTIFY_SOCKET'];
  if (address === undefined || address === '') return { ready() {}, stopping() {} };
  const watchdogUs = Number(process.env['WATCHDOG_USEC'] ?? 0);
  let timer: NodeJS.Timeout | undefined;
  return {
    ready() {
      notify(address, 'READY=1');
      if (watchdogUs > 0) timer = setInterval(() => notify(address, 'WATCHDOG=1'), watchdogUs / 2000);
      timer?.unref();
    },
    stopping() {
      clearInterval(timer);
      notify(address, 'STOPPING=1');
    },
  };
}
