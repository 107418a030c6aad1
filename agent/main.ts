// SPDX-License-Identifier: Apache-2.0

/**
 * The agent, put together: the only file of it that chooses implementations.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { hostname, release } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { leafTable } from '../proto/leaf-table.ts';
import { ActivityBuilder } from './activity/activity-builder.ts';
import { Redactor } from './activity/redaction/redactor.ts';
import type { AgentConfig } from './config/agent-config.ts';
import { readAgentId } from './config/agent-id.ts';
import { keyFile } from './config/key-file.ts';
import { selectionsOf } from './config/selections.ts';
import { ControlServer, type RunAnswer } from './control/control-server.ts';
import { Journal } from './journal/journal.ts';
import type { ProcessKey, Scope } from './model/kernel-event.ts';
import { DEFAULT_BOUNDS } from './protocol/decoder.ts';
import { parserCounts } from './protocol/sql/parser.ts';
import { AliveMark, type Moment } from './recorder/alive-mark.ts';
import { attributesOf, ClockWatch, readAtOnce } from './recorder/clock-watch.ts';
import { Recorder } from './recorder/recorder.ts';
import { SessionBook } from './recorder/session-book.ts';
import { loadAddon } from './source/ebpf/addon.ts';
import { EbpfSource } from './source/ebpf/ebpf-source.ts';
import { isStartedAt, processKeyOf } from './source/ebpf/proc.ts';
import type { SourceHealth } from './source/kernel-event-source.ts';
import { createLog, errorLine, type Log } from './telemetry/log.ts';
import { serviceManager } from './telemetry/service-manager.ts';
import { whenMoreMayCome } from './wiring/back-pressure.ts';
import { type BrokerDesk, startBrokerDesk } from './wiring/broker-desk.ts';
import { startDelivery } from './wiring/delivery.ts';
import { Freezing } from './wiring/freezing.ts';
import { Guard, type GuardStatus } from './wiring/guard.ts';
import { flushWithin, type JournalStatus, journalStatus, RoomNews } from './wiring/journal-watch.ts';
import { OwnParts } from './wiring/own-parts.ts';
import { createPolicyDoor } from './wiring/policy-door.ts';
import { AgentSeal } from './wiring/seal.ts';
import { tlsProbes } from './wiring/tls-probes.ts';

export { issuerConfiguration, issuerKeySet, rollIssuer } from './wiring/issuer-documents.ts';
export { policyProblems, policyWarnings } from './wiring/policy-of.ts';

export interface AgentStatus {
  readonly version: string;
  readonly agent_id: string;
  readonly host: string;
  readonly started_at: string;
  readonly workloads: readonly string[];
  readonly sessions: readonly { id: string; workload: string; identity: string; processes: number; commands: number }[];
  readonly connections: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly journal: JournalStatus;
  /** Cgroups of workloads that are frozen until the journal has room: policy `block`. */
  readonly frozen: readonly string[];
  readonly delivery: object | null;
  /** The key of the sealed record, and what of it the collector cosigned. */
  readonly seal: object;
  /** Texts of SQL by what PostgreSQL's parser said: what it refused, was too long for it or made it fail was only scanned. */
  readonly sql_parser: Readonly<Record<'parsed' | 'refused' | 'too_long' | 'failed', number>>;
  readonly broker: object | null;
  /** Probes on TLS libraries, and what they saw; null when TLS is not read. */
  readonly tls: object | null;
  /** Whether workloads are refused what would stop the agent, and if not why. */
  readonly guard: GuardStatus;
  readonly source: SourceHealth;
}

export interface RunningAgent {
  readonly agentId: string;
  readonly controlPath: string;
  status(): AgentStatus;
  /** Resolves when everything recorded so far is in the collector's store, or the time is over: then false. */
  delivered(timeoutMs: number): Promise<boolean>;
  /** Policies and identities of the broker, from the configuration as it is by now; a failure is in the log. */
  reload(): Promise<void>;
  /** Rejects with the JournalError that kept the end of the record from being written; it has stopped all the same. */
  stop(): Promise<void>;
}

export interface AgentOptions {
  readonly config: AgentConfig;
  readonly version: string;
  /** The configuration as it is by now, for a reload. Errors: those of the file, with a message for the operator. */
  readonly readConfig?: () => AgentConfig;
  readonly log?: Log;
}

const SWEEP_MS = 1000;
const DAY_MS = 86_400_000;
/** Between looks at whether the agent's programs and files are still there. */
const OWN_PARTS_MS = 3000;
/** A full disk must not keep the agent from stopping. */
const FLUSH_MS_MAX = 5000;
/** Faults are counted and told in the record; the log has the first ones, for whoever mends them. */
const FAULTS_LOGGED_MAX = 20;
/** Half of what the journal holds before it drops payloads. */
const JOURNAL_BEHIND_BYTES = 16 << 20;

