// SPDX-License-Identifier: Apache-2.0

/* Which files the guard keeps workloads from. */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "capture_state.h"
#include "guard.skel.h"

/* As the kernel has it inside: 20 bits of minor. */
static uint32_t kernel_device(dev_t device)
{
	return major(device) << 20 | minor(device);
}

static int add(int fd, struct sworn_image_key *key, const struct sworn_guarded_file *entry)
{
	struct sworn_guarded_file before, merged = *entry;

	/* A folder may be guarded itself, and be above another one that is: the flags add up, within one list. */
	if (bpf_map_lookup_elem(fd, key, &before) == 0 && before.generation == entry->generation) {
		merged.flags |= before.flags;
		if (before.flags & SWORN_GUARDED_TREE)
			merged.id = before.id;
	}
	if (bpf_map_update_elem(fd, key, &merged, BPF_ANY))
		return errno == E2BIG ? -ENOSPC : -errno;
	return 0;
}

static int add_path(int fd, const char *given, uint32_t id, uint32_t generation)
{
	struct sworn_guarded_file entry = {.id = id, .flags = SWORN_GUARDED_TREE, .generation = generation};
	char path[PATH_MAX];
	struct stat found;
	int error = 0;

	if (!realpath(given, path))
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	for (;;) {
		struct sworn_image_key key = {};
		char *slash;

		if (stat(path, &found))
			return -errno;
		key.inode = found.st_ino;
		key.device = kernel_device(found.st_dev);
		error = add(fd, &key, &entry);
		if (error)
			return error;
		if (entry.flags == SWORN_GUARDED_TREE) {
			/* File systems without a disk have major 0. */
			struct sworn_image_key disk = {.device = kernel_device(found.st_dev)};

			error = major(found.st_dev) ? add(fd, &disk, &entry) : 0;
			if (error)
				return error;
		}
		if (strcmp(path, "/") == 0)
			return 0;
		slash = strrchr(path, '/');
		slash[slash == path ? 1 : 0] = 0;
		entry.flags = SWORN_GUARDED_ABOVE;
	}
}

static void forget_others(int fd, uint32_t generation)
{
	struct sworn_image_key at, next, *previous = NULL;
	struct sworn_guarded_file entry;

	while (bpf_map_get_next_key(fd, previous, &next) == 0) {
		if (bpf_map_lookup_elem(fd, &next, &entry) == 0 && entry.generation != generation) {
			bpf_map_delete_elem(fd, &next);
			continue;
		}
		at = next;
		previous = &at;
	}
}

int sworn_capture_guard_files(struct sworn_capture *capture, const char *const *paths, size_t count)
{
	int fd, error = 0;

	/* Nobody would look at them. */
	if (!capture->guard)
		return 0;
	fd = bpf_map__fd(capture->guard->maps.guarded_files);
	capture->guard_generation++;
	for (size_t i = 0; i < count && !error; i++)
		error = add_path(fd, paths[i], (uint32_t)i, capture->guard_generation);
	if (!error)
		forget_others(fd, capture->guard_generation);
	return error;
}
