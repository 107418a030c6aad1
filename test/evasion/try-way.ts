// SPDX-License-Identifier: Apache-2.0

/** Takes one way for real, beside the real kernel side, and compares what was recorded with what really came across. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { WayTaken } from '../../agent/model/kernel-event.ts';
import { cgroupRoot } from '../../agent/source/ebpf/cgroup.ts';
import type { ObservedConnection } from '../../native/test/observed-connection.ts';
import type { Observer, Run } from '../../native/test/observer.ts';
import type { OtherEnds } from './other-ends.ts';
import { program } from './program.ts';
import type { Expectation, Way } from './ways.ts';

export interface Outcome {
  readonly name: string;
  readonly does: string;
  readonly ok: boolean;
  readonly expected: string;
  /** What was recorded; of a way that nobody can take here, why. */
  readonly got: string;
  readonly isClosed: boolean;
}

/** As programs/way.h has it. */
const NOT_HERE = 77;
interface Taken {
  readonly run: Run;
  readonly helper: Run | undefined;
  /** What the other ends were given. */
  readonly streams: readonly Buffer[];
  readonly datagrams: readonly Buffer[];
}

export async function tryWay(way: Way, observer: Observer, ends: OtherEnds): Promise<Outcome> {
  const about = { name: way.name, does: way.does, expected: way.expect.join(', ') };
  const taken = await take(way, observer, ends);
  const { code, signal } = await taken.run.ended;
  if (code === NOT_HERE) return { ...about, ok: true, isClosed: true, got: 'closed: the kernel refuses it' };
  if (code !== 0 && way.endless !== 'workload') {
    return { ...about, ok: false, isClosed: false, got: `the program failed: ${code ?? signal}` };
  }
  const failures = way.expect
    .map((expectation) => failureOf(expectation, taken))
    .filter((failure) => failure !== undefined);
  return { ...about, ok: failures.length === 0, isClosed: false, got: failures.join('; ') || recordedText(taken) };
}

async function take(way: Way, observer: Observer, ends: OtherEnds): Promise<Taken> {
  const name = `sworn-evasion-${randomBytes(6).toString('hex')}`;
  const message = `${way.name} ${name}`;
  const port = { tcp: `${ends.tcpPort}`, udp: `${ends.udpPort}`, unix: ends.unixPath, own: '0' }[way.server ?? 'tcp'];
  const common = [port, name, message];
  const env = way.preload === undefined ? {} : { env: { LD_PRELOAD: program(way.preload, 'as a library') } };
  const cgroup = way.cgroup === true ? join(cgroupRoot() as string, name) : undefined;
  if (cgroup !== undefined) mkdirSync(cgroup);
  ends.takeStreams();
  ends.takeDatagrams();
  const startHelper = (pids: Record<string, string>): Run | undefined => {
    if (way.helper === undefined) return undefined;
    const words = (way.helperArguments ?? []).map((word) => pids[word] ?? word);
    return observer.start(program(way.helper), [...common, ...words], { outside: true });
  };
  let helper = way.helperLast === true ? undefined : startHelper({});
  const words = (way.arguments ?? []).map((word) => (word === '$HELPER' ? `${helper?.pid}` : word));
  if (cgroup !== undefined) words.push(cgroup);
  const run = observer.start(program(way.program, way.linked), [...common, ...words], env);
  if (way.helperLast === true) {
    await observer.until('the workload runs', () => run.of('process-executed').length > 0);
    helper = startHelper({ $WORKLOAD: `${run.pid}` });
  }
  if (way.endless === 'workload') {
    await helper?.ended;
    run.kill('SIGKILL');
  }
  await run.finished();
  if (way.endless === 'helper') helper?.kill('SIGKILL');
  await helper?.ended;
  if (cgroup !== undefined) rmdirSync(cgroup);
  if (way.server === 'udp') {
    await observer.until('the UDP flow', () => run.connections.some(({ closed }) => closed?.transport === 'udp'));
  }
  // What is looked for once a second, or written to the ring after the last event of the session, has come after that.
  const until = observer.source.clock.now();
  await observer.until('all that happened is handed over', () => observer.source.handledUntilNs() >= until);
  for (const connection of run.connections) if (connection.closed !== undefined) connection.settle();
  const told = run.lines.flatMap(({ received }) => (received === undefined ? [] : [Buffer.from(`${received}`, 'hex')]));
  return { run, helper, streams: [...ends.takeStreams(), ...told], datagrams: ends.takeDatagrams() };
}

/** What is missing from the record; undefined when nothing is. */
function failureOf(expectation: Expectation, taken: Taken): string | undefined {
  const { run, helper, streams, datagrams } = taken;
  const findings = run.of('way-taken');
  if (expectation.startsWith('no way ')) {
    const found = findings.filter(({ way }) => way === expectation.slice('no way '.length));
    return found.length === 0 ? undefined : `a finding without need: ${textOf(found)}`;
  }
  if (expectation.startsWith('way ')) {
    const [, way, wanted] = expectation.split(' ');
    const subject = wanted === '$HELPER' ? `${helper?.pid}` : wanted;
    const is = findings.some((found) => found.way === way && (subject === undefined || found.subject === subject));
    return is ? undefined : `no finding '${way}'${subject === undefined ? '' : ` of ${subject}`}`;
  }
  if (expectation === 'account') {
    const arrived = datagrams.reduce((sum, { length }) => sum + length, 0);
    const told = run.connections.reduce(
      (sum, { closed }) => sum + (closed?.transport === 'udp' ? closed.sentBytes : 0),
      0,
    );
    return arrived > 0 && arrived === told ? undefined : `${arrived} bytes arrived, ${told} are told of`;
  }
  if (streams.length === 0) return 'nothing came across';
  const sent = run.connections.map(({ sent }) => sent);
  if (expectation === 'counted') {
    const counted = streams.every((bytes) => sent.some(({ gapBytes }) => gapBytes === bytes.length));
    return counted ? undefined : 'bytes that are not even counted';
  }
  const missing = streams.filter(
    (bytes) => !sent.some((stream) => stream.sha256 === sha256(bytes) && !stream.gapBytes),
  );
  return missing.length === 0 ? undefined : `${missing.length} of ${streams.length} streams are not in the record`;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function recordedText({ run }: Taken): string {
  const moved = run.connections.filter(({ sent }) => sent.bytes + sent.gapBytes > 0).map(connectionText);
  const findings = textOf(run.of('way-taken'));
  return [...moved, ...(findings === '' ? [] : [findings])].join('; ');
}

function connectionText({ opened, sent }: ObservedConnection): string {
  const counted = sent.gapBytes > 0 ? `, ${sent.gapBytes} counted` : '';
  return `${opened?.transport ?? 'unknown'} ${sent.bytes} bytes${counted}`;
}

function textOf(findings: readonly WayTaken[]): string {
  const words = findings.map(({ way, subject }) => `${way} ${/^[0-9]*$/.test(subject) ? '' : subject}`.trim());
  return [...new Set(words)].join(', ');
}
