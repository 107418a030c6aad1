// SPDX-License-Identifier: Apache-2.0

#include "capture.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture_state.h"
#include "cgroup_root.h"

static _Thread_local char message[4096];

const char *sworn_capture_message(void)
{
	return message;
}

/*
 * Keeps what libbpf says, of a long text the end: a refusal of the verifier ends with its reason. It comes with the
 * whole log of the verifier as one message, and a few more follow it.
 */
static int keep_message(enum libbpf_print_level level, const char *format, va_list arguments)
{
	size_t used = strlen(message), length, room = sizeof(message) - 1;
	char *line, *from;

	if (level == LIBBPF_DEBUG || vasprintf(&line, format, arguments) < 0)
		return 0;
	length = strlen(line);
	from = line;
	if (length > room) {
		from += length - room;
		length = room;
	}
	if (used + length > room) {
		size_t drop = used + length - room;

		memmove(message, message + drop, used - drop);
		used -= drop;
	}
	memcpy(message + used, from, length);
	message[used + length] = 0;
	free(line);
	return 0;
}

void sworn_say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
}

bool sworn_kernel_has_tracepoint(const char *name)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool has = btf && btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF) > 0;

	btf__free(btf);
	return has;
}

static void choose_unix_hooks(struct sworn_bpf *skeleton, const struct sworn_capture_options *options)
{
	bool has_hooks = sworn_kernel_has_tracepoint("btf_trace_sock_send_length");
	bool by_socket = !options->unix_by_syscall && has_hooks;

	/* They look at sockets of other kinds, too. */
	bpf_program__set_autoload(skeleton->progs.unix_sent, has_hooks);
	bpf_program__set_autoload(skeleton->progs.unix_received, has_hooks);
	bpf_program__set_autoload(skeleton->progs.unix_call_ends, !by_socket && !options->without_unix);
	bpf_program__set_autoload(skeleton->progs.unix_uring_made, !by_socket && !options->without_unix &&
									  sworn_kernel_has_tracepoint("btf_trace_io_uring_create"));
	skeleton->rodata->without_unix = options->without_unix;
	skeleton->rodata->unix_by_socket = by_socket && !options->without_unix;
}

/* A signal makes the verifier give up with EAGAIN, and libbpf after a few: a profiler sends one each millisecond. */
int sworn_load_undisturbed(struct bpf_object_skeleton *skeleton)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = bpf_object__load_skeleton(skeleton);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

static int load(struct sworn_capture *capture, const struct sworn_capture_options *options)
{
	struct sworn_bpf *skeleton = sworn_bpf__open();
	int error;

	if (!skeleton)
		return -errno;
	capture->skeleton = skeleton;
	skeleton->rodata->passive = options->passive;
	if (options->wake_bytes)
		skeleton->rodata->wake_bytes = options->wake_bytes;
	if (options->ring_bytes) {
		if (options->ring_bytes < SWORN_RING_BYTES_MIN || options->ring_bytes > SWORN_RING_BYTES_MAX ||
		    (options->ring_bytes & (options->ring_bytes - 1)) != 0) {
			sworn_say("the ring must have a power of two of bytes, from %d to %d", SWORN_RING_BYTES_MIN,
			    SWORN_RING_BYTES_MAX);
			return -EINVAL;
		}
		error = bpf_map__set_max_entries(skeleton->maps.events, options->ring_bytes);
		if (error)
			return error;
		if (!options->wake_bytes || options->wake_bytes > options->ring_bytes / 4)
			skeleton->rodata->wake_bytes = options->ring_bytes / 4 < skeleton->rodata->wake_bytes ?
							       options->ring_bytes / 4 :
							       skeleton->rodata->wake_bytes;
	}
	if (options->processes_max) {
		error = bpf_map__set_max_entries(skeleton->maps.processes, options->processes_max);
		if (error)
			return error;
	}
	choose_unix_hooks(skeleton, options);
	sworn_choose_call_ways(skeleton, options->watch_syscalls, options->without_functions);
	sworn_choose_probe_ways(skeleton);
	sworn_choose_redirect(skeleton, options->imds_redirect);
	sworn_choose_streams(skeleton, options);
	bpf_program__set_autoload(skeleton->progs.image_mapped, sworn_kernel_has_tracepoint("btf_trace_vm_unmapped_area"));
	return sworn_load_undisturbed(skeleton->skeleton);
}

