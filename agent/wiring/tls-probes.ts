// SPDX-License-Identifier: Apache-2.0

/** The probes on TLS libraries, tied to the kernel side (who places them) and to the recorder (what is told of them). */
import { join } from 'node:path';
import type { AgentConfig } from '../config/agent-config.ts';
import type { CodeImage } from '../model/code-image.ts';
import type { KernelEvent } from '../model/kernel-event.ts';
import type { ProbeAttacher } from '../model/probe-attacher.ts';
import { ProbeKeeper } from '../probe/probe-keeper.ts';
import type { Recorder } from '../recorder/recorder.ts';
import type { Log } from '../telemetry/log.ts';

export interface TlsProbes {
  /** Looks at what workloads have mapped. */
  see(events: readonly KernelEvent[]): void;
  imagesOf(pid: number, exe: string): readonly CodeImage[];
  /** Resolves when what the host has is probed. */
  start(): Promise<void>;
  status(): object;
  stop(): Promise<void>;
}

export interface TlsProbesOptions {
  readonly config: AgentConfig;
  readonly attacher: ProbeAttacher;
  /** Asked when there is something to tell; it is made after this. */
  readonly recorder: () => Recorder;
  readonly now: () => number;
  readonly log: Log;
}

const MINUTE_MS = 60_000;

/** undefined when the configuration wants no TLS read. */
export function tlsProbes({ config, attacher, recorder, now, log }: TlsProbesOptions): TlsProbes | undefined {
  if (!config.tls.enabled) return undefined;
  const keeper = new ProbeKeeper({
    attacher,
    onFinding: (finding) => recorder().addFinding(finding),
    now,
    cacheFile: join(config.state_dir, 'images.json'),
    timing: { roundMs: config.tls.canary_minutes * MINUTE_MS },
    log,
  });
  return {
    see: (events) => {
      for (const event of events) if (event.type === 'image-mapped') void keeper.imageMapped(event);
    },
    imagesOf: (pid, exe) => keeper.describeProgram(pid, exe),
    start: async () => {
      await keeper.start();
    },
    status: () => keeper.counts(),
    stop: () => keeper.stop(),
  };
}
