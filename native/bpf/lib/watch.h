/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_WATCH_H
#define SWORN_BPF_WATCH_H

/* What makes a process watched: a selection, that makes it the first of a session, or its parent. */

#include <bpf/bpf_core_read.h>

#include "emit.h"
#include "kernel_types.h"
#include "path.h"
#include "process.h"

/*
 * `execs`: 1 when it is watched since an exec, so that what it ran before is told from what it runs now. Returns 0 when
 * there is no room: then nothing may be said of the process, its end would never be told.
 */
static __always_inline int watch(struct sworn_process_key *process, struct sworn_scope *scope, __u32 execs)
{
	struct sworn_process_state state = {.start_ns = process->start_ns, .scope = *scope, .execs = execs};

	if (!bpf_map_update_elem(&processes, &process->tgid, &state, BPF_ANY)) {
		mark_watched(process->tgid);
		return 1;
	}
	count(SWORN_COUNTER_PROCESS_MAP_FULL, 0);
	return 0;
}

static __always_inline int anything_selected(void)
{
	return live.selections_cgroup || live.selections_cgroup_path || live.selections_exe || live.selections_uid ||
	       live.awaited;
}

#define TICK_NS 10000000

/* A process that was to be watched from its next program on: this is it. */
static __always_inline int take_awaited(struct sworn_process_key *process, struct sworn_scope *scope)
{
	struct sworn_awaited *found = bpf_map_lookup_elem(&awaited, &process->tgid);
	int mine;

	if (!found)
		return 0;
	mine = process->start_ns / TICK_NS == found->start_ticks;
	if (mine)
		*scope = found->scope;
	bpf_map_delete_elem(&awaited, &process->tgid);
	return mine;
}

static __always_inline struct sworn_selection *selection_of_cgroup(struct task_struct *task, __u64 *cgroup_id)
{
	struct kernfs_node *node = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);

	for (int i = 0; i < SWORN_CGROUP_LEVELS_MAX && node; i++) {
		__u64 id = BPF_CORE_READ(node, id);
		struct sworn_selection *selection = bpf_map_lookup_elem(&selections_cgroup, &id);

		if (selection) {
			*cgroup_id = id;
			return selection;
		}
		node = kernfs_parent_of(node);
	}
	return NULL;
}

/* Is this process, that no workload owns, the first of one? The cgroup is asked before the program, that before the user. */
static __always_inline int select_process(struct task_struct *task, struct sworn_process_key *process,
					  struct sworn_path_key *exe, struct sworn_scope *scope)
{
	struct sworn_selection *selection = NULL;
	__u64 cgroup_id = 0;

	if (live.selections_cgroup || live.selections_cgroup_path)
		selection = selection_of_cgroup(task, &cgroup_id);
	if (!selection && exe && live.selections_exe)
		selection = bpf_map_lookup_elem(&selections_exe, exe);
	if (!selection && live.selections_uid) {
		__u32 uid = BPF_CORE_READ(task, cred, uid.val);

		selection = bpf_map_lookup_elem(&selections_uid, &uid);
	}
	if (!selection)
		return 0;
	scope->selection_id = selection->selection_id;
	scope->zero = 0;
	/* A start time is unique but for two processes made in the same nanosecond on two CPUs: the tgid parts them. */
	scope->session_key = selection->session_by == SWORN_SESSION_BY_CGROUP ?
				     cgroup_id :
				     process->start_ns ^ ((__u64)process->tgid << 40);
	return 1;
}

/* The path of a program as the key of its selection; 0 when it is too long to be selected. */
static __always_inline int exe_key_of(struct path_buffer *path, __u32 bytes, struct sworn_path_key *key)
{
	if (bytes >= SWORN_PATH_KEY_BYTES)
		return 0;
	__builtin_memset(key, 0, sizeof(*key));
	/* The mask proves the bound again: the compiler knows it by now and would leave it out. */
	asm volatile("" : "+r"(bytes));
	bpf_probe_read_kernel(key->path, bytes & (SWORN_PATH_KEY_BYTES - 1), path->bytes);
	return 1;
}

/* Says that a process that runs already is watched from now on. */
static __always_inline void say_joined(struct task_struct *task, struct sworn_process_key *process,
				       struct sworn_scope *scope)
{
	struct sworn_join_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		count(SWORN_COUNTER_JOIN_RING_FULL, 0);
		return;
	}
	begin_event(&event->event, SWORN_EVENT_JOIN, 0, sizeof(*event));
	event->process = *process;
	event->parent = process_key(BPF_CORE_READ(task, real_parent));
	event->scope = *scope;
	bpf_ringbuf_submit(event, wake_flags());
}

/* Watches a process that runs already, and says so; 0 when it has no room or has ended. */
static __always_inline int watch_running(struct task_struct *task, struct sworn_process_key *process,
					 struct sworn_scope *scope)
{
	__u8 here = 1;

	if (!watch(process, scope, 0))
		return 0;
	bpf_map_update_elem(&joined, &process->tgid, &here, BPF_ANY);
	/* Its last thread may have passed the hook at the exit before it was put there; then nobody takes it out. */
	if (BPF_CORE_READ(task, signal, live.counter) == 0) {
		bpf_map_delete_elem(&processes, &process->tgid);
		bpf_map_delete_elem(&joined, &process->tgid);
		return 0;
	}
	say_joined(task, process, scope);
	return 1;
}

#endif
