// SPDX-License-Identifier: Apache-2.0

import { readFileSync, readlinkSync, statSync } from 'node:fs';
import type { FileKey, ProbeKind } from '../../model/code-image.ts';
import { probeKind } from '../../model/code-image.ts';
import type { ProbeAttacher, ProbeCount } from '../../model/probe-attacher.ts';
import { keyText } from '../mapped-files.ts';

const PAUSE = new Int32Array(new SharedArrayBuffer(4));

export interface Placed {
  readonly id: number;
  readonly kind: number;
  /** What the path led to when the probe was placed. */
  readonly inode: bigint;
  readonly leadsTo: string;
  readonly fileOffset: number;
  hits: number;
}

/** Takes the kernel's place: keeps what it is asked for, in order, and lets tests say what it answers. */
export class RecordingAttacher implements ProbeAttacher {
  readonly placed = new Map<number, Placed>();
  readonly known = new Set<string>();
  /** 'attach PATH', 'detach PATH', 'known KEY', 'unknown KEY', 'settle PID', 'canary COMMAND' */
  readonly calls: string[] = [];
  /** Set: the next probes are refused with it. */
  refusal: string | undefined;
  /** Whether a canary is seen by probes. */
  seesCanary = true;

  attach(kind: ProbeKind, path: string, fileOffset: number): number {
    if (this.refusal !== undefined) throw Object.assign(new Error('refused'), { code: this.refusal });
    const leadsTo = readlinkSync(path);
    const inode = statSync(path, { bigint: true }).ino;
    let id = 1;
    // The lowest that is free, as the loader does.
    while (this.placed.has(id)) id++;
    this.placed.set(id, { id, kind: probeKind[kind], inode, leadsTo, fileOffset, hits: 0 });
    this.calls.push(`attach ${leadsTo}`);
    return id;
  }

  detach(id: number): void {
    this.calls.push(`detach ${this.placed.get(id)?.leadsTo}`);
    this.placed.delete(id);
  }

  probes(): readonly ProbeCount[] {
    return [...this.placed.values()];
  }

  setImageKnown(file: FileKey, known: boolean, _changedNs?: bigint): void {
    this.calls.push(`${known ? 'known' : 'unknown'} ${keyText(file)}`);
    if (known) this.known.add(keyText(file));
    else this.known.delete(keyText(file));
  }

  settle(pid: number): void {
    this.calls.push(`settle ${pid}`);
  }

  setCanary(pid: number): void {
    if (pid === 0) return;
    let command = [''];
    // Empty while it becomes another program, and it may have to wait for a processor just then. It ends when we let it.
    for (let waits = 0; waits < 10_000; waits++) {
      command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (command.length >= 2) break;
      Atomics.wait(PAUSE, 0, 0, 1);
    }
    this.calls.push(`canary ${command.join(' ').slice(0, 200)}`);
    if (!this.seesCanary) return;
    for (const probe of this.placed.values()) if (command.includes(probe.leadsTo)) probe.hits++;
  }

  on(path: string): Placed[] {
    return [...this.placed.values()].filter((probe) => probe.leadsTo === path);
  }
}