/**
 * Starts recording; it records when this resolves.
 *
 * Errors   of the kernel side (doctor explains them), of the journal (JournalError), of the broker (BrokerError), of the
 *          configuration's files
 */
export async function startAgent(options: AgentOptions): Promise<RunningAgent> {
  const { config, version } = options;
  const log = options.log ?? createLog(config.log_level);
  mkdirSync(config.state_dir, { recursive: true, mode: 0o700 });
  mkdirSync(config.run_dir, { recursive: true, mode: 0o755 });

  const host = hostname();
  const agentId = readAgentId(config);
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const selections = selectionsOf(config);
  const book = new SessionBook(join(config.state_dir, 'sessions.json'), bootId);
  const addon = loadAddon();
  addon.protectMemory();
  const seal = await AgentSeal.open({ config, agentId, append: addon.appendLeaves, log });
  const journal = await Journal.open({
    folder: join(config.state_dir, 'journal'),
    agentId,
    host,
    ...seal.journalOptions,
    leafWriter: new addon.LeafWriter(leafTable(), agentId, host),
    whenFull: config.record.when_full,
    folderBytesMax: config.record.journal_bytes_max,
    ageMaxMs: config.record.journal_days_max * DAY_MS,
    onTrouble: (trouble) => {
      if (trouble === null) log.info('the journal is written again');
      else log.error({ code: trouble.code, err: trouble }, 'the journal cannot be written');
    },
  });
  seal.begin(journal);

  const source = new EbpfSource({
    selections: selections.selected,
    running: book.running(selections.idOf),
    capture: {
      ringBytes: config.capture.ring_bytes,
      bufferBytes: config.capture.buffer_bytes,
      processesMax: config.capture.processes_max,
      watchSyscalls: config.capture.watch_syscalls,
      imdsRedirect: config.broker.enabled && config.broker.imds.enabled,
    },
    streams: config.capture.streams,
    pollMs: config.capture.poll_ms,
    ...(config.tls.enabled && { imageHoldMs: config.tls.hold_ms }),
  });
  let guard: Guard;
  try {
    guard = new Guard(source, config, log);
  } catch (error) {
    await source.stop();
    await journal.close();
    await seal.close();
    throw error;
  }
  const { clock } = source;
  const momentAt = (atNs: number): Moment => ({ unixNs: clock.toUnixNs(atNs), bootNs: BigInt(Math.round(atNs)) });
  const mark = new AliveMark(join(config.state_dir, 'alive.json'), bootId, momentAt(clock.now()));
  const builder = new ActivityBuilder(
    { boot: bootId.replaceAll('-', '').slice(0, 8), toUnixNs: (atNs) => clock.toUnixNs(atNs) },
    new Redactor(keyFile(join(config.state_dir, 'redaction.key'))),
  );
  const probes = tlsProbes({ config, attacher: source, recorder: () => recorder, now: () => clock.now(), log });
  let desk: BrokerDesk | undefined;
  let saving: Promise<void> | undefined;
  const recorder = new Recorder({
    meaningOf: selections.meaningOf,
    sessionId: ({ selectionId, sessionKey }) => book.idFor(selections.meaningOf(selectionId).workload, sessionKey),
    builder,
    append: (activity) => journal.append(activity),
    bounds: {
      ...DEFAULT_BOUNDS,
      requestBytesMax: config.record.request_bytes_max,
      responseBytesMax: config.record.response_bytes_max,
    },
    unknownHeadBytes: config.capture.unknown_head_bytes,
    onSessionStarted: (session) => {
      desk?.sessionStarted(session);
      saveState();
    },
    onSessionEnded: () => saveState(),
    onCredential: (...seen) => desk?.sawCredential(...seen),
    tokenOf: (fingerprint) => desk?.tokenOf(fingerprint),
    ...(probes && { imagesOf: probes.imagesOf }),
    onFault: (error) => {
      // Where, and not what it says: that may quote what crossed a connection.
      if (recorder.counts.faults > FAULTS_LOGGED_MAX) return;
      const { type, at } = errorLine(error);
      log.error({ type, at }, 'an event could not be recorded: please report this');
    },
  });

  const about = { version, kernel: release(), bootId };
  const heartbeat = { heartbeat_seconds: String(config.record.heartbeat_seconds) };
  recorder.write(builder.recorder('STARTED', { ...about, attributes: heartbeat }, clock.now()));
  seal.tellTo(
    (finding) => recorder.addFinding(finding),
    () => clock.now(),
  );
  if (mark.absence === undefined) await mark.write(momentAt(clock.now()), false);
  const pressure = () => ({ pendingBytes: journal.pendingBytes, waitingShare: source.waitingShare });
  await source.start((events) => {
    probes?.see(events);
    recorder.handle(events);
    return whenMoreMayCome(pressure, JOURNAL_BEHIND_BYTES);
  });
  if (mark.absence !== undefined) {
    // Until now: nothing was seen before the kernel side was in place and had looked at what runs.
    const { sinceUnixNs, untilUnixNs, reason } = mark.absence;
    const untilNs = Math.max(clock.now(), clock.fromUnixNs(untilUnixNs));
    const span = { sinceNs: clock.fromUnixNs(sinceUnixNs), untilNs };
    recorder.addLoss({ where: 'recorder', reason, events: 1, bytes: 0, ...span });
    recorder.sweep(clock.now());
  }
  // Before anybody is told that the agent records: what the host has is probed before a workload runs.
  await probes?.start();

  try {
    desk = await startBrokerDesk({ config, source, recorder, builder, peers: addon, selections, log });
  } catch (error) {
    // What runs by now would keep alive a process that hands out nothing and tells nobody.
    await probes?.stop();
    await source.stop();
    await journal.close();
    await seal.close();
    throw error;
  }
  if (desk !== undefined) source.setBrokerPorts(desk.ports);
  const delivery = startDelivery({ config, journal, seal: seal.seal, version, bootId, log });

  const { readConfig } = options;
  const policies = createPolicyDoor({ broker: desk?.policies, lineage: recorder.lineage, config, readConfig, log });

  const startedAt = new Date();
  const control = new ControlServer(join(config.run_dir, 'agent.sock'), addon.peerOf, {
    run: async (request, peer, inherited): Promise<RunAnswer> => {
      const fitting = selections.runs.filter(
        (run) =>
          run.identity === request.identity &&
          run.uids.has(peer.uid) &&
          (request.workload === undefined || run.workload === request.workload),
      );
      if (fitting.length !== 1) return { kind: 'refused', reason: whyNoRun(request.identity, fitting.length) };
      const [run] = fitting as [(typeof fitting)[number]];
      const sessionKey = randomBytes(8).readBigUInt64LE();
      const process = processKeyOf(peer.pid);
      if (process === undefined) return { kind: 'refused', reason: 'the process that asks is gone' };
      const sessionId = book.reserve(run.workload, sessionKey, process);
      // Not yet: the answer to this request holds the session's secret.
      source.watchFromNextExec(peer.pid, { selectionId: run.id, sessionKey });
      const environment = desk?.environment(run.workload, sessionKey, inherited) ?? {};
      return { kind: 'ready', sessionId, environment };
    },
    status: () => status(),
    policies: () => policies.list(),
    checkPolicy: (request, peer) => policies.check(request, peer),
    reloadPolicies: (peer) => policies.reload(peer),
  });
  await control.listen();

  const roomNews = new RoomNews(journal, log);
  const freezing = new Freezing({
    noteFile: join(config.run_dir, 'frozen.json'),
    mustFreeze: () => journal.mustFreeze,
    sessions: () => recorder.lineage.sessions,
    onFinding: (finding, session) => recorder.addFinding(finding, session),
    now: () => clock.now(),
    log,
  });
  const clocks = new ClockWatch(() => readAtOnce(addon.readClocks));
  const ownParts = new OwnParts({
    programs: () => source.health.programs,
    files: () => journal.files,
    onFinding: (finding) => {
      recorder.addFinding(finding);
      log.error({ kind: finding.kind, subject: finding.subject }, finding.message);
    },
    now: () => clock.now(),
  });
  let isTakenOver = false;
  // What is changed from now on is seen at the next look.
  await ownParts.look();
  const timers = [
    setInterval(() => {
      const nowNs = clock.now();
      if (!isTakenOver) {
        isTakenOver = true;
        const { lineage } = recorder;
        const known = {
          session: (scope: Scope): boolean => lineage.sessionOf(scope) !== undefined,
          process: ({ pid }: ProcessKey): boolean => lineage.processAt(pid, nowNs) !== undefined,
        };
        const sinceNs = mark.absence === undefined ? nowNs : clock.fromUnixNs(mark.absence.sinceUnixNs);
        for (const left of book.takeOver(selections.idOf, known, isStartedAt)) recorder.takeOver(left, sinceNs, nowNs);
      }
      for (const news of clocks.look()) {
        const action = news.kind === 'suspended' ? 'SUSPENDED' : 'CLOCK_JUMPED';
        const attributes = attributesOf(news);
        recorder.write(builder.recorder(action, { ...about, attributes }, news.untilNs, news.sinceNs));
        log.warn({ ...attributes }, action === 'SUSPENDED' ? 'the host slept' : 'the wall clock was set');
      }
      freezing.look();
      recorder.sweep(nowNs);
      roomNews.look();
      saveState();
    }, SWEEP_MS),
    setInterval(() => void ownParts.look(), OWN_PARTS_MS),
    setInterval(() => {
      const use = source.health;
      const attributes = {
        ...heartbeat,
        ring_waiting_bytes: String(use.ringWaitingBytes),
        buffered_bytes: String(use.bufferedBytes),
        sessions: String([...recorder.lineage.sessions].length),
        connections: String(recorder.connections),
        ...Object.fromEntries(Object.entries(recorder.counts).map(([name, value]) => [name, String(value)])),
        ...Object.fromEntries(Object.entries(sqlParser()).map(([name, value]) => [`sql_${name}`, String(value)])),
      };
      recorder.write(builder.recorder('HEARTBEAT', { ...about, attributes }, clock.now()));
    }, config.record.heartbeat_seconds * 1000),
  ];
  const manager = serviceManager(addon.notify);
  manager.ready();
  log.info({ agentId, workloads: config.workloads.length, broker: desk?.port ?? null }, 'the agent records');

  /**
   * After a crash the mark says since when something may be missing, and the book what was running: so both are written
   * only when the record up to their time is on disk.
   */
  function saveState(): void {
    saving ??= save()
      .catch((error: unknown) => log.error({ err: error }, 'the state of the agent cannot be saved'))
      .finally(() => {
        saving = undefined;
      });
  }

  async function save(): Promise<void> {
    // Asked for by an event in the middle of a batch, whose other events are not in the record yet.
    await setImmediate();
    const handledNs = source.handledUntilNs();
    const writtenNs = recorder.writtenUntilNs(handledNs);
    const picture = book.picture(recorder.unfinishedSessions(), isStartedAt, clock.now(), handledNs);
    if (!(await flushWithin(journal, FLUSH_MS_MAX))) return;
    await mark.write(momentAt(writtenNs), false);
    await seal.writeMark(journal);
    book.save(picture);
  }

  function status(): AgentStatus {
    return {
      version,
      agent_id: agentId,
      host,
      started_at: startedAt.toISOString(),
      workloads: config.workloads.map(({ name }) => name),
      sessions: [...recorder.lineage.sessions].map((session) => ({
        id: session.id,
        workload: session.workload,
        identity: session.bindings.at(-1)?.binding.identityName ?? '',
        processes: session.alive.size,
        commands: session.commands,
      })),
      connections: recorder.connections,
      counts: { ...recorder.counts },
      sql_parser: sqlParser(),
      journal: journalStatus(journal),
      frozen: freezing.frozen,
      delivery: delivery?.status() ?? null,
      seal: seal.status,
      broker: desk === undefined ? null : { port: desk.port, ...desk.counts() },
      tls: probes?.status() ?? null,
      guard: guard.status,
      source: source.health,
    };
  }

  let stopping: Promise<void> | undefined;
  async function stop(): Promise<void> {
    manager.stopping();
    for (const timer of timers) clearInterval(timer);
    await control.close();
    await desk?.stop();
    await probes?.stop();
    await source.stop();
    await saving;
    freezing.end();
    const nowNs = clock.now();
    recorder.finish(nowNs);
    recorder.write(builder.recorder('STOPPED', { ...about, attributes: {} }, nowNs));
    // Else the mark stays where it was, and the next start tells since when something may be missing.
    if (await flushWithin(journal, FLUSH_MS_MAX)) await saveEnd(nowNs);
    await delivery?.stop();
    try {
      await journal.close();
    } finally {
      await seal.writeMark(journal, true);
      await seal.close();
    }
    log.info('the agent has stopped');
  }

  async function saveEnd(nowNs: number): Promise<void> {
    try {
      await mark.write(momentAt(nowNs), true);
      // The source has stopped: nothing waits any more.
      book.save(book.picture(recorder.unfinishedSessions(), isStartedAt, nowNs, Number.POSITIVE_INFINITY));
    } catch (error) {
      log.error({ err: error }, 'the state of the agent cannot be saved');
    }
  }

  return {
    agentId,
    controlPath: join(config.run_dir, 'agent.sock'),
    status,
    delivered: async (timeoutMs) => {
      const until = Date.now() + timeoutMs;
      const { lastSeq } = journal.state;
      while (journal.state.deliveredSeq < lastSeq) {
        if (Date.now() > until) return false;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return true;
    },
    reload: async () => {
      guard.refresh();
      await policies.reloadNow();
    },
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** Texts that PostgreSQL's parser was asked about, and what the scanner answered instead. */
function sqlParser(): AgentStatus['sql_parser'] {
  const { parsed, refused, tooLong, failed } = parserCounts;
  return { parsed, refused, too_long: tooLong, failed };
}

function whyNoRun(identity: string, fitting: number): string {
  return fitting === 0
    ? `no workload of the agent's configuration lets you run for '${identity}'`
    : `several workloads let you run for '${identity}': name one with --workload`;
}
