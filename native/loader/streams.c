// SPDX-License-Identifier: Apache-2.0

/*
 * Pipes and terminals: at the functions that move their bytes, where that is sure, from the start of the capture on. Else at
 * the end of every system call of the host, only while it is wanted.
 */

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "capture_state.h"

/* In the order in which they are attached: the beginning of a function before its end. */
static size_t function_programs(struct sworn_bpf *skeleton, struct bpf_program **into)
{
	struct bpf_program *all[] = {
		skeleton->progs.stream_before_tty_read,
		skeleton->progs.stream_after_tty_read,
		skeleton->progs.stream_before_tty_write,
		skeleton->progs.stream_after_tty_write,
		skeleton->progs.stream_before_redirected_tty_write,
		skeleton->progs.stream_after_redirected_tty_write,
		skeleton->progs.stream_before_call_splice,
		skeleton->progs.stream_after_call_splice,
		skeleton->progs.stream_before_call_tee,
		skeleton->progs.stream_after_call_tee,
		skeleton->progs.stream_before_call_vmsplice,
		skeleton->progs.stream_after_call_vmsplice,
		skeleton->progs.stream_before_call_sendfile,
		skeleton->progs.stream_after_call_sendfile,
		skeleton->progs.stream_before_pipe_read,
		skeleton->progs.stream_after_pipe_read,
		skeleton->progs.stream_before_pipe_write,
		skeleton->progs.stream_after_pipe_write,
		skeleton->progs.stream_before_anon_pipe_read,
		skeleton->progs.stream_after_anon_pipe_read,
		skeleton->progs.stream_before_anon_pipe_write,
		skeleton->progs.stream_after_anon_pipe_write,
		skeleton->progs.stream_before_fifo_pipe_read,
		skeleton->progs.stream_after_fifo_pipe_read,
		skeleton->progs.stream_before_fifo_pipe_write,
		skeleton->progs.stream_after_fifo_pipe_write,
		skeleton->progs.stream_after_compat_splice,
		skeleton->progs.stream_after_compat_tee,
		skeleton->progs.stream_after_compat_vmsplice,
		skeleton->progs.stream_after_compat_sendfile64,
		skeleton->progs.stream_after_compat_sendfile,
		skeleton->progs.stream_ring_asks,
		skeleton->progs.stream_ring_asked,
	};
	_Static_assert(sizeof(all) / sizeof(all[0]) == SWORN_STREAM_FUNCTION_PROGRAMS, "room for their links");

	memcpy(into, all, sizeof(all));
	return sizeof(all) / sizeof(all[0]);
}

#define TERMINAL_PROGRAMS 6
#define CALL_PROGRAMS 8
#define PIPE_PROGRAMS 4
#define PIPE_PROGRAMS_OF_TWO 8
#define COMPAT_PROGRAMS 5

/* All that it takes, or none. */
static bool choose_functions(struct sworn_bpf *skeleton, uint32_t kinds, bool wanted)
{
	struct bpf_program *programs[SWORN_STREAM_FUNCTION_PROGRAMS], **next = programs;
	bool has_pipes = wanted && kinds & 1 << SWORN_STREAM_KIND_PIPE, complete, pipes;
	bool has_ring = false;
	size_t count = function_programs(skeleton, programs);

	complete = sworn_choose_functions(next, TERMINAL_PROGRAMS, wanted) == TERMINAL_PROGRAMS;
	next += TERMINAL_PROGRAMS;
	pipes = sworn_choose_functions(next, CALL_PROGRAMS, has_pipes) == CALL_PROGRAMS;
	next += CALL_PROGRAMS;
	/* Either the two of old kernels, or the four. */
	if (sworn_choose_functions(next, PIPE_PROGRAMS, has_pipes) == PIPE_PROGRAMS)
		sworn_choose_functions(next + PIPE_PROGRAMS, PIPE_PROGRAMS_OF_TWO, false);
	else if (sworn_choose_functions(next + PIPE_PROGRAMS, PIPE_PROGRAMS_OF_TWO, has_pipes) == PIPE_PROGRAMS_OF_TWO)
		sworn_choose_functions(next, PIPE_PROGRAMS, false);
	else
		pipes = false;
	next += PIPE_PROGRAMS + PIPE_PROGRAMS_OF_TWO;
	sworn_choose_functions(next, COMPAT_PROGRAMS, has_pipes);
	if (has_pipes) {
		bool asks = sworn_kernel_has_tracepoint("btf_trace_io_uring_submit_req");
		bool asked = sworn_kernel_has_tracepoint("btf_trace_io_uring_submit_sqe");

		bpf_program__set_autoload(skeleton->progs.stream_ring_asks, asks);
		bpf_program__set_autoload(skeleton->progs.stream_ring_asked, asked && !asks);
		has_ring = asks || asked || !sworn_kernel_has_tracepoint("btf_trace_io_uring_create");
	}
	if (!complete || (has_pipes && !(pipes && has_ring)) || !has_pipes) {
		/* Terminals alone need none of the others. */
		bool alone = complete && !has_pipes;

		for (size_t i = alone ? TERMINAL_PROGRAMS : 0; i < count; i++)
			bpf_program__set_autoload(programs[i], false);
		return alone;
	}
	return true;
}

