/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_SOCKET_USE_H
#define SWORN_BPF_SOCKET_USE_H

/*
 * What a call on a socket tells beyond its bytes: that it is of a kind that nobody reads, that an outsider opened it, or
 * that sockets came with a message.
 */

#include <bpf/bpf_core_read.h>

#include "../compat/syscall.h"
#include "join.h"
#include "kernel_types.h"
#include "process.h"
#include "unix_socket.h"
#include "ways.h"

/* Where a datagram goes by netlink, read from the call: 0 is the kernel. */
static __always_inline int goes_to_process(const struct sock *sk)
{
	struct message_name {
		__u64 name;
		__s32 name_bytes;
	} header = {};
	struct syscall_view call = {};
	__u32 address[2] = {};

	if (BPF_CORE_READ((const struct netlink_sock *)sk, dst_portid))
		return 1;
	view_syscall(&call);
	if (call.number == CALL_SENDTO)
		header.name = call.arguments[4];
	else if (call.number == CALL_SENDMSG)
		bpf_probe_read_user(&header, sizeof(header), (void *)call.arguments[1]);
	if (!header.name || bpf_probe_read_user(address, sizeof(address), (void *)header.name))
		return 0;
	return address[1] != 0;
}

/* A kind of socket whose bytes nobody reads. */
static __always_inline void other_socket_used(const struct sock *sk, __u16 family, int sent)
{
	struct sworn_process_state *state;
	struct sworn_process_key process;

	state = watched_current(&process);
	/* Outsiders leave here. */
	if (!state)
		return;
	/* Every look-up of a name asks the kernel for its addresses by netlink. */
	if (family == AF_NETLINK && BPF_CORE_READ(sk, sk_protocol) == NETLINK_ROUTE && !(sent && goes_to_process(sk)))
		return;
	take_way(&process, &state->scope, SWORN_WAY_SOCKET, (__u32)family << 16 | BPF_CORE_READ(sk, sk_type),
		 BPF_CORE_READ(sk, sk_protocol));
}

/* A workload uses a socket that nobody watches: it was handed to it, or taken, or accepted from a listener that was. */
static __always_inline void foreign_socket_used(struct sock *sk, __u32 bytes)
{
	struct sworn_process_state *process;
	struct sworn_process_key holder;
	__u64 connection;

	process = watched_current(&holder);
	/* Outsiders leave here. */
	if (!process)
		return;
	/* What a process that is watched only now had before is no surprise. */
	if (join_inet(sk, &holder, &process->scope, &connection) && !bpf_map_lookup_elem(&joined, &holder.tgid))
		take_way(&holder, &process->scope, SWORN_WAY_FOREIGN_SOCKET, bytes, connection);
}

/* struct cmsghdr of the kernel's ABI. */
struct control_header {
	__u64 bytes;
	__s32 level;
	__s32 type;
};

#define SOL_SOCKET 1
#define SCM_RIGHTS 1
/* The kernel writes credentials, a pidfd and a security label ahead of the files. */
#define CONTROL_MESSAGES_MAX 4
/* Of one message; the kernel's limit is 253, whoever hands over sockets hands over one. */
#define HANDED_FILES_MAX 16
/* How long a packet is looked at twice after that. */
#define HANDED_NS 3000000000ULL

static __always_inline int is_internet_socket(__u32 fd)
{
	const struct sock *sk = socket_of(fd);
	__u16 family = sk ? BPF_CORE_READ(sk, __sk_common.skc_family) : 0;

	return family == AF_INET || family == AF_INET6;
}

/*
 * Files came with a message: the kernel has put them in place by now and written their numbers. Another thread may write
 * something else there; then such a socket is found when it is first used.
 */
static __always_inline void find_handed_sockets(const struct sock *sk, const struct sworn_process_key *taker,
						const struct sworn_scope *scope)
{
	struct syscall_view call = {};
	struct control_header header;
	__u64 control[2], at, end;
	__u32 found = 0;

	view_syscall(&call);
	if (call.number != CALL_RECVMSG || call.compat)
		return;
	/* msg_control and msg_controllen, which still is the room that the program gave. */
	if (bpf_probe_read_user(control, sizeof(control), (void *)call.arguments[1] + 32) || control[1] < sizeof(header))
		return;
	at = control[0];
	end = at + control[1];
	for (int i = 0; i < CONTROL_MESSAGES_MAX && at + sizeof(header) < end; i++) {
		if (bpf_probe_read_user(&header, sizeof(header), (void *)at) || header.bytes < sizeof(header))
			return;
		if (header.level == SOL_SOCKET && header.type == SCM_RIGHTS)
			break;
		at += (header.bytes + 7) & ~7ULL;
	}
	if (header.level != SOL_SOCKET || header.type != SCM_RIGHTS)
		return;
	for (int i = 0; i < HANDED_FILES_MAX; i++) {
		__u32 fd;

		if (sizeof(header) + (i + 1) * sizeof(fd) > header.bytes ||
		    bpf_probe_read_user(&fd, sizeof(fd), (void *)at + sizeof(header) + i * sizeof(fd)))
			break;
		found += is_internet_socket(fd);
	}
	if (!found)
		return;
	live.handed_until_ns = bpf_ktime_get_boot_ns() + HANDED_NS;
	take_way(taker, scope, SWORN_WAY_FILES_RECEIVED, found, inode_of(sk));
}

#endif