int sworn_attach_program(struct sworn_capture *capture, struct bpf_program *program)
{
	enum bpf_prog_type type = bpf_program__type(program);
	struct bpf_link *link;

	if (!bpf_program__autoload(program))
		return 0;
	if (type == BPF_PROG_TYPE_CGROUP_SKB || type == BPF_PROG_TYPE_CGROUP_SOCK)
		link = bpf_program__attach_cgroup(program, capture->cgroup_fd);
	else
		link = bpf_program__attach(program);
	if (!link)
		return -errno;
	capture->links[capture->link_count++] = link;
	return 0;
}

/*
 * Sockets before processes: nothing is watched until a process is selected, and no process can be before all that
 * watches its sockets is in place.
 */
static int attach(struct sworn_capture *capture)
{
	struct sworn_bpf *skeleton = capture->skeleton;
	struct bpf_program *order[] = {
		skeleton->progs.socket_made,	  skeleton->progs.socket_state_changes, skeleton->progs.socket_ends,
		skeleton->progs.packet_sent,	  skeleton->progs.packet_received,	skeleton->progs.unix_sent,
		skeleton->progs.unix_received,	  skeleton->progs.unix_call_ends,	skeleton->progs.unix_uring_made,
		skeleton->progs.way_signal,	  skeleton->progs.way_process_waits,	skeleton->progs.way_freeze,
		skeleton->progs.way_call_ptrace,  skeleton->progs.way_call_writev,	skeleton->progs.way_call_getfd,
		skeleton->progs.way_call_setns,	  skeleton->progs.way_call_unshare,	skeleton->progs.way_call_splice,
		skeleton->progs.way_compat_ptrace, skeleton->progs.way_compat_writev,	skeleton->progs.way_compat_getfd,
		skeleton->progs.way_compat_setns, skeleton->progs.way_compat_unshare,	skeleton->progs.way_compat_splice,
		skeleton->progs.way_call_begins,
		skeleton->progs.process_exit,	  skeleton->progs.process_fork,		skeleton->progs.process_exec,
		skeleton->progs.process_attach,	  skeleton->progs.cgroup_made,		skeleton->progs.cgroup_gone,
		skeleton->progs.image_mapped,
	};
	size_t count = sizeof(order) / sizeof(order[0]);

	capture->links = calloc(count, sizeof(*capture->links));
	if (!capture->links)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		/* Each mmap of the host passes it: only when it is asked for, or to measure the floor. */
		bool later = order[i] == skeleton->progs.image_mapped && !skeleton->rodata->passive;
		int error = later ? 0 : sworn_attach_program(capture, order[i]);

		if (error)
			return error;
	}
	return 0;
}

int sworn_capture_open(const struct sworn_capture_options *options, struct sworn_capture **result)
{
	struct sworn_capture *capture;
	char found[4096];
	const char *path = options->cgroup_path;
	int error;

	message[0] = 0;
	libbpf_set_print(keep_message);
	capture = calloc(1, sizeof(*capture));
	if (!capture)
		return -ENOMEM;
	capture->ring.epoll_fd = capture->ring.wake_fd = capture->cgroup_fd = -1;

	if (!path) {
		error = sworn_find_cgroup_root(found, sizeof(found));
		if (error) {
			sworn_say("no cgroup v2 hierarchy is mounted");
			goto fail;
		}
		path = found;
	}
	capture->cgroup_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (capture->cgroup_fd < 0) {
		error = -errno;
		sworn_say("cannot open the cgroup %s", path);
		goto fail;
	}
	error = load(capture, options);
	if (error)
		goto fail;
	error = sworn_ring_open(&capture->ring, bpf_map__fd(capture->skeleton->maps.events),
				bpf_map__max_entries(capture->skeleton->maps.events));
	if (error)
		goto fail;
	error = attach(capture);
	if (error)
		goto fail;
	error = sworn_attach_stream_functions(capture);
	if (error)
		goto fail;
	*result = capture;
	return 0;

fail:
	sworn_capture_close(capture);
	return error;
}

