/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_PATH_H
#define SWORN_BPF_PATH_H

/*
 * Paths as a list of components from the leaf to the root, each a length byte and a name: the order in which the kernel
 * holds them, so nothing has to be turned round here.
 */

#include <bpf/bpf_core_read.h>

#include "../../abi/event.h"
#include "../compat/kernfs.h"
#include "kernel_types.h"

/* A component may begin anywhere below SWORN_PATH_BYTES_MAX and take a length byte, 255 of name and a NUL. */
struct path_buffer {
	__u8 bytes[SWORN_PATH_BYTES_MAX + 256];
};

/* Appends one component; returns the new end, or 0 when there is no room or no name. */
static __always_inline __u32 append_component(struct path_buffer *buffer, __u32 end, const void *name)
{
	long length;

	if (end >= SWORN_PATH_BYTES_MAX)
		return 0;
	length = bpf_probe_read_kernel_str(&buffer->bytes[end + 1], 256, name);
	if (length <= 1 || length > 256)
		return 0;
	/* The length that comes back counts the NUL, which the next component overwrites. */
	buffer->bytes[end] = length - 1;
	return end + length < SWORN_PATH_BYTES_MAX ? end + length : 0;
}

struct path_walk {
	struct path_buffer *buffer;
	struct vfsmount *vfsmount;
	struct dentry *dentry;
	__u32 end;
	__u32 cut;
};

static long walk_component(__u32 index, struct path_walk *walk)
{
	struct dentry *dentry = walk->dentry, *parent;
	struct vfsmount *vfsmount = walk->vfsmount;
	__u32 end;

	if (!dentry || !vfsmount)
		return 1;
	if (dentry == BPF_CORE_READ(vfsmount, mnt_root)) {
		struct mount *mount = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
		struct mount *above = BPF_CORE_READ(mount, mnt_parent);

		if (above == mount)
			goto done;
		walk->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
		walk->vfsmount = (void *)above + bpf_core_field_offset(struct mount, mnt);
		return 0;
	}
	end = append_component(walk->buffer, walk->end, BPF_CORE_READ(dentry, d_name.name));
	if (!end)
		return 1;
	walk->end = end;
	parent = BPF_CORE_READ(dentry, d_parent);
	/* A file outside every tree (memfd, pipe) is its own parent: its name is all there is. */
	if (parent == dentry)
		goto done;
	walk->dentry = parent;
	return 0;
done:
	walk->cut = 0;
	return 1;
}

/*
 * The path of a file or folder, across mounts, as seen from the root of its mount namespace: a chroot does not shorten
 * it. Sets `cut_flag` when not all of it fitted.
 */
static __always_inline __u32 write_path(struct path_buffer *buffer, struct vfsmount *vfsmount, struct dentry *dentry,
					__u16 *flags, __u16 cut_flag)
{
	struct path_walk walk = {.buffer = buffer, .vfsmount = vfsmount, .dentry = dentry, .cut = 1};

	bpf_loop(SWORN_PATH_COMPONENTS_MAX, walk_component, &walk, 0);
	if (walk.cut)
		*flags |= cut_flag;
	return walk.end;
}

struct cgroup_walk {
	struct path_buffer *buffer;
	struct kernfs_node *node;
	__u32 end;
	__u32 cut;
};

static long walk_cgroup_component(__u32 index, struct cgroup_walk *walk)
{
	struct kernfs_node *node = walk->node, *parent;
	__u32 end;

	if (!node)
		return 1;
	parent = kernfs_parent_of(node);
	if (!parent) {
		walk->cut = 0;
		return 1;
	}
	end = append_component(walk->buffer, walk->end, BPF_CORE_READ(node, name));
	if (!end)
		return 1;
	walk->end = end;
	walk->node = parent;
	return 0;
}

static __always_inline __u32 write_cgroup_path(struct path_buffer *buffer, struct kernfs_node *node, __u16 *flags)
{
	struct cgroup_walk walk = {.buffer = buffer, .node = node, .cut = 1};

	bpf_loop(SWORN_PATH_COMPONENTS_MAX, walk_cgroup_component, &walk, 0);
	if (walk.cut)
		*flags |= SWORN_FLAG_CGROUP_CUT;
	return walk.end;
}

#endif
