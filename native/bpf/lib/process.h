/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_PROCESS_H
#define SWORN_BPF_PROCESS_H

/* How a process is named, and whether it is watched. */

#include <bpf/bpf_core_read.h>

#include "emit.h"
#include "kernel_types.h"

static __always_inline struct sworn_process_key process_key(struct task_struct *task)
{
	struct sworn_process_key key = {
		.tgid = BPF_CORE_READ(task, tgid),
		/* The leader's: threads have their own. */
		.start_ns = BPF_CORE_READ(task, group_leader, start_boottime),
	};

	return key;
}

static __always_inline __u32 current_tgid(void)
{
	/* The helper of that name is for programs at packets only from 6.10 on. */
	return ((struct task_struct *)bpf_get_current_task_btf())->tgid;
}

static __always_inline struct sworn_process_key current_process(void)
{
	return process_key((struct task_struct *)bpf_get_current_task());
}

static __always_inline __u64 *watched_word(__u32 tgid)
{
	__u32 index = tgid / 64;

	return bpf_map_lookup_elem(&watched_pids, &index);
}

static __always_inline void mark_watched(__u32 tgid)
{
	__u64 *word = watched_word(tgid);

	if (word)
		__sync_fetch_and_or(word, 1ULL << (tgid % 64));
}

static __always_inline void mark_unwatched(__u32 tgid)
{
	__u64 *word = watched_word(tgid);

	if (word)
		__sync_fetch_and_and(word, ~(1ULL << (tgid % 64)));
}

/* The state of a process, NULL when it is not watched. Outsiders leave by their bit, without a look into the hash. */
static __always_inline struct sworn_process_state *watched_process(__u32 tgid)
{
	__u64 *word = watched_word(tgid);

	if (!word || !(*word & 1ULL << (tgid % 64)))
		return NULL;
	return bpf_map_lookup_elem(&processes, &tgid);
}

/*
 * The state of the current process, NULL when it is not watched. Compares start
 * times, so that whoever gets the pid of a process whose end was missed is not recorded in its place.
 */
static __always_inline struct sworn_process_state *watched_current(struct sworn_process_key *process)
{
	struct sworn_process_state *state = watched_process(current_tgid());

	if (!state)
		return NULL;
	*process = current_process();
	if (state->start_ns == process->start_ns)
		return state;
	count(SWORN_COUNTER_PROCESS_STALE, 0);
	bpf_map_delete_elem(&processes, &process->tgid);
	return NULL;
}

#endif
