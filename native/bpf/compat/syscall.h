/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_COMPAT_SYSCALL_H
#define SWORN_BPF_COMPAT_SYSCALL_H

/*
 * The system call that the current task is in, and its arguments, read back from the registers that it entered with.
 * Numbers are the kernel's ABI (asm/unistd_64.h, asm-generic/unistd.h) and never change.
 */

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "../lib/kernel_types.h"

struct syscall_view {
	__u64 number;
	__u64 arguments[5];
	/* A 32-bit program on a 64-bit kernel: other numbers, other layouts. */
	__u32 compat;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long bx;
	unsigned long cx;
	unsigned long r10;
	unsigned long r8;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
};

struct thread_info {
	__u32 status;
};

struct task_struct___with_thread_info {
	struct thread_info thread_info;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	__u64 regs[31];
};

struct pt_regs {
	__u64 regs[31];
	int syscallno;
};

struct thread_info {
	unsigned long flags;
};

struct task_struct___with_thread_info {
	struct thread_info thread_info;
};
#endif
#pragma clang attribute pop

#if defined(__TARGET_ARCH_x86)
enum {
	CALL_READ = 0,
	CALL_WRITE = 1,
	CALL_MMAP = 9,
	CALL_READV = 19,
	CALL_WRITEV = 20,
	CALL_SENDTO = 44,
	CALL_RECVFROM = 45,
	CALL_SENDMSG = 46,
	CALL_RECVMSG = 47,
	CALL_SENDFILE = 40,
	CALL_SPLICE = 275,
	CALL_TEE = 276,
	CALL_VMSPLICE = 278,
	CALL_RECVMMSG = 299,
	CALL_SENDMMSG = 307,
	CALL_PREADV2 = 327,
	CALL_PWRITEV2 = 328,
	CALL_PTRACE = 101,
	CALL_UNSHARE = 272,
	CALL_SETNS = 308,
	CALL_PROCESS_VM_WRITEV = 311,
};

#define TS_COMPAT 0x0002

static __always_inline void view_syscall(struct syscall_view *view)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	struct task_struct___with_thread_info *info = (void *)task;
	struct pt_regs *registers = (void *)bpf_task_pt_regs(task);

	view->number = BPF_CORE_READ(registers, orig_ax);
	view->arguments[0] = BPF_CORE_READ(registers, di);
	view->arguments[1] = BPF_CORE_READ(registers, si);
	view->arguments[2] = BPF_CORE_READ(registers, dx);
	view->arguments[3] = BPF_CORE_READ(registers, r10);
	view->arguments[4] = BPF_CORE_READ(registers, r8);
	view->compat = (BPF_CORE_READ(info, thread_info.status) & TS_COMPAT) != 0;
	if (view->compat) {
		view->arguments[0] = BPF_CORE_READ(registers, bx);
		view->arguments[1] = BPF_CORE_READ(registers, cx);
		view->arguments[3] = BPF_CORE_READ(registers, si);
		view->arguments[4] = BPF_CORE_READ(registers, di);
	}
}
#elif defined(__TARGET_ARCH_arm64)
enum {
	CALL_READ = 63,
	CALL_WRITE = 64,
	CALL_READV = 65,
	CALL_WRITEV = 66,
	CALL_SENDTO = 206,
	CALL_RECVFROM = 207,
	CALL_SENDMSG = 211,
	CALL_RECVMSG = 212,
	CALL_SENDFILE = 71,
	CALL_MMAP = 222,
	CALL_VMSPLICE = 75,
	CALL_SPLICE = 76,
	CALL_TEE = 77,
	CALL_RECVMMSG = 243,
	CALL_SENDMMSG = 269,
	CALL_PREADV2 = 286,
	CALL_PWRITEV2 = 287,
	CALL_UNSHARE = 97,
	CALL_PTRACE = 117,
	CALL_SETNS = 268,
	CALL_PROCESS_VM_WRITEV = 271,
};

#define TIF_32BIT 22

static __always_inline void view_syscall(struct syscall_view *view)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	struct task_struct___with_thread_info *info = (void *)task;
	struct pt_regs *registers = (void *)bpf_task_pt_regs(task);

	view->number = BPF_CORE_READ(registers, syscallno);
	BPF_CORE_READ_INTO(&view->arguments[0], registers, regs[0]);
	BPF_CORE_READ_INTO(&view->arguments[1], registers, regs[1]);
	BPF_CORE_READ_INTO(&view->arguments[2], registers, regs[2]);
	BPF_CORE_READ_INTO(&view->arguments[3], registers, regs[3]);
	BPF_CORE_READ_INTO(&view->arguments[4], registers, regs[4]);
	view->compat = (BPF_CORE_READ(info, thread_info.flags) >> TIF_32BIT) & 1;
}
#else
#error "unix sockets: no system call numbers for this processor"
#endif

/* Of 32-bit programs: read, write, readv, writev. */
static __always_inline int moves_bytes_compat(__u64 number)
{
	return number == 3 || number == 4 || number == 145 || number == 146;
}

/* One number on every processor, as all that came after 423. */
#define CALL_IO_URING_ENTER 426
#define CALL_PIDFD_GETFD 438

/* The kernel's functions of a system call: of 64-bit programs; of 32-bit ones; and of those whose structures are others. */
#if defined(__TARGET_ARCH_x86)
#define FUNCTION_OF_CALL(name) "__x64_sys_" name
#define FUNCTION_OF_32_BIT_CALL(name) "__ia32_sys_" name
#define FUNCTION_OF_COMPAT_CALL(name) "__ia32_compat_sys_" name
#elif defined(__TARGET_ARCH_arm64)
#define FUNCTION_OF_CALL(name) "__arm64_sys_" name
/* The same function: there is none of this name, so no program is attached twice. */
#define FUNCTION_OF_32_BIT_CALL(name) "__arm64_32_bit_sys_" name
#define FUNCTION_OF_COMPAT_CALL(name) "__arm64_compat_sys_" name
#endif

/* What a 32-bit program's number is among those of 64-bit ones; of the calls that are ways around the recorder. */
static __always_inline __u64 native_of_compat(__u64 number)
{
	switch (number) {
	case 26:
		return CALL_PTRACE;
	case CALL_PIDFD_GETFD:
		return CALL_PIDFD_GETFD;
#if defined(__TARGET_ARCH_x86)
	case 310:
		return CALL_UNSHARE;
	case 313:
		return CALL_SPLICE;
	case 346:
		return CALL_SETNS;
	case 348:
		return CALL_PROCESS_VM_WRITEV;
#elif defined(__TARGET_ARCH_arm64)
	case 337:
		return CALL_UNSHARE;
	case 340:
		return CALL_SPLICE;
	case 375:
		return CALL_SETNS;
	case 377:
		return CALL_PROCESS_VM_WRITEV;
#endif
	}
	return ~0ULL;
}

/* Calls that send through the file descriptor that is their first argument; splice has two. */
static __always_inline int sends_bytes(__u64 number)
{
	return number == CALL_WRITE || number == CALL_SENDTO || number == CALL_SENDMSG || number == CALL_WRITEV ||
	       number == CALL_SENDFILE || number == CALL_SENDMMSG || number == CALL_PWRITEV2;
}

static __always_inline int moves_bytes(__u64 number)
{
	return sends_bytes(number) || number == CALL_READ || number == CALL_RECVFROM || number == CALL_RECVMSG ||
	       number == CALL_READV || number == CALL_RECVMMSG || number == CALL_PREADV2 || number == CALL_SPLICE;
}

#endif
