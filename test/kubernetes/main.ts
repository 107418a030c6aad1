// SPDX-License-Identifier: Apache-2.0

/** `npm run test:kubernetes`: real clients ask a real kube-apiserver; the record is compared with its audit log. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { RecordedCommand, RunRecord } from '../oracle/recording/record.ts';
import { type Recording, startRecording, whyNoRecording } from '../oracle/recording/recording.ts';
import { DEEDS, type Deed, type ExpectedStream, environmentOf, PLANTED } from './clients.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { type Comparison, compare } from './compare.ts';

const HELP = `npm run test:kubernetes [-- --http 1|2] [--only WORD] [--json]

kubectl, client-go and the Python client work with a kube-apiserver, recorded by an agent; each event of the audit log must have
one line with the same verb, resource, user, code and objects, and each exec what it wrote. Needs what \`sworn doctor\` asks of a
host; test/kubernetes/build.sh builds what it runs, once, in some seven minutes.

  --http 1|2     only in this version of HTTP (default: both)
  --only WORD    deeds whose name has it
  --json         as the last line: requests, matched, missing, altered and more

Exit codes: 0 all is equal, 1 it is not, 2 asked wrongly or the host cannot be recorded.`;

interface Outcome extends Comparison {
  readonly http: string;
  readonly streams: number;
  readonly streamsAltered: readonly string[];
  readonly secrets: readonly string[];
  readonly losses: readonly string[];
}

const KNOWN_MS_MAX = 120_000;
const say = (text: string) => console.error(text);

async function play(http: string, deeds: readonly Deed[]): Promise<Outcome> {
  const cluster = await startCluster();
  // The terminals of this host are another suite's; those of the cluster come by its own streams.
  const config = () => ({ capture: { streams: 'off' } });
  const recording = await startRecording({ identities: ['agent'], config });
  try {
    // Programs of a hundred megabytes take longer to be looked at than a connection is held.
    for (const program of ['kubectl', 'client-go']) await makeKnown(recording, join(cluster.programs, program));
    for (const { name, script, input } of deeds) {
      say(`  ${name}`);
      const about = { environment: environmentOf(cluster, http), ...(input !== undefined && { input }) };
      await recording.run('agent', ['sh', '-c', script], about);
    }
    return outcomeOf(http, cluster, await recording.finish(), deeds);
  } finally {
    await recording.stop();
    await cluster.stop();
  }
}

/** Runs it until probes are placed in it. */
async function makeKnown(recording: Recording, program: string): Promise<void> {
  const probes = async () => (await recording.status()).tls as { readonly attached: number; readonly waiting: number };
  const before = await probes();
  const environment = { KUBECONFIG: '/dev/null' };
  // client-go's program has nothing to do without a server, and says so.
  await recording.run('agent', [program, 'version', '--client'], { environment }).catch(() => {});
  for (const until = Date.now() + KNOWN_MS_MAX; ; await sleep(50)) {
    const now = await probes();
    if (now.attached > before.attached && now.waiting === 0) return;
    if (Date.now() > until) throw new Error(`no probe was placed in ${program}`);
  }
}

function outcomeOf(
  http: string,
  cluster: Cluster,
  { commands, losses, terminals }: RunRecord,
  deeds: readonly Deed[],
): Outcome {
  const said = commands.filter(
    ({ operation, protocol }) => protocol === 'kubernetes' && /^(?:exec|attach|portforward)$/.test(operation),
  );
  const expected = deeds.flatMap(({ name, streams = [] }) => streams.map((stream) => [name, stream] as const));
  const streamsAltered = expected.flatMap(([name, stream], i) => {
    const difference =
      differenceOf(stream, said[i]) ??
      terminalDifference(stream, said[i], terminals) ??
      insideDifference(stream, said[i], commands);
    return difference === undefined ? [] : [`${name}: ${difference}`];
  });
  const secrets = commands.filter((one) =>
    PLANTED.test(`${one.request.toString('latin1')} ${one.response.toString('latin1')}`),
  );
  return {
    http,
    ...compare(cluster.events(), commands),
    streams: expected.length,
    streamsAltered,
    secrets: secrets.map(({ statement }) => statement),
    losses: losses.map(({ place, reason, bytes }) => `${place} ${reason} ${bytes}`),
  };
}

