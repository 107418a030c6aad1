// SPDX-License-Identifier: Apache-2.0

/** What the kernel side tells of a way around the recorder, in words: its numbers are the kernel's own. */
import { constants } from 'node:os';
import type { WayTaken } from '../../model/kernel-event.ts';
import { processAt, scopeAt, u64 } from './fields.ts';
import { act, bpfKind, event, limits, way, wayEvent } from './layout.generated.ts';

type About = Pick<WayTaken, 'way' | 'subject' | 'detail'>;

/** `detail` and `subject` as abi/event.h has them for each way; `guarded` are the paths whose numbers acts have. */
const READERS: Readonly<Record<number, (detail: number, subject: number, guarded: readonly string[]) => About>> = {
  [way.unreadCall]: (call) => ({
    way: 'unread_call',
    subject: (call & limits.callCompat) !== 0 ? '32-bit program' : (CALLS[call] ?? `${call}`),
    detail: {},
  }),
  [way.socket]: aboutSocket,
  [way.kernelTls]: (_, connection) => ({ way: 'kernel_tls', subject: `${connection}`, detail: {} }),
  [way.sharedPages]: (flags, connection) => ({
    way: 'shared_pages',
    subject: `${connection}`,
    detail: { pages_of: flags & SKBFL_ZEROCOPY_ENABLE ? 'program' : 'file_or_pipe' },
  }),
  [way.foreignSocket]: (bytes, connection) => ({
    way: 'foreign_socket',
    subject: connection === 0 ? '' : `${connection}`,
    detail: { bytes_before: `${bytes}` },
  }),
  [way.traces]: (_, pid) => ({ way: 'traces_process', subject: `${pid}`, detail: {} }),
  [way.traced]: (_, pid) => ({ way: 'traced_by_outsider', subject: `${pid}`, detail: {} }),
  [way.namespace]: (flags, network) => ({
    way: 'namespace_changed',
    subject: namespacesOf(flags),
    detail: { network_namespace: `${network}` },
  }),
  [way.unlinkedProgram]: (_, inode) => ({ way: 'unlinked_program', subject: `${inode}`, detail: {} }),
  [way.quic]: (version, port) => ({
    way: 'quic',
    subject: `${port}`,
    detail: { version: version === 0 ? 'by its port' : hex(version) },
  }),
  [way.syscall]: (number, subject) => ({
    way: 'system_call',
    subject: CALLS[number] ?? `${number}`,
    detail: { argument: `${subject}` },
  }),
  [way.refused]: (number, subject, guarded) => ({ way: 'guard_refused', ...aboutAct(number, subject, guarded) }),
  [way.attack]: (number, subject, guarded) => ({ way: 'agent_attacked', ...aboutAct(number, subject, guarded) }),
};

/** Undefined for what is no news by itself: that files came, or a way that a newer kernel side knows. */
export function readWay(batch: Buffer, at: number, guarded: readonly string[] = []): WayTaken | undefined {
  const about = READERS[batch.readUInt32LE(at + wayEvent.way)]?.(
    batch.readUInt32LE(at + wayEvent.detail),
    u64(batch, at + wayEvent.subject),
    guarded,
  );
  if (about === undefined) return undefined;
  return {
    type: 'way-taken',
    atNs: u64(batch, at + event.timeNs),
    process: processAt(batch, at + wayEvent.process),
    scope: scopeAt(batch, at + wayEvent.scope),
    ...about,
    times: u64(batch, at + wayEvent.times),
  };
}

type SubjectWords = (value: number, guarded: readonly string[]) => string;

