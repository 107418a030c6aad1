// SPDX-License-Identifier: Apache-2.0

/* Its child sends when it is nobody's child any more: a daemon. PID 'sibling' makes it the parent's child instead. */

#include "way.h"

#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>

static int fork_sibling(void)
{
	struct clone_args how = {.flags = CLONE_PARENT};

	return (int)syscall(SYS_clone3, &how, sizeof(how));
}

int main(int count, char **arguments)
{
	int sibling = strcmp(arguments[4], "sibling") == 0;

	if (must(sibling ? fork_sibling() : fork(), "fork"))
		return 0;
	setsid();
	if (!sibling) {
		pid_t first = getppid();

		if (must(fork(), "fork"))
			return 0;
		/* Until somebody else has taken it in. */
		for (int i = 0; getppid() == first && i < 1000; i++)
			usleep(1000);
	}
	int fd = connect_tcp(arguments[1]);

	send_all(fd, arguments[3], strlen(arguments[3]));
	finish(fd);
	return 0;
}
