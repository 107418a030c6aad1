/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_TRACING_H
#define SWORN_BPF_TRACING_H

/* Processes that trace others, and can make them send what they would not. */

#include <bpf/bpf_core_read.h>

#include "guarded.h"
#include "kernel_types.h"
#include "process.h"
#include "ways.h"

/* Tells of one process that traces another, with the one of them that is watched. */
static __always_inline void tell_tracing(struct task_struct *tracer, struct task_struct *tracee)
{
	struct sworn_process_key of_tracer = process_key(tracer), of_tracee = process_key(tracee);
	struct sworn_process_state *state = watched_process(of_tracer.tgid);

	if (state && state->start_ns == of_tracer.start_ns) {
		if (is_agent(of_tracee.tgid))
			take_act(&of_tracer, &state->scope, SWORN_WAY_ATTACK, SWORN_ACT_TRACE, 0);
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

#endif
