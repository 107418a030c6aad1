// SPDX-License-Identifier: Apache-2.0

#include "capture.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../abi/settings.h"
#include "cgroup_root.h"
#include "sworn.skel.h"

struct sworn_capture {
	struct sworn_bpf *skeleton;
	struct ring_buffer *ring;
	struct bpf_link **links;
	size_t link_count;
	int epoll_fd;
	int wake_fd;
	int cgroup_fd;
	/* The ring's positions: how much waits is known without a system call. */
	const uint64_t *consumer_position;
	const uint64_t *producer_position;
	/* Where the drain in progress writes. */
	uint8_t *drain_into;
	size_t drain_room;
	size_t drain_used;
};

static _Thread_local char message[4096];

const char *sworn_capture_message(void)
{
	return message;
}

/* Keeps what libbpf says last: a refusal of the verifier ends with its reason. */
static int keep_message(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char line[2048];
	size_t used = strlen(message), length;

	if (level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(line, sizeof(line), format, arguments);
	length = strlen(line);
	if (length >= sizeof(message))
		return 0;
	if (used + length >= sizeof(message)) {
		/* Drop from the front: the end says why. */
		size_t drop = used + length + 1 - sizeof(message);

		memmove(message, message + drop, used - drop + 1);
		used -= drop;
	}
	memcpy(message + used, line, length + 1);
	return 0;
}

static void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
}

static int copy_event(void *context, void *event, size_t bytes)
{
	struct sworn_capture *capture = context;
	/* The record may be longer than what was filled; only that much is handed on. */
	size_t filled = ((struct sworn_event *)event)->size;

	if (filled > bytes)
		filled = bytes;
	memcpy(capture->drain_into + capture->drain_used, event, filled);
	capture->drain_used += (filled + 7) & ~(size_t)7;
	/* libbpf counts this event as consumed either way; stop while any further one still fits. */
	return capture->drain_room - capture->drain_used < SWORN_DRAIN_BYTES_MIN ? -ENOBUFS : 0;
}

static bool kernel_has_tracepoint(const char *name)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool has = btf && btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF) > 0;

	btf__free(btf);
	return has;
}

static void choose_unix_hooks(struct sworn_bpf *skeleton, const struct sworn_capture_options *options)
{
	bool by_socket = !options->unix_by_syscall && kernel_has_tracepoint("btf_trace_sock_send_length");

	bpf_program__set_autoload(skeleton->progs.unix_sent, by_socket && !options->without_unix);
	bpf_program__set_autoload(skeleton->progs.unix_received, by_socket && !options->without_unix);
	bpf_program__set_autoload(skeleton->progs.unix_call_ends, !by_socket && !options->without_unix);
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
	return sworn_bpf__load(skeleton);
}

static int attach_program(struct sworn_capture *capture, struct bpf_program *program)
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
		skeleton->progs.unix_received,	  skeleton->progs.unix_call_ends,	skeleton->progs.process_exit,
		skeleton->progs.process_fork,	  skeleton->progs.process_exec,		skeleton->progs.process_attach,
		skeleton->progs.cgroup_made,	  skeleton->progs.cgroup_gone,
	};
	size_t count = sizeof(order) / sizeof(order[0]);

	capture->links = calloc(count, sizeof(*capture->links));
	if (!capture->links)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		int error = attach_program(capture, order[i]);

		if (error)
			return error;
	}
	return 0;
}

