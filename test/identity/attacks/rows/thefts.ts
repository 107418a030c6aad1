// SPDX-License-Identifier: Apache-2.0

/**
 * Tokens that were rightly given to one process and are used by another. The broker cannot prevent that; the record is to
 * say it, at once.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type PostgresServer, startPostgres } from '../../../oracle/postgres/postgres-server.ts';
import type { Attack } from '../attack.ts';
import { readFindings } from '../record.ts';
import type { Launched, Scene } from '../scene.ts';
import type { WorkloadName } from '../stage.ts';

type Place = 'memory' | 'environment' | 'traced';
type Way = 'http' | 'postgresql';

/** From the thief's send until a question to ClickHouse has the alert. */
const ALERT_MS_MAX = 1000;
const RUNS = 20;
/** Only turns a hang into a failure. */
const WAIT_MS_MAX = 20_000;

async function withServer<Result>(way: Way, use: (port: string) => Promise<Result>): Promise<Result> {
  if (way === 'postgresql') {
    const hba = ['local all all trust', 'host all postgres 127.0.0.1/32 trust', 'host all agent 127.0.0.1/32 password'];
    const server: PostgresServer = await startPostgres({ hba });
    try {
      return await use(String(server.port));
    } finally {
      await server.stop();
    }
  }
  const server = createServer((_, response) => response.end('{"ok":true}'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    return await use(String(port));
  } finally {
    server.close();
  }
}

async function holder(scene: Scene, place: Place): Promise<Launched> {
  const where = place === 'environment' ? place : 'memory';
  const command = scene.python('hold_token', where, String(scene.stage.port));
  const launched = scene.inWorkload('victim', command, { isHonest: true });
  await launched.first();
  return launched;
}

/** The command of a thief who reads a process that has been found. */
const theft = (scene: Scene, { pid }: Launched, place: Place | 'none', way: Way, port: string): string[] =>
  scene.python('steal_token', String(pid), place, way, port);

async function steal(scene: Scene, place: Place, way: Way, workload: WorkloadName | 'outside'): Promise<void> {
  await withServer(way, async (port) => {
    const held = await holder(scene, place);
    const command = theft(scene, held, place, way, port);
    const thief = workload === 'outside' ? scene.outside(command) : scene.inWorkload(workload, command);
    await thief.ended;
  });
}

/** Milliseconds until the alert of that process can be asked for. */
async function alertedMs({ stage }: Scene, pid: number): Promise<number> {
  const sql = `SELECT pid FROM sworn.alerts WHERE pid = {pid:UInt32} AND rule_title LIKE 'Token used%'`;
  for (const until = Date.now() + WAIT_MS_MAX; Date.now() < until; await sleep(5)) {
    const rows = await stage.recording.client.rows(sql, { pid });
    if (rows.length > 0) return Date.now();
  }
  throw new Error(`there is no alert of pid ${pid}`);
}

/** Each run is a session of its own: an alert of a token and a session is told once. */
async function timed(scene: Scene, way: Way): Promise<void> {
  await withServer(way, async (port) => {
    const held = await holder(scene, 'memory');
    const tookMs: number[] = [];
    for (let run = 0; run < RUNS; run++) {
      const thief = scene.inWorkload('other', theft(scene, held, 'memory', way, port));
      const [seenMs, lines] = await Promise.all([alertedMs(scene, thief.pid), thief.ended]);
      tookMs.push(seenMs - Number(BigInt(lines[0]?.sentNs ?? 0) / 1000n) / 1000);
    }
    tookMs.sort((a, b) => a - b);
    const at = (share: number): string => (tookMs[Math.ceil(share * RUNS) - 1] ?? 0).toFixed(0);
    scene.note(
      `from the thief's send to the alert in ClickHouse, ${RUNS} runs: least ${at(0.05)}, median ${at(0.5)}, ` +
        `nine of ten ${at(0.9)}, most ${at(1)} ms`,
    );
    if ((tookMs.at(-1) ?? 0) >= ALERT_MS_MAX) throw new Error(`an alert took ${at(1)} ms`);
  });
}

const rows = (['memory', 'environment'] as const).flatMap((place) =>
  (['http', 'postgresql'] as const).flatMap((way) =>
    (['other', 'victim'] as const).map(
      (workload): Attack => ({
        name: `theft: ${place}, ${way}, another ${workload === 'other' ? 'workload' : 'session'}`,
        about:
          place === 'memory'
            ? "read out of the holder's memory (/proc/PID/mem), and used"
            : "read out of the holder's environment (/proc/PID/environ), and used",
        ...{ expect: 'alert', reasons: [] },
        play: (scene) => steal(scene, place, way, workload),
      }),
    ),
  ),
);

export const THEFTS: readonly Attack[] = [
  ...rows,
  {
    name: 'theft: none, by a child',
    about: 'control: a child of the holder, another program, uses the token that it inherited; no alert',
    ...{ expect: 'own', reasons: [] },
    play: (scene) =>
      withServer('http', async (port) => {
        const command = scene.python('hold_token', 'child', String(scene.stage.port), port);
        await scene.inWorkload('victim', command).ended;
      }),
  },
  {
    name: 'theft: how soon, http',
    about: 'the same, so often, with a clock',
    ...{ expect: 'alert', reasons: [] },
    play: (scene) => timed(scene, 'http'),
  },
  {
    name: 'theft: how soon, postgresql',
    about: 'the same, so often, with a clock',
    ...{ expect: 'alert', reasons: [] },
    play: (scene) => timed(scene, 'postgresql'),
  },
  {
    name: 'theft: by an outsider',
    about: 'root outside all workloads reads the memory of the holder and uses the token',
    ...{ expect: 'unseen', reasons: [] },
    limit:
      'Not seen: processes outside all workloads are not recorded, and reading /proc/PID/mem leaves no trace. What the ' +
      'service at the other end logs has the uti of the token, which the record has with its holder.',
    play: (scene) => steal(scene, 'memory', 'http', 'outside'),
  },
  {
    name: 'theft: by an outsider with a debugger',
    about: 'the same by ptrace',
    ...{ expect: 'unseen', reasons: [] },
    limit: 'The use is not seen; the debugger is: the finding traced_by_outsider names the holder.',
    play: (scene) => steal(scene, 'traced', 'http', 'outside'),
    also: async (scene) => {
      for (const until = Date.now() + WAIT_MS_MAX; Date.now() < until; await sleep(100)) {
        const findings = await readFindings(scene.stage.recording);
        if (findings.some(({ kind, pid }) => kind === 'traced_by_outsider' && scene.honestPids.has(pid))) {
          scene.note('the record has the finding traced_by_outsider of the holder');
          return;
        }
      }
      throw new Error('the record has no finding of the debugger');
    },
  },
];
