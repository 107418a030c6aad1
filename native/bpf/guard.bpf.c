// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/*
 * The guard: refuses workloads what would stop, blind or change the agent. BPF LSM programs, in an object of their own: a
 * kernel that does not take them still has all the rest. They decide about workloads only; everybody else leaves after one
 * look at the bit of its pid, so an operator can do what he likes.
 *
 * What is refused is told, as a way. The maps are those of the capture (loader/guard.c).
 */

#include "lib/maps.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "lib/emit.h"
#include "lib/guarded.h"
#include "lib/guarded_files.h"
#include "lib/kernel_types.h"
#include "lib/process.h"
#include "lib/ways.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct fown_struct;

struct bpf_prog_aux {
	__u32 id;
};

struct bpf_prog {
	struct bpf_prog_aux *aux;
};

struct bpf_map {
	__u32 id;
};

struct proc_inode {
	struct pid *pid;
	struct inode vfs_inode;
};
#pragma clang attribute pop

#define EPERM 1
/* include/linux/ptrace.h: more than to look. */
#define PTRACE_MODE_ATTACH 0x02
#define MAY_WRITE 0x2
/* include/uapi/linux/magic.h */
#define PROC_SUPER_MAGIC 0x9fa0
#define CGROUP_SUPER_MAGIC 0x27e0eb
#define CGROUP2_SUPER_MAGIC 0x63677270
/* include/uapi/linux/mount.h */
#define MS_REMOUNT 32
#define MS_BIND 4096
/* Unbindable, private, slave, shared: who else sees mounts, and not a mount. */
#define MS_PROPAGATION (15 << 17)
/* Controllers that a kernel has at most; 14 in 6.18. */
#define CGROUP_SUBSYSTEMS_MAX 16

/*
 * guarded_objects: kind << 32 | id of the capture's maps and programs, and of the guard's. Written by the loader before the
 * guard is attached.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 512);
	__type(key, __u64);
	__type(value, __u8);
} guarded_objects SEC(".maps");

static __always_inline int refuse(struct sworn_process_key *process, struct sworn_process_state *state, __u32 act,
				  __u64 subject)
{
	take_act(process, &state->scope, SWORN_WAY_REFUSED, act, subject);
	return -EPERM;
}

/* Of an act whose target is a task. */
static __always_inline int refuse_if_agent(struct task_struct *target, __u32 act, __u64 subject)
{
	struct sworn_process_state *state;
	struct sworn_process_key process;

	if (!is_agent(BPF_CORE_READ(target, tgid)))
		return 0;
	state = workload_current(&process);
	return state ? refuse(&process, state, act, subject) : 0;
}

/* kill, tgkill, pidfd_send_signal, rt_sigqueueinfo. Signal 0 only asks whether it is there. */
SEC("lsm/task_kill")
int BPF_PROG(guard_signal, struct task_struct *target, struct kernel_siginfo *info, int signal, const struct cred *cred)
{
	return signal ? refuse_if_agent(target, SWORN_ACT_SIGNAL, signal) : 0;
}

/*
 * A file that tells the agent by a signal (F_SETOWN, F_SETSIG) of what happens to it. Who makes something happen need not be
 * who asked for that, and a process that has ended closes its files when it is a workload no more. The agent asks for no
 * such signal, so none comes through.
 */
SEC("lsm/file_send_sigiotask")
int BPF_PROG(guard_file_signal, struct task_struct *target, struct fown_struct *owner, int signal)
{
	int refused = refuse_if_agent(target, SWORN_ACT_SIGNAL, signal);

	return refused || !is_agent(BPF_CORE_READ(target, tgid)) ? refused : -EPERM;
}

/* ptrace, /proc/PID/mem, process_vm_readv and _writev, pidfd_getfd. To look (ps) is no attack. */
SEC("lsm/ptrace_access_check")
int BPF_PROG(guard_trace, struct task_struct *target, unsigned int mode)
{
	return mode & PTRACE_MODE_ATTACH ? refuse_if_agent(target, SWORN_ACT_TRACE, 0) : 0;
}

/* prlimit, whose least is death by SIGXCPU. */
SEC("lsm/task_setrlimit")
int BPF_PROG(guard_limit, struct task_struct *target, unsigned int resource)
{
	return refuse_if_agent(target, SWORN_ACT_LIMIT, 0);
}

