/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SWORN_LAB_ACTS_H
#define SWORN_LAB_ACTS_H

/* What a workload may try against the agent, one system call each. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STATE "/state"
#define JOURNAL STATE "/journal"
#define SEGMENT JOURNAL "/1.seg"
#define AGENT_CGROUP "/sys/fs/cgroup/agent"
#define WORK_CGROUP "/sys/fs/cgroup/work"

struct act {
	const char *name;
	/* enum sworn_act that the refusal is told as. */
	uint32_t told_as;
	/* 0 when it was let through, else errno. */
	int (*perform)(pid_t agent);
	/* Also an ordinary user's rights would do; only told of when root tries. */
	bool needs_root;
	/* Let through, the agent lives on and can go on: tried where nothing is refused, too. */
	bool survivable;
};

extern const struct act acts[];
extern const size_t act_count;

#endif
