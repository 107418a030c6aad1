/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_GUARDED_FILES_H
#define SWORN_BPF_GUARDED_FILES_H

/* Files of the agent, by inode: whatever mount or name somebody comes by, the folders above an inode are the same. */

#include <bpf/bpf_core_read.h>

#include "kernel_types.h"

/* Folders between a file and the guarded one above it; what is deeper is not guarded. */
#define GUARDED_LEVELS_MAX 24

/*
 * guarded_files: what the loader was told to guard, and the folders above it. The disk of a guarded file is there with
 * inode 0. Full: setting fails.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct sworn_image_key);
	__type(value, struct sworn_guarded_file);
} guarded_files SEC(".maps");

static __always_inline struct sworn_guarded_file *guarded_entry(struct dentry *dentry)
{
	struct inode *inode = BPF_CORE_READ(dentry, d_inode);
	struct sworn_image_key key = {};

	/* A name that is still to be made. */
	if (!inode)
		return NULL;
	key.inode = BPF_CORE_READ(inode, i_ino);
	key.device = BPF_CORE_READ(inode, i_sb, s_dev);
	return bpf_map_lookup_elem(&guarded_files, &key);
}

/* The guarded file or folder that it is, or is below; NULL: none. */
static __always_inline struct sworn_guarded_file *guarded_tree(struct dentry *dentry)
{
	for (int level = 0; level < GUARDED_LEVELS_MAX; level++) {
		struct sworn_guarded_file *entry = guarded_entry(dentry);
		struct dentry *parent;

		if (entry && (entry->flags & SWORN_GUARDED_TREE))
			return entry;
		parent = BPF_CORE_READ(dentry, d_parent);
		if (parent == dentry)
			break;
		dentry = parent;
	}
	return NULL;
}

/* Bytes of the disk itself. */
static __always_inline struct sworn_guarded_file *guarded_disk(__u32 device)
{
	struct sworn_image_key key = {.device = device};

	return bpf_map_lookup_elem(&guarded_files, &key);
}

#endif
