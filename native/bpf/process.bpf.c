// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/*
 * Processes of workloads: who is one (selection, inheritance), and their forks, execs and exits.
 *
 * Scope is decided here, before the new program runs its first instruction, so that nothing it does is missed.
 */

#include "lib/maps.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "lib/emit.h"
#include "lib/guarded.h"
#include "lib/image.h"
#include "lib/kernel_types.h"
#include "lib/namespaces.h"
#include "lib/path.h"
#include "lib/tracing.h"
#include "lib/unix_socket.h"
#include "lib/watch.h"

/* Room to put an exec event together: it is longer than the BPF stack. */
struct exec_scratch {
	struct sworn_exec_event event;
	/* Room for the parts, each may be full, and for the last component's over-long read. */
	__u8 data[3 * SWORN_PATH_BYTES_MAX + SWORN_ARGV_INLINE_BYTES_MAX];
	struct path_buffer exe;
	struct path_buffer cwd;
	struct path_buffer cgroup;
	struct sworn_path_key exe_key;
};

/* exec_scratch: one per CPU; safe because a tracing program does not preempt itself on a CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct exec_scratch);
} exec_scratches SEC(".maps");

/* A process that is made right in another cgroup (CLONE_INTO_CGROUP) is never moved there. */
static __always_inline void select_at_birth(struct task_struct *parent, struct task_struct *child)
{
	struct sworn_process_key process;
	struct sworn_scope scope = {};

	if (!live.selections_cgroup && !live.selections_cgroup_path)
		return;
	if (BPF_CORE_READ(child, cgroups, dfl_cgrp) == BPF_CORE_READ(parent, cgroups, dfl_cgrp))
		return;
	process = process_key(child);
	if (select_process(child, &process, NULL, &scope))
		watch_running(child, &process, &scope);
}

static __always_inline void say_forked(const struct sworn_process_key *key, const struct sworn_process_key *parent_key,
				       const struct sworn_scope *scope)
{
	struct sworn_fork_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		count(SWORN_COUNTER_FORK_RING_FULL, 0);
		return;
	}
	begin_event(&event->event, SWORN_EVENT_FORK, 0, sizeof(*event));
	event->process = *key;
	event->parent = *parent_key;
	event->scope = *scope;
	bpf_ringbuf_submit(event, wake_flags());
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct sworn_process_key key, parent_key;
	struct sworn_process_state *state;

	if (passive)
		return 0;
	/* A thread is no process. */
	if (child->tgid == parent->tgid)
		return 0;
	state = watched_current(&parent_key);
	if (!state) {
		select_at_birth(parent, child);
		return 0;
	}

	key = process_key(child);
	if (!watch(&key, &state->scope, 0))
		return 0;
	say_forked(&key, &parent_key, &state->scope);
	inherit_namespaces(parent, &parent_key, child, &key, &state->scope);
	return 0;
}

struct argv_walk {
	unsigned long start;
	__u64 time_ns;
	__u32 tgid;
	__u32 bytes;
};

static long emit_argv_piece(__u32 index, struct argv_walk *walk)
{
	__u32 offset = SWORN_ARGV_INLINE_BYTES_MAX + index * SWORN_ARGV_PIECE_BYTES;
	struct sworn_argv_piece_event *event;
	__u32 piece;

	if (offset >= walk->bytes)
		return 1;
	piece = walk->bytes - offset;
	if (piece > SWORN_ARGV_PIECE_BYTES)
		piece = SWORN_ARGV_PIECE_BYTES;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count(SWORN_COUNTER_ARGV_RING_FULL, piece);
		return 0;
	}
	if (bpf_probe_read_user(event->data, piece, (void *)(walk->start + offset))) {
		count(SWORN_COUNTER_ARGV_UNREADABLE, piece);
		bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
		return 0;
	}
	begin_event(&event->event, SWORN_EVENT_ARGV_PIECE, 0, offsetof(struct sworn_argv_piece_event, data) + piece);
	event->event.time_ns = walk->time_ns;
	event->tgid = walk->tgid;
	event->offset = offset;
	event->bytes = piece;
	event->zero = 0;
	bpf_ringbuf_submit(event, wake_flags());
	return 0;
}

