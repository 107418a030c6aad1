// SPDX-License-Identifier: Apache-2.0

/** The sealing of the record, put together: the desk for agents' logs, the own log, witnesses, anchors, tiles. */
import { join } from 'node:path';
import { formatVerifier, parseVerifier } from '../../proto/log/note.ts';
import { CollectorError } from '../model/error.ts';
import type { LogStore } from '../store/log-store.ts';
import type { CollectorMetrics } from '../telemetry/collector-metrics.ts';
import type { Log } from '../telemetry/log.ts';
import { type CollectorKey, logNameOf } from './collector-key.ts';
import type { Incident } from './incident.ts';
import { OwnLog } from './own-log.ts';
import { Publisher } from './publisher.ts';
import { SealDesk } from './seal-desk.ts';
import { recordWitnessKeys } from './witness/witness-keys.ts';
import type { Anchor, Witnessing } from './witnessing.ts';

export interface SealingOptions {
  readonly collectorId: string;
  readonly key: CollectorKey;
  readonly stateDir: string;
  readonly store: LogStore;
  readonly metrics: CollectorMetrics;
  readonly log: Log;
  /** Writes it into the collector's own record. */
  readonly report: (incident: Incident) => Promise<void>;
  readonly witnessing?: Witnessing | undefined;
  readonly anchors?: readonly Anchor[];
  readonly ownIntervalMs?: number;
}

export interface SealStatus {
  /** Key lines: of cosignatures under agents' checkpoints, and of signatures under the collector's own. */
  readonly cosigner: string;
  readonly signer: string;
  /** The last checkpoint of the collector's own log. */
  readonly own: { readonly size: number; readonly time: string } | null;
}

export class Sealing {
  readonly desk: SealDesk;
  readonly #options: SealingOptions;
  readonly #publisher: Publisher;
  readonly #own: OwnLog;

  constructor(options: SealingOptions) {
    this.#options = options;
    const { collectorId, key, stateDir, store, metrics, log, report, ownIntervalMs } = options;
    const { witnessing, anchors = [] } = options;
    this.#publisher = new Publisher({ store, metrics, log, witnessing, anchors });
    const publisher = this.#publisher;
    this.desk = new SealDesk({ collectorId, key, store, publisher, metrics, log, report });
    const file = join(stateDir, 'seal.checkpoint');
    const interval = ownIntervalMs === undefined ? {} : { intervalMs: ownIntervalMs };
    this.#own = new OwnLog({ collectorId, key, store, publisher, file, metrics, log, report, ...interval });
  }

  /** `ownSeq`: the highest seq that is stored of the collector's own record. */
  async start(ownSeq: number): Promise<void> {
    const { store, witnessing } = this.#options;
    await recordWitnessKeys(store, witnessing?.verifiers ?? []);
    await this.desk.start();
    await this.#own.start(ownSeq);
  }

  /** Rows of the collector's own record were stored. */
  ownStored(firstSeq: number, leaves: readonly Uint8Array[]): void {
    this.#own.append(firstSeq, leaves);
  }

  get status(): SealStatus {
    const { key } = this.#options;
    const own = this.#own.cosigned;
    return {
      cosigner: formatVerifier(key.cosigner),
      signer: formatVerifier(key.signer),
      own: own === undefined ? null : { size: own.size, time: new Date(own.timeMs).toISOString() },
    };
  }

  /**
   * From now on another key signs an agent's log; '' for none, as for an agent of a version that seals nothing. `tell` writes
   * it into the collector's own record, before it counts.
   *
   * Errors   CollectorError `request_invalid` for what is no key of this agent's log; those of the store
   */
  async acceptKey(agentId: string, verifier: string, tell: (before: string) => Promise<unknown>): Promise<void> {
    const { store, log, collectorId } = this.#options;
    if (agentId === collectorId) throw new CollectorError('request_invalid', 'the key of a collector is its own');
    const line = verifier === '' ? '' : keyLineOf(agentId, verifier);
    const known = await store.keys(agentId);
    const before = known.findLast(({ origin }) => origin === 'first_seen' || origin === 'accepted')?.verifier ?? '';
    if (before === line) return;
    await tell(before);
    await store.appendKeys([{ agentId, verifier: line, origin: 'accepted', timeMs: Date.now() }]);
    log.info({ agent: agentId, key: line, before }, 'another key of a log was accepted');
  }

  /** The last checkpoint of the own record, and what is being written. */
  async stop(): Promise<void> {
    await this.#own.stop();
    await this.#publisher.tiles.stop();
  }
}

function keyLineOf(agentId: string, line: string): string {
  try {
    const verifier = parseVerifier(line);
    if (verifier.kind === 'ed25519' && verifier.name === logNameOf(agentId)) return formatVerifier(verifier);
  } catch (error) {
    throw new CollectorError('request_invalid', (error as Error).message);
  }
  throw new CollectorError(
    'request_invalid',
    `a key that signs the log of ${agentId} has the name ${logNameOf(agentId)}`,
  );
}
