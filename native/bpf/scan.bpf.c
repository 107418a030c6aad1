// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/*
 * What was there before it was watched: processes that run already, and the sockets that they have open. Iterators: the
 * loader runs them, over one process or over all. A socket found here is marked as joined late, from where it stands now.
 */

#include "lib/maps.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "lib/connection.h"
#include "lib/join.h"
#include "lib/kernel_types.h"
#include "lib/unix_socket.h"
#include "lib/watch.h"
#include "lib/ways.h"

/*
 * joins: processes that the loader wants watched, tgid -> scope. Written by the loader before it runs scan_processes,
 * deleted by that.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct sworn_scope);
} joins SEC(".maps");

/* scan_scratch: for the path of a program; one run at a time uses it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct {
		struct path_buffer path;
		struct sworn_path_key key;
	});
} scan_scratch SEC(".maps");

static __always_inline int select_running(struct task_struct *task, struct sworn_process_key *process,
					  struct sworn_scope *scope)
{
	struct sworn_path_key *key = NULL;
	__u32 zero = 0;

	if (!anything_selected())
		return 0;
	if (live.selections_exe) {
		struct {
			struct path_buffer path;
			struct sworn_path_key key;
		} *scratch = bpf_map_lookup_elem(&scan_scratch, &zero);
		struct file *exe = BPF_CORE_READ(task, mm, exe_file);
		__u16 flags = 0;

		if (scratch && exe) {
			__u32 bytes = write_path(&scratch->path, BPF_CORE_READ(exe, f_path.mnt),
						 BPF_CORE_READ(exe, f_path.dentry), &flags, SWORN_FLAG_EXE_CUT);

			if (!(flags & SWORN_FLAG_EXE_CUT) && exe_key_of(&scratch->path, bytes, &scratch->key))
				key = &scratch->key;
		}
	}
	return select_process(task, process, key, scope);
}

/*
 * Watches running processes that were asked for, that a selection names, or whose parent is watched. The loader runs it
 * until nothing new is found: a child may come before its parent here.
 */
SEC("iter/task")
int scan_processes(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct sworn_process_state *parent;
	struct sworn_process_key process;
	struct sworn_scope scope = {};
	struct sworn_scope *asked;

	if (passive || !task || task->pid != task->tgid)
		return 0;
	process = process_key(task);
	asked = bpf_map_lookup_elem(&joins, &process.tgid);
	if (asked) {
		scope = *asked;
		bpf_map_delete_elem(&joins, &process.tgid);
	}
	if (watched_process(process.tgid))
		return 0;
	if (!asked) {
		parent = watched_process(BPF_CORE_READ(task, real_parent, tgid));
		if (parent)
			scope = parent->scope;
		else if (!select_running(task, &process, &scope))
			return 0;
	}
	if (watch_running(task, &process, &scope))
		__sync_fetch_and_add(&live.found, 1);
	return 0;
}

SEC("iter/task_file")
int scan_files(struct bpf_iter__task_file *context)
{
	struct task_struct *task = context->task;
	struct file *file = context->file;
	struct sworn_process_state *process;
	struct sworn_process_key holder;
	struct socket *socket;
	__u16 family;
	struct sock *sk;

	if (passive || !task || !file)
		return 0;
	process = watched_process(task->tgid);
	if (!process)
		return 0;
	socket = (void *)bpf_sock_from_file((void *)file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk)
		return 0;
	holder.tgid = task->tgid;
	holder.zero = 0;
	holder.start_ns = process->start_ns;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family == AF_INET || family == AF_INET6) {
		__u64 connection;

		/* It came with a message just now. */
		if (join_inet(sk, &holder, &process->scope, &connection) && live.handed_until_ns &&
		    !bpf_map_lookup_elem(&joined, &holder.tgid))
			take_way(&holder, &process->scope, SWORN_WAY_FOREIGN_SOCKET, 0, connection);
	}
	if (family == AF_UNIX && !without_unix && bpf_map_lookup_elem(&joined, &holder.tgid))
		join_unix(sk, &holder, &process->scope);
	return 0;
}
