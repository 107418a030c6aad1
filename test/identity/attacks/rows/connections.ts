// SPDX-License-Identifier: Apache-2.0

/** Connections that go from one process to another: exec, fork, descriptors that are handed over or taken, reused pids. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Attack } from '../attack.ts';
import type { Launched, Scene } from '../scene.ts';

const port = ({ stage }: Scene): string => String(stage.port);

/** A workload's process that connects, and hands the connection over; what it sends has its own secret. */
function giver(scene: Scene, words: readonly string[], where = port(scene)): Launched {
  const launch = { isHonest: true, ...(where.startsWith('unix:') && { input: scene.socketRequest() }) };
  return scene.inWorkload('victim', scene.python('give_socket', where, scene.path('door'), ...words), launch);
}

async function handOver(
  scene: Scene,
  { gives, takes, where = port(scene) }: { gives: readonly string[]; takes: readonly string[]; where?: string },
): Promise<void> {
  const secret = await scene.secretOf('victim');
  giver(scene, gives, where);
  const input = where.startsWith('unix:') ? scene.socketRequest() : scene.request({ secret });
  await scene.outside(scene.python('take_socket', scene.path('door'), ...takes), { input }).ended;
}

/** Entra takes its time, so that something can happen between a request and its answer. */
const delayEntra = ({ stage }: Scene, ms: number): void => stage.standIn.faults.add('token', { kind: 'delay', ms });

async function untilEntraIsAsked({ stage, resource }: Scene): Promise<void> {
  const scope = `${resource}/.default`;
  for (let tries = 0; tries < 2000; tries++, await sleep(10)) {
    if (stage.standIn.requests.some((one) => one.scope === scope)) return;
    // A delayed request is in the log, without its scope, as soon as it is there.
    if (stage.standIn.requests.at(-1)?.status === undefined && stage.standIn.requests.at(-1)?.scope === undefined)
      return;
  }
  throw new Error('Entra was not asked');
}

