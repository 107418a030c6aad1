// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/*
 * Pipes and terminals of workloads. No tracepoint tells of them, so the exit of each system call does, which costs every
 * process of the host its fast way through system calls: the loader attaches this while somebody wants it, and no longer.
 *
 * Of a terminal the side of the workload is read (the slave of a pty), not that of whoever shows it: its owner is a
 * terminal emulator or a server that moves the same bytes. Of a pipe each byte is told once, by the end that is seen first:
 * the writer's, or the reader's where no watched process writes.
 */

#include "lib/maps.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "compat/syscall.h"
#include "lib/emit.h"
#include "lib/file.h"
#include "lib/kernel_types.h"
#include "lib/process.h"

/* Of enum sworn_stream_kind, 1 << kind: which are read. Set before load. */
const volatile __u32 stream_kinds = 0;

/*
 * streams: kind << 60 | stream -> its account. Written here; deleted by the loader when those that used it have ended.
 * Full: nothing of a further one is seen, SWORN_COUNTER_STREAM_MAP_FULL says so.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct sworn_stream_state);
} streams SEC(".maps");

struct iovec {
	__u64 base;
	__u64 bytes;
};

/* What a call moved: one buffer, or a vector in the caller's memory; neither where the call shows none. */
struct moved {
	__u64 base;
	__u64 vector;
	__u64 count;
};

struct stream_walk {
	/* What all events of the call say alike. */
	struct sworn_stream_event about;
	struct moved moved;
	unsigned long address;
	__u64 remaining;
	/* Of the call, not yet assigned to a part. */
	__u64 left;
	__u32 next_part;
};

/* Majors of terminals: Documentation/admin-guide/devices.txt. 5:2 is the master of a pty. */
static __always_inline int is_terminal(__u32 device)
{
	__u32 major = device >> 20, minor = device & 0xfffff;

	return (major >= 136 && major <= 143) || major == 4 || (major == 5 && minor != 2) || major == 204 || major == 229;
}

static __always_inline __u32 find_stream(struct file *file, struct sworn_stream_event *about)
{
	struct tty_file_private *private;
	struct tty_struct *tty;
	__u32 leader;
	__u16 mode;

	if (!file)
		return 0;
	mode = BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT;
	if (mode == S_IFIFO && stream_kinds & 1 << SWORN_STREAM_KIND_PIPE) {
		about->stream = pipe_of(file);
		return SWORN_STREAM_KIND_PIPE;
	}
	if (mode != S_IFCHR || !(stream_kinds & 1 << SWORN_STREAM_KIND_TERMINAL) ||
	    !is_terminal(BPF_CORE_READ(file, f_inode, i_rdev)))
		return 0;
	private = BPF_CORE_READ(file, private_data);
	/* It names its file: so it is what it is taken for. */
	if (!private || BPF_CORE_READ(private, file) != file)
		return 0;
	tty = BPF_CORE_READ(private, tty);
	/* The number of a pty is used again at once when it is free. Who leads its session tells them apart. */
	leader = BPF_CORE_READ(tty, ctrl.session, numbers[0].nr);
	about->stream = (__u64)(leader & SWORN_TERMINAL_LEADER_MAX) << 32 |
			(__u64)BPF_CORE_READ(tty, driver, major) << 20 | (__u32)BPF_CORE_READ(tty, index);
	about->local_modes = BPF_CORE_READ(tty, termios.c_lflag);
	about->output_modes = BPF_CORE_READ(tty, termios.c_oflag);
	about->columns = BPF_CORE_READ(tty, winsize.ws_col);
	about->rows = BPF_CORE_READ(tty, winsize.ws_row);
	return SWORN_STREAM_KIND_TERMINAL;
}

static __always_inline struct sworn_stream_state *state_of(const struct sworn_stream_event *about)
{
	__u64 key = (__u64)about->kind << 60 | about->stream;
	struct sworn_stream_state *state = bpf_map_lookup_elem(&streams, &key);
	struct sworn_stream_state first = {};

	if (state)
		return state;
	first.scope = about->scope;
	first.process = about->process;
	first.started_ns = about->event.time_ns;
	bpf_map_update_elem(&streams, &key, &first, BPF_NOEXIST);
	return bpf_map_lookup_elem(&streams, &key);
}

