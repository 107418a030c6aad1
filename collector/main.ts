// SPDX-License-Identifier: Apache-2.0

/**
 * The collector, put together: the only file of it that chooses implementations.
 *
 *   bin/node collector/main.ts --config FILE      (people use `sworn collector`)
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { alertMessage } from './alerts/alert-message.ts';
import { DeliveryQueue } from './alerts/delivery-queue.ts';
import { WebhookSink } from './alerts/webhook-sink.ts';
import type { CollectorStatus } from './api/api-context.ts';
import { LiveTail } from './api/live-tail.ts';
import { buildApi } from './api/server.ts';
import { readOrMakeToken } from './api/token-file.ts';
import type { CollectorConfig, WebhookConfig } from './config/collector-config.ts';
import { parseListen, readCollectorConfig } from './config/read-config.ts';
import type { StoredBlock } from './ingest/block-writer.ts';
import { IngestServer } from './ingest/ingest-server.ts';
import { alertOfIncident, keyAcceptedFor } from './ingest/own-record.ts';
import { CollectorError, describeError } from './model/error.ts';
import { dayOf } from './retention/day-plan.ts';
import { Eraser } from './retention/eraser.ts';
import { Retention } from './retention/retention.ts';
import type { Rule } from './rules/rule.ts';
import { RULE_PACK_FOLDER, RuleSet, type RuleSetEvents, readRules } from './rules/rule-set.ts';
import { anchorsOf } from './seal/anchor/anchor-queue.ts';
import { readOrMakeCollectorKey } from './seal/collector-key.ts';
import { LogReader } from './seal/log-reader.ts';
import { Sealing } from './seal/sealing.ts';
import { witnessesOf } from './seal/witness/witness-group.ts';
import { SilenceWatch } from './silence/silence-watch.ts';
import { ClickHouseErasureStore } from './store/clickhouse/clickhouse-erasure-store.ts';
import { ClickHouseEventStore } from './store/clickhouse/clickhouse-event-store.ts';
import { ClickHouseLogStore } from './store/clickhouse/clickhouse-log-store.ts';
import type { ClickHouseAddress } from './store/clickhouse/client.ts';
import { READER_ROLE, WRITER_ROLE } from './store/clickhouse/engine/engine-config.ts';
import { EngineProcess } from './store/clickhouse/engine/engine-process.ts';
import type { Topology } from './store/clickhouse/migrations.ts';
import { type CollectorMetrics, createCollectorMetrics } from './telemetry/collector-metrics.ts';
import { createLog, type Log } from './telemetry/log.ts';
import { type Notify, serviceManager } from './telemetry/service-manager.ts';
import { type AgentCertificate, LocalTrust } from './trust/certificates.ts';

const WEBHOOK_SECRET_CHARACTERS_MIN = 16;

export interface CollectorOptions {
  readonly config: CollectorConfig;
  readonly version: string;
  readonly log?: Log;
  /** Sends a state to the service manager; without it none is told. */
  readonly notify?: Notify;
}

export interface RunningCollector {
  readonly collectorId: string;
  /** Where agents deliver. */
  readonly ingest: { readonly host: string; readonly port: number };
  /** What agents check the collector's certificate against. */
  readonly caPem: string;
  /** Where people ask, and their token. */
  readonly apiUrl: string;
  readonly apiToken: string;
  /** Of who may take something out of the record. */
  readonly adminToken: string;
  status(): CollectorStatus;
  issueAgentCertificate(agentId: string): Promise<AgentCertificate>;
  /** Store and acknowledge what is here, then end. */
  stop(): Promise<void>;
}

export function trustFolder(config: CollectorConfig): string {
  return join(config.state_dir, 'trust');
}

/** The key that seals; made at the first start. */
export function sealKeyPath(config: CollectorConfig): string {
  return config.seal.key_file ?? join(config.state_dir, 'seal.key');
}

export function adminTokenPath(config: CollectorConfig): string {
  return join(config.state_dir, 'admin-token');
}

export function apiTokenPath(config: CollectorConfig): string {
  return join(config.state_dir, 'api-token');
}

/** A certificate for an agent, from the collector's authority; the collector need not be running. */
export function issueAgentCertificate(config: CollectorConfig, agentId: string): Promise<AgentCertificate> {
  return new LocalTrust(trustFolder(config)).issueAgentCertificate(agentId, { now: new Date() });
}

function readSecretFile(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new CollectorError('config_invalid', `${what} ${path}: ${describeError(error)}`, { cause: error });
  }
}

