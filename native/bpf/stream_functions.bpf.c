// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/*
 * Pipes and terminals at the functions that read and write them: others pay only for theirs. Whatever call moves the bytes ends
 * here (system calls of 64 and 32 bits, an io_uring, asynchronous I/O), but for those that hand over pages, which have programs
 * of their own. The loader takes this way where the kernel lets programs be at functions and does not preempt them (the run of a
 * program is left out while another of the same processor is within it).
 *
 * The beginning is noted, too: when somebody else puts a program at the same function, the ends of calls that wait in it go
 * unseen, and the next call of the thread tells so.
 */

#include "lib/maps.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "compat/syscall.h"
#include "lib/stream.h"

/* Which files are looked at here: functions of the kernel call each other, and each call is told once. */
enum place {
	PLACE_ANY,
	PLACE_NOT_CONSOLE,
	PLACE_CONSOLE,
	PLACE_UNNAMED_PIPE,
	PLACE_NAMED_PIPE,
};

#define CONSOLE_DEVICE (5 << 20 | 1)

enum iter_type {
	ITER_UBUF,
	ITER_IOVEC,
};

static __always_inline int is_here(struct file *file, enum place place)
{
	int is_console, is_unnamed;

	if (place == PLACE_CONSOLE || place == PLACE_NOT_CONSOLE) {
		is_console = BPF_CORE_READ(file, f_inode, i_rdev) == CONSOLE_DEVICE;
		return is_console == (place == PLACE_CONSOLE);
	}
	if (place == PLACE_ANY)
		return 1;
	is_unnamed = BPF_CORE_READ(file, f_inode, i_sb, s_magic) == PIPEFS_MAGIC;
	return is_unnamed == (place == PLACE_UNNAMED_PIPE);
}

/* One that hands over pages may read a terminal within. */
#define OF_FILE 0ULL
#define OF_PAGES (1ULL << 32)

static __always_inline void note_beginning(__u64 kind)
{
	__u64 key = kind | (__u32)bpf_get_current_pid_tgid(), *before = bpf_map_lookup_elem(&stream_calls, &key);
	__u64 start_ns = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), start_boottime);

	if (before && *before == start_ns)
		count(SWORN_COUNTER_STREAM_END_UNSEEN, 0);
	else
		bpf_map_update_elem(&stream_calls, &key, &start_ns, BPF_ANY);
}

static __always_inline void note_end(__u64 kind)
{
	__u64 key = kind | (__u32)bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&stream_calls, &key);
}

static __noinline int file_call_begins(struct kiocb *request, enum place place)
{
	if (!passive && watched_process(current_tgid()) && is_here(BPF_CORE_READ(request, ki_filp), place))
		note_beginning(OF_FILE);
	return 0;
}

/* Where the bytes are in the caller's memory. Of pages of the kernel, and of vectors that no system call shows, none is known. */
static __always_inline void find_buffers(struct moved *moved, struct iov_iter *buffers, __u32 direction)
{
	__u8 type = BPF_CORE_READ(buffers, iter_type);
	struct syscall_view call = {};

	/* From 6.0 on. */
	if (bpf_core_field_exists(buffers->ubuf) && bpf_core_enum_value_exists(enum iter_type, ITER_UBUF) &&
	    type == bpf_core_enum_value(enum iter_type, ITER_UBUF)) {
		moved->base = (__u64)BPF_CORE_READ(buffers, ubuf);
		moved->count = 1;
		return;
	}
	if (type != bpf_core_enum_value(enum iter_type, ITER_IOVEC) ||
	    (BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), flags) & PF_IO_WORKER))
		return;
	view_syscall(&call);
	if (call.compat)
		return;
	switch (call.number) {
	case CALL_READ:
	case CALL_WRITE:
		if ((call.number == CALL_READ) != (direction == SWORN_DIRECTION_RECEIVED))
			return;
		moved->base = call.arguments[1];
		moved->count = 1;
		return;
	case CALL_READV:
	case CALL_PREADV2:
		if (direction != SWORN_DIRECTION_RECEIVED)
			return;
		break;
	case CALL_WRITEV:
	case CALL_PWRITEV2:
		if (direction != SWORN_DIRECTION_SENT)
			return;
		break;
	default:
		return;
	}
	moved->vector = call.arguments[1];
	moved->count = call.arguments[2];
}

static __noinline int file_call_ends(struct kiocb *request, struct iov_iter *buffers, long result, __u64 about)
{
	__u32 direction = about >> 32, place = (__u32)about;
	struct stream_walk walk = {.kinds = stream_kinds};
	struct file *file;

	if (passive || !watched_process(current_tgid()))
		return 0;
	file = BPF_CORE_READ(request, ki_filp);
	if (!is_here(file, place))
		return 0;
	note_end(OF_FILE);
	/* What asks for nothing gets nothing, and is at no end. */
	if (result < 0 || (!result && !BPF_CORE_READ(buffers, count)))
		return 0;
	find_buffers(&walk.moved, buffers, direction);
	return stream_moved(&walk, file, direction, result);
}