/* What of argv does not go into the exec event itself, ahead of it. */
static __always_inline void emit_argv_pieces(struct argv_walk *walk)
{
	__u32 limit = SWORN_ARGV_INLINE_BYTES_MAX + SWORN_ARGV_PIECES_MAX * SWORN_ARGV_PIECE_BYTES;

	if (walk->bytes <= SWORN_ARGV_INLINE_BYTES_MAX)
		return;
	bpf_loop(SWORN_ARGV_PIECES_MAX, emit_argv_piece, walk, 0);
	if (walk->bytes > limit)
		count(SWORN_COUNTER_ARGV_TOO_LONG, walk->bytes - limit);
}

/* Appends a part to the event's data; the bound is for the verifier, paths are never longer. */
static __always_inline __u32 append_part(struct exec_scratch *scratch, __u32 end, struct path_buffer *part, __u32 bytes)
{
	if (end > 3 * SWORN_PATH_BYTES_MAX - SWORN_PATH_BYTES_MAX || bytes > SWORN_PATH_BYTES_MAX)
		return end;
	bpf_probe_read_kernel(&scratch->data[end], bytes, part->bytes);
	return end + bytes;
}

/* A program that nobody has looked at yet. The path of it is written already. */
static __always_inline void look_at_program(struct sworn_process_key *process, struct sworn_scope *scope, struct file *exe,
					    struct exec_scratch *scratch, __u16 flags)
{
	struct sworn_image_key key = image_key(exe);

	if (!is_known(exe, &key))
		say_image(process, scope, &key, &scratch->exe, scratch->event.exe_bytes,
			  SWORN_FLAG_PROGRAM | (flags & SWORN_FLAG_EXE_CUT ? SWORN_FLAG_PATH_CUT : 0));
}

