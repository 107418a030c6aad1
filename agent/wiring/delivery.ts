// SPDX-License-Identifier: Apache-2.0

/** The delivery that the configuration asks for, and what `sworn status` shows of it. */
import { release } from 'node:os';
import type { AgentConfig } from '../config/agent-config.ts';
import { GrpcSink } from '../delivery/grpc/grpc-sink.ts';
import type { Journal } from '../journal/journal.ts';
import type { Seal } from '../seal/seal.ts';
import type { Log } from '../telemetry/log.ts';

/** How long a stopping agent waits for what is on its way; the rest is delivered after the next start. */
const DRAIN_MS = 3000;

export interface RunningDelivery {
  status(): object;
  stop(): Promise<void>;
}

export interface DeliveryOptions {
  readonly config: AgentConfig;
  readonly journal: Journal;
  /** Left out: the record is delivered without checkpoints. */
  readonly seal?: Seal | undefined;
  readonly version: string;
  readonly bootId: string;
  readonly log: Log;
}

/** undefined when no collector is configured: the record stays in the journal. */
export function startDelivery(options: DeliveryOptions): RunningDelivery | undefined {
  const { config, journal, seal, version, bootId, log } = options;
  const { collector } = config;
  if (collector === null) return undefined;
  const sink = new GrpcSink(journal, {
    collector: collector.address,
    caFile: collector.ca_file,
    certFile: collector.certificate_file,
    keyFile: collector.key_file,
    version,
    bootId,
    kernel: release(),
    seal,
    onState: ({ phase, error }) => {
      if (error === null) log.info({ phase, collector: collector.address }, 'delivery');
      else log.warn({ phase, collector: collector.address, code: error.code, err: error }, 'delivery');
    },
  });
  sink.start();
  return {
    status() {
      const { phase, sinceMs, storedSeq, inFlightBatches, error, retryAtMs, counts } = sink.state;
      return {
        phase,
        since: new Date(sinceMs).toISOString(),
        collector: collector.address,
        stored_seq: storedSeq,
        in_flight_batches: inFlightBatches,
        error: error === null ? null : { code: error.code, message: error.message },
        retry_at: retryAtMs === null ? null : new Date(retryAtMs).toISOString(),
        counts,
      };
    },
    stop: () => sink.stop(DRAIN_MS),
  };
}
