// SPDX-License-Identifier: Apache-2.0

/** Many at once: who asks too much harms himself alone, and nobody gets another one's token in the crowd. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Attack } from '../attack.ts';
import { answerOf } from '../judge.ts';
import { fingerprintsIn, type Scene, textOf } from '../scene.ts';

const port = ({ stage }: Scene): string => String(stage.port);
/** Of each kind. */
const CALLERS = 100;

const issuedTo = ({ stage, resource }: Scene): { clientId: string; fingerprint: string }[] =>
  stage.standIn.requests.flatMap(({ scope, clientId = '', fingerprint }) =>
    scope === `${resource}/.default` && fingerprint !== undefined ? [{ clientId, fingerprint }] : [],
  );

/** What each program of a workload's crowd holds: a line each. */
function crowdOf(scene: Scene, workload: 'victim' | 'other', input: string | undefined, isHonest: boolean) {
  const command = scene.python('crowd', port(scene), String(CALLERS / 2), scene.path('go'));
  return scene.inWorkload(workload, command, { isHonest, ...(input !== undefined && { input }) });
}

export const CROWDS: readonly Attack[] = [
  {
    name: 'crowd: 200 at once',
    about: 'half legitimate, of two identities; half with a stolen secret, from another session and from outside',
    ...{ expect: 'nothing', reasons: ['secret_wrong', 'not_a_workload'], isUnnamed: true },
    play: async (scene) => {
      const secret = await scene.secretOf('victim');
      const input = scene.request({ secret });
      const honest = [crowdOf(scene, 'victim', undefined, true), crowdOf(scene, 'other', undefined, true)];
      const outsiders = scene.python('crowd', port(scene), String(CALLERS / 2), scene.path('go'));
      const thieves = [crowdOf(scene, 'other', input, false), scene.outside(outsiders, { input })];
      for (const one of [...honest, ...thieves]) await one.first();
      scene.go();
      const [first, second] = (await Promise.all(honest.map(({ ended }) => ended))).map((lines) =>
        lines.flatMap((line) => fingerprintsIn(textOf(line))),
      );
      await Promise.all(thieves.map(({ ended }) => ended));
      const { clientIds } = scene.stage;
      const issued = issuedTo(scene);
      if (issued.length !== 2) throw new Error(`Entra was asked ${issued.length} times for two tokens`);
      for (const [held, clientId] of [
        [first, clientIds.get('victim')],
        [second, clientIds.get('other')],
      ] as const) {
        const own = issued.find((one) => one.clientId === clientId)?.fingerprint;
        if (held?.length !== CALLERS / 2) throw new Error(`${held?.length} of ${CALLERS / 2} had a token`);
        if (held.some((one) => one !== own)) throw new Error("one holds another identity's token");
      }
      scene.note(`${CALLERS} legitimate callers of two identities each had their own token, by two requests to Entra`);
    },
  },
  {
    name: 'flood: by one process',
    about: 'one process asks without end; another one of the same session asks meanwhile',
    ...{ expect: 'nothing', reasons: ['too_many_requests'] },
    play: async (scene) => {
      const flood = scene.python('flood', port(scene), '2000');
      const flooding = scene.inWorkload('other', flood, { input: scene.request({ resource: 'https://none.example' }) });
      await flooding.first();
      const startedMs = Date.now();
      const asked = await scene.inWorkload('victim', [scene.stage.ask, port(scene)], { isHonest: true }).ended;
      scene.note(`another one had its token ${Date.now() - startedMs} ms after it was started, in the flood`);
      if (asked.every((line) => fingerprintsIn(textOf(line)).length === 0))
        throw new Error('the other one got no token');
      await flooding.ended;
    },
  },
  ...(['app-service', 'unix'] as const).map(
    (at): Attack => ({
      name: `flood: idle connections, ${at}`,
      about:
        'a process outside all workloads opens two thousand connections, sends nothing, and opens again what is closed',
      ...{ expect: 'nothing', reasons: ['too_many_requests'], isUnnamed: at === 'app-service' },
      play: async (scene) => {
        const where = at === 'unix' ? `unix:${scene.stage.tokenSocket}` : port(scene);
        const holding = scene.outside(scene.python('hold_connections', where, '2000'));
        await holding.first();
        const input = at === 'unix' ? scene.socketRequest() : scene.request();
        const startedMs = Date.now();
        for (let turn = 0; turn < 5; turn++) {
          const asked = await scene.inWorkload('victim', [scene.stage.ask, where], { isHonest: true, input }).ended;
          if (asked.every((line) => fingerprintsIn(textOf(line)).length === 0)) {
            throw new Error(`a legitimate caller got no token: ${asked.map(answerOf).join(', ')}`);
          }
        }
        scene.note(`five callers had their token ${Date.now() - startedMs} ms after the first was started, meanwhile`);
        await holding.ended;
      },
    }),
  ),
  {
    name: 'digest: of a huge program',
    about: 'a program of 400 MiB, whose digest decides, asks; others are not to wait for it',
    ...{ expect: 'own', reasons: [], own: 'pinned' },
    play: async (scene) => {
      const huge = scene.inWorkload('pinned', [scene.stage.huge, port(scene)]);
      let isHashed = false;
      void huge.ended.then(() => {
        isHashed = true;
      });
      await sleep(1);
      const startedMs = Date.now();
      const asked = await scene.inWorkload('victim', [scene.stage.ask, port(scene)], { isHonest: true }).ended;
      if (asked.every((line) => fingerprintsIn(textOf(line)).length === 0))
        throw new Error('the other one got no token');
      scene.note(
        `another one had its token ${Date.now() - startedMs} ms after it was started, ${isHashed ? 'after' : 'before'} the huge one`,
      );
      await huge.ended;
    },
  },
];
