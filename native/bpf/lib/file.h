/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_FILE_H
#define SWORN_BPF_FILE_H

/* Files by their descriptors. */

#include <bpf/bpf_core_read.h>

#include "kernel_types.h"

/* The file behind a file descriptor of the current process; NULL when there is none. */
static __always_inline struct file *file_of(__u32 fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd);
	struct file *file;

	if (fd >= BPF_CORE_READ(table, max_fds) || bpf_probe_read_kernel(&file, sizeof(file), &files[fd]))
		return NULL;
	return file;
}

/* As events name a pipe; 0 when the file is none. */
static __always_inline __u64 pipe_of(struct file *file)
{
	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFIFO)
		return 0;
	return (__u64)(BPF_CORE_READ(file, f_inode, i_sb, s_dev) & 0xfffff) << 32 |
	       (__u32)BPF_CORE_READ(file, f_inode, i_ino);
}

#endif