/* Ways around the recorder that a program may have taken before it runs. */
static __always_inline void look_at_start(struct task_struct *task, const struct sworn_process_key *process,
					  const struct sworn_scope *scope, struct file *exe)
{
	struct inode *inode = BPF_CORE_READ(exe, f_inode);

	compare_namespaces(task, process, scope);
	look_at_tracing(task);
	if (!BPF_CORE_READ(inode, i_nlink))
		take_way(process, scope, SWORN_WAY_UNLINKED_PROGRAM, 0, BPF_CORE_READ(inode, i_ino));
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	__u32 zero = 0, end, argv_bytes, inline_bytes;
	struct sworn_process_state *state, *parent;
	struct sworn_process_key process;
	struct sworn_exec_event *event;
	struct sworn_scope scope = {};
	struct exec_scratch *scratch;
	struct argv_walk walk = {};
	unsigned long argv_start;
	struct kernfs_node *node;
	struct file *exe;
	__u16 flags = 0;
	int inherits;

	if (passive)
		return 0;
	state = watched_current(&process);
	/* Outsiders leave here when nothing could select them. */
	if (!state && !anything_selected())
		return 0;
	process = process_key(task);
	scratch = bpf_map_lookup_elem(&exec_scratches, &zero);
	if (!scratch)
		return 0;
	event = &scratch->event;

	exe = BPF_CORE_READ(task, mm, exe_file);
	event->exe_bytes = 0;
	if (state || live.selections_exe)
		event->exe_bytes = write_path(&scratch->exe, BPF_CORE_READ(exe, f_path.mnt),
					      BPF_CORE_READ(exe, f_path.dentry), &flags, SWORN_FLAG_EXE_CUT);
	if (state) {
		scope = state->scope;
		__sync_fetch_and_add(&state->execs, 1);
		inherits = !bpf_map_delete_elem(&joined, &process.tgid);
	} else {
		int keyed = live.selections_exe && !(flags & SWORN_FLAG_EXE_CUT) &&
			    exe_key_of(&scratch->exe, event->exe_bytes, &scratch->exe_key);

		if (!(live.awaited && take_awaited(&process, &scope)) &&
		    !select_process(task, &process, keyed ? &scratch->exe_key : NULL, &scope))
			return 0;
		if (!watch(&process, &scope, 1))
			return 0;
		if (!live.selections_exe)
			event->exe_bytes = write_path(&scratch->exe, BPF_CORE_READ(exe, f_path.mnt),
						      BPF_CORE_READ(exe, f_path.dentry), &flags, SWORN_FLAG_EXE_CUT);
		flags |= SWORN_FLAG_SELECTED;
		inherits = 1;
	}
	/* What it has now was opened before, perhaps unseen; what it opens from here on is seen from its first byte. */
	if (inherits && !without_unix)
		join_inherited_unix_sockets(&process, &scope);

	begin_event(&event->event, SWORN_EVENT_EXEC, 0, 0);
	event->process = process;
	event->parent = process_key(BPF_CORE_READ(task, real_parent));
	event->scope = scope;
	node = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
	event->cgroup_id = BPF_CORE_READ(node, id);
	event->stdin_pipe = pipe_of(file_of(0));
	event->stdout_pipe = pipe_of(file_of(1));
	event->stdin_sockets = unnamed_pair_of(0);
	event->stdout_sockets = unnamed_pair_of(1);
	parent = watched_process(event->parent.tgid);
	if (parent && parent->scope.session_key == scope.session_key)
		flags |= SWORN_FLAG_PARENT_WATCHED;
	if (BPF_CORE_READ(task, signal, tty))
		flags |= SWORN_FLAG_TERMINAL;
	event->exe_inode = BPF_CORE_READ(exe, f_inode, i_ino);
	event->exe_device = BPF_CORE_READ(exe, f_inode, i_sb, s_dev);
	event->uid = BPF_CORE_READ(task, cred, uid.val);
	event->gid = BPF_CORE_READ(task, cred, gid.val);
	event->login_uid = bpf_core_field_exists(task->loginuid) ? BPF_CORE_READ(task, loginuid.val) : (__u32)-1;
	event->pid_namespace = BPF_CORE_READ(task, nsproxy, pid_ns_for_children, ns.inum);
	event->mount_namespace = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
	event->network_namespace = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
	event->cwd_bytes = write_path(&scratch->cwd, BPF_CORE_READ(task, fs, pwd.mnt),
				      BPF_CORE_READ(task, fs, pwd.dentry), &flags, SWORN_FLAG_CWD_CUT);
	event->cgroup_bytes = write_cgroup_path(&scratch->cgroup, node, &flags);

	argv_start = BPF_CORE_READ(task, mm, arg_start);
	argv_bytes = BPF_CORE_READ(task, mm, arg_end) - argv_start;
	event->argv_bytes = argv_bytes;
	walk.start = argv_start;
	walk.time_ns = event->event.time_ns;
	walk.tgid = process.tgid;
	walk.bytes = argv_bytes;
	emit_argv_pieces(&walk);

	end = append_part(scratch, 0, &scratch->exe, event->exe_bytes);
	end = append_part(scratch, end, &scratch->cwd, event->cwd_bytes);
	end = append_part(scratch, end, &scratch->cgroup, event->cgroup_bytes);
	if (flags & (SWORN_FLAG_EXE_CUT | SWORN_FLAG_CWD_CUT | SWORN_FLAG_CGROUP_CUT))
		count(SWORN_COUNTER_PATH_CUT, 0);

	inline_bytes = argv_bytes < SWORN_ARGV_INLINE_BYTES_MAX ? argv_bytes : SWORN_ARGV_INLINE_BYTES_MAX;
	event->argv_inline_bytes = 0;
	if (end <= 3 * SWORN_PATH_BYTES_MAX) {
		if (bpf_probe_read_user(&scratch->data[end], inline_bytes, (void *)argv_start)) {
			count(SWORN_COUNTER_ARGV_UNREADABLE, inline_bytes);
		} else {
			event->argv_inline_bytes = inline_bytes;
			end += inline_bytes;
		}
	}
	event->event.flags = flags;
	event->event.size = sizeof(*event) + end;
	if (end > sizeof(scratch->data) ||
	    bpf_ringbuf_output(&events, event, sizeof(*event) + end, wake_flags()))
		count(SWORN_COUNTER_EXEC_RING_FULL, 0);
	if (live.images)
		look_at_program(&process, &scope, exe, scratch, flags);
	look_at_start(task, &process, &scope, exe);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	struct sworn_process_key process;
	struct sworn_process_state *state;
	struct signal_struct *signal;
	struct sworn_exit_event *event;
	struct sworn_scope scope;
	__u32 status;

	if (passive)
		return 0;
	state = watched_current(&process);
	if (!state)
		return 0;
	compare_namespaces(task, &process, &state->scope);
	look_at_tracing(task);
	look_at_traced(task);
	signal = BPF_CORE_READ(task, signal);
	/* Only the last thread ends the process. Two that end at once both see 0; the deletion picks one. */
	if (BPF_CORE_READ(signal, live.counter) != 0)
		return 0;
	scope = state->scope;
	if (bpf_map_delete_elem(&processes, &process.tgid))
		return 0;
	mark_unwatched(process.tgid);
	bpf_map_delete_elem(&joined, &process.tgid);
	bpf_map_delete_elem(&namespaces_before, &process.tgid);
	if (live.images)
		bpf_map_delete_elem(&unsettled, &process.tgid);
	status = (BPF_CORE_READ(signal, flags) & SIGNAL_GROUP_EXIT) ? BPF_CORE_READ(signal, group_exit_code) :
								      BPF_CORE_READ(task, group_leader, exit_code);

	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count(SWORN_COUNTER_EXIT_RING_FULL, 0);
		return 0;
	}
	begin_event(&event->event, SWORN_EVENT_EXIT, 0, sizeof(*event));
	event->process = process;
	event->scope = scope;
	event->status = status;
	event->zero = 0;
	bpf_ringbuf_submit(event, wake_flags());
	return 0;
}

