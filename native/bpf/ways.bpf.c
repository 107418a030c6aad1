// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/*
 * Ways around the recorder: what a process can do so that its bytes do not pass where they are read, or so that they are
 * not its own. What can be read is read elsewhere; here is told that a way was taken. What shows at a hook that others need
 * too is looked at in their programs: everybody pays for each further one. Ways that show by their system calls alone are in
 * way_calls.bpf.c.
 */

#include "lib/maps.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "lib/emit.h"
#include "lib/guarded.h"
#include "lib/kernel_types.h"
#include "lib/namespaces.h"
#include "lib/process.h"
#include "lib/tracing.h"
#include "lib/unix_socket.h"
#include "lib/ways.h"

/* Below are no pointers but constants of the kernel: 0 for a program's signal, 1 for the kernel's own. */
#define SIGNAL_INFO_KERNEL 1
#define SIGNAL_INFO_CONSTANTS 4096

/* What a program sent it, or a write to cgroup.kill; not that its memory was needed, or that a child ended. */
static __always_inline int is_sent_by_program(struct kernel_siginfo *info, int signal)
{
	if ((unsigned long)info < SIGNAL_INFO_CONSTANTS)
		return (unsigned long)info != SIGNAL_INFO_KERNEL;
	return signal != SIGCHLD || BPF_CORE_READ(info, si_code) <= 0;
}

/*
 * A process that is traced has stopped, and its tracer is told. It can be looked into and changed only then. And signals to
 * the agent: here they were sent, so nothing refused them.
 */
SEC("tp_btf/signal_generate")
int BPF_PROG(way_signal, int signal, struct kernel_siginfo *info, struct task_struct *task, int group, int result)
{
	int code;

	if (passive)
		return 0;
	if (is_agent(BPF_CORE_READ(task, tgid)) && is_sent_by_program(info, signal))
		tell_attack(SWORN_ACT_SIGNAL, signal);
	if (signal != SIGCHLD || (unsigned long)info < SIGNAL_INFO_CONSTANTS)
		return 0;
	code = BPF_CORE_READ(info, si_code);
	if (code == CLD_TRAPPED || code == CLD_STOPPED)
		look_at_tracing((void *)bpf_get_current_task_btf());
	return 0;
}

/* A write to cgroup.freeze, before it takes effect. */
SEC("tp_btf/cgroup_freeze")
int BPF_PROG(way_freeze, struct cgroup *cgroup, const char *path)
{
	struct kernfs_node *node = BPF_CORE_READ(cgroup, kn);

	if (!passive && holds_agent(node))
		tell_attack(SWORN_ACT_FREEZE, BPF_CORE_READ(node, id));
	return 0;
}

/* A tracer waits for what it traces, also when it wants no signals. */
SEC("tp_btf/sched_process_wait")
int BPF_PROG(way_process_waits, struct pid *pid)
{
	struct sworn_process_key process;

	if (!passive && watched_current(&process))
		look_at_traced((void *)bpf_get_current_task_btf());
	return 0;
}

/* Its task, by which its cgroups are known. */
static __always_inline void find_agent(struct task_struct *task)
{
	struct sworn_guarded *agent = guarded_agent();

	if (agent && !agent->task && (__u32)task->tgid == agent->tgid)
		agent->task = (__u64)BPF_CORE_READ(task, group_leader);
}

/* Once a second: what traces, or is traced, or has other namespaces, and passed none of the above. */
SEC("iter/task")
int scan_ways(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct sworn_process_state *state;
	struct sworn_process_key process;

	if (passive || !task)
		return 0;
	find_agent(task);
	look_at_tracing(task);
	state = watched_process(task->tgid);
	if (!state)
		return 0;
	process = process_key(task);
	if (process.start_ns == state->start_ns)
		compare_namespaces(task, &process, &state->scope);
	return 0;
}
