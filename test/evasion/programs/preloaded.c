// SPDX-License-Identifier: Apache-2.0

/* A library for LD_PRELOAD: what the program sends is changed on the way into the kernel. */

#include <ctype.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

ssize_t send(int fd, const void *bytes, size_t count, int flags)
{
	char *changed = malloc(count);
	ssize_t result;

	for (size_t i = 0; i < count; i++)
		changed[i] = (char)toupper(((const unsigned char *)bytes)[i]);
	result = syscall(SYS_sendto, fd, changed, count, flags, NULL, 0);
	free(changed);
	return result;
}