export const CONNECTIONS: readonly Attack[] = [
  {
    name: 'exec: after the connect',
    about: 'the process that connected becomes another program, which sends on the same connection',
    ...{ expect: 'nothing', reasons: ['caller_changed'] },
    play: async (scene) => {
      const command = scene.python('connect_then_exec', 'exec', port(scene), scene.stage.ask);
      await scene.inWorkload('victim', command).ended;
    },
  },
  {
    name: 'exec: into the right program',
    about: 'a wrong program connects and becomes the right one, by path and digest, with the connection',
    ...{ expect: 'nothing', reasons: ['caller_changed'] },
    play: async (scene) => {
      const command = scene.python('connect_then_exec', 'exec', port(scene), scene.stage.ask);
      await scene.inWorkload('pinned', command).ended;
    },
  },
  {
    name: 'exec: before the answer',
    about: 'the process sends, becomes another program while Entra is asked, and that one reads',
    ...{ expect: 'nothing', reasons: ['caller_changed'], mayFetch: true },
    play: async (scene) => {
      delayEntra(scene, 1500);
      const command = scene.python('connect_then_exec', 'sent', port(scene), scene.stage.ask);
      await scene.inWorkload('victim', command).ended;
    },
  },
  {
    name: 'fork: a program of another policy sends',
    about: "a child of the same session sends on its parent's connection, as a program that has a policy of its own",
    ...{ expect: 'own', reasons: [], own: 'two' },
    limit: 'The token is of who sends, never of who connected; who holds the same connection can read it.',
    play: async (scene) => {
      const command = scene.python('connect_then_exec', 'fork', port(scene), scene.stage.ask);
      await scene.inWorkload('two', command).ended;
    },
  },
  {
    name: 'socket: handed over, an outsider sends',
    about: 'SCM_RIGHTS to a process outside, which sends with the right secret; the opener keeps the connection',
    ...{ expect: 'nothing', reasons: ['caller_changed'] },
    play: (scene) => handOver(scene, { gives: ['give', 'stay'], takes: ['send', 'read'] }),
  },
  {
    name: 'socket: taken by root',
    about: 'pidfd_getfd by root of a connection that a workload opened; it sends with the right secret',
    ...{ expect: 'nothing', reasons: ['caller_changed'] },
    play: async (scene) => {
      const secret = await scene.secretOf('victim');
      const given = giver(scene, ['stay']);
      const { pid, fd } = await given.first();
      const command = scene.python('take_socket', `${pid}:${fd}`, 'send', 'read');
      await scene.outside(command, { input: scene.request({ secret }) }).ended;
    },
  },
  {
    name: 'socket: half a request each',
    about: 'the opener sends the first half, an outsider the rest',
    ...{ expect: 'nothing', reasons: ['caller_changed'] },
    play: (scene) => handOver(scene, { gives: ['half', 'give', 'stay'], takes: ['rest', 'read'] }),
  },
  {
    name: 'socket: the other half',
    about: 'an outsider sends the first half, the opener the rest; the outsider reads',
    ...{ expect: 'nothing', reasons: ['caller_unknown'], isUnnamed: true },
    play: async (scene) => {
      const go = scene.path('go');
      await handOver(scene, { gives: ['give', `go-${go}`, 'rest', 'stay'], takes: ['half', `go-${go}`, 'read'] });
    },
  },
  {
    name: 'socket: the pid of who connected',
    about: 'who connected hands the connection over and ends; the outsider takes its pid (clone3 set_tid) and sends',
    ...{ expect: 'nothing', reasons: ['caller_changed'] },
    play: async (scene) => {
      const { reusePid, ask } = scene.stage;
      await handOver(scene, { gives: ['give', 'end'], takes: ['gone', `reuse-${reusePid},${ask}`] });
    },
  },
  {
    name: 'socket: the pid of who sent',
    about: 'who sent is killed before the answer; an outsider with the connection takes its pid and reads',
    ...{ expect: 'nothing', reasons: ['caller_gone', 'caller_unknown'], mayFetch: true, isUnnamed: true },
    play: async (scene) => {
      const { reusePid, ask } = scene.stage;
      delayEntra(scene, 2500);
      const given = giver(scene, ['give', 'send', 'end']);
      const command = scene.python('take_socket', scene.path('door'), 'gone', `reuse-${reusePid},${ask}`);
      // It sends nothing: the answer to what was sent is what it waits for.
      await scene.outside(command, { input: '' }).ended;
      await given.ended.catch(() => []);
    },
  },
  {
    name: 'socket: a reader',
    about: 'the workload sends on a connection that it handed to an outsider, and the outsider reads the answer',
    ...{ expect: 'unseen', reasons: [] },
    limit:
      'Not prevented: who may read a connection of a workload can as well be handed the token. The record names the sender ' +
      'as the one who got it. Used by a recorded workload, it is an alert (theft rows); used by a process outside all ' +
      'workloads it is not seen.',
    play: (scene) => handOver(scene, { gives: ['give', 'send', 'stay'], takes: ['read'] }),
  },
  {
    name: 'killed: the caller, before the answer',
    about: 'the caller is killed while Entra is asked',
    ...{ expect: 'nothing', reasons: ['caller_gone', 'caller_unknown'], mayFetch: true },
    play: async (scene) => {
      delayEntra(scene, 1500);
      const command = scene.python('give_socket', port(scene), scene.path('door'), 'send', `go-${scene.path('go')}`);
      const launched = scene.inWorkload('victim', command);
      await launched.first();
      await untilEntraIsAsked(scene);
      launched.program.child.kill('SIGKILL');
      await launched.ended.catch(() => []);
      // The desk ends its request when Entra has answered: the record is to have that within this row.
      await sleep(2000);
    },
  },
  {
    name: 'killed: Entra, before its answer',
    about: 'the connection to Entra ends while the token is awaited',
    ...{ expect: 'nothing', reasons: ['upstream_unavailable'] },
    play: async (scene) => {
      scene.stage.standIn.faults.add('token', { kind: 'drop' }, 20);
      await scene.inWorkload('victim', [scene.stage.ask, port(scene)]).ended;
    },
  },
  {
    name: 'unix socket: its own',
    about: 'control: a workload asks at the token socket',
    ...{ expect: 'own', reasons: [] },
    play: async (scene) => {
      const { ask, tokenSocket } = scene.stage;
      await scene.inWorkload('victim', [ask, `unix:${tokenSocket}`], { input: scene.socketRequest() }).ended;
    },
  },
  {
    name: 'unix socket: outside any workload',
    about: 'a process that is no workload asks at the token socket',
    ...{ expect: 'nothing', reasons: ['not_a_workload'] },
    play: async (scene) => {
      const { ask, tokenSocket } = scene.stage;
      await scene.outside([ask, `unix:${tokenSocket}`], { input: scene.socketRequest() }).ended;
    },
  },
  {
    name: 'unix socket: its peer has ended',
    about: 'who connected hands the connection over and ends; the outsider takes its pid and asks',
    ...{ expect: 'nothing', reasons: ['caller_unknown', 'caller_gone'], isUnnamed: true },
    play: async (scene) => {
      const { reusePid, ask, tokenSocket } = scene.stage;
      const where = `unix:${tokenSocket}`;
      await handOver(scene, { where, gives: ['give', 'end'], takes: ['gone', `reuse-${reusePid},${ask}`] });
    },
  },
  {
    name: 'unix socket: handed over',
    about: 'who connected lives and hands the connection to an outsider, which asks',
    ...{ expect: 'unseen', reasons: [] },
    limit:
      'Not prevented: the kernel says who connected a unix socket, not who sends on it. It takes a process of the workload ' +
      'that hands its connection away, or root; such a process could hand over the token as well. The record names who ' +
      'connected.',
    play: (scene) =>
      handOver(scene, {
        ...{ where: `unix:${scene.stage.tokenSocket}`, gives: ['give', 'stay'], takes: ['send', 'read'] },
      }),
  },
  {
    name: 'unix socket: another program',
    about: 'who connected to the token socket becomes another program, which asks',
    ...{ expect: 'nothing', reasons: ['caller_changed'] },
    limit: 'An exec in the instant between the connect and the accept of the agent is not seen.',
    play: async (scene) => {
      const { ask, tokenSocket } = scene.stage;
      const command = scene.python('connect_then_exec', 'late', `unix:${tokenSocket}`, ask);
      await scene.inWorkload('victim', command, { input: scene.socketRequest() }).ended;
    },
  },
];
