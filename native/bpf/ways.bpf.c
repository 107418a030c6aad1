// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/*
 * Ways around the recorder: what a process can do so that its bytes do not pass where they are read, or so that they are
 * not its own. What can be read is read elsewhere; here is told that a way was taken. What shows at a hook that others need
 * too is looked at in their programs: everybody pays for each further one. None of these is a system call tracepoint but
 * the last, which are attached only when they are asked for: those slow down every process of the host.
 */

#include "lib/maps.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "lib/emit.h"
#include "lib/kernel_types.h"
#include "lib/namespaces.h"
#include "lib/process.h"
#include "lib/tracing.h"
#include "lib/unix_socket.h"
#include "lib/ways.h"

/* A process that is traced has stopped, and its tracer is told. It can be looked into and changed only then. */
SEC("tp_btf/signal_generate")
int BPF_PROG(way_signal, int signal, struct kernel_siginfo *info, struct task_struct *task, int group, int result)
{
	int code;

	/* Below are no pointers but constants of the kernel. */
	if (passive || signal != SIGCHLD || (unsigned long)info < 4096)
		return 0;
	code = BPF_CORE_READ(info, si_code);
	if (code == CLD_TRAPPED || code == CLD_STOPPED)
		look_at_tracing((void *)bpf_get_current_task_btf());
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

/* Once a second: what traces, or is traced, or has other namespaces, and passed none of the above. */
SEC("iter/task")
int scan_ways(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct sworn_process_state *state;
	struct sworn_process_key process;

	if (passive || !task)
		return 0;
	look_at_tracing(task);
	state = watched_process(task->tgid);
	if (!state)
		return 0;
	process = process_key(task);
	if (process.start_ns == state->start_ns)
		compare_namespaces(task, &process, &state->scope);
	return 0;
}

/* The record of a tracepoint of system calls. */
struct syscall_enters {
	__u64 common;
	__s64 number;
	__u64 arguments[6];
};

static __always_inline int call_watched(struct syscall_enters *call, __u64 subject)
{
	struct sworn_process_state *state;
	struct sworn_process_key process;

	state = watched_current(&process);
	if (state)
		take_way(&process, &state->scope, SWORN_WAY_SYSCALL, call->number, subject);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_ptrace")
int way_call_ptrace(struct syscall_enters *call)
{
	return call_watched(call, call->arguments[1]);
}

SEC("tracepoint/syscalls/sys_enter_process_vm_writev")
int way_call_writev(struct syscall_enters *call)
{
	return call_watched(call, call->arguments[0]);
}

SEC("tracepoint/syscalls/sys_enter_pidfd_getfd")
int way_call_getfd(struct syscall_enters *call)
{
	return call_watched(call, 0);
}

SEC("tracepoint/syscalls/sys_enter_setns")
int way_call_setns(struct syscall_enters *call)
{
	return call_watched(call, call->arguments[1]);
}

SEC("tracepoint/syscalls/sys_enter_unshare")
int way_call_unshare(struct syscall_enters *call)
{
	return call_watched(call, call->arguments[0]);
}

/* No tracepoint of sockets passes when bytes are spliced out of a unix socket. */
SEC("tracepoint/syscalls/sys_enter_splice")
int way_call_splice(struct syscall_enters *call)
{
	struct sworn_process_state *state;
	struct sworn_process_key process;
	const struct sock *sk;

	state = watched_current(&process);
	if (!state)
		return 0;
	sk = unix_socket_of(call->arguments[0]);
	if (sk)
		take_way(&process, &state->scope, SWORN_WAY_SYSCALL, call->number, inode_of(sk));
	return 0;
}
