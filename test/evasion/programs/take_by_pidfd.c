// SPDX-License-Identifier: Apache-2.0

/* Takes the socket of another process, which does not even notice. */

#include "way.h"

#include <sys/syscall.h>

int main(int count, char **arguments)
{
	int holder = connect_unix(SOCK_STREAM, arguments[2]);
	int told[2], pidfd, fd;

	if (read(holder, told, sizeof(told)) != sizeof(told))
		give_up("read");
	pidfd = must((int)syscall(SYS_pidfd_open, told[0], 0), "pidfd_open");
	fd = must((int)syscall(SYS_pidfd_getfd, pidfd, told[1], 0), "pidfd_getfd");
	send_all(fd, "first ", 6);
	send_all(fd, arguments[3], strlen(arguments[3]));
	shutdown(fd, SHUT_WR);
	close(fd);
	close(holder);
	return 0;
}
