// SPDX-License-Identifier: Apache-2.0

/* What the programs keep in maps: counters, callers, skips, late closes, and the tables that are read by rows. */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture_state.h"

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

int sworn_capture_caller(struct sworn_capture *capture, const struct sworn_caller_key *key, struct sworn_caller *caller)
{
	int fd = bpf_map__fd(capture->skeleton->maps.callers);

	return bpf_map_lookup_elem(fd, key, caller) ? -errno : 0;
}

int sworn_capture_process(struct sworn_capture *capture, uint32_t tgid, struct sworn_process_state *state)
{
	int fd = bpf_map__fd(capture->skeleton->maps.processes);

	return bpf_map_lookup_elem(fd, &tgid, state) ? -errno : 0;
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

static struct bpf_map *table_map(struct sworn_capture *capture, enum sworn_table table)
{
	switch (table) {
	case SWORN_TABLE_PROCESSES:
		return capture->skeleton->maps.processes;
	case SWORN_TABLE_UDP_FLOWS:
		return capture->skeleton->maps.udp_flows;
	case SWORN_TABLE_UNIX_SOCKETS:
		return capture->skeleton->maps.unix_sockets;
	case SWORN_TABLE_STREAMS:
		return capture->skeleton->maps.streams;
	}
	return NULL;
}

static size_t padded(size_t bytes)
{
	return (bytes + 7) & ~(size_t)7;
}

size_t sworn_capture_key_bytes(enum sworn_table table)
{
	switch (table) {
	case SWORN_TABLE_PROCESSES:
		return sizeof(uint32_t);
	case SWORN_TABLE_UDP_FLOWS:
		return sizeof(struct sworn_udp_key);
	case SWORN_TABLE_UNIX_SOCKETS:
	case SWORN_TABLE_STREAMS:
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
	case SWORN_TABLE_STREAMS:
		return sizeof(uint64_t) + sizeof(struct sworn_stream_state);
	}
	return 0;
}

/* Rows that are asked for at once; more than one bucket ever has. */
#define ROWS_AT_ONCE 256

size_t sworn_capture_rows_max(struct sworn_capture *capture, enum sworn_table table)
{
	struct bpf_map *map = table_map(capture, table);

	return map ? bpf_map__max_entries(map) + ROWS_AT_ONCE : 0;
}

/*
 * By batches, in each of which the kernel holds a bucket still: walking from key to key begins anew at each key that
 * was deleted meanwhile, and need never end.
 */
ssize_t sworn_capture_rows(struct sworn_capture *capture, enum sworn_table table, void *into, size_t rows_max)
{
	struct bpf_map *map = table_map(capture, table);
	size_t value_bytes, key_bytes, rows = 0;
	uint32_t position = 0, next = 0;
	uint8_t *keys = NULL, *values = NULL;
	bool first = true;
	int error = 0;

	if (!map)
		return -EINVAL;
	key_bytes = sworn_capture_key_bytes(table);
	value_bytes = sworn_capture_row_bytes(table) - padded(key_bytes);
	keys = calloc(rows_max, key_bytes);
	values = calloc(rows_max, value_bytes);
	if (!keys || !values)
		error = -ENOMEM;
	while (!error && rows < rows_max) {
		uint32_t count = rows_max - rows < ROWS_AT_ONCE ? (uint32_t)(rows_max - rows) : ROWS_AT_ONCE;
		int result = bpf_map_lookup_batch(bpf_map__fd(map), first ? NULL : &position, &next,
						  keys + rows * key_bytes, values + rows * value_bytes, &count, NULL);

		if (result && errno != ENOENT) {
			error = -errno;
			break;
		}
		rows += count;
		position = next;
		first = false;
		if (result)
			break;
	}
	for (size_t i = 0; !error && i < rows; i++) {
		uint8_t *row = (uint8_t *)into + i * sworn_capture_row_bytes(table);

		memset(row, 0, padded(key_bytes));
		memcpy(row, keys + i * key_bytes, key_bytes);
		memcpy(row + padded(key_bytes), values + i * value_bytes, value_bytes);
	}
	free(keys);
	free(values);
	return error ? error : (ssize_t)rows;
}

int sworn_capture_take_row(struct sworn_capture *capture, enum sworn_table table, const void *key, void *value)
{
	struct bpf_map *map = table_map(capture, table);

	if (!map)
		return -EINVAL;
	return bpf_map_lookup_and_delete_elem(bpf_map__fd(map), key, value) ? -errno : 0;
}
