// SPDX-License-Identifier: Apache-2.0

/*
 * libbpf looks for functions that the kernel itself does not have in the types of its modules, also when it may do without
 * them. To list those is for CAP_SYS_ADMIN, which the agent does not have, and libbpf 1.1 gives up then. So the linker
 * (--wrap) gives it this: there is no further module.
 */

#include <errno.h>
#include <linux/types.h>

extern int __real_bpf_btf_get_next_id(__u32 start_id, __u32 *next_id);

__attribute__((visibility("hidden"))) int __wrap_bpf_btf_get_next_id(__u32 start_id, __u32 *next_id)
{
	int error = __real_bpf_btf_get_next_id(start_id, next_id);

	if (error && errno == EPERM) {
		errno = ENOENT;
		return -ENOENT;
	}
	return error;
}