/** Acts against the agent: one word each, and what the kernel side tells beside it. */
const ACTS: Readonly<Record<number, readonly [name: string, subject: SubjectWords]>> = {
  [act.signal]: ['signal', (signal) => SIGNALS.get(signal) ?? `signal ${signal}`],
  [act.trace]: ['trace', () => 'ptrace or memory'],
  [act.procFile]: ['proc_file', () => '/proc/PID of the agent'],
  [act.file]: ['file', guardedPath],
  [act.bpfObject]: ['bpf_object', bpfObjectOf],
  [act.bpfLoad]: ['bpf_load', (type) => `BPF program of type ${type}`],
  [act.cgroup]: ['cgroup', (id) => `cgroup ${id}`],
  [act.move]: ['move', (id) => `cgroup ${id}`],
  [act.freeze]: ['freeze', (id) => `cgroup ${id}`],
  [act.limit]: ['limit', () => 'limits or priority'],
  [act.mount]: ['mount', guardedPath],
};

const SIGNALS = new Map(Object.entries(constants.signals).map(([name, number]) => [number as number, name]));

function aboutAct(number: number, subject: number, guarded: readonly string[]): Pick<WayTaken, 'subject' | 'detail'> {
  const [name, wordsOf] = ACTS[number] ?? [`act ${number}`, String];
  return { subject: wordsOf(subject, guarded), detail: { act: name } };
}

/** What was guarded when the act was tried: the path itself, or something in it. */
function guardedPath(file: number, guarded: readonly string[]): string {
  return guarded[file] ?? `guarded path ${file}`;
}

/** `kind << 32 | id` */
function bpfObjectOf(value: number): string {
  const kind = Math.floor(value / 2 ** 32);
  const names: Readonly<Record<number, string>> = { [bpfKind.map]: 'map', [bpfKind.program]: 'program' };
  return `BPF ${names[kind] ?? 'link'} ${value % 2 ** 32}`;
}

const SKBFL_ZEROCOPY_ENABLE = 1;

const NAMESPACES: readonly (readonly [flag: number, name: string])[] = [
  [0x00020000, 'mount'],
  [0x10000000, 'user'],
  [0x20000000, 'pid'],
  [0x40000000, 'network'],
];

function namespacesOf(flags: number): string {
  return NAMESPACES.filter(([flag]) => (flags & flag) !== 0)
    .map(([, name]) => name)
    .join(' ');
}

/** On both processors: the numbers of these do not collide. */
const CALLS: Readonly<Record<number, string>> = {
  40: 'sendfile',
  71: 'sendfile',
  76: 'splice',
  275: 'splice',
  269: 'sendmmsg',
  307: 'sendmmsg',
  243: 'recvmmsg',
  299: 'recvmmsg',
  426: 'io_uring',
  101: 'ptrace',
  117: 'ptrace',
  311: 'process_vm_writev',
  271: 'process_vm_writev',
  438: 'pidfd_getfd',
  308: 'setns',
  268: 'setns',
  272: 'unshare',
  97: 'unshare',
};

/** Linux, include/linux/socket.h. */
const FAMILIES: Readonly<Record<number, string>> = {
  15: 'key',
  16: 'netlink',
  17: 'packet',
  21: 'rds',
  29: 'can',
  30: 'tipc',
  31: 'bluetooth',
  38: 'kernel_crypto',
  40: 'vsock',
  42: 'qipcrtr',
  43: 'smc',
  44: 'xdp',
  45: 'mctp',
};
const AF_INET = 2;
const AF_INET6 = 10;
const TYPES: Readonly<Record<number, string>> = { 1: 'stream', 2: 'dgram', 3: 'raw', 4: 'rdm', 5: 'seqpacket' };
/** IANA, Protocol Numbers. */
const PROTOCOLS: Readonly<Record<number, string>> = {
  1: 'icmp',
  33: 'dccp',
  58: 'icmpv6',
  132: 'sctp',
  136: 'udplite',
};

function aboutSocket(detail: number, protocol: number): About {
  const family = detail >>> 16;
  const type = TYPES[detail & 0xffff] ?? `${detail & 0xffff}`;
  const internet = family === AF_INET || family === AF_INET6;
  const name = internet
    ? type === 'raw'
      ? 'raw'
      : (PROTOCOLS[protocol] ?? `protocol ${protocol}`)
    : (FAMILIES[family] ?? `family ${family}`);
  return { way: 'other_socket', subject: name, detail: { family: `${family}`, type, protocol: `${protocol}` } };
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