function differenceOf(stream: ExpectedStream, line: RecordedCommand | undefined): string | undefined {
  if (line === undefined) return 'not in the record';
  if (line.operation !== stream.operation || !stream.statement.test(line.statement)) return `it is ${line.statement}`;
  if (stream.request !== undefined && line.request.toString() !== stream.request)
    return `stdin differs (${line.request.length} bytes)`;
  const response = line.response.toString('latin1');
  const { response: wants } = stream;
  if (typeof wants === 'string' ? response !== wants : wants?.test(response) === false)
    return `stdout is ${JSON.stringify(response.slice(0, 200))}`;
  if (stream.stderr !== undefined && line.attributes['stderr'] !== stream.stderr)
    return `stderr is ${line.attributes['stderr']}`;
  if (stream.errorCode !== undefined && line.errorCode !== stream.errorCode) return `it ended with ${line.errorCode}`;
  return undefined;
}

function terminalDifference(
  { terminal }: ExpectedStream,
  line: RecordedCommand | undefined,
  all: RunRecord['terminals'],
): string | undefined {
  if (terminal === undefined) return undefined;
  const stretches = all.filter(({ connectionId }) => connectionId === line?.connectionId);
  const textOf = (key: 'input' | 'output') => Buffer.concat(stretches.map((one) => one[key])).toString();
  const [typed, shown] = [textOf('input'), textOf('output')];
  return terminal.typed.test(typed) && terminal.shown.test(shown)
    ? undefined
    : `its terminal has ${JSON.stringify([typed, shown])}`;
}

/** What was said on the way, in a connection that is carried: on the same one of the host, with the pod's port. */
function insideDifference(
  { inside }: ExpectedStream,
  line: RecordedCommand | undefined,
  all: readonly RecordedCommand[],
): string | undefined {
  if (inside === undefined) return undefined;
  const said = all
    .filter(({ connectionId, attributes }) => connectionId === line?.connectionId && attributes['via'] === 'kubernetes')
    .map(({ protocol, operation, resource, status }) => [protocol, operation, resource, status].join(' '));
  return said.length === 1 && said[0] === inside ? undefined : `inside of it is ${JSON.stringify(said)}`;
}

const isGood = ({ missing, altered, unexpected, streamsAltered, secrets, losses }: Outcome): boolean =>
  [missing, altered, unexpected, streamsAltered, secrets, losses].every(({ length }) => length === 0);

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      http: { type: 'string' },
      only: { type: 'string', default: '' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const missing = whyNoRecording();
  if (missing !== false) {
    say(missing);
    return 2;
  }
  if (process.env['SWORN_KUBERNETES_PROGRAMS'] === undefined) {
    execFileSync('sh', [join(import.meta.dirname, 'build.sh')], { stdio: ['ignore', 'inherit', 'inherit'] });
  }
  const deeds = DEEDS.filter(({ name }) => name.includes(values.only));
  const outcomes: Outcome[] = [];
  for (const http of values.http === undefined ? ['1', '2'] : [values.http]) {
    say(`HTTP/${http}`);
    const outcome = await play(http, deeds);
    outcomes.push(outcome);
    const { requests, matched, streams, streamsAltered, objects } = outcome;
    say(
      `  ${matched} of ${requests} requests, ${objects.compared} objects; ${streams - streamsAltered.length} of ${streams} streams`,
    );
    for (const key of ['missing', 'altered', 'unexpected', 'streamsAltered', 'secrets', 'losses'] as const) {
      for (const one of outcome[key]) say(`  ${key}: ${one}`);
    }
  }
  const sum = (key: 'requests' | 'matched') => outcomes.reduce((all, one) => all + one[key], 0);
  const all = (key: 'missing' | 'altered') => outcomes.flatMap((one) => one[key]);
  if (values.json) {
    const total = {
      requests: sum('requests'),
      matched: sum('matched'),
      missing: all('missing').length,
      altered: all('altered').length,
    };
    console.log(JSON.stringify({ ...total, runs: outcomes }));
  }
  return outcomes.every(isGood) ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  const isAskedWrongly = error instanceof TypeError;
  console.error(isAskedWrongly ? `${error.message}\n\n${HELP}` : error);
  process.exitCode = isAskedWrongly ? 2 : 1;
}
