// SPDX-License-Identifier: Apache-2.0

#include "cgroup_root.h"

#include <errno.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>

int sworn_find_cgroup_root(char *into, size_t room)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;
	int result = -ENOENT;

	if (!mounts)
		return -errno;
	while ((entry = getmntent(mounts))) {
		if (strcmp(entry->mnt_type, "cgroup2") != 0)
			continue;
		if (strlen(entry->mnt_dir) >= room) {
			result = -ENAMETOOLONG;
			break;
		}
		strcpy(into, entry->mnt_dir);
		result = 0;
		break;
	}
	endmntent(mounts);
	return result;
}