void sworn_choose_streams(struct sworn_bpf *skeleton, const struct sworn_capture_options *options)
{
	uint32_t kinds = options->stream_kinds;
	bool wanted = kinds && !options->without_functions &&
		      (options->streams_by_functions || !sworn_kernel_preempts_itself()) &&
		      sworn_kernel_lets_functions_be_hooked();
	bool by_functions = choose_functions(skeleton, kinds, wanted);
	bool asks = sworn_kernel_has_tracepoint("btf_trace_io_uring_submit_req");
	bool makes = sworn_kernel_has_tracepoint("btf_trace_io_uring_create");

	skeleton->rodata->stream_kinds = kinds;
	bpf_program__set_autoload(skeleton->progs.stream_call_ends, kinds && !by_functions);
	bpf_program__set_autoload(skeleton->progs.stream_uring_asked, kinds && !by_functions && asks);
	bpf_program__set_autoload(skeleton->progs.stream_uring_made, kinds && !by_functions && !asks && makes);
}

static bool reads_by_functions(struct sworn_capture *capture)
{
	return bpf_program__autoload(capture->skeleton->progs.stream_after_tty_read);
}

void sworn_detach_streams(struct sworn_capture *capture)
{
	for (size_t i = 0; i < SWORN_STREAM_PROGRAMS; i++) {
		bpf_link__destroy(capture->stream_links[i]);
		capture->stream_links[i] = NULL;
	}
}

static int attach(struct sworn_capture *capture, struct bpf_program **programs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (capture->stream_links[i] || !bpf_program__autoload(programs[i]))
			continue;
		capture->stream_links[i] = bpf_program__attach(programs[i]);
		if (!capture->stream_links[i]) {
			int error = -errno;

			sworn_detach_streams(capture);
			return error;
		}
	}
	return 0;
}

int sworn_attach_stream_functions(struct sworn_capture *capture)
{
	struct bpf_program *programs[SWORN_STREAM_FUNCTION_PROGRAMS];

	return reads_by_functions(capture) ? attach(capture, programs, function_programs(capture->skeleton, programs)) : 0;
}

int sworn_capture_read_streams(struct sworn_capture *capture, bool wanted)
{
	struct bpf_program *order[] = {
		capture->skeleton->progs.stream_call_ends,
		capture->skeleton->progs.stream_uring_asked,
		capture->skeleton->progs.stream_uring_made,
	};

	if (reads_by_functions(capture))
		return 0;
	if (!bpf_program__autoload(order[0]))
		return -ENOTSUP;
	if (wanted)
		return attach(capture, order, sizeof(order) / sizeof(order[0]));
	sworn_detach_streams(capture);
	return 0;
}

bool sworn_is_idle_stream_program(struct sworn_capture *capture, struct bpf_program *program)
{
	return !capture->stream_links[0] && (program == capture->skeleton->progs.stream_call_ends ||
					     program == capture->skeleton->progs.stream_uring_asked ||
					     program == capture->skeleton->progs.stream_uring_made);
}