/* Bytes that will not come. When even that does not fit, the next offset tells, or the account at the end. */
static __always_inline void emit_missing(struct stream_walk *walk, __u64 bytes, __u32 reason)
{
	struct sworn_stream_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return;
	__builtin_memcpy(event, &walk->about, sizeof(*event));
	event->event.size = sizeof(*event);
	event->bytes = 0;
	event->missing = bytes;
	event->reason = reason;
	bpf_ringbuf_submit(event, wake_flags());
}

static __always_inline void emit_stream_bytes(struct stream_walk *walk, const __u32 room)
{
	struct sworn_stream_event *event;
	__u64 bytes = piece_bytes(walk->remaining, room);

	if (!bytes)
		return;
	event = bpf_ringbuf_reserve(&events, sizeof(*event) + room, 0);
	if (!event) {
		count(SWORN_COUNTER_STREAM_RING_FULL, bytes);
	} else if (bpf_probe_read_user(event->data, bytes, (void *)walk->address)) {
		bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
		count(SWORN_COUNTER_STREAM_UNREADABLE, bytes);
		emit_missing(walk, bytes, SWORN_GAP_REASON_UNREADABLE);
	} else {
		__builtin_memcpy(event, &walk->about, sizeof(*event));
		event->event.size = sizeof(*event) + bytes;
		event->bytes = bytes;
		bpf_ringbuf_submit(event, wake_flags());
	}
	walk->address += bytes;
	walk->remaining -= bytes;
	walk->about.offset += bytes;
}

/*
 * One piece, of the next part of the vector when the last is done. Not the step alone: the verifier of 6.1 walks
 * this once, with nothing remaining, and takes out what is not reached then.
 */
static long emit_stream_piece(__u32 index, struct stream_walk *walk)
{
	if (!walk->remaining) {
		struct iovec part = {walk->moved.base, walk->left};

		if (!walk->left || walk->next_part >= walk->moved.count)
			return 1;
		if (walk->moved.vector &&
		    bpf_probe_read_user(&part, sizeof(part), (void *)walk->moved.vector + walk->next_part * sizeof(part)))
			return 1;
		walk->next_part++;
		walk->address = part.base;
		walk->remaining = part.bytes < walk->left ? part.bytes : walk->left;
		walk->left -= walk->remaining;
		if (!walk->remaining)
			return 0;
	}
	if (walk->remaining > SWORN_BYTES_MEDIUM)
		emit_stream_bytes(walk, SWORN_BYTES_LARGE);
	else if (walk->remaining > SWORN_BYTES_SMALL)
		emit_stream_bytes(walk, SWORN_BYTES_MEDIUM);
	else if (walk->remaining > SWORN_BYTES_TINY)
		emit_stream_bytes(walk, SWORN_BYTES_SMALL);
	else
		emit_stream_bytes(walk, SWORN_BYTES_TINY);
	return 0;
}

/* Of a pipe: whether this end tells of its bytes. The end that is seen first does, for good. */
static __always_inline int tells(struct sworn_stream_state *state, __u32 direction)
{
	__u32 before = __sync_val_compare_and_swap(&state->told, 0, direction + 1);

	return !before || before == direction + 1;
}

