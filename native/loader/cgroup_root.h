/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SWORN_LOADER_CGROUP_ROOT_H
#define SWORN_LOADER_CGROUP_ROOT_H

#include <stddef.h>

/* Where the cgroup v2 hierarchy is mounted, also beside v1 hierarchies. -ENOENT: nowhere. */
int sworn_find_cgroup_root(char *into, size_t room);

#endif
