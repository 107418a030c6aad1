/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SWORN_LOADER_CAPTURE_H
#define SWORN_LOADER_CAPTURE_H

/*
 * Loads the BPF programs, attaches them, and moves their events out. Plain C over libbpf; knows nothing of Node.
 *
 * Errors  negative errno; out-parameters are untouched then. What libbpf said of it is in sworn_capture_message().
 * Threads one capture may be waited on and drained by one thread while another uses its maps; open and close stand alone.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../abi/event.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sworn_capture;

/* A few of the largest events; and what fits a ring of one 32-bit size. */
#define SWORN_RING_BYTES_MIN 65536
#define SWORN_RING_BYTES_MAX (1 << 30)

struct sworn_capture_options {
	/* A power of two from SWORN_RING_BYTES_MIN to SWORN_RING_BYTES_MAX. 0: the default of 16 MiB. */
	uint32_t ring_bytes;
	/* The reader is woken when this much waits; 0: the default. */
	uint32_t wake_bytes;
	/* Processes watched at once; 0: the default. */
	uint32_t processes_max;
	/* Empty programs on all hooks: the floor of the benches. */
	bool passive;
	/* Unix sockets by the exit of system calls, as on kernels before 6.3, though the kernel has the better way. */
	bool unix_by_syscall;
	/* No hooks for unix sockets. */
	bool without_unix;
	/* Loads what sworn_capture_redirect_imds attaches. */
	bool imds_redirect;
	/* Tells of calls by which a process acts in another's name; without functions, slows down every system call of the host. */
	bool watch_syscalls;
	/* No programs at functions of the kernel, as on kernels that refuse them. */
	bool without_functions;
	/* Pipes and terminals by functions also on a kernel that preempts itself, where runs may be left out: for tests. */
	bool streams_by_functions;
	/* Of enum sworn_stream_kind, 1 << kind: loads what sworn_capture_read_streams attaches. */
	uint32_t stream_kinds;
	/* Where cgroup programs attach; NULL: the root of the cgroup v2 hierarchy. */
	const char *cgroup_path;
};

/* Room that sworn_capture_drain needs at least: the largest event. */
#define SWORN_DRAIN_BYTES_MIN (64 * 1024)

int sworn_capture_open(const struct sworn_capture_options *options, struct sworn_capture **capture);
void sworn_capture_close(struct sworn_capture *capture);

/*
 * Pipes and terminals of watched processes are read, or not any more. Where they are read at the end of system calls, it costs
 * every process of the host its fast way through those; where they are read at functions, they always are, and this does
 * nothing. -ENOTSUP when the capture was opened without.
 */
int sworn_capture_read_streams(struct sworn_capture *capture, bool wanted);

/* The last message of libbpf or of this loader in the calling thread, for a person. Never NULL. */
const char *sworn_capture_message(void);

/* Waits until events wait or the time is over. 0, or 1 when woken. */
int sworn_capture_wait(struct sworn_capture *capture, int timeout_ms);
/* Makes a wait in another thread return. */
void sworn_capture_wake(struct sworn_capture *capture);
/* Copies whole events, 8-byte aligned, until none is left or `room` may not hold another. Returns bytes. Only one at a time. */
ssize_t sworn_capture_drain(struct sworn_capture *capture, void *into, size_t room);

enum sworn_selection_kind {
	SWORN_SELECT_UID = 1,
	SWORN_SELECT_CGROUP = 2,
	SWORN_SELECT_EXE = 3,
	SWORN_SELECT_CGROUP_PATH = 4,
};

/* `key`: uid as u32, cgroup id as u64, exe or cgroup path as struct sworn_path_key. */
int sworn_capture_select(struct sworn_capture *capture, enum sworn_selection_kind kind, const void *key,
			 const struct sworn_selection *selection);
int sworn_capture_unselect(struct sworn_capture *capture, enum sworn_selection_kind kind, const void *key);

/*
 * Watches a running process. Its join event follows; -ESRCH when it is gone. What it starts is watched from then on, what
 * it has started already and which sockets it has open is found by sworn_capture_scan.
 */
int sworn_capture_watch(struct sworn_capture *capture, uint32_t tgid, const struct sworn_scope *scope);
/* Watches a process from its next exec on; what it does before is not watched. */
int sworn_capture_await(struct sworn_capture *capture, uint32_t tgid, const struct sworn_awaited *awaited);
int sworn_capture_unwatch(struct sworn_capture *capture, uint32_t tgid);
/*
 * Finds what runs already: processes that a selection names and children of watched ones, then the sockets that
 * watched processes have open. tgid 0: of all; else only the sockets of that one.
 */
int sworn_capture_scan(struct sworn_capture *capture, uint32_t tgid);

/* Looks at all processes for ways that no hook tells of. Meant to be called once a second. */
int sworn_capture_scan_ways(struct sworn_capture *capture);

int sworn_capture_counters(struct sworn_capture *capture, struct sworn_counter_value totals[SWORN_COUNTERS]);
/*
 * The loopback ports, in the network namespace of this process, of which callers are noted from now on: up to
 * SWORN_BROKER_PORTS_MAX; none with count 0. -ENOSPC: more.
 */
int sworn_capture_set_broker_ports(struct sworn_capture *capture, const uint16_t *ports, size_t count);
/*
 * Connects to IMDS of processes of these selections are turned to this loopback port, and of no others; port 0 or none of
 * them: not at all any more. -ENOTSUP: it was not loaded.
 */
