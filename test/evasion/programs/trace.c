// SPDX-License-Identifier: Apache-2.0

/* Traces the process PID for a moment; with 'quiet' it wants no signals from it and does not wait for it. */

#include "way.h"

#include <signal.h>
#include <sys/ptrace.h>

int main(int count, char **arguments)
{
	int pid = atoi(arguments[4]), quiet = count > 5 && strcmp(arguments[5], "quiet") == 0;

	if (quiet) {
		struct sigaction ignore = {.sa_handler = SIG_IGN, .sa_flags = SA_NOCLDSTOP};

		sigaction(SIGCHLD, &ignore, NULL);
	}
	must((int)ptrace(PTRACE_SEIZE, pid, NULL, NULL), "PTRACE_SEIZE");
	must((int)ptrace(PTRACE_INTERRUPT, pid, NULL, NULL), "PTRACE_INTERRUPT");
	if (quiet) {
		errno = ESRCH;
		for (int i = 0; errno == ESRCH && i < 1000; i++) {
			usleep(1000);
			errno = 0;
			ptrace(PTRACE_PEEKUSER, pid, NULL, NULL);
		}
	} else {
		must(waitpid(pid, NULL, __WALL), "waitpid");
		errno = 0;
		ptrace(PTRACE_PEEKUSER, pid, NULL, NULL);
	}
	if (errno)
		give_up("PTRACE_PEEKUSER");
	/* With its end the other goes on. */
	return 0;
}
