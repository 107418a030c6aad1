// SPDX-License-Identifier: Apache-2.0

/* Moves itself into the cgroup PID before it sends. */

#include "way.h"

#include <fcntl.h>

int main(int count, char **arguments)
{
	char path[4096];
	int file;

	snprintf(path, sizeof(path), "%s/cgroup.procs", arguments[4]);
	file = must(open(path, O_WRONLY), "open");
	must((int)write(file, "0", 1), "write");
	close(file);
	int fd = connect_tcp(arguments[1]);

	send_all(fd, arguments[3], strlen(arguments[3]));
	finish(fd);
	return 0;
}
