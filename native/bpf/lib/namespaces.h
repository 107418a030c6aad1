/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_NAMESPACES_H
#define SWORN_BPF_NAMESPACES_H

/* A process that goes to other namespaces: its addresses and paths mean something else from there on. */

#include <bpf/bpf_core_read.h>

#include "kernel_types.h"
#include "process.h"
#include "ways.h"

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
struct namespaces_before_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct namespaces);
};
extern struct namespaces_before_map namespaces_before SEC(".maps");

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

/* A child begins where its parent is; at its birth it may be given others. */
static __always_inline void inherit_namespaces(struct task_struct *parent, const struct sworn_process_key *parent_key,
					       struct task_struct *child, const struct sworn_process_key *key,
					       const struct sworn_scope *scope)
{
	struct namespaces first, *before = bpf_map_lookup_elem(&namespaces_before, &parent_key->tgid);

	if (before && before->start_ns == parent_key->start_ns) {
		first = *before;
		first.start_ns = key->start_ns;
	} else {
		read_namespaces(parent, key, &first);
	}
	bpf_map_update_elem(&namespaces_before, &key->tgid, &first, BPF_ANY);
	compare_namespaces(child, key, scope);
}

#endif
