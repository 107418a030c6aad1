// SPDX-License-Identifier: Apache-2.0

/**
 * What systemd wants to hear of a service of Type=notify (sd_notify(3)). Silent when nobody asks. Node cannot send to a
 * unix datagram socket: who starts the collector hands in what can.
 */

export interface ServiceManager {
  ready(): void;
  stopping(): void;
}

/** Sends a state to the service manager. */
export type Notify = (state: string) => void;

/** Tells the watchdog twice as often as it asks, and from the main thread: a collector that hangs is not told alive. */
export function serviceManager(notify: Notify | undefined): ServiceManager {
  if ((process.env['NOTIFY_SOCKET'] ?? '') === '' || notify === undefined) return { ready() {}, stopping() {} };
  const watchdogUs = Number(process.env['WATCHDOG_USEC'] ?? 0);
  let timer: NodeJS.Timeout | undefined;
  return {
    ready() {
      notify('READY=1');
      if (watchdogUs > 0) timer = setInterval(() => notify('WATCHDOG=1'), watchdogUs / 2000);
      timer?.unref();
    },
    stopping() {
      clearInterval(timer);
      notify('STOPPING=1');
    },
  };
}
