// SPDX-License-Identifier: Apache-2.0

/** Every number that the collector counts, by name. Whatever is dropped, skipped or refused has one here. */
import { memoryUsage } from 'node:process';
import { Counter, Gauge, Histogram, MetricsRegistry } from './metrics.ts';

const INSERT_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createCollectorMetrics() {
  const registry = new MetricsRegistry();
  const counter = (name: string, help: string, labels: readonly Readonly<Record<string, string>>[] = [{}]) =>
    registry.register(new Counter(`sworn_collector_${name}`, help, labels));
  const gauge = (name: string, help: string, read?: () => number) =>
    registry.register(new Gauge(`sworn_collector_${name}`, help, read));
  const startedAt = Date.now() / 1000;
  gauge('start_time_seconds', 'When this process started, Unix time.', () => startedAt);
  gauge('resident_memory_bytes', 'Memory of this process; the embedded engine is another.', () => memoryUsage.rss());
  gauge('cpu_seconds', 'CPU time of this process since its start.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  return {
    registry,
    activitiesStored: counter('activities_stored_total', 'Activities that are in ClickHouse and acknowledged.'),
    batchesReceived: counter('batches_received_total', 'Batches that arrived from agents.'),
    batchBytes: counter('batch_bytes_total', 'Bytes of these batches, compressed.'),
    activityBytes: counter('activity_bytes_total', 'Bytes of these batches, inflated.'),
    activitiesTrimmed: counter(
      'activities_trimmed_total',
      'Activities that arrived again after they had been stored; they were left out.',
    ),
    activitiesMissing: counter(
      'activities_missing_total',
      'Activities that agents no longer hold and that never arrived; each gap is a row in sworn.losses.',
    ),
    streamsRefused: counter('streams_refused_total', 'Streams ended by the collector, by code.', []),
    agentsConnected: gauge('agents_connected', 'Agents with an open stream.'),
    agentsSilent: gauge('agents_silent', 'Agents that are silent: gone without a word, or connected and without one.'),
    agentsUnwatched: counter(
      'agents_unwatched_total',
      'Connects of agents that are too many to be watched for silence.',
    ),
    agentLastSeq: gauge('agent_last_seq', 'Highest seq stored, by agent.'),
    agentLastTime: gauge('agent_last_stored_seconds', 'When the last activity of an agent was stored, Unix time.'),
    checkpoints: counter('checkpoints_total', 'Checkpoints of logs, by verdict; the own log counts as cosigned.', []),
    agentCosignedTime: gauge(
      'agent_last_cosigned_seconds',
      'When the last checkpoint of an agent was cosigned, Unix time, by agent.',
    ),
    incidentsSuppressed: counter(
      'log_incidents_suppressed_total',
      'Refused checkpoints and logs without a row of their own, because the same was told before or too many came.',
    ),
    witnessTimeouts: counter(
      'witness_timeouts_total',
      'Checkpoints that went on without all their witnesses, because these took too long.',
    ),
    tilesSkipped: counter('log_tiles_skipped_total', 'Tiles that were not written because rows of them are missing.'),
    tileErrors: counter('log_tile_errors_total', 'Failed attempts to write tiles; they are made again.'),
    ownLogErrors: counter('own_log_errors_total', 'Failed attempts to seal the own record; they are made again.'),
    witnessRequests: counter('witness_requests_total', 'Checkpoints shown to witnesses, by witness and outcome.', []),
    witnessesLacking: counter(
      'witnesses_lacking_total',
      'Checkpoints with fewer cosignatures of witnesses than seal.witnesses_required.',
    ),
    anchorWrites: counter('anchor_writes_total', 'Attempts to keep checkpoints at anchors, by anchor and outcome.', []),
    anchorQueue: gauge('anchor_queue', 'Checkpoints that wait for an anchor, by anchor.'),
    anchorsDropped: counter(
      'anchors_dropped_total',
      'Checkpoints that waited too long for an anchor, by anchor; a later one of their log is kept instead.',
      [],
    ),
    bytesInFlight: gauge('bytes_in_flight', 'Inflated bytes of batches that are not stored yet.'),
    insertSeconds: registry.register(
      new Histogram('sworn_collector_insert_seconds', 'Time of an insert into ClickHouse.', INSERT_SECONDS),
    ),
    insertedRows: counter('inserted_rows_total', 'Rows written, alerts and own notes included.'),
    insertedBytes: counter('inserted_bytes_total', 'Bytes of these rows as they were sent to ClickHouse.'),
    storeErrors: counter('store_errors_total', 'Failed inserts, by code; each is tried again or refused.', []),
    engineRestarts: counter('engine_restarts_total', 'Times that the embedded engine ended and was started again.'),
    ruleMatches: counter('rule_matches_total', 'Alerts raised, by rule.', []),
    ruleErrors: counter('rule_errors_total', 'Rules that failed on an activity; the activity was stored.'),
    ruleInputsCut: counter(
      'rule_inputs_cut_total',
      'Values longer than a regular expression may see; it saw the first part.',
    ),
    alertDeliveries: counter('alert_deliveries_total', 'Attempts to deliver alerts, by sink and outcome.', []),
    alertQueue: gauge('alert_queue', 'Alerts waiting for a sink, by sink.'),
    alertsOverflowed: counter(
      'alerts_overflowed_total',
      'Alerts that found the queue full; they wait in ClickHouse and are read back.',
    ),
    queries: counter('queries_total', "People's queries, by outcome.", []),
    tailSubscribers: gauge('tail_subscribers', 'Open live tails.'),
    activitiesErased: counter(
      'activities_erased_total',
      'Activities whose payload was erased or whose rows were dropped; each is in sworn.erasures.',
    ),
    erasureErrors: counter('erasure_errors_total', 'Failed attempts to erase or to drop; they are made again.'),
    daysKept: gauge('retention_days_kept', 'Days beyond their time that retention keeps, because proofs would break.'),
    tailDropped: counter('tail_dropped_total', 'Activities that slow readers of live tails missed.'),
  };
}

export type CollectorMetrics = ReturnType<typeof createCollectorMetrics>;
