// SPDX-License-Identifier: Apache-2.0

/** An agent without eyes: its journal, seal and delivery as they are, in a folder, one life after the other. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readAgentConfig } from '../../agent/config/read-config.ts';
import { GrpcSink } from '../../agent/delivery/grpc/grpc-sink.ts';
import { Journal } from '../../agent/journal/journal.ts';
import { type Activity, recorderHead } from '../../agent/model/activity.ts';
import { loadAddon } from '../../agent/source/ebpf/addon.ts';
import { createLog } from '../../agent/telemetry/log.ts';
import { AgentSeal } from '../../agent/wiring/seal.ts';
import { type ActivityProperties, kindOf } from '../../collector/model/activity.ts';
import type { AgentCertificate } from '../../collector/trust/certificates.ts';
import { writeTrust } from '../faults/live-collector.ts';

const SETTLE_MS_MAX = 300_000;
/** The last checkpoint comes back signed. */
const COSIGN_MS_MAX = 10_000;
const addon = loadAddon();

export interface LifeOptions {
  /** host:port of the collector; left out: nothing is delivered. */
  readonly collector?: string;
  readonly activities?: readonly ActivityProperties[];
  /** An older agent. */
  readonly isUnsealed?: boolean;
  /** It ends with the last activity stored, and no checkpoint behind it. */
  readonly endsUnsealed?: boolean;
  /** A checkpoint at the beginning and one at the end, however long it takes. */
  readonly sealsSeldom?: boolean;
  readonly segmentBytesMax?: number;
}

/** What a life came to. */
export interface Life {
  readonly lastSeq: number;
  readonly storedSeq: number;
  /** Code and message of what the delivery met; empty when nothing. */
  readonly refused: string;
}

export class SealedHost {
  readonly agentId: string;
  readonly host: string;
  readonly state: string;
  #trust: ReturnType<typeof writeTrust> | undefined;

  constructor(folder: string, agentId: string, host = `host-of-${agentId}`) {
    this.agentId = agentId;
    this.host = host;
    this.state = join(folder, agentId);
    mkdirSync(this.state, { recursive: true, mode: 0o700 });
  }

  get journalFolder(): string {
    return join(this.state, 'journal');
  }

  enrol(certificate: AgentCertificate): void {
    this.#trust = writeTrust(`${this.state}.trust`, certificate);
  }

  /** The line of its key, which is made when there is none. */
  async keyLine(): Promise<string> {
    const { seal, end } = await this.#open({});
    const status = seal.status;
    await end();
    return 'key' in status ? status.key : '';
  }

  /** Errors: an Error when it comes to nothing in minutes. */
  async live(options: LifeOptions): Promise<Life> {
    const { collector, activities = [] } = options;
    const { seal, journal, end } = await this.#open(options);
    try {
      // The first checkpoint comes at once, and none for an hour: what comes behind it stays unsealed.
      const unsealed = options.endsUnsealed === true ? activities.slice(activities.length / 2) : [];
      const append = async (some: readonly ActivityProperties[]): Promise<void> => {
        for (const activity of some) journal.append(asAgentHasIt(activity));
        await journal.flush();
      };
      await append(activities.slice(0, activities.length - unsealed.length));
      if (collector === undefined) {
        await seal.writeMark(journal, true);
        return { lastSeq: journal.state.lastSeq, storedSeq: 0, refused: '' };
      }
      const sink = new GrpcSink(journal, {
        ...this.#trust!,
        collector,
        version: '0.1.0',
        bootId: 'boot-1',
        kernel: 'kernel',
        batchAgeMs: 5,
        backoffFirstMs: 20,
        backoffMostMs: 100,
        refusedRetryMs: 200,
        catchUpShare: 1,
        seal: options.isUnsealed ? undefined : seal.seal,
      });
      sink.start();
      let refused = await settled(sink, journal);
      if (refused === '' && unsealed.length > 0) {
        await append(unsealed);
        refused = await settled(sink, journal);
      }
      await sink.stop(options.endsUnsealed ? 0 : COSIGN_MS_MAX);
      await seal.writeMark(journal, true);
      return { lastSeq: journal.state.lastSeq, storedSeq: sink.state.storedSeq, refused };
    } finally {
      await end();
    }
  }

  async #open({ segmentBytesMax, sealsSeldom = false, endsUnsealed = false }: LifeOptions) {
    const seconds = sealsSeldom || endsUnsealed ? { seal: { checkpoint_seconds: 3600 } } : {};
    const config = readAgentConfig(JSON.stringify({ state_dir: this.state, ...seconds }), 'tamper suite');
    const { agentId, host } = this;
    const log = createLog('fatal');
    const seal = await AgentSeal.open({ config, agentId, append: addon.appendLeaves, log });
    const journal = await Journal.open({
      folder: this.journalFolder,
      agentId,
      host,
      ...seal.journalOptions,
      flushDelayMs: 1,
      diskFreeBytesMin: 0,
      ...(segmentBytesMax === undefined ? {} : { segmentBytesMax, groupBytesMax: segmentBytesMax / 4 }),
    });
    seal.begin(journal);
    seal.tellTo(
      ({ kind, subject, message, attributes }) => {
        const nowNs = BigInt(Date.now()) * 1_000_000n;
        const finding = { kind, subject, message, events: 1, bytes: 0, attributes: attributes ?? {} };
        journal.append({ ...recorderHead(nowNs, nowNs), detail: 'finding', finding });
      },
      () => Date.now() * 1e6,
    );
    const end = async (): Promise<void> => {
      await journal.close();
      await seal.close();
    };
    return { seal, journal, end };
  }

  write(name: string, bytes: Uint8Array | string): void {
    writeFileSync(join(this.state, name), bytes, { mode: 0o600 });
  }
}

/** All is stored, or somebody has to do something about it: then what that is. */
async function settled(sink: GrpcSink, journal: Journal): Promise<string> {
  for (const end = performance.now() + SETTLE_MS_MAX; ; await sleep(5)) {
    await journal.flush();
    const { phase, storedSeq, error } = sink.state;
    if (phase === 'refused') return `${error?.code}: ${error?.message}`;
    if (phase === 'delivering' && storedSeq >= journal.state.lastSeq) return '';
    if (performance.now() > end) throw new Error(`${phase} at ${storedSeq}: ${error?.code} ${error?.message}`);
  }
}

/** The same, in the shape in which an agent builds it. */
export function asAgentHasIt(activity: ActivityProperties): Activity {
  return { ...activity, detail: kindOf(activity) } as unknown as Activity;
}
