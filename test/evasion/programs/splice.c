// SPDX-License-Identifier: Apache-2.0

/* From a pipe into a socket by splice; PID 'vmsplice' puts the program's own pages into the pipe. */

#include "way.h"

#include <fcntl.h>
#include <sys/uio.h>

int main(int count, char **arguments)
{
	int port = atoi(arguments[1]), pipes[2];
	int fd = port ? connect_tcp(arguments[1]) : connect_unix(SOCK_STREAM, arguments[1]);
	struct iovec part = {.iov_base = arguments[3], .iov_len = strlen(arguments[3])};

	must(pipe(pipes), "pipe");
	if (count > 4 && strcmp(arguments[4], "vmsplice") == 0)
		must((int)vmsplice(pipes[1], &part, 1, 0), "vmsplice");
	else
		must((int)write(pipes[1], part.iov_base, part.iov_len), "write");
	must((int)splice(pipes[0], NULL, fd, NULL, part.iov_len, 0), "splice");
	finish(fd);
	return 0;
}
