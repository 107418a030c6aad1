// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/*
 * Ways around the recorder by their system calls; only when it was asked for. Where the kernel lets programs be at its
 * functions, at those of these calls: nobody else pays anything. Elsewhere at the beginning of every call, which costs each
 * process of the host its fast way through system calls. Not by perf_event_open: distributions keep it for CAP_SYS_ADMIN.
 */

#include "lib/maps.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "compat/syscall.h"
#include "lib/emit.h"
#include "lib/kernel_types.h"
#include "lib/process.h"
#include "lib/unix_socket.h"
#include "lib/ways.h"

/* `number` as 64-bit programs have it, whoever calls: the agent names it by that. */
static __always_inline int call_begins(const struct syscall_view *call, __u64 number)
{
	struct sworn_process_state *state;
	struct sworn_process_key process;
	const struct sock *sk;
	__u64 subject;

	switch (number) {
	case CALL_PTRACE:
	case CALL_SETNS:
		subject = call->arguments[1];
		break;
	case CALL_PROCESS_VM_WRITEV:
	case CALL_UNSHARE:
		subject = call->arguments[0];
		break;
	case CALL_PIDFD_GETFD:
		subject = 0;
		break;
	case CALL_SPLICE:
		/* No tracepoint of sockets passes when bytes are spliced out of a unix socket. */
		sk = unix_socket_of(call->arguments[0]);
		if (!sk)
			return 0;
		subject = inode_of(sk);
		break;
	default:
		return 0;
	}
	state = watched_current(&process);
	if (state)
		take_act(&process, &state->scope, SWORN_WAY_SYSCALL, number, subject);
	return 0;
}

static __noinline int function_begins(__u64 number)
{
	struct syscall_view call = {};

	if (passive || !watched_process(current_tgid()))
		return 0;
	view_syscall(&call);
	return call_begins(&call, number);
}

SEC("fentry/" FUNCTION_OF_CALL("ptrace"))
int way_call_ptrace(void *context)
{
	return function_begins(CALL_PTRACE);
}

SEC("fentry/" FUNCTION_OF_CALL("process_vm_writev"))
int way_call_writev(void *context)
{
	return function_begins(CALL_PROCESS_VM_WRITEV);
}

SEC("fentry/" FUNCTION_OF_CALL("pidfd_getfd"))
int way_call_getfd(void *context)
{
	return function_begins(CALL_PIDFD_GETFD);
}

SEC("fentry/" FUNCTION_OF_CALL("setns"))
int way_call_setns(void *context)
{
	return function_begins(CALL_SETNS);
}

SEC("fentry/" FUNCTION_OF_CALL("unshare"))
int way_call_unshare(void *context)
{
	return function_begins(CALL_UNSHARE);
}

SEC("fentry/" FUNCTION_OF_CALL("splice"))
int way_call_splice(void *context)
{
	return function_begins(CALL_SPLICE);
}

/* Those of 32-bit programs, where the kernel has such. */
SEC("fentry/" FUNCTION_OF_COMPAT_CALL("ptrace"))
int way_compat_ptrace(void *context)
{
	return function_begins(CALL_PTRACE);
}

SEC("fentry/" FUNCTION_OF_32_BIT_CALL("process_vm_writev"))
int way_compat_writev(void *context)
{
	return function_begins(CALL_PROCESS_VM_WRITEV);
}

SEC("fentry/" FUNCTION_OF_32_BIT_CALL("pidfd_getfd"))
int way_compat_getfd(void *context)
{
	return function_begins(CALL_PIDFD_GETFD);
}

SEC("fentry/" FUNCTION_OF_32_BIT_CALL("setns"))
int way_compat_setns(void *context)
{
	return function_begins(CALL_SETNS);
}

SEC("fentry/" FUNCTION_OF_32_BIT_CALL("unshare"))
int way_compat_unshare(void *context)
{
	return function_begins(CALL_UNSHARE);
}

SEC("fentry/" FUNCTION_OF_32_BIT_CALL("splice"))
int way_compat_splice(void *context)
{
	return function_begins(CALL_SPLICE);
}

/* Where the functions are out of reach. Outsiders leave before their registers are looked at. */
SEC("tp_btf/sys_enter")
int BPF_PROG(way_call_begins, struct pt_regs *registers, long id)
{
	struct syscall_view call = {};

	if (passive || !watched_process(current_tgid()))
		return 0;
	view_syscall(&call);
	return call_begins(&call, call.compat ? native_of_compat(call.number) : call.number);
}
