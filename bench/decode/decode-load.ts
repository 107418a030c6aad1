// SPDX-License-Identifier: Apache-2.0

/**
 * Feeds one load to its decoder, and to a floor that counts the bytes and hashes them, in turns; prints what both took.
 *
 *   taskset -c 1 bin/node bench/decode/decode-load.ts LOAD SECONDS TURNS        SECONDS are of CPU, a turn
 */
import { createHash } from 'node:crypto';
import { LOADS, type Push, pushesOf } from './loads.ts';

const [name = '', seconds = '1', turns = '3'] = process.argv.slice(2);
const load = LOADS[name];
if (load === undefined) throw new Error(`there is no load '${name}'`);
const { start, startsAnew, before, rounds } = await pushesOf(load);

const bytesOf = (pushes: readonly Push[]): number => pushes.reduce((sum, { bytes }) => sum + bytes.length, 0);
/** Rounds between looks at the CPU time. */
const BATCH = Math.max(1, Math.ceil(1_000_000 / bytesOf(rounds[0]!)));

interface Turn {
  readonly exchanges: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

let exchanges = 0;
let troubles = 0;
let notUnderstood = 0;
const begun = () =>
  start({
    exchange: ({ routine }) => {
      if (routine !== true) exchanges++;
    },
    trouble: () => {
      troubles++;
    },
  });
let taker = begun();
let at = 0;
for (const { from, bytes } of before) taker.push(from, bytes, at++);

const hash = createHash('sha256');
const decode = ({ from, bytes }: Push): void => taker.push(from, bytes, at++);
const beginAnew = (): void => {
  notUnderstood += taker.notUnderstood();
  taker = begun();
};
const count = ({ bytes }: Push): void => void hash.update(bytes);

function cpuSecondsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

let nextRound = 0;
function turn(take: (push: Push) => void, forSeconds: number): Turn {
  const [startedMs, cpuBefore, exchangesBefore] = [performance.now(), process.cpuUsage(), exchanges];
  let bytes = 0;
  for (let used = 0; used < forSeconds; used = cpuSecondsSince(cpuBefore)) {
    for (let i = 0; i < BATCH; i++) {
      const round = rounds[nextRound] as readonly Push[];
      nextRound = (nextRound + 1) % rounds.length;
      if (startsAnew && take === decode) beginAnew();
      for (const push of round) {
        take(push);
        bytes += push.bytes.length;
      }
    }
  }
  return {
    exchanges: exchanges - exchangesBefore,
    bytes,
    seconds: (performance.now() - startedMs) / 1000,
    cpuSeconds: cpuSecondsSince(cpuBefore),
  };
}

turn(decode, Number(seconds));
turn(count, Number(seconds) / 4);
const decoded: Turn[] = [];
const floor: Turn[] = [];
for (let i = 0; i < Number(turns); i++) {
  decoded.push(turn(decode, Number(seconds)));
  floor.push(turn(count, Number(seconds) / 4));
}
notUnderstood += taker.notUnderstood();
if (troubles > 0 || notUnderstood > 0) {
  throw new Error(`${name}: ${troubles} troubles, ${notUnderstood} bytes not understood`);
}
console.log(JSON.stringify({ decoded, floor }));