SEC("lsm/task_setnice")
int BPF_PROG(guard_nice, struct task_struct *target, int nice)
{
	return refuse_if_agent(target, SWORN_ACT_LIMIT, 0);
}

/* The move into a cpuset is one, too. */
SEC("lsm/task_setscheduler")
int BPF_PROG(guard_scheduler, struct task_struct *target)
{
	return refuse_if_agent(target, SWORN_ACT_LIMIT, 0);
}

static __always_inline int refuse_object(__u32 kind, __u32 id)
{
	struct sworn_process_state *state;
	struct sworn_process_key process;
	__u64 key = (__u64)kind << 32 | id;

	state = workload_current(&process);
	if (!state || !bpf_map_lookup_elem(&guarded_objects, &key))
		return 0;
	return refuse(&process, state, SWORN_ACT_BPF_OBJECT, key);
}

SEC("lsm/bpf_map")
int BPF_PROG(guard_map, struct bpf_map *map, unsigned int mode)
{
	return refuse_object(SWORN_BPF_KIND_MAP, BPF_CORE_READ(map, id));
}

SEC("lsm/bpf_prog")
int BPF_PROG(guard_program, struct bpf_prog *program)
{
	return refuse_object(SWORN_BPF_KIND_PROGRAM, BPF_CORE_READ(program, aux, id));
}

/* What can write memory of other processes, send signals from inside them, or change what the kernel's functions answer. */
static __always_inline int reaches_into_others(__u32 type)
{
	switch (type) {
	case BPF_PROG_TYPE_KPROBE:
	case BPF_PROG_TYPE_TRACEPOINT:
	case BPF_PROG_TYPE_PERF_EVENT:
	case BPF_PROG_TYPE_RAW_TRACEPOINT:
	case BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE:
	case BPF_PROG_TYPE_TRACING:
	case BPF_PROG_TYPE_STRUCT_OPS:
	case BPF_PROG_TYPE_EXT:
	case BPF_PROG_TYPE_LSM:
	case BPF_PROG_TYPE_SYSCALL:
		return 1;
	}
	return 0;
}

/*
 * Links have no hook of their own, so a workload gets none by its id: its own it has open. The call of the agent itself
 * proves to the loader that the kernel asks the guard, and shows which task is the agent's.
 */
SEC("lsm/bpf")
int BPF_PROG(guard_call, int command, union bpf_attr *attributes, unsigned int size)
{
	struct sworn_guarded *agent = guarded_agent();
	struct sworn_process_state *state;
	struct sworn_process_key process;
	struct task_struct *task;
	__u32 first = 0;

	if (agent && agent->tgid == current_tgid()) {
		task = (void *)bpf_get_current_task();
		agent->task = (__u64)BPF_CORE_READ(task, group_leader);
		agent->asked++;
		return 0;
	}
	if (command != BPF_LINK_GET_FD_BY_ID && command != BPF_PROG_LOAD)
		return 0;
	state = workload_current(&process);
	if (!state)
		return 0;
	/* link_id, prog_type: the first of their structures. */
	bpf_probe_read_kernel(&first, sizeof(first), attributes);
	if (command == BPF_LINK_GET_FD_BY_ID)
		return refuse(&process, state, SWORN_ACT_BPF_OBJECT, (__u64)SWORN_BPF_KIND_LINK << 32 | first);
	return reaches_into_others(first) ? refuse(&process, state, SWORN_ACT_BPF_LOAD, first) : 0;
}

/* A file in the folder of one of the agent's threads in /proc: oom_score_adj, mem, clear_refs and more. */
static __always_inline int is_of_agent(struct inode *inode)
{
	struct proc_inode *entry = (void *)inode - bpf_core_field_offset(struct proc_inode, vfs_inode);
	struct hlist_node *link = BPF_CORE_READ(entry, pid, tasks[0].first);
	struct task_struct *task;

	if (!link)
		return 0;
	task = (void *)link - bpf_core_field_offset(struct task_struct, pid_links);
	return is_agent(BPF_CORE_READ(task, tgid));
}

