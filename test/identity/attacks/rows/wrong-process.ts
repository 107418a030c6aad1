// SPDX-License-Identifier: Apache-2.0

/** The right words from the wrong process: copied programs, stolen secrets, other users. */
import { chmodSync, copyFileSync, mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Attack } from '../attack.ts';
import type { Scene } from '../scene.ts';
import { OTHER_USER, USER } from '../stage.ts';

const as = (user: number): string[] => ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'];

/** In a mount namespace of its own, after a shell's words. */
const inMounts = (words: string, ...args: string[]): string[] => [
  ...['unshare', '--mount', '--propagation', 'private', 'sh', '-c', `exec 9<&0; ${words} exec "$@" <&9`, 'sh'],
  ...args,
];

const port = ({ stage }: Scene): string => String(stage.port);

/** Waits with the program open until another file lies at its path. */
async function replaceWhileItRuns(scene: Scene): Promise<void> {
  const { stage } = scene;
  const program = `${dirname(stage.ask)}/replaced`;
  const go = scene.path('go');
  const waits = ['sh', '-c', 'cat > "$0.late"; (while [ ! -e "$0" ]; do sleep 0.02; done; cat "$0.late") | "$@"', go];
  const launched = scene.inWorkload('at-path', [...waits, program, port(scene)]);
  // Both are of the pipe by then; the asker reads its standard input to the end before it connects.
  await untilRuns(launched.pid, program);
  copyFileSync(stage.changed, `${program}.new`);
  chmodSync(`${program}.new`, 0o755);
  renameSync(`${program}.new`, program);
  copyFileSync('/dev/null', go);
  await launched.ended;
}

async function untilRuns(parent: number, program: string): Promise<void> {
  const { readdirSync, readlinkSync, readFileSync } = await import('node:fs');
  const { setTimeout: sleep } = await import('node:timers/promises');
  for (let tries = 0; tries < 1000; tries++, await sleep(10)) {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        if (readlinkSync(`/proc/${pid}/exe`) !== program) continue;
        if (readFileSync(`/proc/${pid}/stat`, 'utf8').includes(`) S ${parent} `)) return;
      } catch {
        // It has ended.
      }
    }
  }
  throw new Error(`${program} did not start`);
}

export const WRONG_PROCESS: readonly Attack[] = [
  {
    name: 'program: the right one',
    about: 'control: the program that the policy names by path and digest',
    ...{ expect: 'own', reasons: [], own: 'pinned' },
    play: async (scene) => void (await scene.inWorkload('pinned', [scene.stage.ask, port(scene)]).ended),
  },
  {
    name: 'program: a copy elsewhere',
    about: 'the same bytes at another path',
    ...{ expect: 'nothing', reasons: ['no_binding'] },
    play: async (scene) => void (await scene.inWorkload('pinned', [scene.stage.elsewhere, port(scene)]).ended),
  },
  {
    name: 'program: mounted over the path',
    about: 'another program is mounted over the right path, in a mount namespace of its own',
    ...{ expect: 'nothing', reasons: ['no_binding'] },
    play: async (scene) => {
      const { ask, changed } = scene.stage;
      const command = inMounts(`mount --bind ${changed} ${ask};`, ask, port(scene));
      await scene.inWorkload('pinned', command).ended;
    },
  },
  {
    name: 'program: overlay over the path',
    about: 'an overlay with another program at the right path, in a mount namespace of its own',
    ...{ expect: 'nothing', reasons: ['no_binding'] },
    play: async (scene) => {
      const { ask, changed } = scene.stage;
      const top = scene.path('top');
      for (const name of ['', '/upper', '/work']) mkdirSync(`${top}${name}`);
      const where = dirname(ask);
      const words = [
        `mount -t tmpfs tmpfs ${top} && mkdir ${top}/upper ${top}/work && cp ${changed} ${top}/upper/ask &&`,
        `mount -t overlay overlay -o lowerdir=${where},upperdir=${top}/upper,workdir=${top}/work ${where};`,
      ].join(' ');
      await scene.inWorkload('pinned', inMounts(words, ask, port(scene))).ended;
    },
  },
  {
    name: 'program: replaced while it runs',
    about: 'the file at the path becomes another one while the old one runs, and then asks',
    ...{ expect: 'nothing', reasons: ['no_binding'] },
    play: replaceWhileItRuns,
  },
  {
    name: 'secret: its own session',
    about: 'control: a workload with the secret of its own session',
    ...{ expect: 'own', reasons: [] },
    play: async (scene) => void (await scene.inWorkload('victim', [scene.stage.ask, port(scene)]).ended),
  },
  {
    name: 'secret: outside any workload',
    about: 'the right secret, from a process of the host that is no workload',
    ...{ expect: 'nothing', reasons: ['not_a_workload'] },
    play: async (scene) => {
      const secret = await scene.secretOf('victim');
      await scene.outside([scene.stage.ask, port(scene)], { input: scene.request({ secret }) }).ended;
    },
  },
  {
    name: 'secret: another workload',
    about: 'the right secret, from another workload',
    ...{ expect: 'nothing', reasons: ['secret_wrong'] },
    play: async (scene) => {
      const secret = await scene.secretOf('victim');
      await scene.inWorkload('other', [scene.stage.ask, port(scene)], { input: scene.request({ secret }) }).ended;
    },
  },
  {
    name: 'secret: another session',
    about: 'the right secret, from another session of the same workload',
    ...{ expect: 'nothing', reasons: ['secret_wrong'] },
    play: async (scene) => {
      const secret = await scene.secretOf('victim');
      await scene.inWorkload('victim', [scene.stage.ask, port(scene)], { input: scene.request({ secret }) }).ended;
    },
  },
  {
    name: 'secret: none',
    about: 'the right process without the secret, as one that was tricked into fetching a URL',
    ...{ expect: 'nothing', reasons: ['secret_missing'] },
    play: async (scene) => {
      await scene.inWorkload('victim', [scene.stage.ask, port(scene)], { input: scene.request({ secret: '' }) }).ended;
    },
  },
  {
    name: 'user: the right one',
    about: 'control: the program and the user that the policy names',
    ...{ expect: 'own', reasons: [], own: 'user' },
    play: async (scene) => void (await scene.inWorkload('user', [...as(USER), scene.stage.ask, port(scene)]).ended),
  },
  {
    name: 'user: another one',
    about: 'the right program as another user',
    ...{ expect: 'nothing', reasons: ['no_binding'] },
    play: async (scene) => {
      await scene.inWorkload('user', [...as(OTHER_USER), scene.stage.ask, port(scene)]).ended;
    },
  },
  {
    name: 'user: set-uid',
    about: 'another user starts a program that is set-uid of the right one',
    ...{ expect: 'nothing', reasons: ['no_binding'] },
    play: async (scene) => {
      const program = `${dirname(scene.stage.ask)}/set-uid`;
      await scene.inWorkload('user', [...as(OTHER_USER), program, port(scene)]).ended;
    },
  },
];
