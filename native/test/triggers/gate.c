// SPDX-License-Identifier: Apache-2.0

/*
 * gate FIFO PROGRAM ARGUMENT...
 *
 * Waits until a byte comes through the FIFO, then becomes the program: so that a test can watch the process before it
 * does anything. A FIFO and not a socket, which would be recorded.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int count, char **arguments)
{
	char byte;
	int fd;

	if (count < 3) {
		fprintf(stderr, "usage: gate FIFO PROGRAM ARGUMENT...\n");
		return 2;
	}
	fd = open(arguments[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, &byte, 1) != 1) {
		fprintf(stderr, "gate: %s: %s\n", arguments[1], strerror(errno));
		return 2;
	}
	execvp(arguments[2], arguments + 2);
	fprintf(stderr, "gate: %s: %s\n", arguments[2], strerror(errno));
	return 127;
}