SEC("lsm/file_open")
int BPF_PROG(guard_open, struct file *file)
{
	struct sworn_guarded_file *entry;
	struct sworn_process_state *state;
	struct sworn_process_key process;
	struct inode *inode;

	if (!(BPF_CORE_READ(file, f_mode) & FMODE_WRITE))
		return 0;
	state = workload_current(&process);
	if (!state)
		return 0;
	inode = BPF_CORE_READ(file, f_inode);
	if (BPF_CORE_READ(inode, i_sb, s_magic) == PROC_SUPER_MAGIC)
		return is_of_agent(inode) ? refuse(&process, state, SWORN_ACT_PROC_FILE, 0) : 0;
	entry = (BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFBLK ? guarded_disk(BPF_CORE_READ(inode, i_rdev)) :
								      guarded_tree(BPF_CORE_READ(file, f_path.dentry));
	return entry ? refuse(&process, state, SWORN_ACT_FILE, entry->id) : 0;
}

/* In a hierarchy of version 1, in which the freezer still is one of several. */
static __always_inline int holds_agent_v1(struct kernfs_node *node)
{
	struct sworn_guarded *agent = guarded_agent();
	struct cgroup_subsys_state *subsystem, **all;
	struct task_struct *task;
	struct css_set *set;

	if (!agent || !agent->task || !node)
		return 0;
	task = (void *)agent->task;
	set = BPF_CORE_READ(task, cgroups);
	all = (void *)set + bpf_core_field_offset(struct css_set, subsys);
	for (unsigned int i = 0; i < CGROUP_SUBSYSTEMS_MAX; i++) {
		if (i >= bpf_core_field_size(set->subsys) / sizeof(void *))
			break;
		if (bpf_probe_read_kernel(&subsystem, sizeof(subsystem), &all[i]) || !subsystem)
			continue;
		if (is_at_or_above(BPF_CORE_READ(subsystem, cgroup), node))
			return 1;
	}
	return 0;
}

/*
 * Files of the cgroups in which the agent is: cgroup.kill, cgroup.freeze, memory.max. Who moves a task needs the right to
 * write to cgroup.procs of the cgroup that is above both ends, which the kernel asks for here, too: so a workload moves
 * tasks only where the agent is not, and never the agent.
 */
SEC("lsm/inode_permission")
int BPF_PROG(guard_cgroup, struct inode *inode, int mask)
{
	struct sworn_process_state *state;
	struct sworn_process_key process;
	struct kernfs_node *node;
	unsigned long magic;

	if (!(mask & MAY_WRITE))
		return 0;
	magic = BPF_CORE_READ(inode, i_sb, s_magic);
	if (magic != CGROUP2_SUPER_MAGIC && magic != CGROUP_SUPER_MAGIC)
		return 0;
	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFREG)
		return 0;
	state = workload_current(&process);
	if (!state)
		return 0;
	node = kernfs_parent_of(BPF_CORE_READ(inode, i_private));
	if (!(magic == CGROUP2_SUPER_MAGIC ? holds_agent(node) : holds_agent_v1(node)))
		return 0;
	return refuse(&process, state, SWORN_ACT_CGROUP, BPF_CORE_READ(node, id));
}

/* Of a name that is to come, go or change. */
static __always_inline int refuse_name(struct dentry *name)
{
	struct sworn_guarded_file *entry;
	struct sworn_process_state *state;
	struct sworn_process_key process;

	state = workload_current(&process);
	if (!state)
		return 0;
	entry = guarded_tree(name);
	return entry ? refuse(&process, state, SWORN_ACT_FILE, entry->id) : 0;
}

SEC("lsm/inode_create")
int BPF_PROG(guard_create, struct inode *folder, struct dentry *name)
{
	return refuse_name(name);
}

SEC("lsm/inode_mkdir")
int BPF_PROG(guard_mkdir, struct inode *folder, struct dentry *name)
{
	return refuse_name(name);
}

SEC("lsm/inode_mknod")
int BPF_PROG(guard_mknod, struct inode *folder, struct dentry *name)
{
	return refuse_name(name);
}

SEC("lsm/inode_symlink")
int BPF_PROG(guard_symlink, struct inode *folder, struct dentry *name)
{
	return refuse_name(name);
}

SEC("lsm/inode_unlink")
int BPF_PROG(guard_unlink, struct inode *folder, struct dentry *name)
{
	return refuse_name(name);
}

