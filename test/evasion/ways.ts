// SPDX-License-Identifier: Apache-2.0

/**
 * The ways around a recorder that are tried: what each program does, and what the record must hold of it. One row each.
 */

/**
 * bytes     each stream that its other end was given is in the record as sent, whole and equal (SHA-256)
 * counted   the record has their number and says that their content is missing
 * account   a UDP flow with as many bytes as arrived
 * way …     a finding of that kind, with that subject where one is named
 * no way …  none of that kind: what is usual raises nothing
 */
export type Expectation = 'bytes' | 'counted' | 'account' | `way ${string}` | `no way ${string}`;

export interface Way {
  readonly name: string;
  /** For a person: what is tried. */
  readonly does: string;
  /** In `programs/`, with what follows PORT NAME MESSAGE; `$HELPER`: the pid of the helper. */
  readonly program: string;
  readonly arguments?: readonly string[];
  /** Where it sends to. The default is `tcp`; `own`: to itself, it tells what came. */
  readonly server?: 'tcp' | 'unix' | 'udp' | 'own';
  /** An outsider that runs at the same time. */
  readonly helper?: string;
  readonly helperArguments?: readonly string[];
  /** The outsider is called as the workload is, but only once that runs; `$WORKLOAD`: its pid. */
  readonly helperLast?: boolean;
  /** Ended by the test when the other has ended. */
  readonly endless?: 'helper' | 'workload';
  readonly preload?: string;
  readonly linked?: 'statically' | 'dynamically' | 'with nothing';
  readonly watchSyscalls?: boolean;
  /** What is added to its arguments is a cgroup that is made for it. */
  readonly cgroup?: boolean;
  readonly expect: readonly Expectation[];
}

const OTHER_SOCKETS = {
  raw: 'SOCK_RAW: IP packets of its own making',
  packet: 'AF_PACKET: frames of its own making',
  netlink: 'AF_NETLINK from process to process',
  vsock: 'AF_VSOCK: to the host of a virtual machine',
  xdp: 'AF_XDP: past the network of the kernel',
  sctp: 'IPPROTO_SCTP',
  udplite: 'IPPROTO_UDPLITE',
} as const;