/** Stays the same for the life of the state: alerts are numbered under it. */
function collectorIdOf(stateDir: string): string {
  const path = join(stateDir, 'collector-id');
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const id = `collector-${randomBytes(6).toString('hex')}`;
  writeFileSync(path, `${id}\n`, { mode: 0o600, flag: 'wx' });
  return id;
}

interface Addresses {
  readonly engine: EngineProcess | undefined;
  readonly writer: ClickHouseAddress;
  readonly reader: ClickHouseAddress;
}

function addressesOf(config: CollectorConfig, log: Log, metrics: CollectorMetrics): Addresses {
  const { server, embedded } = config.store;
  if (server === null) {
    const engine = new EngineProcess({
      dataFolder: join(config.state_dir, 'store'),
      memoryBytesMax: embedded.memory_bytes_max,
      log: log.child({ part: 'engine' }),
      onCrash: () => metrics.engineRestarts.add(),
    });
    const { socketPath, incomingFolder } = engine;
    const address = (role: string) => ({ engine: { socketPath, incomingFolder, role } });
    return { engine, writer: address(WRITER_ROLE), reader: address(READER_ROLE) };
  }
  const { url, username, password_file, reader_username, reader_password_file, ca_file } = server;
  const ca = ca_file === undefined ? {} : { ca: readFileSync(ca_file) };
  const passwordOf = (file: string | undefined) => (file === undefined ? '' : readSecretFile(file, 'password'));
  const writer = { server: { url, username, password: passwordOf(password_file), ...ca } };
  if (reader_username === undefined) return { engine: undefined, writer, reader: writer };
  const reader = { server: { url, username: reader_username, password: passwordOf(reader_password_file), ...ca } };
  return { engine: undefined, writer, reader };
}

/**
 * The rules that would be in force.
 *
 * Errors   CollectorError `rule_invalid` with file, line and cause; `config_invalid` for a folder that cannot be read
 */
export function readRulesOf(config: CollectorConfig, events: RuleSetEvents): RuleSet {
  const folders = [...(config.rules.pack ? [RULE_PACK_FOLDER] : []), ...config.rules.folders];
  const read = (folder: string): Rule[] => {
    try {
      return readRules(folder);
    } catch (error) {
      if (error instanceof CollectorError) throw error;
      throw new CollectorError('config_invalid', `rules.folders: ${describeError(error)}`, { cause: error });
    }
  };
  return new RuleSet(folders.flatMap(read), events);
}

function rulesOf(config: CollectorConfig, metrics: CollectorMetrics, log: Log): RuleSet {
  return readRulesOf(config, {
    onError: (rule, error) => {
      metrics.ruleErrors.add();
      log.error({ rule: rule.id, err: error }, 'a rule failed on an activity; the activity is stored');
    },
    onCut: () => metrics.ruleInputsCut.add(),
  });
}

function sinkOf(webhook: WebhookConfig): WebhookSink {
  const { name, url, secret_file, timeout_seconds } = webhook;
  const secret = readSecretFile(secret_file, `alerts.webhooks: secret of ${name}:`);
  if (secret.length < WEBHOOK_SECRET_CHARACTERS_MIN) {
    const message = `${secret_file}: a secret has at least ${WEBHOOK_SECRET_CHARACTERS_MIN} characters`;
    throw new CollectorError('config_invalid', message);
  }
  return new WebhookSink({ name, url, secret, timeoutMs: timeout_seconds * 1000 });
}

async function ingestTlsOf(config: CollectorConfig, trust: LocalTrust, log: Log) {
  const { tls, certificate_names, listen } = config.ingest;
  if (tls !== null) {
    return {
      certificatePem: readSecretFile(tls.certificate_file, 'certificate'),
      privateKeyPem: readSecretFile(tls.key_file, 'key'),
      caPem: readSecretFile(tls.ca_file, 'authority'),
    };
  }
  const { host } = parseListen(listen);
  const anywhere = host === '0.0.0.0' || host === '::';
  const names = ['localhost', '127.0.0.1', '::1', hostname(), ...(anywhere ? [] : [host]), ...certificate_names];
  const server = await trust.server([...new Set(names)], new Date());
  log.info({ expires: server.expiresAt.toISOString() }, 'certificate for agents');
  return server;
}

/** Ends what has been started, last first, whatever each of them says. */
class Teardown {
  readonly #log: Log;
  readonly #steps: { name: string; run: () => Promise<void> }[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  add(name: string, run: () => Promise<void>): void {
    this.#steps.push({ name, run });
  }

  async run(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.run();
      } catch (error) {
        this.#log.error({ err: error, step: step.name }, 'a part did not stop cleanly');
      }
    }
  }
}

