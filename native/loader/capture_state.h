/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SWORN_LOADER_CAPTURE_STATE_H
#define SWORN_LOADER_CAPTURE_STATE_H

/* What a capture holds; for the loader's own files. */

#include "../abi/settings.h"
#include "capture.h"
#include "sworn.skel.h"

struct sworn_ring {
	int epoll_fd;
	int wake_fd;
	size_t page_bytes;
	/* Of the data; a power of two. */
	size_t bytes;
	/* Mapped memory: how much waits is known without a system call. */
	uint64_t *consumer_position;
	const uint64_t *producer_position;
	const uint8_t *data;
};

/* One of the two holds it; with neither this id is free. */
struct sworn_probe {
	struct bpf_link *link;
	/* Above 0: never a standard stream. */
	int link_fd;
	uint32_t kind;
};

#define SWORN_REDIRECT_PROGRAMS 4

/* At functions of the kernel; at system calls there are two. */
#define SWORN_STREAM_FUNCTION_PROGRAMS 33
#define SWORN_STREAM_PROGRAMS SWORN_STREAM_FUNCTION_PROGRAMS

struct sworn_guard;
struct bpf_object_skeleton;

struct sworn_capture {
	struct sworn_bpf *skeleton;
	struct bpf_link **links;
	size_t link_count;
	/* Of the programs that turn connects to IMDS; NULL while they are not attached. */
	struct bpf_link *redirect_links[SWORN_REDIRECT_PROGRAMS];
	/* Of the programs that read pipes and terminals; NULL while they are not attached. */
	struct bpf_link *stream_links[SWORN_STREAM_PROGRAMS];
	/* The program at mmap is attached. */
	bool images_told;
	/* SWORN_PROBES_MAX of them by id, from the first probe on. */
	struct sworn_probe *probes;
	int cgroup_fd;
	/* The LSM programs; NULL while they are not attached. */
	struct sworn_guard *guard;
	/* Of the newest list of guarded files. */
	uint32_t guard_generation;
	struct sworn_ring ring;
};

int sworn_ring_open(struct sworn_ring *ring, int map_fd, size_t bytes);
void sworn_ring_close(struct sworn_ring *ring);

/* Before load: whether connects to IMDS may be turned. */
void sworn_choose_redirect(struct sworn_bpf *skeleton, bool wanted);
/* Whether the kernel lets programs be at its functions: some refuse those (lockdown, no room for trampolines). */
bool sworn_kernel_lets_functions_be_hooked(void);
/* Of programs at functions, those for which the kernel has none are not loaded. How many are. */
size_t sworn_choose_functions(struct bpf_program *const *programs, size_t count, bool wanted);
/* Before load: the calls that are ways around the recorder, by their functions or by the beginning of all calls. */
void sworn_choose_call_ways(struct sworn_bpf *skeleton, bool wanted, bool without_functions);
/* Before load: whether programs at probes may sleep. */
void sworn_choose_probe_ways(struct sworn_bpf *skeleton);
/* Where its section says; nothing when it was not loaded. 0 or a negative errno. */
int sworn_attach_program(struct sworn_capture *capture, struct bpf_program *program);
/* Before load: which of the pipes and terminals may be read. */
void sworn_choose_streams(struct sworn_bpf *skeleton, const struct sworn_capture_options *options);
/* Nothing where they are read at the end of system calls. 0 or a negative errno. */
int sworn_attach_stream_functions(struct sworn_capture *capture);
/* While it does, runs of programs at functions are left out. True when nobody says that it does not. */
bool sworn_kernel_preempts_itself(void);
void sworn_detach_streams(struct sworn_capture *capture);
/* Of those, and not attached now: nobody misses it. */
bool sworn_is_idle_stream_program(struct sworn_capture *capture, struct bpf_program *program);
bool sworn_kernel_has_tracepoint(const char *name);
void sworn_detach_redirect(struct sworn_capture *capture);
void sworn_detach_probes(struct sworn_capture *capture);
void sworn_detach_guard(struct sworn_capture *capture);
int sworn_load_undisturbed(struct bpf_object_skeleton *skeleton);
/* Sets what sworn_capture_message gives. */
void sworn_say(const char *format, ...);

#endif
