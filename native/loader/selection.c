// SPDX-License-Identifier: Apache-2.0

/* What makes a process the first of a session. */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

#include "capture_state.h"

static struct bpf_map *selection_map(struct sworn_capture *capture, enum sworn_selection_kind kind, uint32_t **count)
{
	struct sworn_bpf *skeleton = capture->skeleton;

	switch (kind) {
	case SWORN_SELECT_UID:
		*count = &skeleton->bss->live.selections_uid;
		return skeleton->maps.selections_uid;
	case SWORN_SELECT_CGROUP:
		*count = &skeleton->bss->live.selections_cgroup;
		return skeleton->maps.selections_cgroup;
	case SWORN_SELECT_EXE:
		*count = &skeleton->bss->live.selections_exe;
		return skeleton->maps.selections_exe;
	case SWORN_SELECT_CGROUP_PATH:
		*count = &skeleton->bss->live.selections_cgroup_path;
		return skeleton->maps.selections_cgroup_path;
	}
	return NULL;
}

int sworn_capture_select(struct sworn_capture *capture, enum sworn_selection_kind kind, const void *key,
			 const struct sworn_selection *selection)
{
	uint32_t *count;
	struct bpf_map *map = selection_map(capture, kind, &count);
	struct sworn_selection before;
	bool known;

	if (!map)
		return -EINVAL;
	known = bpf_map_lookup_elem(bpf_map__fd(map), key, &before) == 0;
	if (bpf_map_update_elem(bpf_map__fd(map), key, selection, BPF_ANY))
		return -errno;
	if (!known)
		__atomic_add_fetch(count, 1, __ATOMIC_RELAXED);
	return 0;
}

int sworn_capture_unselect(struct sworn_capture *capture, enum sworn_selection_kind kind, const void *key)
{
	uint32_t *count;
	struct bpf_map *map = selection_map(capture, kind, &count);

	if (!map)
		return -EINVAL;
	if (bpf_map_delete_elem(bpf_map__fd(map), key))
		return -errno;
	__atomic_sub_fetch(count, 1, __ATOMIC_RELAXED);
	return 0;
}