static int open_ring(struct sworn_capture *capture)
{
	struct epoll_event interest = {.events = EPOLLIN};
	int fd = bpf_map__fd(capture->skeleton->maps.events);

	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *consumer, *producer;

	capture->ring = ring_buffer__new(fd, copy_event, capture, NULL);
	if (!capture->ring)
		return -errno;
	consumer = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0);
	if (consumer == MAP_FAILED)
		return -errno;
	capture->consumer_position = consumer;
	producer = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (producer == MAP_FAILED)
		return -errno;
	capture->producer_position = producer;
	capture->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	capture->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (capture->wake_fd < 0 || capture->epoll_fd < 0)
		return -errno;
	if (epoll_ctl(capture->epoll_fd, EPOLL_CTL_ADD, capture->wake_fd, &interest))
		return -errno;
	/*
	 * Edge-triggered: a ring with events in it is always readable, and the wake is to come when much has gathered,
	 * not at the first event.
	 */
	interest.events = EPOLLIN | EPOLLET;
	if (epoll_ctl(capture->epoll_fd, EPOLL_CTL_ADD, fd, &interest))
		return -errno;
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
	capture->epoll_fd = capture->wake_fd = capture->cgroup_fd = -1;

	if (!path) {
		error = sworn_find_cgroup_root(found, sizeof(found));
		if (error) {
			say("no cgroup v2 hierarchy is mounted");
			goto fail;
		}
		path = found;
	}
	capture->cgroup_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (capture->cgroup_fd < 0) {
		error = -errno;
		say("cannot open the cgroup %s", path);
		goto fail;
	}
	error = load(capture, options);
	if (error)
		goto fail;
	error = open_ring(capture);
	if (error)
		goto fail;
	error = attach(capture);
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
	for (size_t i = 0; i < capture->link_count; i++)
		bpf_link__destroy(capture->links[i]);
	free(capture->links);
	if (capture->consumer_position)
		munmap((void *)capture->consumer_position, (size_t)sysconf(_SC_PAGESIZE));
	if (capture->producer_position)
		munmap((void *)capture->producer_position, (size_t)sysconf(_SC_PAGESIZE));
	ring_buffer__free(capture->ring);
	if (capture->epoll_fd >= 0)
		close(capture->epoll_fd);
	if (capture->wake_fd >= 0)
		close(capture->wake_fd);
	if (capture->cgroup_fd >= 0)
		close(capture->cgroup_fd);
	sworn_bpf__destroy(capture->skeleton);
	free(capture);
}

int sworn_capture_wait(struct sworn_capture *capture, int timeout_ms)
{
	struct epoll_event event;
	int count = epoll_wait(capture->epoll_fd, &event, 1, timeout_ms);

	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	if (count > 0) {
		uint64_t value;

		/* Not there unless it was the eventfd; then it has to be emptied. */
		if (read(capture->wake_fd, &value, sizeof(value)) < 0 && errno != EAGAIN)
			return -errno;
	}
	return count;
}

void sworn_capture_wake(struct sworn_capture *capture)
{
	uint64_t one = 1;

	if (write(capture->wake_fd, &one, sizeof(one)) < 0) {
		/* Full: it is awake already. */
	}
}

ssize_t sworn_capture_drain(struct sworn_capture *capture, void *into, size_t room)
{
	int result;

	if (room < SWORN_DRAIN_BYTES_MIN)
		return -EINVAL;
	capture->drain_into = into;
	capture->drain_room = room;
	capture->drain_used = 0;
	result = ring_buffer__consume(capture->ring);
	if (result < 0 && result != -ENOBUFS)
		return result;
	return (ssize_t)capture->drain_used;
}

static struct bpf_map *selection_map(struct sworn_capture *capture, enum sworn_selection_kind kind, uint32_t **count)
{
	struct sworn_bpf *skeleton = capture->skeleton;

	switch (kind) {
	case SWORN_SELECT_UID:
		*count = &skeleton->bss->live.selections_uid;
		return skeleton->maps.selections_uid;
	case SWORN_SELECT_CGROUP:
		*count = &skeleton->bss->live.selections_cgroup;
		return skeleton->maps.selections_cgroup;
	case SWORN_SELECT_EXE:
		*count = &skeleton->bss->live.selections_exe;
		return skeleton->maps.selections_exe;
	case SWORN_SELECT_CGROUP_PATH:
		*count = &skeleton->bss->live.selections_cgroup_path;
		return skeleton->maps.selections_cgroup_path;
	}
	return NULL;
}

int sworn_capture_select(struct sworn_capture *capture, enum sworn_selection_kind kind, const void *key,
			 const struct sworn_selection *selection)
{
	uint32_t *count;
	struct bpf_map *map = selection_map(capture, kind, &count);
	struct sworn_selection before;
	bool known;

	if (!map)
		return -EINVAL;
	known = bpf_map_lookup_elem(bpf_map__fd(map), key, &before) == 0;
	if (bpf_map_update_elem(bpf_map__fd(map), key, selection, BPF_ANY))
		return -errno;
	if (!known)
		__atomic_add_fetch(count, 1, __ATOMIC_RELAXED);
	return 0;
}