export const ways: readonly Way[] = [
  { name: 'plain', does: 'socket, connect, send', program: 'send_plainly', expect: ['bytes', 'no way other_socket'] },
  {
    name: 'io_uring over TCP',
    does: 'IORING_OP_SEND: no system call sends',
    program: 'uring_send',
    expect: ['bytes'],
  },
  {
    name: 'io_uring over a unix socket',
    does: 'the same, to a service outside',
    program: 'uring_send',
    server: 'unix',
    expect: ['counted', 'way unread_call io_uring'],
  },
  {
    name: 'sendfile',
    does: 'a file goes to the socket inside the kernel',
    program: 'sendfile',
    expect: ['bytes', 'way shared_pages'],
  },
  { name: 'splice', does: 'a pipe goes to the socket', program: 'splice', expect: ['bytes', 'way shared_pages'] },
  {
    name: 'vmsplice',
    does: "the program's own pages go through a pipe to the socket",
    program: 'splice',
    arguments: ['vmsplice'],
    expect: ['bytes', 'way shared_pages'],
  },
  {
    name: 'splice to a unix socket',
    does: 'a pipe goes to a unix socket of a service outside',
    program: 'splice',
    server: 'unix',
    expect: ['counted', 'way unread_call splice'],
  },
  {
    name: 'splice from a unix socket',
    does: 'what the workload itself wrote is taken out by splice',
    program: 'splice_received',
    server: 'own',
    expect: ['bytes'],
  },
  {
    name: 'splice from a service outside, calls watched',
    does: 'what a process that is not recorded sends is taken out by splice',
    program: 'splice_received',
    arguments: ['outside'],
    server: 'own',
    helper: 'give',
    watchSyscalls: true,
    expect: ['way system_call splice'],
  },
  {
    name: 'MSG_ZEROCOPY',
    does: "the network takes the program's pages as they are",
    program: 'zerocopy',
    expect: ['bytes', 'way shared_pages'],
  },
  {
    name: 'changing buffer',
    does: 'a second thread overwrites the buffer while it is sent',
    program: 'changing_buffer',
    expect: ['bytes'],
  },
  {
    name: 'kernel TLS',
    does: 'the kernel encrypts with a key that no library derived',
    program: 'kernel_tls',
    expect: ['bytes', 'way kernel_tls'],
  },
  { name: 'multipath TCP', does: 'IPPROTO_MPTCP', program: 'multipath', server: 'own', expect: ['bytes'] },
  {
    name: 'socket handed out',
    does: 'SCM_RIGHTS to a process that is not recorded, which sends',
    program: 'hand_over',
    helper: 'use_handed',
    expect: ['bytes'],
  },
  {
    name: 'socket handed in',
    does: 'SCM_RIGHTS from a process that is not recorded; the workload sends',
    program: 'use_handed',
    helper: 'hand_over',
    expect: ['bytes', 'way foreign_socket'],
  },
  {
    name: 'pidfd_getfd',
    does: 'the workload takes the socket of a process that is not recorded',
    program: 'take_by_pidfd',
    helper: 'hold_socket',
    expect: ['way foreign_socket'],
  },
  {
    name: 'pidfd_getfd, calls watched',
    does: 'the same with capture.watch_syscalls',
    program: 'take_by_pidfd',
    helper: 'hold_socket',
    watchSyscalls: true,
    expect: ['way foreign_socket', 'way system_call pidfd_getfd'],
  },
  {
    name: 'socket taken from a workload',
    does: 'a process that is not recorded takes the socket by pidfd_getfd and sends',
    program: 'hold_socket',
    helper: 'take_by_pidfd',
    expect: ['bytes'],
  },
  {
    name: 'a service outside acts',
    does: 'a unix stream socket to a process that is not recorded',
    program: 'unix_send',
    server: 'unix',
    expect: ['bytes'],
  },
  {
    name: 'abstract unix socket',
    does: 'a stream to an abstract address',
    program: 'unix_send',
    server: 'own',
    expect: ['bytes'],
  },
  {
    name: 'unix datagrams',
    does: 'SOCK_DGRAM',
    program: 'unix_send',
    arguments: ['dgram'],
    server: 'own',
    expect: ['bytes'],
  },
  {
    name: 'unix packets',
    does: 'SOCK_SEQPACKET',
    program: 'unix_send',
    arguments: ['seqpacket'],
    server: 'own',
    expect: ['bytes'],
  },
  ...(['raw', 'packet', 'netlink', 'vsock', 'xdp', 'sctp', 'udplite'] as const).map(
    (kind): Way => ({
      name: `${kind} socket`,
      does: OTHER_SOCKETS[kind],
      program: 'other_socket',
      arguments: [kind],
      expect: [`way other_socket ${kind}`],
    }),
  ),
  {
    name: 'UDP',
    does: 'datagrams in a language of its own',
    program: 'udp',
    arguments: ['plain'],
    server: 'udp',
    expect: ['account', 'no way quic'],
  },
  {
    name: 'QUIC',
    does: 'a first packet of QUIC version 1, not on port 443',
    program: 'udp',
    arguments: ['quic'],
    server: 'udp',
    expect: ['account', 'way quic'],
  },
  {
    name: 'no library',
    does: 'a static program without libc: system calls by instruction',
    program: 'no_libc',
    linked: 'with nothing',
    expect: ['bytes'],
  },
  {
    name: 'LD_PRELOAD',
    does: 'a library changes what the program sends',
    program: 'send_plainly',
    linked: 'dynamically',
    preload: 'preloaded',
    expect: ['bytes'],
  },
  {
    name: 'ptrace',
    does: 'the workload traces a process that is not recorded',
    program: 'trace',
    arguments: ['$HELPER'],
    helper: 'wait_here',
    endless: 'helper',
    expect: ['way traces_process $HELPER'],
  },
  {
    name: 'ptrace, quietly',
    does: 'the same with SIGCHLD ignored and without waiting',
    program: 'trace',
    arguments: ['$HELPER', 'quiet'],
    helper: 'wait_here',
    endless: 'helper',
    expect: ['way traces_process $HELPER'],
  },
  {
    name: 'traced from outside',
    does: 'a process that is not recorded traces the workload',
    program: 'wait_here',
    helper: 'trace',
    helperArguments: ['$WORKLOAD'],
    helperLast: true,
    endless: 'workload',
    expect: ['way traced_by_outsider $HELPER'],
  },
  {
    name: 'process_vm_writev, calls watched',
    does: 'another memory is written; only with capture.watch_syscalls',
    program: 'write_memory',
    watchSyscalls: true,
    expect: ['way system_call process_vm_writev'],
  },
  {
    name: 'network namespace',
    does: 'unshare, then TCP inside',
    program: 'namespaces',
    server: 'own',
    expect: ['bytes', 'way namespace_changed network'],
  },
  {
    name: 'daemon',
    does: 'forks twice, setsid; sends when its parents are gone',
    program: 'left_behind',
    arguments: ['daemon'],
    expect: ['bytes'],
  },
  {
    name: 'CLONE_PARENT',
    does: "the child is the parent's sibling",
    program: 'left_behind',
    arguments: ['sibling'],
    expect: ['bytes'],
  },
  {
    name: 'another cgroup',
    does: 'moves itself out of its cgroup',
    program: 'other_cgroup',
    cgroup: true,
    expect: ['bytes'],
  },
  {
    name: 'memfd_create and fexecve',
    does: 'a program that never was a file',
    program: 'without_a_file',
    arguments: ['memory'],
    expect: ['bytes', 'way unlinked_program'],
  },
  {
    name: 'deleted program',
    does: 'a file that is deleted before it is executed',
    program: 'without_a_file',
    arguments: ['deleted'],
    expect: ['bytes', 'way unlinked_program'],
  },
];
