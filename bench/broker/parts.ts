// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events';
/** What the parts of a decision cost, each by itself, in this process: who asks, what that is, and what the policy says. */
import { type FileHandle, open } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { createFactsOf } from '../../agent/broker/attest/caller-facts.ts';
import { createFileDigests } from '../../agent/broker/attest/file-digest.ts';
import { createKernelCallerDirectory } from '../../agent/broker/attest/kernel-caller-directory.ts';
import { decideWithoutDigest } from '../../agent/broker/policy/decide.ts';
import type { PolicySet } from '../../agent/broker/policy/policy.ts';
import type { ProcessKey } from '../../agent/model/kernel-event.ts';
import { cgroupRoot } from '../../agent/source/ebpf/cgroup.ts';
import { EbpfSource } from '../../agent/source/ebpf/ebpf-source.ts';
import { processKeyOf } from '../../agent/source/ebpf/proc.ts';
import { median, rounded } from '../statistics.ts';
import { RESOURCE } from './stage.ts';

const SELECTION = 1;
const POLICIES = [1, 100, 1000] as const;
const QUESTION = { interface: 'app-service', resource: RESOURCE, selectors: [] } as const;

/** Medians, microseconds. */
export interface PartsUs {
  /** The kernel's record of a connection, and what the process is now. */
  readonly kernel_record: number;
  /** Facts of a process from /proc, its program's digest not made; and when it is known. */
  readonly facts: number;
  readonly facts_with_known_digest: number;
  /** SHA-256 of Node's own file, which is in the page cache. */
  readonly first_digest: number;
  readonly first_digest_bytes: number;
  /** One decision, by how many policies there are. */
  readonly decision: Readonly<Record<string, number>>;
}

/** Of `times` runs, each of `each` calls: what one call takes. */
async function medianUs(times: number, each: number, call: () => unknown): Promise<number> {
  const runs: number[] = [];
  for (let i = 0; i < times; i++) {
    const before = performance.now();
    for (let j = 0; j < each; j++) {
      const answer = call();
      if (answer instanceof Promise) await answer;
    }
    runs.push(((performance.now() - before) * 1000) / each);
  }
  return rounded(median(runs), 2);
}

export async function measureParts(quick: boolean): Promise<PartsUs> {
  const times = quick ? 5 : 25;
  const self = processKeyOf(process.pid);
  if (self === undefined) throw new Error('this process is not in /proc');
  const factsOf = createFactsOf({ cgroupRoot: cgroupRoot() });
  const facts = await medianUs(times, 100, () => factsOf(self));
  const asker = await factsOf(self, { digest: true });
  if (asker === undefined || asker.exeSha256 === '') throw new Error('the program of this process has no digest');
  const decision: Record<string, number> = {};
  for (const count of POLICIES) {
    const policy = policies(count);
    const caller = { ...asker, workload: `workload-${count - 1}` };
    if (decideWithoutDigest(policy, caller, QUESTION).kind !== 'granted') throw new Error('the policy is not met');
    decision[count] = await medianUs(times, 100, () => decideWithoutDigest(policy, caller, QUESTION));
  }
  return {
    kernel_record: await kernelRecordUs(self, times),
    facts,
    facts_with_known_digest: await medianUs(times, 100, () => factsOf(self, { digest: true })),
    ...(await firstDigest(quick ? 2 : 9)),
    decision,
  };
}

async function kernelRecordUs(self: ProcessKey, times: number): Promise<number> {
  const source = new EbpfSource({ selections: [] });
  const server = createServer().listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    source.setBrokerPorts([port]);
    source.watch(self, { selectionId: SELECTION, sessionKey: 1n });
    const accepted = once(server, 'connection');
    const client = connect(port, '127.0.0.1').on('error', () => {});
    const [socket] = await accepted;
    client.write('GET');
    await once(socket, 'data');
    const { localPort, remotePort } = socket;
    const connection = { localAddress: '127.0.0.1', localPort, remoteAddress: '127.0.0.1', remotePort };
    const callers = createKernelCallerDirectory({ kernel: source, workloadOf: () => ({ selectionName: 'bench' }) });
    if (callers.callerOf(connection)?.pid !== process.pid) throw new Error('the kernel does not know this connection');
    const us = await medianUs(times, 1000, () => callers.callerOf(connection));
    socket.destroy();
    return us;
  } finally {
    server.close();
    await source.stop();
  }
}

async function firstDigest(times: number): Promise<Pick<PartsUs, 'first_digest' | 'first_digest_bytes'>> {
  let file: FileHandle | undefined;
  try {
    file = await open(process.execPath);
    const opened = file;
    const stats = await opened.stat({ bigint: true });
    const us = await medianUs(times, 1, () => createFileDigests().read(opened, stats));
    return { first_digest: us, first_digest_bytes: Number(stats.size) };
  } finally {
    await file?.close();
  }
}

/** Each for a workload of its own; the last one is asked for. */
function policies(count: number): PolicySet {
  const identity = { name: 'bench', kind: 'host', tenant: '', clientId: '' } as const;
  const one = (_: unknown, i: number) => ({
    name: `policy-${i}`,
    match: { workload: `workload-${i}`, uid: process.getuid?.() ?? 0 },
    identity: 'bench',
    resources: [RESOURCE],
  });
  return { identities: [identity], policies: Array.from({ length: count }, one) };
}
