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
#include "lib/broker_call.h"
#include "lib/emit.h"
#include "lib/emit_bytes.h"
#include "lib/kernel_types.h"
#include "lib/process.h"
#include "lib/socket_use.h"
#include "lib/unix_socket.h"

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

/*
 * Returns 0 when the call shows no buffer. What io_uring does may run at the end of any system call, or in a thread of
 * its own that has the registers of its maker: a call counts only when it names this very socket.
 */
static __always_inline int find_buffers(const struct sock *sk, struct buffers *buffers)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct syscall_view call = {};

	view_syscall(&call);
	if (call.compat || (BPF_CORE_READ(task, flags) & PF_IO_WORKER) || unix_socket_of(call.arguments[0]) != sk)
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
	case CALL_PREADV2:
	case CALL_PWRITEV2:
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

/* By what the bytes were moved; a thread that works for an io_uring has the registers of its maker. */
static __always_inline __u32 moving_call(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct syscall_view call = {};

	if (BPF_CORE_READ(task, flags) & PF_IO_WORKER)
		return CALL_IO_URING_ENTER;
	view_syscall(&call);
	return (__u16)call.number | (call.compat ? SWORN_CALL_COMPAT : 0);
}

/* How far a direction had come, when no call is under way that moves bytes of it; else nothing is said. */
static __always_inline __u64 told_so_far(const volatile __u64 *told, const volatile __u64 *moved)
{
	__u64 before = *told;

	return before == *moved ? before : 0;
}