void sworn_capture_close(struct sworn_capture *capture)
{
	if (!capture)
		return;
	sworn_detach_guard(capture);
	sworn_detach_probes(capture);
	sworn_detach_redirect(capture);
	sworn_detach_streams(capture);
	for (size_t i = 0; i < capture->link_count; i++)
		bpf_link__destroy(capture->links[i]);
	free(capture->links);
	sworn_ring_close(&capture->ring);
	if (capture->cgroup_fd >= 0)
		close(capture->cgroup_fd);
	sworn_bpf__destroy(capture->skeleton);
	free(capture);
}

static bool runs_program(struct bpf_link *link, __u32 program_id, bool *known)
{
	struct bpf_link_info info = {};
	__u32 bytes = sizeof(info);

	/* Before Linux 5.15 a tracepoint is an event of perf, of which nothing can be asked. */
	if (!link || bpf_obj_get_info_by_fd(bpf_link__fd(link), &info, &bytes)) {
		*known = *known && !link;
		return false;
	}
	/* A link to a cgroup that somebody detached is still there, with no cgroup. */
	return info.prog_id == program_id && (info.type != BPF_LINK_TYPE_CGROUP || info.cgroup.cgroup_id);
}

/* Whether somebody else detached the program, or put another in its place. */
static bool lost_program(struct sworn_capture *capture, __u32 program_id)
{
	bool known = true;

	for (size_t i = 0; i < capture->link_count; i++)
		if (runs_program(capture->links[i], program_id, &known))
			return false;
	for (size_t i = 0; i < SWORN_STREAM_PROGRAMS; i++)
		if (runs_program(capture->stream_links[i], program_id, &known))
			return false;
	for (size_t i = 0; i < SWORN_REDIRECT_PROGRAMS; i++)
		if (runs_program(capture->redirect_links[i], program_id, &known))
			return false;
	return known;
}

size_t sworn_capture_programs(struct sworn_capture *capture, struct sworn_program_info *infos, size_t max)
{
	struct bpf_program *program;
	size_t count = 0;

	bpf_object__for_each_program(program, capture->skeleton->obj) {
		struct bpf_prog_info kernel = {};
		__u32 bytes = sizeof(kernel);

		if (!bpf_program__autoload(program) || sworn_is_idle_stream_program(capture, program))
			continue;
		if (count < max) {
			struct sworn_program_info *info = &infos[count];

			memset(info, 0, sizeof(*info));
			snprintf(info->name, sizeof(info->name), "%s", bpf_program__name(program));
			if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &kernel, &bytes) == 0) {
				info->runs = kernel.run_cnt;
				info->run_ns = kernel.run_time_ns;
				info->missed = kernel.recursion_misses;
				info->instructions = kernel.verified_insns;
			}
			/* Iterators are run, not attached; programs at probes where and when they are asked for. */
			info->attached = (program != capture->skeleton->progs.image_mapped || capture->images_told ||
					  capture->skeleton->rodata->passive) &&
					 program != capture->skeleton->progs.scan_files &&
					 program != capture->skeleton->progs.scan_ways &&
					 program != capture->skeleton->progs.scan_processes &&
					 (bpf_program__type(program) != BPF_PROG_TYPE_CGROUP_SOCK_ADDR ||
					  capture->redirect_links[0]) &&
					 bpf_program__type(program) != BPF_PROG_TYPE_KPROBE;
			if (kernel.id)
				info->attached = info->attached && !lost_program(capture, kernel.id);
		}
		count++;
	}
	return count;
}