/**
 * Start the collector; agents and people are served when this resolves.
 *
 * Errors   CollectorError, with a code that says what is wrong: configuration, rules, certificates, tables, store
 */
export async function startCollector(options: CollectorOptions): Promise<RunningCollector> {
  const { config, version } = options;
  const log = options.log ?? createLog(config.log_level);
  const teardown = new Teardown(log);
  try {
    return await start(config, version, log, options.notify, teardown);
  } catch (error) {
    await teardown.run();
    throw error;
  }
}

async function start(
  config: CollectorConfig,
  version: string,
  log: Log,
  notify: Notify | undefined,
  teardown: Teardown,
): Promise<RunningCollector> {
  const startedAt = new Date();
  mkdirSync(config.state_dir, { recursive: true, mode: 0o700 });
  const metrics = createCollectorMetrics();
  const manager = serviceManager(notify);
  // What a person may have got wrong first: it fails fast, before anything runs.
  const rules = rulesOf(config, metrics, log);
  const sinks = config.alerts.webhooks.map(sinkOf);
  const collectorId = collectorIdOf(config.state_dir);
  const sealKey = readOrMakeCollectorKey(sealKeyPath(config), collectorId);
  const witnessing = witnessesOf(config.seal, { metrics, log });
  const anchors = anchorsOf(config.seal, { metrics, log });
  const token = readOrMakeToken(apiTokenPath(config));
  const adminToken = readOrMakeToken(adminTokenPath(config));
  const trust = new LocalTrust(trustFolder(config));
  const tls = await ingestTlsOf(config, trust, log);
  const apiTls = config.api.tls;

  const { engine, writer, reader } = addressesOf(config, log, metrics);
  if (engine !== undefined) {
    teardown.add('engine', () => engine.stop());
    await engine.start();
  }
  const { seconds_max, rows_max, result_bytes_max, memory_bytes_max, at_once_max } = config.api.query;
  const cluster = config.store.server?.cluster;
  const topology: Topology = cluster === undefined ? { kind: 'single' } : { kind: 'cluster', cluster };
  const store = new ClickHouseEventStore({
    writer,
    reader,
    topology,
    collectorId,
    limits: { seconds: seconds_max, rows: rows_max, bytes: result_bytes_max, memoryBytes: memory_bytes_max },
  });
  teardown.add('store', () => store.close());
  await store.open();

  const queues = sinks.map((sink) => new DeliveryQueue({ sink, store, metrics, log }));
  for (const queue of queues) {
    teardown.add('alerts', () => queue.stop());
    queue.start();
  }
  const tail = new LiveTail(metrics, config.api.tails_max);
  const onStored = ({ seen, alerts }: StoredBlock) => {
    if (seen.length > 0) tail.publish(seen);
    if (queues.length === 0) return;
    for (const { activity, sender } of alerts) {
      const message = alertMessage(activity, sender);
      for (const queue of queues) queue.push(message);
    }
  };

  const silence = new SilenceWatch({
    store,
    collectorId,
    record: (own) => ingest.record(own),
    silenceMs: config.silence.seconds * 1000,
    graceMs: config.silence.grace_seconds * 1000,
    metrics,
    log,
  });
  await silence.load();

  const logStore = new ClickHouseLogStore(writer, topology);
  teardown.add('log store', () => logStore.close());
  const sealing = new Sealing({
    collectorId,
    key: sealKey,
    stateDir: config.state_dir,
    store: logStore,
    metrics,
    log,
    report: async (incident) => {
      await ingest.record([alertOfIncident(incident, BigInt(Date.now()) * 1_000_000n)]);
    },
    witnessing,
    anchors,
  });

  const listen = parseListen(config.ingest.listen);
  const ingest: IngestServer = new IngestServer({
    host: listen.host,
    port: listen.port,
    tls,
    collectorId,
    store,
    rules,
    metrics,
    log,
    batchBytesMax: config.ingest.batch_bytes_max,
    streamBytesMax: config.ingest.stream_bytes_max,
    totalBytesMax: config.ingest.total_bytes_max,
    insertIntervalMs: config.ingest.insert_interval_ms,
    insertRetryMs: config.ingest.insert_retry_seconds * 1000,
    watched: () => tail.watched,
    onStored,
    seal: sealing.desk,
    onOwnStored: (firstSeq, leaves) => sealing.ownStored(firstSeq, leaves),
    presence: silence,
  });
  for (const anchor of anchors) teardown.add('anchor', () => anchor.stop());
  if (witnessing !== undefined) teardown.add('witnesses', async () => witnessing.close());
  await sealing.start(await store.highestSeq(collectorId));
  teardown.add('seal', () => sealing.stop());
  teardown.add('ingest', () => ingest.stop());
  const ingestPort = await ingest.start();
  silence.start();
  // Before the streams are ended: that is no silence.
  teardown.add('silence', async () => silence.stop());

  const erasures = new ClickHouseErasureStore(writer, topology, collectorId);
  teardown.add('erasure store', () => erasures.close());
  const eraser = new Eraser({
    store: erasures,
    record: (own) => ingest.record(own),
    drop: (tombstone) => erasures.dropDay(dayOf(tombstone), tombstone.agents),
    metrics,
    log,
  });
  const retention = new Retention({
    limits: config.retention,
    store: erasures,
    logStore,
    reader: new LogReader(logStore),
    eraser,
    metrics,
    log,
  });
  teardown.add('erasures', async () => {
    await Promise.all([eraser.stop(), retention.stop()]);
  });
  await eraser.resume();
  retention.start();

  const status = (): CollectorStatus => ({
    version,
    collector_id: collectorId,
    started_at: startedAt.toISOString(),
    ingest_address: `${listen.host}:${ingestPort}`,
    store: engine === undefined ? 'server' : 'embedded',
    agents: ingest.agents.map(({ agentId, connectedAt, storedSeq, cosigned }) => ({
      agent_id: agentId,
      connected_at: connectedAt.toISOString(),
      last_seq: storedSeq,
      cosigned_size: cosigned?.size ?? null,
      cosigned_at: cosigned === undefined ? null : new Date(cosigned.timeMs).toISOString(),
    })),
    absent_agents: silence.absent.map(({ agentId, host, state, lastSeq, heardAt }) => ({
      agent_id: agentId,
      host,
      state,
      last_seq: lastSeq,
      heard_at: heardAt.toISOString(),
    })),
    seal: sealing.status,
    rules: rules.rules.map(({ id, title, level }) => ({ id, title, level })),
    sinks: sinks.map(({ name }) => name),
  });
  const api = buildApi({
    store,
    tail,
    metrics,
    log,
    token,
    adminToken,
    eraser,
    retention,
    metricsWithoutToken: config.api.metrics_without_token,
    queriesAtOnceMax: at_once_max,
    tls:
      apiTls === null
        ? undefined
        : {
            certificatePem: readSecretFile(apiTls.certificate_file, 'certificate'),
            privateKeyPem: readSecretFile(apiTls.key_file, 'key'),
          },
    status,
    acceptKey: (agentId, verifier) =>
      sealing.acceptKey(agentId, verifier, (before) =>
        ingest.record([keyAcceptedFor(agentId, before, verifier, BigInt(Date.now()) * 1_000_000n)]),
      ),
  });
  teardown.add('api', async () => {
    tail.close();
    await api.close();
  });
  const apiUrl = await api.listen(parseListen(config.api.listen));

  log.info({ collector: collectorId, ingest: status().ingest_address, api: apiUrl, version }, 'the collector is ready');
  manager.ready();
  let stopped: Promise<void> | undefined;
  return {
    collectorId,
    ingest: { host: listen.host, port: ingestPort },
    caPem: tls.caPem,
    apiUrl,
    apiToken: token,
    adminToken,
    status,
    issueAgentCertificate: (agentId) => trust.issueAgentCertificate(agentId, { now: new Date() }),
    stop() {
      manager.stopping();
      stopped ??= teardown.run();
      return stopped;
    },
  };
}

/** Run until SIGTERM or SIGINT, then stop in good order. */
export async function serveCollector(options: CollectorOptions): Promise<void> {
  const log = options.log ?? createLog(options.config.log_level);
  const signalled = new Promise<NodeJS.Signals>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  const running = await startCollector({ ...options, log });
  log.info({ signal: await signalled }, 'stopping');
  await running.stop();
  log.info('stopped');
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { config: { type: 'string' } } });
  try {
    const text = values.config === undefined ? '' : readFileSync(values.config, 'utf8');
    const config = readCollectorConfig(text, values.config ?? 'the default configuration');
    await serveCollector({ config, version: 'source' });
  } catch (error) {
    console.error(error instanceof CollectorError ? `${error.code}: ${error.message}` : error);
    process.exit(1);
  }
}
