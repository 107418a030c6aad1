// SPDX-License-Identifier: Apache-2.0

/** A network namespace of a program's own, whose loopback loses packets and brings others twice. */
import { execFileSync } from 'node:child_process';
import { machine } from 'node:os';
import { join } from 'node:path';
import { scratchFolder } from './trigger.ts';

/** Small enough that megabytes are many packets: a loopback takes 64 KiB at once otherwise. */
const PACKET_BYTES = 3000;

/** The command that runs `command` in such a network. It needs ip and tc, and clang for the program that loses. */
export function inLossyNetwork(command: readonly string[]): [string, string[]] {
  const object = join(scratchFolder(), 'lossy.o');
  const source = join(import.meta.dirname, 'triggers/lossy.bpf.c');
  execFileSync('clang', [
    '-g',
    '-O2',
    '-target',
    'bpf',
    `-I/usr/include/${machine()}-linux-gnu`,
    '-c',
    source,
    '-o',
    object,
  ]);
  const setUp = [
    'PATH=$PATH:/usr/sbin:/sbin',
    `ip link set lo mtu ${PACKET_BYTES} gso_max_size ${PACKET_BYTES} up`,
    'tc qdisc add dev lo clsact',
    `tc filter add dev lo ingress bpf direct-action object-file ${object} section classifier`,
    'exec "$@"',
  ];
  return ['unshare', ['--net', 'sh', '-c', setUp.join(' && '), 'sh', ...command]];
}