#define READS ((__u64)SWORN_DIRECTION_RECEIVED << 32)
#define WRITES ((__u64)SWORN_DIRECTION_SENT << 32)

/* A program at the beginning of a function of that name, and one at its end. */
#define AT_FUNCTION(function, what, place)                                                                     \
	SEC("fentry/" #function)                                                                               \
	int BPF_PROG(stream_before_##function, struct kiocb *request)                                          \
	{                                                                                                      \
		return file_call_begins(request, place);                                                       \
	}                                                                                                      \
	SEC("fexit/" #function)                                                                                \
	int BPF_PROG(stream_after_##function, struct kiocb *request, struct iov_iter *buffers, long result)    \
	{                                                                                                      \
		return file_call_ends(request, buffers, result, what | place);                                 \
	}

AT_FUNCTION(tty_read, READS, PLACE_ANY)
AT_FUNCTION(tty_write, WRITES, PLACE_NOT_CONSOLE)
AT_FUNCTION(redirected_tty_write, WRITES, PLACE_CONSOLE)
AT_FUNCTION(pipe_read, READS, PLACE_ANY)
AT_FUNCTION(pipe_write, WRITES, PLACE_ANY)
/* 6.15 has two of each. */
AT_FUNCTION(anon_pipe_read, READS, PLACE_UNNAMED_PIPE)
AT_FUNCTION(anon_pipe_write, WRITES, PLACE_UNNAMED_PIPE)
AT_FUNCTION(fifo_pipe_read, READS, PLACE_NAMED_PIPE)
AT_FUNCTION(fifo_pipe_write, WRITES, PLACE_NAMED_PIPE)

static __noinline int page_call_begins(void)
{
	if (!passive && watched_process(current_tgid()))
		note_beginning(OF_PAGES);
	return 0;
}

/* What passes a terminal was told above. */
static __noinline int page_call_ends(long result)
{
	struct stream_walk walk = {.kinds = stream_kinds & 1 << SWORN_STREAM_KIND_PIPE};
	struct syscall_view call = {};

	if (passive || !watched_process(current_tgid()))
		return 0;
	note_end(OF_PAGES);
	if (result <= 0)
		return 0;
	view_syscall(&call);
	if (call.compat)
		count(SWORN_COUNTER_STREAM_COMPAT, result);
	else
		handed_over(&walk, &call, result);
	return 0;
}

#define AT_CALL(name, call)                                                                     \
	SEC("fentry/" FUNCTION_OF_CALL(call))                                                   \
	int stream_before_call_##name(void *context)                                            \
	{                                                                                       \
		return page_call_begins();                                                      \
	}                                                                                       \
	SEC("fexit/" FUNCTION_OF_CALL(call))                                                    \
	int BPF_PROG(stream_after_call_##name, const struct pt_regs *registers, long result)    \
	{                                                                                       \
		return page_call_ends(result);                                                  \
	}

AT_CALL(splice, "splice")
AT_CALL(tee, "tee")
AT_CALL(vmsplice, "vmsplice")
AT_CALL(sendfile, "sendfile64")

#define AT_COMPAT_CALL(name, function)                                                            \
	SEC("fexit/" function)                                                                    \
	int BPF_PROG(stream_after_compat_##name, const struct pt_regs *registers, long result)    \
	{                                                                                         \
		return page_call_ends(result);                                                    \
	}

AT_COMPAT_CALL(splice, FUNCTION_OF_32_BIT_CALL("splice"))
AT_COMPAT_CALL(tee, FUNCTION_OF_32_BIT_CALL("tee"))
AT_COMPAT_CALL(vmsplice, FUNCTION_OF_32_BIT_CALL("vmsplice"))
AT_COMPAT_CALL(sendfile64, FUNCTION_OF_32_BIT_CALL("sendfile64"))
AT_COMPAT_CALL(sendfile, FUNCTION_OF_COMPAT_CALL("sendfile"))

static __always_inline int ring_asks(struct io_kiocb *request)
{
	__u8 operation = BPF_CORE_READ(request, opcode);
	struct sworn_process_key process;

	if (!passive && (operation == IORING_OP_SPLICE || operation == IORING_OP_TEE) && watched_current(&process))
		count(SWORN_COUNTER_STREAM_URING_UNSEEN, 0);
	return 0;
}

/* An io_uring hands over pages by no call of its own. 6.4 has this tracepoint in place of the other. */
SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(stream_ring_asks, struct io_kiocb *request)
{
	return ring_asks(request);
}

SEC("tp_btf/io_uring_submit_sqe")
int BPF_PROG(stream_ring_asked, struct io_kiocb *request)
{
	return ring_asks(request);
}