SEC("lsm/inode_rmdir")
int BPF_PROG(guard_rmdir, struct inode *folder, struct dentry *name)
{
	return refuse_name(name);
}

/* A second name elsewhere, by which it could be written to. */
SEC("lsm/inode_link")
int BPF_PROG(guard_link, struct dentry *from, struct inode *folder, struct dentry *to)
{
	return refuse_name(from) || refuse_name(to) ? -EPERM : 0;
}

SEC("lsm/inode_rename")
int BPF_PROG(guard_rename, struct inode *from_folder, struct dentry *from, struct inode *to_folder, struct dentry *to)
{
	struct sworn_guarded_file *entry;
	struct sworn_process_state *state;
	struct sworn_process_key process;

	state = workload_current(&process);
	if (!state)
		return 0;
	entry = guarded_entry(from);
	if (!entry)
		entry = guarded_tree(from);
	if (!entry)
		entry = guarded_tree(to);
	return entry ? refuse(&process, state, SWORN_ACT_FILE, entry->id) : 0;
}

SEC("lsm/path_truncate")
int BPF_PROG(guard_truncate, const struct path *path)
{
	return refuse_name(BPF_CORE_READ(path, dentry));
}

SEC("lsm/path_chmod")
int BPF_PROG(guard_chmod, const struct path *path)
{
	return refuse_name(BPF_CORE_READ(path, dentry));
}

SEC("lsm/path_chown")
int BPF_PROG(guard_chown, const struct path *path)
{
	return refuse_name(BPF_CORE_READ(path, dentry));
}

/* Parents between the agent and the first process of the host. */
#define PARENTS_MAX 16

struct parent_walk {
	struct task_struct *task;
	struct mnt_namespace *wanted;
	__u32 found;
};

static long step_to_parent(__u32 index, struct parent_walk *walk)
{
	struct task_struct *task = walk->task, *parent;

	if (BPF_CORE_READ(task, nsproxy, mnt_ns) == walk->wanted) {
		walk->found = 1;
		return 1;
	}
	parent = BPF_CORE_READ(task, real_parent);
	if (!parent || parent == task)
		return 1;
	walk->task = parent;
	return 0;
}

/*
 * What is mounted in the namespace of the agent, or in one above from which mounts come into its own (systemd gives it one).
 * Mounts of a namespace of the workload's own are nothing to the agent.
 */
static __always_inline int is_in_namespace_of_agent(void)
{
	struct task_struct *current = (void *)bpf_get_current_task();
	struct sworn_guarded *agent = guarded_agent();
	struct parent_walk walk = {.wanted = BPF_CORE_READ(current, nsproxy, mnt_ns)};

	if (!agent || !agent->task)
		return 0;
	walk.task = (void *)agent->task;
	bpf_loop(PARENTS_MAX, step_to_parent, &walk, 0);
	return walk.found;
}

static __always_inline int refuse_mount(struct dentry *at, int everywhere)
{
	struct sworn_guarded_file *entry;
	struct sworn_process_state *state;
	struct sworn_process_key process;

	state = workload_current(&process);
	if (!state || (!everywhere && !is_in_namespace_of_agent()))
		return 0;
	entry = guarded_entry(at);
	if (!entry)
		entry = guarded_tree(at);
	return entry ? refuse(&process, state, SWORN_ACT_MOUNT, entry->id) : 0;
}

SEC("lsm/sb_mount")
int BPF_PROG(guard_mount, const char *device, const struct path *path, const char *type, unsigned long flags)
{
	if (flags & MS_PROPAGATION)
		return 0;
	/* To make a file system read-only is so for all who have it. */
	return refuse_mount(BPF_CORE_READ(path, dentry), (flags & MS_REMOUNT) && !(flags & MS_BIND));
}

SEC("lsm/move_mount")
int BPF_PROG(guard_move_mount, const struct path *from, const struct path *to)
{
	return refuse_mount(BPF_CORE_READ(to, dentry), 0);
}

SEC("lsm/sb_umount")
int BPF_PROG(guard_umount, struct vfsmount *mount, int flags)
{
	return refuse_mount(BPF_CORE_READ(mount, mnt_root), 0);
}
