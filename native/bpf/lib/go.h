/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_GO_H
#define SWORN_BPF_GO_H

#include <asm/ptrace.h>

/* Go passes arguments in registers of its own order, since 1.17 on amd64, 1.18 on arm64. */
#if defined(__TARGET_ARCH_x86)
#define GO_ARGUMENT_1(context) ((context)->rax)
#define GO_ARGUMENT_2(context) ((context)->rbx)
#define GO_ARGUMENT_3(context) ((context)->rcx)
#define GO_ARGUMENT_4(context) ((context)->rdi)
#define GO_ARGUMENT_5(context) ((context)->rsi)
#define GO_ARGUMENT_7(context) ((context)->r9)
#define GO_ARGUMENT_8(context) ((context)->r10)
#elif defined(__TARGET_ARCH_arm64)
#define GO_ARGUMENT_1(context) (((struct user_pt_regs *)(context))->regs[0])
#define GO_ARGUMENT_2(context) (((struct user_pt_regs *)(context))->regs[1])
#define GO_ARGUMENT_3(context) (((struct user_pt_regs *)(context))->regs[2])
#define GO_ARGUMENT_4(context) (((struct user_pt_regs *)(context))->regs[3])
#define GO_ARGUMENT_5(context) (((struct user_pt_regs *)(context))->regs[4])
#define GO_ARGUMENT_7(context) (((struct user_pt_regs *)(context))->regs[6])
#define GO_ARGUMENT_8(context) (((struct user_pt_regs *)(context))->regs[7])
#endif

#endif