static __noinline int stream_moved(struct stream_walk *walk, __u32 fd, __u32 direction, __u64 bytes)
{
	struct sworn_process_state *process;
	struct sworn_stream_state *state;
	struct sworn_stream_event *about;

	if (!walk)
		return 0;
	about = &walk->about;
	about->kind = find_stream(file_of(fd), about);
	if (!about->kind)
		return 0;
	process = watched_current(&about->process);
	if (!process)
		return 0;
	about->scope = process->scope;
	begin_event(&about->event, SWORN_EVENT_STREAM, 0, 0);
	about->direction = direction;
	state = state_of(about);
	if (!state) {
		count(SWORN_COUNTER_STREAM_MAP_FULL, bytes);
		return 0;
	}
	state->last_ns = about->event.time_ns;
	if (direction == SWORN_DIRECTION_SENT)
		state->writer_tgid = about->process.tgid;
	else
		state->reader_tgid = about->process.tgid;
	if (!bytes) {
		if (about->kind == SWORN_STREAM_KIND_PIPE && direction == SWORN_DIRECTION_RECEIVED)
			state->ended = 1;
		return 0;
	}
	/* Two that write at once take offsets in the order in which their calls end. */
	about->offset = __sync_fetch_and_add(direction == SWORN_DIRECTION_SENT ? &state->written_bytes : &state->read_bytes,
					     bytes);
	about->started_ns = state->started_ns;
	if (about->kind == SWORN_STREAM_KIND_PIPE &&
	    (!tells(state, direction) || about->offset >= SWORN_PIPE_COPY_BYTES_MAX))
		return 0;
	if (!walk->moved.count) {
		count(SWORN_COUNTER_STREAM_NO_BUFFER, bytes);
		emit_missing(walk, bytes, SWORN_GAP_REASON_NO_BUFFER);
		return 0;
	}
	walk->left = bytes;
	bpf_loop(SWORN_UNIX_CALL_PIECES_MAX + SWORN_IOVEC_MAX, emit_stream_piece, walk, 0);
	if (walk->left + walk->remaining) {
		count(SWORN_COUNTER_STREAM_TOO_LARGE, walk->left + walk->remaining);
		emit_missing(walk, walk->left + walk->remaining, SWORN_GAP_REASON_TOO_LARGE);
	}
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(stream_call_ends, struct pt_regs *registers, long result)
{
	struct stream_walk walk = {};
	struct syscall_view call = {};
	__u32 direction = SWORN_DIRECTION_SENT;

	/* Outsiders leave here, before their registers are looked at. */
	if (passive || result < 0 || !watched_process(current_tgid()))
		return 0;
	view_syscall(&call);
	if (call.compat) {
		if (moves_bytes_compat(call.number) && result)
			count(SWORN_COUNTER_STREAM_COMPAT, result);
		return 0;
	}
	switch (call.number) {
	case CALL_READ:
		/* What asks for nothing gets nothing, and is at no end. */
		if (!call.arguments[2])
			return 0;
		direction = SWORN_DIRECTION_RECEIVED;
		/* fallthrough */
	case CALL_WRITE:
		walk.moved.base = call.arguments[1];
		walk.moved.count = 1;
		break;
	case CALL_READV:
	case CALL_PREADV2:
		if (!result)
			return 0;
		direction = SWORN_DIRECTION_RECEIVED;
		/* fallthrough */
	case CALL_WRITEV:
	case CALL_PWRITEV2:
	case CALL_VMSPLICE:
		walk.moved.vector = call.arguments[1];
		walk.moved.count = call.arguments[2];
		break;
	case CALL_SPLICE:
		if (!result)
			return 0;
		stream_moved(&walk, call.arguments[0], SWORN_DIRECTION_RECEIVED, result);
		stream_moved(&walk, call.arguments[2], SWORN_DIRECTION_SENT, result);
		return 0;
	case CALL_TEE:
		stream_moved(&walk, call.arguments[1], SWORN_DIRECTION_SENT, result);
		return 0;
	case CALL_SENDFILE:
		break;
	default:
		return 0;
	}
	stream_moved(&walk, call.arguments[0], direction, result);
	return 0;
}

/* What an io_uring does is no system call of its own. Its file may not be known yet here, so a file counts as well. */
SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(stream_uring_asked, struct io_kiocb *request)
{
	struct sworn_process_key process;

	switch (request->opcode) {
	case IORING_OP_READV:
	case IORING_OP_WRITEV:
	case IORING_OP_READ_FIXED:
	case IORING_OP_WRITE_FIXED:
	case IORING_OP_READ:
	case IORING_OP_WRITE:
	case IORING_OP_SPLICE:
	case IORING_OP_TEE:
	case IORING_OP_READ_MULTISHOT:
		if (!passive && watched_current(&process))
			count(SWORN_COUNTER_STREAM_URING_UNSEEN, 0);
	}
	return 0;
}

/* Kernels before 6.4 do not have that tracepoint. Node makes a ring for its event loop, and moves nothing by it. */
SEC("tp_btf/io_uring_create")
int BPF_PROG(stream_uring_made)
{
	struct sworn_process_key process;

	if (!passive && watched_current(&process))
		count(SWORN_COUNTER_STREAM_URING_UNSEEN, 0);
	return 0;
}
