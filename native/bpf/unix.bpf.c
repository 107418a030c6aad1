// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/*
 * Unix sockets of workloads. They cross no cgroup boundary, so their bytes are read where calls move them.
 *
 * Since 6.3 a tracepoint says of every socket call, io_uring's included, which socket it was and how many bytes it
 * moved; the buffer is found through the registers of the system call. Before that, the exit of the system call has
 * to do, which costs every process of the host its fast way through system calls: the loader attaches one or the other.
 */

#include "lib/maps.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "compat/syscall.h"
#include "lib/emit.h"
#include "lib/emit_bytes.h"
#include "lib/kernel_types.h"

/* Top bit: the number of a unix socket is its inode, those of TCP connections count from 1. */
#define UNIX_CONNECTION (1ULL << 63)

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
	__s32 length;

	if (!address)
		return 0;
	length = BPF_CORE_READ(address, len) - (__s32)sizeof(unsigned short);
	if (length <= 0)
		return 0;
	if (length > SWORN_UNIX_PATH_BYTES)
		length = SWORN_UNIX_PATH_BYTES;
	if (bpf_probe_read_kernel(into, SWORN_UNIX_PATH_BYTES,
				  (void *)address + bpf_core_field_offset(struct unix_address, name) +
					  bpf_core_field_offset(struct sockaddr_un, sun_path)))
		return 0;
	return length;
}

static __always_inline int announce_unix(const struct sock *sk, __u64 connection, struct sworn_unix_state *state)
{
	const struct unix_sock *socket = (const struct unix_sock *)sk;
	struct sworn_open_event *event;
	struct sock *peer;

	if (state->announced)
		return 1;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count(SWORN_COUNTER_OPEN_RING_FULL, 0);
		return 0;
	}
	__builtin_memset(event, 0, sizeof(*event));
	begin_event(&event->event, SWORN_EVENT_OPEN, 0, sizeof(*event));
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
	state->announced = 1;
	return 1;
}

struct iovec {
	__u64 base;
	__u64 bytes;
};

/* struct user_msghdr of the kernel's ABI. */
struct message_header {
	__u64 name;
	__s32 name_bytes;
	__s32 padding;
	__u64 iov;
	__u64 iov_count;
};

/* The buffers of the current call: one, or a vector in the caller's memory. */
struct buffers {
	struct iovec single;
	__u64 vector;
	__u64 count;
};

/* Returns 0 when the call shows no buffer. */
static __always_inline int find_buffers(struct buffers *buffers)
{
	struct syscall_view call = {};

	view_syscall(&call);
	if (call.compat)
		return 0;
	switch (call.number) {
	case CALL_READ:
	case CALL_WRITE:
	case CALL_SENDTO:
	case CALL_RECVFROM:
		buffers->single.base = call.arguments[1];
		buffers->single.bytes = call.arguments[2];
		buffers->count = 1;
		return 1;
	case CALL_READV:
	case CALL_WRITEV:
		buffers->vector = call.arguments[1];
		buffers->count = call.arguments[2];
		return 1;
	case CALL_SENDMSG:
	case CALL_RECVMSG: {
		struct message_header header;

		if (bpf_probe_read_user(&header, sizeof(header), (void *)call.arguments[1]))
			return 0;
		buffers->vector = header.iov;
		buffers->count = header.iov_count;
		return 1;
	}
	}
	return 0;
}

struct unix_walk {
	struct bytes_walk bytes;
	struct buffers buffers;
	struct iovec part;
	/* Bytes of the call that are not yet assigned to a part. */
	__u32 left;
	__u32 next_part;
};

/* One piece, or one step to the next part of the vector. */
static long emit_unix_piece(__u32 index, struct unix_walk *walk)
{
	if (!walk->bytes.remaining) {
		struct iovec part;

		if (!walk->left || walk->next_part >= walk->buffers.count)
			return 1;
		if (walk->buffers.vector) {
			if (bpf_probe_read_user(&part, sizeof(part),
						(void *)walk->buffers.vector + walk->next_part * sizeof(part)))
				return 1;
		} else {
			part = walk->buffers.single;
		}
		walk->next_part++;
		walk->bytes.user_address = part.base;
		walk->bytes.remaining = part.bytes < walk->left ? part.bytes : walk->left;
		walk->left -= walk->bytes.remaining;
		if (!walk->bytes.remaining)
			return 0;
	}
	emit_next_piece(&walk->bytes, 0);
	return 0;
}

static __always_inline struct sworn_unix_state *unix_state(__u64 inode, struct sworn_process_state *process)
{
	struct sworn_unix_state *state = bpf_map_lookup_elem(&unix_sockets, &inode);

	if (!state) {
		struct sworn_unix_state first = {
			.scope = process->scope,
			.process = {.tgid = current_tgid(), .start_ns = process->start_ns},
			.started_ns = bpf_ktime_get_boot_ns(),
		};

		bpf_map_update_elem(&unix_sockets, &inode, &first, BPF_NOEXIST);
		state = bpf_map_lookup_elem(&unix_sockets, &inode);
	}
	return state;
}

