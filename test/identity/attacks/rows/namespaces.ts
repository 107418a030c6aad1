// SPDX-License-Identifier: Apache-2.0

/** Processes that look like others from where they are: namespaces and control groups. */
import { execFileSync } from 'node:child_process';
import type { Attack } from '../attack.ts';
import type { Scene } from '../scene.ts';
import { OTHER_USER, USER } from '../stage.ts';

const port = ({ stage }: Scene): string => String(stage.port);

/** With its standard input as it is: some programs give another one to their children. */
const inShell = (words: string, ...args: string[]): string[] => ['sh', '-c', words, 'sh', ...args];

async function fromCgroup(scene: Scene, cgroup: string): Promise<void> {
  const words = `echo $$ > ${cgroup}/cgroup.procs; "$@"; echo $$ > ${cgroup}/../../cgroup.procs`;
  const root = inShell(words, scene.stage.ask, port(scene));
  await scene.inWorkload('contained', root).ended;
}

/** A pair of interfaces from another network namespace to this one; gone with the namespace. */
async function fromAnotherNetwork(scene: Scene, address: string, routes: readonly string[]): Promise<void> {
  const name = `x${process.pid % 10_000}`;
  const go = scene.path('go');
  const words = [
    `while [ ! -e ${go} ]; do sleep 0.02; done;`,
    `ip link set lo up; ip address add 10.99.0.2/24 dev ${name}b; ip link set ${name}b up;`,
    ...routes.map((route) => `${route.replaceAll('DEV', `${name}b`)};`),
    'exec "$@" <&9',
  ].join(' ');
  const command = [
    'sh',
    '-c',
    `exec 9<&0; exec unshare --net sh -c '${words}' sh "$@"`,
    'sh',
    scene.stage.ask,
    `${address}:${port(scene)}`,
  ];
  const launched = scene.inWorkload('victim', command);
  const own = execFileSync('readlink', ['/proc/self/ns/net'], { encoding: 'utf8' });
  for (;;) {
    const its = execFileSync('readlink', [`/proc/${launched.pid}/ns/net`], { encoding: 'utf8' });
    if (its !== own) break;
  }
  const ip = (line: string): void => void execFileSync('sh', ['-ec', line]);
  ip(`ip link add ${name}a type veth peer name ${name}b netns ${launched.pid}`);
  try {
    ip(`ip address add 10.99.0.1/24 dev ${name}a; ip link set ${name}a up`);
    ip(`echo 1 > /proc/sys/net/ipv4/conf/${name}a/route_localnet`);
    ip(`: > ${go}`);
    await launched.ended;
  } finally {
    ip(`ip link delete ${name}a 2>/dev/null || true`);
  }
}

export const NAMESPACES: readonly Attack[] = [
  {
    name: 'namespace: pid',
    about: 'a process outside, as pid 1 of a pid namespace of its own, with the right secret',
    ...{ expect: 'nothing', reasons: ['not_a_workload'], isUnnamed: true },
    play: async (scene) => {
      const secret = await scene.secretOf('victim');
      const command = ['unshare', '--pid', '--fork', scene.stage.ask, port(scene)];
      await scene.outside(command, { input: scene.request({ secret }) }).ended;
    },
  },
  {
    name: 'namespace: user',
    about: 'another user, who is the right one inside a user namespace of its own',
    ...{ expect: 'nothing', reasons: ['no_binding'] },
    play: async (scene) => {
      const { ask } = scene.stage;
      const user = ['setpriv', `--reuid=${OTHER_USER}`, `--regid=${OTHER_USER}`, '--clear-groups'];
      const command = [...user, 'unshare', '--user', `--map-user=${USER}`, ask, port(scene)];
      await scene.inWorkload('user', command).ended;
    },
  },
  {
    name: 'namespace: network, by its own loopback',
    about: 'a workload in a network namespace of its own asks 127.0.0.1',
    ...{ expect: 'nothing', reasons: [], isUnreachable: true },
    play: (scene) => fromAnotherNetwork(scene, '127.0.0.1', []),
  },
  {
    name: "namespace: network, at the host's address",
    about: 'the same at the address of the host on a pair of interfaces; the broker listens on loopback alone',
    ...{ expect: 'nothing', reasons: [], isUnreachable: true },
    play: (scene) => fromAnotherNetwork(scene, '10.99.0.1', []),
  },
  {
    name: 'namespace: network, loopback routed out',
    about: 'loopback is routed to the host, which takes it (route_localnet): the connection comes to the broker',
    ...{ expect: 'nothing', reasons: ['caller_unknown'], isUnnamed: true },
    play: (scene) =>
      fromAnotherNetwork(scene, '127.0.0.1', [
        'ip link set lo down',
        'ip route flush table local',
        'ip route add local 10.99.0.2 dev DEV table local src 10.99.0.2',
        'echo 1 > /proc/sys/net/ipv4/conf/DEV/route_localnet',
        'echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet',
        'ip route add 127.0.0.1 via 10.99.0.1 dev DEV src 10.99.0.2',
      ]),
  },
  {
    name: 'container: its own',
    about: 'control: a process in the control group that a runtime made for the container',
    ...{ expect: 'own', reasons: [], own: 'contained' },
    play: (scene) => fromCgroup(scene, scene.stage.realCgroup),
  },
  {
    name: 'container: a group of that name',
    about: "a user's own control group with the container's name, in a part of the tree that was handed to it",
    ...{ expect: 'nothing', reasons: ['no_binding'] },
    play: (scene) => fromCgroup(scene, scene.stage.forgedCgroup),
  },
  {
    name: 'container: cgroup namespace',
    about: "a user's own group of that name, seen as the root of a cgroup namespace",
    ...{ expect: 'nothing', reasons: ['no_binding'] },
    play: async (scene) => {
      const { ask, forgedCgroup } = scene.stage;
      const words = `echo $$ > ${forgedCgroup}/cgroup.procs; unshare --cgroup "$@"; echo $$ > ${forgedCgroup}/../../cgroup.procs`;
      await scene.inWorkload('contained', inShell(words, ask, port(scene))).ended;
    },
  },
];
