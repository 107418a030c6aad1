/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_UNIX_SOCKET_H
#define SWORN_BPF_UNIX_SOCKET_H

/* Unix sockets: how one is named, whose it is, and the event that says that it is there. */

#include <bpf/bpf_core_read.h>

#include "emit.h"
#include "file.h"
#include "kernel_types.h"
#include "process.h"

/* Top bit: the number of a unix socket is its inode, those of TCP connections count from 1. */
#define UNIX_CONNECTION (1ULL << 63)

/* 0 when no file has it any more. */
static __always_inline __u64 inode_of(const struct sock *sk)
{
	struct socket *socket = BPF_CORE_READ(sk, sk_socket);
	struct socket_alloc *alloc = (void *)socket - bpf_core_field_offset(struct socket_alloc, socket);

	return socket ? BPF_CORE_READ(alloc, vfs_inode.i_ino) : 0;
}

/* Copies the address of a unix socket; returns its length, 0 when it has none. An abstract name begins with a NUL. */
static __always_inline __u16 read_unix_address(const struct sock *sk, __u8 *into)
{
	const struct unix_sock *socket = (const struct unix_sock *)sk;
	struct unix_address *address = BPF_CORE_READ(socket, addr);
	__s32 beyond_family;
	__u64 length;

	if (!address)
		return 0;
	beyond_family = BPF_CORE_READ(address, len) - (__s32)sizeof(unsigned short);
	if (beyond_family <= 0)
		return 0;
	length = piece_bytes(beyond_family, SWORN_UNIX_PATH_BYTES);
	/* No further than the address: behind it is memory of the kernel. */
	if (bpf_probe_read_kernel(into, length,
				  (void *)address + bpf_core_field_offset(struct unix_address, name) +
					  bpf_core_field_offset(struct sockaddr_un, sun_path)))
		return 0;
	return length;
}

static __always_inline struct sworn_unix_state *known_unix(__u64 inode)
{
	return bpf_map_lookup_elem(&unix_sockets, &inode);
}

static __always_inline struct sworn_unix_state *make_unix(__u64 inode, const struct sworn_process_key *process,
							  const struct sworn_scope *scope, __u32 flags)
{
	struct sworn_unix_state first = {
		.scope = *scope,
		.process = *process,
		.started_ns = bpf_ktime_get_boot_ns(),
		.flags = flags,
	};

	bpf_map_update_elem(&unix_sockets, &inode, &first, BPF_NOEXIST);
	return known_unix(inode);
}

/* The socket behind a file descriptor of the current process; NULL when it is none. */
static __always_inline const struct sock *socket_of(__u32 fd)
{
	struct file *file = file_of(fd);
	struct socket *socket;

	if (!file)
		return NULL;
	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

/* The same, and NULL when it is no unix socket. */
static __always_inline const struct sock *unix_socket_of(__u32 fd)
{
	const struct sock *sk = socket_of(fd);

	if (!sk || BPF_CORE_READ(sk, __sk_common.skc_family) != AF_UNIX)
		return NULL;
	return sk;
}

/* Of a file descriptor of the current process; zeros when it is anything else. */
static __always_inline struct sworn_socket_pair unnamed_pair_of(__u32 fd)
{
	const struct unix_sock *own = (const struct unix_sock *)unix_socket_of(fd);
	struct sworn_socket_pair pair = {};
	const struct unix_sock *peer;

	if (!own)
		return pair;
	peer = (const struct unix_sock *)BPF_CORE_READ(own, peer);
	if (!peer || BPF_CORE_READ(own, addr) || BPF_CORE_READ(peer, addr))
		return pair;
	pair.peer = inode_of((const struct sock *)peer);
	if (pair.peer)
		pair.own = inode_of((const struct sock *)own);
	return pair;
}

/* A socket that a process had before it was watched; it is told of with its first bytes. */
static __always_inline void join_unix(const struct sock *sk, const struct sworn_process_key *holder,
				      const struct sworn_scope *scope)
{
	__u64 inode = inode_of(sk);

	if (inode && !known_unix(inode) && !make_unix(inode, holder, scope, SWORN_UNIX_JOINED))
		count(SWORN_COUNTER_UNIX_MAP_FULL, 0);
}

/* Files of a new program that are looked at for sockets. A server hands on a few; 1024 is the usual limit of open files. */
#define INHERITED_FILES_MAX 1024

struct inherited_walk {
	struct sworn_process_key process;
	struct sworn_scope scope;
};

static long join_inherited_unix(__u32 fd, struct inherited_walk *walk)
{
	const struct sock *sk = unix_socket_of(fd);

	if (sk)
		join_unix(sk, &walk->process, &walk->scope);
	return 0;
}

/*
 * The unix sockets that a program that is watched from now on was given. Here and not by an iterator later: what it opens
 * itself in between would look the same.
 */
static __always_inline void join_inherited_unix_sockets(const struct sworn_process_key *process,
							const struct sworn_scope *scope)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct inherited_walk walk = {.process = *process, .scope = *scope};
	__u32 files = BPF_CORE_READ(task, files, fdt, max_fds);

	if (files > INHERITED_FILES_MAX)
		files = INHERITED_FILES_MAX;
	bpf_loop(files, join_inherited_unix, &walk, 0);
}

/*
 * Two threads may come here with one socket at once. The event has its place in the ring before the socket counts as
 * announced, so whoever finds it announced writes behind it.
 */
static __always_inline int announce_unix(const struct sock *sk, __u64 connection, struct sworn_unix_state *state)
{
	const struct unix_sock *socket = (const struct unix_sock *)sk;
	struct sworn_open_event *event;
	struct sock *peer;

	if (state->flags & SWORN_UNIX_ANNOUNCED)
		return 1;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count(SWORN_COUNTER_OPEN_RING_FULL, 0);
		return 0;
	}
	if (__sync_fetch_and_or(&state->flags, SWORN_UNIX_ANNOUNCED) & SWORN_UNIX_ANNOUNCED) {
		bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
		return 1;
	}
	__builtin_memset(event, 0, sizeof(*event));
	begin_event(&event->event, SWORN_EVENT_OPEN, state->flags & SWORN_UNIX_JOINED ? SWORN_FLAG_JOINED_LATE : 0,
		    sizeof(*event));
	event->connection = connection;
	event->process = state->process;
	event->scope = state->scope;
	event->started_ns = state->started_ns;
	event->addresses.transport = SWORN_TRANSPORT_UNIX;
	event->addresses.network_namespace = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	event->local_path_bytes = read_unix_address(sk, event->local_path);
	peer = BPF_CORE_READ(socket, peer);
	if (peer)
		event->remote_path_bytes = read_unix_address(peer, event->remote_path);
	/* What was accepted has the listener's address; what connected has none, unless it was bound. */
	event->addresses.role = event->remote_path_bytes ? SWORN_ROLE_CLIENT :
				event->local_path_bytes  ? SWORN_ROLE_SERVER :
							   SWORN_ROLE_UNKNOWN;
	event->peer_pid = BPF_CORE_READ(sk, sk_peer_pid, numbers[0].nr);
	bpf_ringbuf_submit(event, wake_flags());
	return 1;
}

#endif
