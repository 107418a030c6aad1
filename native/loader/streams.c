// SPDX-License-Identifier: Apache-2.0

/* Pipes and terminals: their programs are at every system call of the host, so they are attached only while wanted. */

#include <bpf/libbpf.h>
#include <errno.h>

#include "capture_state.h"

void sworn_choose_streams(struct sworn_bpf *skeleton, uint32_t kinds)
{
	skeleton->rodata->stream_kinds = kinds;
	bpf_program__set_autoload(skeleton->progs.stream_call_ends, kinds != 0);
	bool asks = sworn_kernel_has_tracepoint("btf_trace_io_uring_submit_req");
	bool makes = sworn_kernel_has_tracepoint("btf_trace_io_uring_create");

	bpf_program__set_autoload(skeleton->progs.stream_uring_asked, kinds != 0 && asks);
	bpf_program__set_autoload(skeleton->progs.stream_uring_made, kinds != 0 && !asks && makes);
}

void sworn_detach_streams(struct sworn_capture *capture)
{
	for (size_t i = 0; i < SWORN_STREAM_PROGRAMS; i++) {
		bpf_link__destroy(capture->stream_links[i]);
		capture->stream_links[i] = NULL;
	}
}

int sworn_capture_read_streams(struct sworn_capture *capture, bool wanted)
{
	struct bpf_program *order[SWORN_STREAM_PROGRAMS] = {
		capture->skeleton->progs.stream_call_ends,
		capture->skeleton->progs.stream_uring_asked,
		capture->skeleton->progs.stream_uring_made,
	};

	if (!bpf_program__autoload(order[0]))
		return -ENOTSUP;
	if (!wanted) {
		sworn_detach_streams(capture);
		return 0;
	}
	for (size_t i = 0; i < SWORN_STREAM_PROGRAMS; i++) {
		if (capture->stream_links[i] || !bpf_program__autoload(order[i]))
			continue;
		capture->stream_links[i] = bpf_program__attach(order[i]);
		if (!capture->stream_links[i]) {
			int error = -errno;

			sworn_detach_streams(capture);
			return error;
		}
	}
	return 0;
}

bool sworn_is_idle_stream_program(struct sworn_capture *capture, struct bpf_program *program)
{
	return !capture->stream_links[0] && (program == capture->skeleton->progs.stream_call_ends ||
					     program == capture->skeleton->progs.stream_uring_asked ||
					     program == capture->skeleton->progs.stream_uring_made);
}
