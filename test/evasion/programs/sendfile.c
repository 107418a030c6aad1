// SPDX-License-Identifier: Apache-2.0

/* The bytes go from a file to the socket and never are in the program's memory. */

#include "way.h"

#include <sys/mman.h>
#include <sys/sendfile.h>

int main(int count, char **arguments)
{
	int fd = connect_tcp(arguments[1]), file = must(memfd_create("message", 0), "memfd_create");
	size_t bytes = strlen(arguments[3]);
	off_t from = 0;

	must((int)write(file, arguments[3], bytes), "write");
	must((int)sendfile(fd, file, &from, bytes), "sendfile");
	finish(fd);
	return 0;
}
