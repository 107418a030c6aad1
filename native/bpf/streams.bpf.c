// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/*
 * Pipes and terminals of workloads where stream_functions.bpf.c cannot read them. No tracepoint tells of them, so the exit of
 * each system call does, which costs every process of the host its fast way through system calls: the loader attaches this while
 * somebody wants it, and no longer.
 *
 * Of a terminal the side of the workload is read (the slave of a pty), not that of whoever shows it: its owner is a
 * terminal emulator or a server that moves the same bytes. Of a pipe each byte is told once, by the end that is seen first:
 * the writer's, or the reader's where no watched process writes.
 */

#include "lib/maps.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "compat/syscall.h"
#include "lib/stream.h"

SEC("tp_btf/sys_exit")
int BPF_PROG(stream_call_ends, struct pt_regs *registers, long result)
{
	struct stream_walk walk = {.kinds = stream_kinds};
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
		walk.moved.vector = call.arguments[1];
		walk.moved.count = call.arguments[2];
		break;
	case CALL_SPLICE:
	case CALL_TEE:
	case CALL_VMSPLICE:
	case CALL_SENDFILE:
		if (result)
			handed_over(&walk, &call, result);
		return 0;
	default:
		return 0;
	}
	stream_moved(&walk, file_of(call.arguments[0]), direction, result);
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