static __always_inline void unix_moved(const struct sock *sk, const struct sworn_process_key *mover,
				       const struct sworn_scope *scope, __u32 bytes, int sent)
{
	struct sworn_unix_state *state;
	struct unix_walk walk = {};
	__u64 inode, offset;

	inode = inode_of(sk);
	state = known_unix(inode);
	if (!state)
		state = make_unix(inode, mover, scope, 0);
	if (!state) {
		count(SWORN_COUNTER_UNIX_MAP_FULL, bytes);
		return;
	}
	/* Two that write to one socket at once take offsets in the order in which their calls ended. */
	offset = __sync_fetch_and_add(sent ? &state->sent_bytes : &state->received_bytes, bytes);
	walk.bytes.connection = UNIX_CONNECTION | inode;
	walk.bytes.offset = offset;
	walk.bytes.tgid = mover->tgid;
	walk.bytes.direction = sent ? SWORN_DIRECTION_SENT : SWORN_DIRECTION_RECEIVED;
	walk.bytes.time_ns = bpf_ktime_get_boot_ns();
	walk.bytes.other_offset = sent ? told_so_far(&state->told_received_bytes, &state->received_bytes) :
					 told_so_far(&state->told_sent_bytes, &state->sent_bytes);
	walk.left = bytes;
	if (!announce_unix(sk, walk.bytes.connection, state)) {
		count(SWORN_COUNTER_BYTES_RING_FULL, bytes);
		walk.bytes.dropped = bytes;
	} else if (!find_buffers(sk, &walk.buffers)) {
		__u32 call = moving_call();

		count(SWORN_COUNTER_UNIX_NO_BUFFER, bytes);
		take_way(mover, scope, SWORN_WAY_UNREAD_CALL, call, call);
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
	__sync_fetch_and_add(sent ? &state->told_sent_bytes : &state->told_received_bytes, bytes);
}

/* A call on a unix socket has ended, in the way of kernels from 6.3 on. */
static __always_inline void unix_used(const struct sock *sk, int result, int moved, int sent)
{
	struct sworn_process_state *process;
	struct sworn_process_key user;

	process = watched_current(&user);
	/* Outsiders leave here. */
	if (!process)
		return;
	if (moved && unix_by_socket)
		unix_moved(sk, &user, &process->scope, result, sent);
	if (!sent)
		find_handed_sockets(sk, &user, &process->scope);
}

/* One program for all kinds of sockets: to be called at all is most of what outsiders pay. */
static __always_inline void socket_used(struct sock *sk, int result, int flags, int sent)
{
	__u16 family = sk->__sk_common.skc_family;

	if (family == AF_INET || family == AF_INET6) {
		if (sent && result > 0 && is_broker_port(bpf_ntohs(sk->__sk_common.skc_dport)))
			request_written(sk);
		if (result >= 0)
			foreign_socket_used(sk, result);
	} else if (family == AF_UNIX) {
		if (result >= 0)
			unix_used(sk, result, result > 0 && (sent || !(flags & MSG_PEEK)), sent);
	} else {
		/* Also when it fails: who tries will try again. */
		other_socket_used(sk, family, sent);
	}
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(unix_sent, struct sock *sk, int result, int flags)
{
	if (!passive)
		socket_used(sk, result, flags, 1);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(unix_received, struct sock *sk, int result, int flags)
{
	if (!passive)
		socket_used(sk, result, flags, 0);
	return 0;
}

/* struct mmsghdr of the kernel's ABI. */
struct message_of_many {
	struct message_header header;
	__u64 control;
	__u64 control_bytes;
	__u64 flags;
	__u32 bytes;
	__u32 padding;
};

struct many_walk {
	unsigned long messages;
	__u64 count;
	__u32 bytes;
};

static long add_message(__u32 index, struct many_walk *walk)
{
	struct message_of_many message;

	if (index >= walk->count ||
	    bpf_probe_read_user(&message, sizeof(message), (void *)walk->messages + index * sizeof(message)))
		return 1;
	walk->bytes += message.bytes;
	return 0;
}

/* Bytes of the first `count` messages of a call that moved several. */
static __always_inline __u32 bytes_of_many(unsigned long messages, __u64 count)
{
	struct many_walk walk = {.messages = messages, .count = count};

	bpf_loop(SWORN_MESSAGES_MAX, add_message, &walk, 0);
	return walk.bytes;
}

static __always_inline void fd_moved(__u32 fd, __u32 bytes, int sent)
{
	const struct sock *sk = unix_socket_of(fd);
	struct sworn_process_state *process;
	struct sworn_process_key mover;

	if (!sk || !bytes)
		return;
	process = watched_current(&mover);
	if (process)
		unix_moved(sk, &mover, &process->scope, bytes, sent);
}

/* The way of kernels before 6.3. */
SEC("tp_btf/sys_exit")
int BPF_PROG(unix_call_ends, struct pt_regs *registers, long result)
{
	struct syscall_view call = {};

	/* Outsiders leave here, before their registers are looked at. */
	if (passive || result <= 0 || !watched_process(current_tgid()))
		return 0;
	view_syscall(&call);
	if (!moves_bytes(call.number))
		return 0;
	switch (call.number) {
	case CALL_SENDMMSG:
		fd_moved(call.arguments[0], bytes_of_many(call.arguments[1], result), 1);
		return 0;
	case CALL_RECVMMSG:
		if (!(call.arguments[3] & MSG_PEEK))
			fd_moved(call.arguments[0], bytes_of_many(call.arguments[1], result), 0);
		return 0;
	case CALL_SPLICE:
		fd_moved(call.arguments[0], result, 0);
		fd_moved(call.arguments[2], result, 1);
		return 0;
	case CALL_RECVFROM:
		if (call.arguments[3] & MSG_PEEK)
			return 0;
		break;
	case CALL_RECVMSG:
		if (call.arguments[2] & MSG_PEEK)
			return 0;
		break;
	}
	fd_moved(call.arguments[0], result, sends_bytes(call.number));
	return 0;
}

/* Only with that way: what an io_uring does is no system call of its own. */
SEC("tp_btf/io_uring_create")
int BPF_PROG(unix_uring_made)
{
	struct sworn_process_key process;

	if (!passive && watched_current(&process))
		count(SWORN_COUNTER_URING_UNSEEN, 0);
	return 0;
}
