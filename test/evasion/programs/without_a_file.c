// SPDX-License-Identifier: Apache-2.0

/* Becomes a program that has no name in any folder: PID says whether from memory or from a file that is deleted first. */

#include "way.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

extern char **environ;

int main(int count, char **arguments)
{
	int self = must(open("/proc/self/exe", O_RDONLY), "open"), copy, program;
	char *again[] = {arguments[0], arguments[1], arguments[2], arguments[3], NULL};
	char name[] = "/tmp/sworn-evasion-XXXXXX", path[64];
	struct stat file;

	if (count == 4) {
		int fd = connect_tcp(arguments[1]);

		send_all(fd, arguments[3], strlen(arguments[3]));
		finish(fd);
		return 0;
	}
	must(fstat(self, &file), "fstat");
	copy = strcmp(arguments[4], "memory") == 0 ? memfd_create("", MFD_CLOEXEC) : mkstemp(name);
	must(copy, "copy");
	for (off_t at = 0; at < file.st_size;)
		must((int)sendfile(copy, self, &at, (size_t)(file.st_size - at)), "sendfile");
	must(fchmod(copy, 0700), "fchmod");
	/* A file that is open for writing cannot be executed. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", copy);
	program = must(open(path, O_RDONLY | O_CLOEXEC), "open");
	close(copy);
	if (strcmp(arguments[4], "memory") != 0)
		unlink(name);
	fexecve(program, again, environ);
	give_up("fexecve");
}