int sworn_capture_unselect(struct sworn_capture *capture, enum sworn_selection_kind kind, const void *key)
{
	uint32_t *count;
	struct bpf_map *map = selection_map(capture, kind, &count);

	if (!map)
		return -EINVAL;
	if (bpf_map_delete_elem(bpf_map__fd(map), key))
		return -errno;
	__atomic_sub_fetch(count, 1, __ATOMIC_RELAXED);
	return 0;
}

static struct bpf_map *table_map(struct sworn_capture *capture, enum sworn_table table)
{
	switch (table) {
	case SWORN_TABLE_PROCESSES:
		return capture->skeleton->maps.processes;
	case SWORN_TABLE_UDP_FLOWS:
		return capture->skeleton->maps.udp_flows;
	case SWORN_TABLE_UNIX_SOCKETS:
		return capture->skeleton->maps.unix_sockets;
	}
	return NULL;
}

/* How many keys a table has, about: it changes meanwhile. */
static ssize_t count_keys(struct sworn_capture *capture, enum sworn_table table)
{
	uint8_t key[64], next[64];
	ssize_t count = 0;
	int fd = bpf_map__fd(table_map(capture, table)), error = bpf_map_get_next_key(fd, NULL, next);

	while (!error && count < (1 << 20)) {
		memcpy(key, next, sizeof(key));
		count++;
		error = bpf_map_get_next_key(fd, key, next);
	}
	return count;
}

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
	ssize_t before = -1;

	for (int round = 0; tgid == 0 && round < SCAN_ROUNDS_MAX; round++) {
		int error = run_iterator(capture->skeleton->progs.scan_processes, 0);
		ssize_t watched = count_keys(capture, SWORN_TABLE_PROCESSES);

		if (error)
			return error;
		if (watched == before)
			break;
		before = watched;
	}
	return run_iterator(capture->skeleton->progs.scan_files, tgid);
}

