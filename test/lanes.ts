// SPDX-License-Identifier: Apache-2.0

/**
 * Which test files run beside which. Most wait about as long as they compute, so several run at once. Of those that compare what
 * an agent recorded with what happened only one runs at a time: two would take the processor from each other's rings.
 */

/**
 * What a test file needs of the machine.
 *
 *   kernel     programs in the kernel that are compared with what happened to the byte, namespaces: one such file at a time
 *   build      compilers, for what others run: begun first
 *   agent      an agent too, with little to record: beside one of the kernel's
 *   processes  engines, daemons, clients, kills: long files, begun before the short ones so that the lanes end together
 *   little     this process, at most a server in it
 */
export type Need = 'kernel' | 'build' | 'agent' | 'processes' | 'little';

/** By path, the first that fits; what none fits needs little. */
const NEEDS: readonly (readonly [Need, RegExp])[] = [
  // These of the suites have no agent.
  ['processes', /^test\/(?:oracle\/log|tamper)\//],
  // Begun first of all, and long before the one that needs what it builds.
  ['build', /^native\/test\/rustls-client\.test/],
  ['little', /^(?:test\/lanes|test\/entra-stand-in\/|test\/.*\/judge\.test|deploy\/installed-packages)/],
  ['kernel', /^(?:native|deploy|test)\//],
  ['agent', /^cli\/commands\/(?:credential|doctor|policy|run|status|token)\.test/],
  ['agent', /^agent\/doctor\/host-checks\.test/],
  ['kernel', /^agent\/wiring\/(?:policy|stolen-token)\.test/],
  ['agent', /^agent\/wiring\/(?:clocks|failed-start|freezing|full-disk|guard|seal)\.test/],
  ['kernel', /^agent\/probe\/probing\.test/],
  ['processes', /^(?:cli|collector|witness)\//],
  ['processes', /^agent\/(?:seal|journal|delivery|probe)\//],
];

export function needOf(path: string): Need {
  return NEEDS.find(([, paths]) => paths.test(path))?.[0] ?? 'little';
}

/** How files that start agents or programs in the kernel ask whether this host can. */
const ASKS_FOR_KERNEL = /\b(?:whyNoRecording|hostChecks|missingOnHost)\(|\/bpf-host\.ts'|\/daemon-pair\.ts'/;

/** Whether the table above forgets that this test file, with this text, needs the kernel. */
export function isForgotten(path: string, text: string): boolean {
  return !['kernel', 'agent'].includes(needOf(path)) && ASKS_FOR_KERNEL.test(text);
}

const ORDER: readonly Need[] = ['kernel', 'build', 'agent', 'processes', 'little'];

/** Each file once, `lanes` at a time and of those that need the kernel one. Ends when all have ended. */
export async function inLanes(
  paths: readonly string[],
  lanes: number,
  runFile: (path: string) => Promise<void>,
): Promise<void> {
  const waiting = new Map(ORDER.map((need) => [need, paths.filter((path) => needOf(path) === need)]));
  let kernelIsTaken = false;

  const next = (): string | undefined => {
    for (const need of ORDER) {
      if (need === 'kernel' && kernelIsTaken) continue;
      const path = waiting.get(need)?.shift();
      if (path !== undefined) return path;
    }
    return undefined;
  };

  const lane = async (): Promise<void> => {
    for (let path = next(); path !== undefined; path = next()) {
      const isKernel = needOf(path) === 'kernel';
      if (isKernel) kernelIsTaken = true;
      try {
        await runFile(path);
      } finally {
        if (isKernel) kernelIsTaken = false;
      }
    }
  };

  // A lane that finds nothing ends; the one that has the kernel goes on with what is left for it.
  await Promise.all(Array.from({ length: lanes }, lane));
}
