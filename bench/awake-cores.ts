// SPDX-License-Identifier: Apache-2.0

/**
 * Keeps every core awake, so that a ratio says what a program costs and not what sleep costs.
 *
 * One pgbench client and its server wake each other, one at a time; on a virtual machine the core that waits is given back
 * to the host, and getting it again takes longer than the command. Any program that runs beside them keeps the cores from
 * that sleep: recorded commands then seem twice as fast as others. With a loop of the lowest class (SCHED_IDLE) on each
 * core no way has that advantage. Its time is counted as `nice`, which machine.ts leaves out.
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';

const LOOP = ['nice', '-n', '19', 'chrt', '-i', '0', 'sh', '-c', 'while :; do :; done'];

export function keepCoresAwake(): () => void {
  const loops = Array.from({ length: availableParallelism() }, (_, core) =>
    // Not to outlive a bench that fails.
    spawn('setpriv', ['--pdeathsig', 'KILL', 'taskset', '-c', String(core), ...LOOP], { stdio: 'ignore' }),
  );
  return () => {
    for (const loop of loops) loop.kill('SIGKILL');
  };
}