static __always_inline void unix_moved(const struct sock *sk, __u32 bytes, int sent)
{
	struct sworn_process_state *process;
	struct sworn_unix_state *state;
	struct unix_walk walk = {};
	__u64 inode, offset;

	process = watched_process(current_tgid());
	if (!process)
		return;
	inode = inode_of(sk);
	state = unix_state(inode, process);
	if (!state) {
		count(SWORN_COUNTER_UNIX_MAP_FULL, bytes);
		return;
	}
	/* Two that write to one socket at once take offsets in the order in which their calls ended. */
	offset = __sync_fetch_and_add(sent ? &state->sent_bytes : &state->received_bytes, bytes);
	walk.bytes.connection = UNIX_CONNECTION | inode;
	walk.bytes.offset = offset;
	walk.bytes.tgid = current_tgid();
	walk.bytes.direction = sent ? SWORN_DIRECTION_SENT : SWORN_DIRECTION_RECEIVED;
	walk.bytes.time_ns = bpf_ktime_get_boot_ns();
	walk.left = bytes;
	if (!announce_unix(sk, walk.bytes.connection, state)) {
		count(SWORN_COUNTER_BYTES_RING_FULL, bytes);
		walk.bytes.dropped = bytes;
	} else if (!find_buffers(&walk.buffers)) {
		count(SWORN_COUNTER_UNIX_NO_BUFFER, bytes);
		emit_gap(&walk.bytes, bytes, SWORN_GAP_REASON_NO_BUFFER);
		walk.bytes.dropped = bytes;
	} else {
		bpf_loop(SWORN_UNIX_CALL_PIECES_MAX + SWORN_IOVEC_MAX, emit_unix_piece, &walk, 0);
		if (walk.left + walk.bytes.remaining) {
			count(SWORN_COUNTER_UNIX_CALL_TOO_LARGE, walk.left + walk.bytes.remaining);
			emit_gap(&walk.bytes, walk.left + walk.bytes.remaining, SWORN_GAP_REASON_TOO_LARGE);
			walk.bytes.dropped += walk.left + walk.bytes.remaining;
		}
	}
	if (walk.bytes.dropped)
		__sync_fetch_and_add(sent ? &state->dropped_sent_bytes : &state->dropped_received_bytes,
				     walk.bytes.dropped);
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(unix_sent, struct sock *sk, int result, int flags)
{
	if (passive || result <= 0 || BPF_CORE_READ(sk, __sk_common.skc_family) != AF_UNIX)
		return 0;
	unix_moved(sk, result, 1);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(unix_received, struct sock *sk, int result, int flags)
{
	if (passive || result <= 0 || (flags & MSG_PEEK) || BPF_CORE_READ(sk, __sk_common.skc_family) != AF_UNIX)
		return 0;
	unix_moved(sk, result, 0);
	return 0;
}

/* The socket behind a file descriptor of the current process; NULL when it is no unix socket. */
static __always_inline const struct sock *unix_socket_of(__u32 fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd);
	struct socket *socket;
	struct file *file;
	struct sock *sk;

	if (fd >= BPF_CORE_READ(table, max_fds) || bpf_probe_read_kernel(&file, sizeof(file), &files[fd]) || !file)
		return NULL;
	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	if (!sk || BPF_CORE_READ(sk, __sk_common.skc_family) != AF_UNIX)
		return NULL;
	return sk;
}

/* The way of kernels before 6.3. */
SEC("tp_btf/sys_exit")
int BPF_PROG(unix_call_ends, struct pt_regs *registers, long result)
{
	struct syscall_view call = {};
	const struct sock *sk;
	int sent;

	if (passive || result <= 0)
		return 0;
	view_syscall(&call);
	switch (call.number) {
	case CALL_WRITE:
	case CALL_WRITEV:
	case CALL_SENDTO:
	case CALL_SENDMSG:
		sent = 1;
		break;
	case CALL_RECVFROM:
		if (call.arguments[3] & MSG_PEEK)
			return 0;
		sent = 0;
		break;
	case CALL_RECVMSG:
		if (call.arguments[2] & MSG_PEEK)
			return 0;
		sent = 0;
		break;
	case CALL_READ:
	case CALL_READV:
		sent = 0;
		break;
	default:
		return 0;
	}
	if (!watched_process(current_tgid()))
		return 0;
	sk = unix_socket_of(call.arguments[0]);
	if (sk)
		unix_moved(sk, result, sent);
	return 0;
}
