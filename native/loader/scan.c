// SPDX-License-Identifier: Apache-2.0

/* What runs already: processes, and the sockets that they have open. */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "capture_state.h"

/* Runs an iterator over one process, or over all with tgid 0. */
static int run_iterator(struct bpf_program *program, uint32_t tgid)
{
	union bpf_iter_link_info info = {.task = {.pid = tgid}};
	LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &info, .link_info_len = sizeof(info));
	struct bpf_link *link;
	char discard[64];
	ssize_t got;
	int fd, error = 0;

	link = bpf_program__attach_iter(program, tgid ? &options : NULL);
	/* Kernels before 6.1 know no iteration over one process: over all then, the programs look at watched ones only. */
	if (!link && tgid && errno == EINVAL)
		link = bpf_program__attach_iter(program, NULL);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0) {
		error = -errno;
	} else {
		do {
			got = read(fd, discard, sizeof(discard));
		} while (got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN)));
		if (got < 0)
			error = -errno;
		close(fd);
	}
	bpf_link__destroy(link);
	return error;
}

int sworn_capture_watch(struct sworn_capture *capture, uint32_t tgid, const struct sworn_scope *scope)
{
	int joins = bpf_map__fd(capture->skeleton->maps.joins);
	int error;

	if (bpf_map_update_elem(joins, &tgid, scope, BPF_ANY))
		return -errno;
	error = run_iterator(capture->skeleton->progs.scan_processes, tgid);
	/* Still there: the iterator did not meet the process. */
	if (bpf_map_delete_elem(joins, &tgid) == 0 && !error)
		error = -ESRCH;
	return error;
}

int sworn_capture_await(struct sworn_capture *capture, uint32_t tgid, const struct sworn_awaited *awaited)
{
	int fd = bpf_map__fd(capture->skeleton->maps.awaited);

	if (bpf_map_update_elem(fd, &tgid, awaited, BPF_ANY))
		return -errno;
	__atomic_store_n(&capture->skeleton->bss->live.awaited, 1, __ATOMIC_RELAXED);
	return 0;
}

int sworn_capture_unwatch(struct sworn_capture *capture, uint32_t tgid)
{
	int fd = bpf_map__fd(capture->skeleton->maps.processes);

	return bpf_map_delete_elem(fd, &tgid) ? -errno : 0;
}

/* Deep enough for children that come before their parents in the order of pids, again and again. */
#define SCAN_ROUNDS_MAX 32

int sworn_capture_scan(struct sworn_capture *capture, uint32_t tgid)
{
	const uint32_t *found = &capture->skeleton->bss->live.found;

	for (int round = 0; tgid == 0 && round < SCAN_ROUNDS_MAX; round++) {
		uint32_t before = __atomic_load_n(found, __ATOMIC_RELAXED);
		int error = run_iterator(capture->skeleton->progs.scan_processes, 0);

		if (error)
			return error;
		if (__atomic_load_n(found, __ATOMIC_RELAXED) == before)
			break;
	}
	return run_iterator(capture->skeleton->progs.scan_files, tgid);
}

int sworn_capture_scan_ways(struct sworn_capture *capture)
{
	__u64 *until = &capture->skeleton->bss->live.handed_until_ns;
	__u64 seen = __atomic_load_n(until, __ATOMIC_RELAXED);
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	/* Not when a program has put it off meanwhile. */
	if (seen && seen < (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec)
		__atomic_compare_exchange_n(until, &seen, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	return run_iterator(capture->skeleton->progs.scan_ways, 0);
}
