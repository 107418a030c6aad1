// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/*
 * Ways around the recorder: what a process can do so that its bytes do not pass where they are read, or so that they are
 * not its own. What can be read is read elsewhere; here is told that a way was taken. None of these is a system call
 * tracepoint but the last, which are attached only when they are asked for: those slow down every process of the host.
 */

#include "lib/maps.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "lib/emit.h"
#include "lib/kernel_types.h"
#include "lib/packet.h"
#include "lib/process.h"
#include "lib/unix_socket.h"
#include "lib/ways.h"

#define PASS 1

/* The namespaces of a process, by their inodes. */
struct namespaces {
	__u64 start_ns;
	__u32 mount;
	__u32 process;
	__u32 network;
	__u32 user;
};

/*
 * namespaces_before: tgid -> where it was when it was last looked at. Written here, deleted at exit.
 * Full: the oldest goes; a change of that process before it is looked at again is not told.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct namespaces);
} namespaces_before SEC(".maps");

static __always_inline void read_namespaces(struct task_struct *task, const struct sworn_process_key *process,
					    struct namespaces *now)
{
	now->start_ns = process->start_ns;
	now->mount = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
	now->process = BPF_CORE_READ(task, nsproxy, pid_ns_for_children, ns.inum);
	now->network = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
	now->user = BPF_CORE_READ(task, cred, user_ns, ns.inum);
}

/* A thread may have its own: then it is the one that is looked at now. */
static __always_inline void compare_namespaces(struct task_struct *task, const struct sworn_process_key *process,
					       const struct sworn_scope *scope)
{
	struct namespaces now = {}, *before = bpf_map_lookup_elem(&namespaces_before, &process->tgid);
	__u32 changed = 0;

	read_namespaces(task, process, &now);
	/* All of them are gone: it ends. */
	if (!now.network)
		return;
	if (before && before->start_ns == process->start_ns) {
		changed = (now.mount != before->mount ? CLONE_NEWNS : 0) |
			  (now.process != before->process ? CLONE_NEWPID : 0) |
			  (now.network != before->network ? CLONE_NEWNET : 0) |
			  (now.user != before->user ? CLONE_NEWUSER : 0);
		if (!changed)
			return;
		take_way(process, scope, SWORN_WAY_NAMESPACE, changed, now.network);
	}
	bpf_map_update_elem(&namespaces_before, &process->tgid, &now, BPF_ANY);
}

/* Tells of one process that traces another, with the one of them that is watched. */
static __always_inline void tell_tracing(struct task_struct *tracer, struct task_struct *tracee)
{
	struct sworn_process_key of_tracer = process_key(tracer), of_tracee = process_key(tracee);
	struct sworn_process_state *state = watched_process(of_tracer.tgid);

	if (state && state->start_ns == of_tracer.start_ns) {
		take_way(&of_tracer, &state->scope, SWORN_WAY_TRACES, 0, of_tracee.tgid);
		return;
	}
	state = watched_process(of_tracee.tgid);
	if (state && state->start_ns == of_tracee.start_ns)
		take_way(&of_tracee, &state->scope, SWORN_WAY_TRACED, 0, of_tracer.tgid);
}

static __always_inline void look_at_tracing(struct task_struct *task)
{
	if (BPF_CORE_READ(task, ptrace))
		tell_tracing(BPF_CORE_READ(task, parent), task);
}

/* The first of those that a process traces. */
static __always_inline void look_at_traced(struct task_struct *task)
{
	struct list_head *first = BPF_CORE_READ(task, ptraced.next);

	if (first && first != (void *)task + bpf_core_field_offset(struct task_struct, ptraced))
		tell_tracing(task, (void *)first - bpf_core_field_offset(struct task_struct, ptrace_entry));
}

/* Attached behind process_fork: the child is watched by now. Other namespaces may be given to it at its birth. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(way_process_made, struct task_struct *parent, struct task_struct *child)
{
	struct namespaces *before;
	struct sworn_process_state *state;
	struct sworn_process_key key, parent_key;
	struct namespaces first;

	if (passive || BPF_CORE_READ(child, tgid) == BPF_CORE_READ(parent, tgid) || !watched_current(&parent_key))
		return 0;
	key = process_key(child);
	state = watched_process(key.tgid);
	before = bpf_map_lookup_elem(&namespaces_before, &parent_key.tgid);
	if (!state)
		return 0;
	if (before && before->start_ns == parent_key.start_ns) {
		first = *before;
		first.start_ns = key.start_ns;
	} else {
		read_namespaces(parent, &key, &first);
	}
	bpf_map_update_elem(&namespaces_before, &key.tgid, &first, BPF_ANY);
	compare_namespaces(child, &key, &state->scope);
	return 0;
}

/* Attached behind process_exec, for the program that begins a session. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(way_program_starts, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct sworn_process_state *state;
	struct sworn_process_key process;
	struct inode *inode;

	if (passive)
		return 0;
	state = watched_current(&process);
	if (!state)
		return 0;
	compare_namespaces(task, &process, &state->scope);
	look_at_tracing(task);
	inode = BPF_CORE_READ(task, mm, exe_file, f_inode);
	if (!BPF_CORE_READ(inode, i_nlink))
		take_way(&process, &state->scope, SWORN_WAY_UNLINKED_PROGRAM, 0, BPF_CORE_READ(inode, i_ino));
	return 0;
}

/* Attached ahead of process_exit, which forgets the process. Each thread passes here. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(way_process_ends, struct task_struct *task)
{
	struct sworn_process_state *state;
	struct sworn_process_key process;

	if (passive)
		return 0;
	state = watched_current(&process);
	if (!state)
		return 0;
	compare_namespaces(task, &process, &state->scope);
	look_at_tracing(task);
	look_at_traced(task);
	if (BPF_CORE_READ(task, signal, live.counter) == 0)
		bpf_map_delete_elem(&namespaces_before, &process.tgid);
	return 0;
}

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

/* Internet sockets pass here when they are made, the kernel's other families do not. */
SEC("cgroup/sock_create")
int way_socket_made(struct bpf_sock *sk)
{
	struct sworn_process_state *state;
	struct sworn_process_key maker;
	struct task_struct *task;

	if (passive)
		return PASS;
	state = watched_current(&maker);
	if (!state)
		return PASS;
	task = (void *)bpf_get_current_task();
	compare_namespaces(task, &maker, &state->scope);
	/* Multipath TCP is made of TCP sockets, which are read. */
	if (sk->protocol == PROTOCOL_TCP || sk->protocol == PROTOCOL_UDP || sk->protocol == PROTOCOL_MPTCP)
		if (sk->type != SOCK_RAW)
			return PASS;
	take_way(&maker, &state->scope, SWORN_WAY_SOCKET, sk->family << 16 | sk->type, sk->protocol);
	return PASS;
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