/* A running process is moved into a cgroup: the way systemd, container runtimes and `sworn run` start things. */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(process_attach, struct cgroup *destination, const char *path, struct task_struct *task,
	     int threadgroup)
{
	struct sworn_process_key process;
	struct sworn_scope scope = {};

	if (passive)
		return 0;
	if (is_agent(BPF_CORE_READ(task, tgid)))
		tell_attack(SWORN_ACT_MOVE, BPF_CORE_READ(destination, kn, id));
	if (!live.selections_cgroup && !live.selections_cgroup_path)
		return 0;
	process = process_key(task);
	if (watched_process(process.tgid))
		return 0;
	if (select_process(task, &process, NULL, &scope))
		watch_running(task, &process, &scope);
	return 0;
}

/* /proc/PID/cgroup calls it 0 too. */
#define CGROUP_V2_HIERARCHY 0

/* A unit that starts gets a new cgroup, with a new id: known here before anything can be moved into it. */
SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(cgroup_made, struct cgroup *cgroup, const char *path)
{
	struct sworn_selection *selection;
	struct sworn_path_key key = {};
	__u64 id;

	if (passive || !live.selections_cgroup_path || BPF_CORE_READ(cgroup, root, hierarchy_id) != CGROUP_V2_HIERARCHY)
		return 0;
	if (bpf_probe_read_kernel_str(key.path, sizeof(key.path), path) <= 0)
		return 0;
	selection = bpf_map_lookup_elem(&selections_cgroup_path, &key);
	if (!selection)
		return 0;
	id = BPF_CORE_READ(cgroup, kn, id);
	if (bpf_map_update_elem(&selections_cgroup, &id, selection, BPF_ANY))
		count(SWORN_COUNTER_SELECTION_MAP_FULL, 0);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(cgroup_gone, struct cgroup *cgroup, const char *path)
{
	__u64 id;

	if (passive || (!live.selections_cgroup && !live.selections_cgroup_path) ||
	    BPF_CORE_READ(cgroup, root, hierarchy_id) != CGROUP_V2_HIERARCHY)
		return 0;
	id = BPF_CORE_READ(cgroup, kn, id);
	bpf_map_delete_elem(&selections_cgroup, &id);
	return 0;
}
