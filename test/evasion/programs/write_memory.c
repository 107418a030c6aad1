// SPDX-License-Identifier: Apache-2.0

/* Writes into a process that it has started: the same call writes into any other. */

#include "way.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>

int main(int count, char **arguments)
{
	/* The child has a page of its own at this address, with something else in it. */
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec here = {.iov_base = arguments[3], .iov_len = strlen(arguments[3])};
	struct iovec there = {.iov_base = page, .iov_len = here.iov_len};
	pid_t child = must(fork(), "fork");

	if (child == 0) {
		pause();
		return 0;
	}
	must((int)process_vm_writev(child, &here, 1, &there, 1, 0), "process_vm_writev");
	kill(child, SIGKILL);
	must(waitpid(child, NULL, 0), "waitpid");
	return 0;
}
