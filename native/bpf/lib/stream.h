/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_STREAM_H
#define SWORN_BPF_STREAM_H

/* Bytes that a call has moved through a pipe or a terminal: whose they are, and their copy out of the caller's memory. */

#include "maps.h"

#include <bpf/bpf_core_read.h>

#include "../compat/syscall.h"
#include "emit.h"
#include "file.h"
#include "kernel_types.h"
#include "process.h"

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
	/* As stream_kinds: of others nothing is told. */
	__u32 kinds;
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

static __noinline int stream_moved(struct stream_walk *walk, struct file *file, __u32 direction, __u64 bytes)
{
	struct sworn_process_state *process;
	struct sworn_stream_state *state;
	struct sworn_stream_event *about;

	if (!walk)
		return 0;
	about = &walk->about;
	about->kind = find_stream(file, about);
	if (!about->kind || !(walk->kinds & 1 << about->kind))
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

/* Calls that move bytes from one file to another, or pages of the caller. */
static __always_inline void handed_over(struct stream_walk *walk, const struct syscall_view *call, long result)
{
	struct file *file = file_of(call->arguments[0]);
	__u32 direction = SWORN_DIRECTION_SENT;

	switch (call->number) {
	case CALL_SPLICE:
		stream_moved(walk, file, SWORN_DIRECTION_RECEIVED, result);
		file = file_of(call->arguments[2]);
		break;
	case CALL_TEE:
		file = file_of(call->arguments[1]);
		break;
	case CALL_VMSPLICE:
		/* Out of a pipe, when that is the end which the caller has. */
		if (!(BPF_CORE_READ(file, f_mode) & FMODE_WRITE))
			direction = SWORN_DIRECTION_RECEIVED;
		walk->moved.vector = call->arguments[1];
		walk->moved.count = call->arguments[2];
		break;
	}
	stream_moved(walk, file, direction, result);
}

#endif
