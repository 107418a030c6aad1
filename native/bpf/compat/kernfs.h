/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_COMPAT_KERNFS_H
#define SWORN_BPF_COMPAT_KERNFS_H

#include <bpf/bpf_core_read.h>

#include "../lib/kernel_types.h"

/* 6.15 renamed kernfs_node.parent to __parent (RCU protected). */
struct kernfs_node___with_parent {
	struct kernfs_node *parent;
} __attribute__((preserve_access_index));

struct kernfs_node___with_rcu_parent {
	struct kernfs_node *__parent;
} __attribute__((preserve_access_index));

static __always_inline struct kernfs_node *kernfs_parent_of(struct kernfs_node *node)
{
	struct kernfs_node___with_rcu_parent *newer = (void *)node;
	struct kernfs_node___with_parent *older = (void *)node;

	if (bpf_core_field_exists(newer->__parent))
		return BPF_CORE_READ(newer, __parent);
	return BPF_CORE_READ(older, parent);
}

#endif