int sworn_capture_redirect_imds(struct sworn_capture *capture, uint16_t port, const uint32_t *selection_ids, size_t count);
int sworn_capture_process(struct sworn_capture *capture, uint32_t tgid, struct sworn_process_state *state);
int sworn_capture_caller(struct sworn_capture *capture, const struct sworn_caller_key *key, struct sworn_caller *caller);
int sworn_capture_skip(struct sworn_capture *capture, uint64_t connection, const struct sworn_skip *skip);
int sworn_capture_unskip(struct sworn_capture *capture, uint64_t connection);
/* Takes one close event that found the ring full. -ENOENT: none waits. */
int sworn_capture_take_late_close(struct sworn_capture *capture, struct sworn_close_event *event);

enum sworn_table {
	SWORN_TABLE_PROCESSES = 1,
	SWORN_TABLE_UDP_FLOWS = 2,
	SWORN_TABLE_UNIX_SOCKETS = 3,
	SWORN_TABLE_STREAMS = 4,
};

/* Sizes of one row as sworn_capture_rows gives it, key then value, each padded to 8 bytes. */
size_t sworn_capture_row_bytes(enum sworn_table table);
size_t sworn_capture_key_bytes(enum sworn_table table);
/* Room that the rows of a table need at most, in rows. */
size_t sworn_capture_rows_max(struct sworn_capture *capture, enum sworn_table table);
/* Copies up to `rows_max` rows; returns how many. What is there all the while is among them, once. */
ssize_t sworn_capture_rows(struct sworn_capture *capture, enum sworn_table table, void *into, size_t rows_max);
/* Takes a row out, with the value that it had at that moment: nothing is added to it later. -ENOENT: it is gone. */
int sworn_capture_take_row(struct sworn_capture *capture, enum sworn_table table, const void *key, void *value);

struct sworn_probe_info {
	uint32_t id;
	/* enum sworn_probe_kind. */
	uint32_t kind;
	/* As struct sworn_probe_run. */
	uint64_t runs;
	uint64_t hits;
};

/*
 * Places a probe at the instruction at an offset in a file, in all processes that map it, now or later. Returns its id,
 * above 0. -EINVAL: no such kind, no absolute path, or no place for a probe; -ENOSPC: there are SWORN_PROBES_MAX.
 */
int sworn_capture_attach_probe(struct sworn_capture *capture, uint32_t kind, const char *path, uint64_t file_offset);
void sworn_capture_detach_probe(struct sworn_capture *capture, uint32_t id);
/* The attached probe with the smallest id above `after`. -ENOENT: none. */
int sworn_capture_probe(struct sworn_capture *capture, uint32_t after, struct sworn_probe_info *info);
/* Takes a secret out by the id of its event; the caller clears it. -ENOENT: it was taken. */
int sworn_capture_take_secret(struct sworn_capture *capture, uint64_t id, struct sworn_secret *secret);
/* A process that exercises a probe: counted, and its secrets thrown away. 0: none. */
void sworn_capture_set_canary(struct sworn_capture *capture, uint32_t tgid);

/*
 * Images that are not known are told of from now on, and the first segments of connections of their processes are held
 * until they are settled, for `hold_ns` at most. 0: they are not held.
 */
int sworn_capture_hold_images(struct sworn_capture *capture, uint64_t hold_ns);
/* `changed_ns`: as struct sworn_known_image has it. */
int sworn_capture_set_image_known(struct sworn_capture *capture, const struct sworn_image_key *key, bool known,
				  uint64_t changed_ns);
/* All image events of the process up to this time were dealt with. */
int sworn_capture_settle_images(struct sworn_capture *capture, uint32_t tgid, uint64_t until_ns);

/*
 * From now on acts of workloads against this process are told of, as far as hooks that need no LSM see them: signals, tracing,
 * moves, freezing.
 */
int sworn_capture_guard_self(struct sworn_capture *capture);
/*
 * And they are refused, by LSM programs: -EOPNOTSUPP when this kernel does not have them, -EACCES when it does not let them
 * in, -ENOEXEC when it takes them and asks none. sworn_capture_message says why. Nothing changes then.
 */
int sworn_capture_refuse_acts(struct sworn_capture *capture);
/*
 * The files and folders, with all below them, that workloads may not write to, in place of those of the last call; by
 * absolute path, one that is not there is left out. -ENOSPC: too many. The id of its events is the place in the list.
 */
int sworn_capture_guard_files(struct sworn_capture *capture, const char *const *paths, size_t count);

struct sworn_program_info {
	char name[64];
	uint64_t runs;
	uint64_t run_ns;
	/* Runs that the kernel left out because the program was running already on that CPU: events missed. */
	uint64_t missed;
	uint32_t instructions;
	/* As the kernel says now: false when it was not attached, and when somebody else detached it. */
	bool attached;
};

/* Returns how many programs there are; fills at most `max`. runs and run_ns need kernel.bpf_stats_enabled=1. */
size_t sworn_capture_programs(struct sworn_capture *capture, struct sworn_program_info *infos, size_t max);

struct sworn_ring_use {
	uint64_t waiting_bytes;
	uint64_t size_bytes;
	/* Up to where events were written. */
	uint64_t written_position;
};

/* Up to where events were drained, counted from the start of the capture. */
uint64_t sworn_capture_position(struct sworn_capture *capture);

void sworn_capture_ring_use(struct sworn_capture *capture, struct sworn_ring_use *use);

#ifdef __cplusplus
}
#endif

#endif