int sworn_capture_counters(struct sworn_capture *capture, struct sworn_counter_value totals[SWORN_COUNTERS])
{
	int fd = bpf_map__fd(capture->skeleton->maps.counters);
	int cpus = libbpf_num_possible_cpus();
	struct sworn_counter_value *values;

	if (cpus < 0)
		return cpus;
	values = calloc((size_t)cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	for (uint32_t i = 0; i < SWORN_COUNTERS; i++) {
		struct sworn_counter_value total = {};

		if (bpf_map_lookup_elem(fd, &i, values)) {
			int error = -errno;

			free(values);
			return error;
		}
		for (int cpu = 0; cpu < cpus; cpu++) {
			total.events += values[cpu].events;
			total.bytes += values[cpu].bytes;
		}
		totals[i] = total;
	}
	free(values);
	return 0;
}

void sworn_capture_set_broker_port(struct sworn_capture *capture, uint16_t port)
{
	__atomic_store_n(&capture->skeleton->bss->live.broker_port, port, __ATOMIC_RELAXED);
}

int sworn_capture_caller(struct sworn_capture *capture, const struct sworn_caller_key *key, struct sworn_caller *caller)
{
	int fd = bpf_map__fd(capture->skeleton->maps.callers);

	return bpf_map_lookup_elem(fd, key, caller) ? -errno : 0;
}

int sworn_capture_forget_caller(struct sworn_capture *capture, const struct sworn_caller_key *key)
{
	int fd = bpf_map__fd(capture->skeleton->maps.callers);

	return bpf_map_delete_elem(fd, key) ? -errno : 0;
}

int sworn_capture_skip(struct sworn_capture *capture, uint64_t connection, const struct sworn_skip *skip)
{
	int fd = bpf_map__fd(capture->skeleton->maps.skips);
	struct sworn_skip before;
	bool known = bpf_map_lookup_elem(fd, &connection, &before) == 0;

	if (bpf_map_update_elem(fd, &connection, skip, BPF_ANY))
		return -errno;
	if (!known)
		__atomic_add_fetch(&capture->skeleton->bss->live.skips, 1, __ATOMIC_RELAXED);
	return 0;
}

int sworn_capture_unskip(struct sworn_capture *capture, uint64_t connection)
{
	if (bpf_map_delete_elem(bpf_map__fd(capture->skeleton->maps.skips), &connection))
		return -errno;
	__atomic_sub_fetch(&capture->skeleton->bss->live.skips, 1, __ATOMIC_RELAXED);
	return 0;
}

int sworn_capture_take_late_close(struct sworn_capture *capture, struct sworn_close_event *event)
{
	int fd = bpf_map__fd(capture->skeleton->maps.late_closes);

	return bpf_map_lookup_and_delete_elem(fd, NULL, event) ? -errno : 0;
}

static size_t padded(size_t bytes)
{
	return (bytes + 7) & ~(size_t)7;
}

static size_t table_key_bytes(enum sworn_table table)
{
	switch (table) {
	case SWORN_TABLE_PROCESSES:
		return sizeof(uint32_t);
	case SWORN_TABLE_UDP_FLOWS:
		return sizeof(struct sworn_udp_key);
	case SWORN_TABLE_UNIX_SOCKETS:
		return sizeof(uint64_t);
	}
	return 0;
}

size_t sworn_capture_row_bytes(enum sworn_table table)
{
	switch (table) {
	case SWORN_TABLE_PROCESSES:
		return padded(sizeof(uint32_t)) + sizeof(struct sworn_process_state);
	case SWORN_TABLE_UDP_FLOWS:
		return padded(sizeof(struct sworn_udp_key)) + sizeof(struct sworn_udp_flow);
	case SWORN_TABLE_UNIX_SOCKETS:
		return sizeof(uint64_t) + sizeof(struct sworn_unix_state);
	}
	return 0;
}

ssize_t sworn_capture_rows(struct sworn_capture *capture, enum sworn_table table, void *into, size_t rows_max)
{
	struct bpf_map *map = table_map(capture, table);
	size_t row_bytes = sworn_capture_row_bytes(table), key_bytes = padded(table_key_bytes(table)), rows = 0;
	uint8_t key[64] = {}, next[64] = {};
	bool first = true;
	int fd;

	if (!map)
		return -EINVAL;
	fd = bpf_map__fd(map);
	while (rows < rows_max && bpf_map_get_next_key(fd, first ? NULL : key, next) == 0) {
		uint8_t *row = (uint8_t *)into + rows * row_bytes;

		first = false;
		memcpy(key, next, sizeof(key));
		if (bpf_map_lookup_elem(fd, key, row + key_bytes))
			/* Gone since. */
			continue;
		memset(row, 0, key_bytes);
		memcpy(row, key, table_key_bytes(table));
		rows++;
	}
	return (ssize_t)rows;
}

int sworn_capture_delete_row(struct sworn_capture *capture, enum sworn_table table, const void *key)
{
	struct bpf_map *map = table_map(capture, table);

	if (!map)
		return -EINVAL;
	return bpf_map_delete_elem(bpf_map__fd(map), key) ? -errno : 0;
}

size_t sworn_capture_programs(struct sworn_capture *capture, struct sworn_program_info *infos, size_t max)
{
	struct bpf_program *program;
	size_t count = 0;

	bpf_object__for_each_program(program, capture->skeleton->obj) {
		struct bpf_prog_info kernel = {};
		__u32 bytes = sizeof(kernel);

		if (!bpf_program__autoload(program))
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
			/* Iterators are run, not attached. */
			info->attached = program != capture->skeleton->progs.scan_files &&
					 program != capture->skeleton->progs.scan_processes;
		}
		count++;
	}
	return count;
}

void sworn_capture_ring_use(struct sworn_capture *capture, struct sworn_ring_use *use)
{
	use->size_bytes = bpf_map__max_entries(capture->skeleton->maps.events);
	use->waiting_bytes = __atomic_load_n(capture->producer_position, __ATOMIC_ACQUIRE) -
			     __atomic_load_n(capture->consumer_position, __ATOMIC_ACQUIRE);
}
