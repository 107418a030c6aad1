// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/*
 * Libraries that workloads map. The kernel looks for room in the address space when a file is mapped without an address:
 * the first mapping of each library by the dynamic loader, of which there is one for each library and process. What is
 * mapped to an address of the program's choice passes nowhere that a program may be attached without slowing every system
 * call of the host.
 */

#include "lib/maps.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "compat/syscall.h"
#include "lib/emit.h"
#include "lib/image.h"
#include "lib/kernel_types.h"
#include "lib/process.h"

#define NAME_BYTES_MAX 128

/* image_scratches: for the path of a library; one per CPU, safe because a tracing program does not preempt itself on a CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct path_buffer);
} image_scratches SEC(".maps");

/* The open file behind a number of the current process; NULL when there is none. */
static __always_inline struct file *file_of(__u32 fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd);
	struct file *file = NULL;

	if (fd >= BPF_CORE_READ(table, max_fds) || bpf_probe_read_kernel(&file, sizeof(file), &files[fd]))
		return NULL;
	return file;
}

/* Libraries need not be executable files, but then they are named as such: ".so" at the end or before a version. */
static __always_inline int may_be_library(struct file *file)
{
	__u16 mode = BPF_CORE_READ(file, f_inode, i_mode);
	__u8 name[NAME_BYTES_MAX] = {};

	if ((mode & S_IFMT) != S_IFREG)
		return 0;
	if (mode & S_IXANY)
		return 1;
	if (bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name)) <= 0)
		return 0;
	for (int i = 0; i + 2 < NAME_BYTES_MAX; i++) {
		if (name[i] == '.' && name[i + 1] == 's' && name[i + 2] == 'o')
			return 1;
		if (!name[i])
			break;
	}
	return 0;
}

struct vm_unmapped_area_info;

SEC("tp_btf/vm_unmapped_area")
int BPF_PROG(image_mapped, unsigned long address, struct vm_unmapped_area_info *info)
{
	struct sworn_process_state *state;
	struct sworn_process_key process;
	struct sworn_image_key key;
	struct path_buffer *path;
	struct syscall_view view;
	__u32 zero = 0, bytes;
	struct file *file;
	__u16 flags = 0;

	if (passive || !live.images)
		return 0;
	state = watched_current(&process);
	if (!state)
		return 0;
	view_syscall(&view);
	if (view.compat || view.number != CALL_MMAP || (view.arguments[3] & MAP_ANONYMOUS))
		return 0;
	file = file_of(view.arguments[4]);
	if (!file) {
		/* Closed by another thread meanwhile. */
		count(SWORN_COUNTER_IMAGE_UNREADABLE, 0);
		return 0;
	}
	if (!may_be_library(file))
		return 0;
	key = image_key(file);
	if (is_known(file, &key))
		return 0;
	path = bpf_map_lookup_elem(&image_scratches, &zero);
	if (!path)
		return 0;
	bytes = write_path(path, BPF_CORE_READ(file, f_path.mnt), BPF_CORE_READ(file, f_path.dentry), &flags,
			   SWORN_FLAG_PATH_CUT);
	say_image(&process, &state->scope, &key, path, bytes, flags);
	return 0;
}
