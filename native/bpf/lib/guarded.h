/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_GUARDED_H
#define SWORN_BPF_GUARDED_H

/* The agent as what acts are aimed at. */

#include <bpf/bpf_core_read.h>

#include "../compat/kernfs.h"
#include "kernel_types.h"
#include "process.h"
#include "ways.h"

/* Deeper cgroups than any that systemd or a container runtime makes. */
#define GUARDED_CGROUP_LEVELS_MAX 24

static __always_inline struct sworn_guarded *guarded_agent(void)
{
	__u32 zero = 0;
	struct sworn_guarded *agent = bpf_map_lookup_elem(&guarded, &zero);

	return agent && agent->tgid ? agent : NULL;
}

static __always_inline int is_agent(__u32 tgid)
{
	struct sworn_guarded *agent = guarded_agent();

	return agent && agent->tgid == tgid;
}

/* The state of the current process when that is a workload's, NULL when it is not, or is the agent itself. */
static __always_inline struct sworn_process_state *workload_current(struct sworn_process_key *process)
{
	struct sworn_process_state *state = watched_current(process);

	return state && !is_agent(process->tgid) ? state : NULL;
}

/* Something that was seen and cannot be refused where it is seen. */
static __always_inline void tell_attack(__u32 act, __u64 subject)
{
	struct sworn_process_key process;
	struct sworn_process_state *state = workload_current(&process);

	if (state)
		take_act(&process, &state->scope, SWORN_WAY_ATTACK, act, subject);
}

struct ancestor_walk {
	struct kernfs_node *at;
	struct kernfs_node *wanted;
	__u32 found;
};

/* A call of its own: in a loop the compiler would read the offset of the other kernels' field before it asks for it. */
static long step_to_ancestor(__u32 index, struct ancestor_walk *walk)
{
	if (!walk->at)
		return 1;
	if (walk->at == walk->wanted) {
		walk->found = 1;
		return 1;
	}
	walk->at = kernfs_parent_of(walk->at);
	return 0;
}

/* Is `node` that of the cgroup, or of one above it? */
static __always_inline int is_at_or_above(struct cgroup *cgroup, struct kernfs_node *node)
{
	struct ancestor_walk walk = {.at = BPF_CORE_READ(cgroup, kn), .wanted = node};

	bpf_loop(GUARDED_CGROUP_LEVELS_MAX, step_to_ancestor, &walk, 0);
	return walk.found;
}

/* Is the agent in this cgroup of the v2 hierarchy, or below it? */
static __always_inline int holds_agent(struct kernfs_node *node)
{
	struct sworn_guarded *agent = guarded_agent();
	struct task_struct *task;

	if (!agent || !agent->task || !node)
		return 0;
	task = (void *)agent->task;
	return is_at_or_above(BPF_CORE_READ(task, cgroups, dfl_cgrp), node);
}

#endif
