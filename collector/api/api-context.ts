// SPDX-License-Identifier: Apache-2.0

/** What the routes need of the rest of the collector. */
import type { Eraser } from '../retention/eraser.ts';
import type { Retention } from '../retention/retention.ts';
import type { EventStore } from '../store/event-store.ts';
import type { CollectorMetrics } from '../telemetry/collector-metrics.ts';
import type { Log } from '../telemetry/log.ts';
import type { LiveTail } from './live-tail.ts';

export interface CollectorStatus {
  readonly version: string;
  readonly collector_id: string;
  readonly started_at: string;
  readonly ingest_address: string;
  readonly store: 'embedded' | 'server';
  readonly agents: readonly {
    readonly agent_id: string;
    readonly connected_at: string;
    readonly last_seq: number;
    /** The last checkpoint of its log that was cosigned; null for one that seals nothing, or has not yet. */
    readonly cosigned_size: number | null;
    readonly cosigned_at: string | null;
  }[];
  /** The collector's keys, and the last checkpoint of its own log. */
  readonly seal: {
    readonly cosigner: string;
    readonly signer: string;
    readonly own: { readonly size: number; readonly time: string } | null;
  };
  /** Agents of the last days that have no stream: `silent` without a word, `stopped` in order, `gone` a moment ago. */
  readonly absent_agents: readonly {
    readonly agent_id: string;
    readonly host: string;
    readonly state: 'silent' | 'stopped' | 'gone';
    readonly last_seq: number;
    readonly heard_at: string;
  }[];
  readonly rules: readonly { readonly id: string; readonly title: string; readonly level: string }[];
  readonly sinks: readonly string[];
}

export interface ApiContext {
  readonly store: EventStore;
  readonly tail: LiveTail;
  readonly metrics: CollectorMetrics;
  readonly log: Log;
  readonly token: string;
  /** Of who may take something out of the record. */
  readonly adminToken: string;
  readonly eraser: Pick<Eraser, 'matching' | 'erase' | 'progress'>;
  readonly retention: Pick<Retention, 'plan' | 'begin'>;
  readonly metricsWithoutToken: boolean;
  readonly queriesAtOnceMax: number;
  readonly tls: { readonly certificatePem: string; readonly privateKeyPem: string } | undefined;
  readonly status: () => CollectorStatus;
  /** From now on this key signs an agent's log; '' for none. Errors: CollectorError `request_invalid`, those of the store. */
  readonly acceptKey: (agentId: string, verifier: string) => Promise<void>;
}
