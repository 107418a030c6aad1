// SPDX-License-Identifier: Apache-2.0

/** A recorder without a world: what it writes is kept in a list, and its clock is the events'. */
import { ActivityBuilder } from '../../activity/activity-builder.ts';
import { Redactor } from '../../activity/redaction/redactor.ts';
import type { FlowTableBounds } from '../../flow/flow-table.ts';
import type { Session } from '../../lineage/session.ts';
import type { TokenOf } from '../../lineage/token-use.ts';
import {
  type Activity,
  type ActivityOf,
  type DetailKind,
  IdentitySource,
  IdentityState,
} from '../../model/activity.ts';
import type { CodeImage } from '../../model/code-image.ts';
import { NO_IDENTITY } from '../../model/identity.ts';
import type { KernelEvent } from '../../model/kernel-event.ts';
import { DEFAULT_BOUNDS, type ProtocolDefinition, type SeenCredential } from '../../protocol/decoder.ts';
import { Recorder } from '../recorder.ts';

export const EPOCH_UNIX_NS = 1_790_000_000_000_000_000n;

export interface StageOptions {
  readonly selectedBy?: string;
  readonly protocols?: readonly ProtocolDefinition[];
  readonly tableBounds?: FlowTableBounds;
  readonly append?: (activity: Activity) => unknown;
  readonly onSessionStarted?: (session: Session) => void;
  readonly imagesOf?: (pid: number, exe: string) => readonly CodeImage[];
  readonly tokenOf?: TokenOf;
}

export class StagedRecorder {
  readonly written: Activity[] = [];
  readonly credentials: { readonly credential: SeenCredential; readonly sessionId: string; readonly pid: number }[] =
    [];
  readonly started: Session[] = [];
  readonly faults: unknown[] = [];
  readonly builder: ActivityBuilder;
  readonly recorder: Recorder;

  constructor(options: StageOptions = {}) {
    const { selectedBy = 'exe', append, onSessionStarted, ...others } = options;
    this.builder = new ActivityBuilder(
      { boot: 'b00tb00t', toUnixNs: (atNs) => EPOCH_UNIX_NS + BigInt(atNs) },
      new Redactor(new Uint8Array(32)),
    );
    let sessions = 0;
    const binding = {
      ...NO_IDENTITY,
      identityId: 'id-of-agent',
      identityName: 'agent',
      state: IdentityState.POLICY,
      source: IdentitySource.POLICY,
    };
    this.recorder = new Recorder({
      meaningOf: () => ({ workload: 'w', selectedBy, binding }),
      sessionId: () => `session-${++sessions}`,
      builder: this.builder,
      append: append ?? ((activity) => this.written.push(activity)),
      bounds: DEFAULT_BOUNDS,
      onSessionStarted: (session) => {
        this.started.push(session);
        onSessionStarted?.(session);
      },
      onCredential: (credential, { id }, process) => {
        this.credentials.push({ credential, sessionId: id, pid: process?.key.pid ?? 0 });
      },
      onFault: (error) => this.faults.push(error),
      ...others,
    });
  }

  handle(...events: readonly KernelEvent[]): this {
    this.recorder.handle(events);
    return this;
  }

  of<K extends DetailKind>(kind: K): readonly ActivityOf<K>[] {
    return this.written.filter((activity): activity is ActivityOf<K> & Activity => activity.detail === kind);
  }

  /** The order in which kinds were written, each with what tells them apart. */
  order(): string[] {
    return this.written.map((activity) => {
      if (activity.detail === 'session') return `session ${activity.session.action === 1 ? 'started' : 'ended'}`;
      if (activity.detail === 'process') {
        return `${['', 'fork', 'exec', 'exit', 'joined'][activity.process.action]} ${activity.pid}`;
      }
      if (activity.detail === 'connection') {
        return `connection ${['', 'opened', 'closed', 'failed'][activity.connection.action]}`;
      }
      if (activity.detail === 'command') return `command ${activity.command.statement}`;
      if (activity.detail === 'loss') return `loss ${activity.loss.reason} ${activity.loss.bytes}`;
      return activity.detail;
    });
  }
}
