// SPDX-License-Identifier: Apache-2.0

/**
 * Plays planned rows on a stage, in the network namespace that `main.ts` made for it, where nothing leads out:
 * `play.ts PLAN.json`. Writes a line of JSON for each row, and prose on standard error.
 */
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { FLAVOURS } from './flavours.ts';
import { judged, type Played, type Said } from './judge.ts';
import { failedRow, findRow, type Planned, type PlannedRow, type Row, rowName } from './row.ts';
import { type Ended, setStage } from './stage.ts';

/** Measured at the broker, which hashes nothing and asks nobody for a refusal. */
const REFUSAL_MS_MAX = 200;

export interface Plan {
  readonly rows: readonly PlannedRow[];
  /** Refusals are measured against a bound. */
  readonly isTimed: boolean;
}

interface Act {
  readonly planned: Planned;
  readonly row: PlannedRow;
  readonly played: Played | Error;
}

/** The last line that is an object. Errors: an Error with what it printed instead. */
function saidIn({ code, stdout, stderr }: Ended): Said {
  const line = stdout
    .split('\n')
    .filter((text) => text.startsWith('{'))
    .at(-1);
  if (line === undefined) throw new Error(`it ended with ${code} and said nothing: ${stderr.slice(-1000)}`);
  return JSON.parse(line) as Said;
}

/** The row at hand is ended well, and what came before it is judged. */
let isAskedToStop = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    isAskedToStop = true;
  });
}

async function play({ rows, isTimed }: Plan): Promise<Row[]> {
  const flavours = FLAVOURS.filter(({ name }) => rows.some(({ flavour }) => flavour === name));
  const stage = await setStage([...new Set(rows.map(({ client }) => client))], flavours);
  try {
    const acts: Act[] = [];
    for (const row of rows) {
      if (isAskedToStop) break;
      const planned = findRow(row);
      const environment = { ...row.installed.environment, ...planned.way.environment(stage.contextOf(planned)) };
      let played: Played | Error;
      try {
        const ended = await stage.run(planned.flavour, row.installed.command, environment);
        played = { ...ended, said: saidIn(ended) };
        console.error(`${rowName(planned)}: ${played.said.error === undefined ? 'a token' : 'refused'}`);
      } catch (error) {
        played = error as Error;
        console.error(`${rowName(planned)}: ${played.message}`);
      }
      acts.push({ planned, row, played });
    }
    const tokens = await stage.tokens(acts.length);
    return acts.map(({ planned, row, played }) => {
      if (played instanceof Error) return failedRow(planned, played.message, row.installed);
      const context = stage.contextOf(planned);
      return judged(planned, row.installed, played, tokens.get(played.pid) ?? [], {
        resource: context.resource,
        objectId: context.objectId,
        issued: stage.issuedFor(context),
        refusalMsMax: isTimed ? REFUSAL_MS_MAX : null,
      });
    });
  } finally {
    await stage.stop();
  }
}

const outside = Object.keys(networkInterfaces()).filter((name) => name !== 'lo');
if (outside.length > 0)
  throw new Error(`this network leads out by ${outside.join(', ')}: main.ts makes one that does not`);
const plan = JSON.parse(readFileSync(process.argv[2] as string, 'utf8')) as Plan;
for (const row of await play(plan)) console.log(JSON.stringify(row));
